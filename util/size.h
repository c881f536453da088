/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes and durations as people write and read them. */
#ifndef UTIL_SIZE_H
#define UTIL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* "256.00 MiB (268.44 MB)" into @buf, which is returned. */
const char *size_human(uint64_t bytes, char *buf, size_t size);

/* "256 MiB", "1.5 GiB" into @buf, which is returned. */
const char *size_iec(uint64_t bytes, char *buf, size_t size);

/* "65 ms", "4 s" into @buf, which is returned. */
const char *duration_human(uint64_t us, char *buf, size_t size);

/* "2GiB", "512M", "100MB", "4096": a whole number, binary units but for KB, MB,
 * GB, TB, to bytes.  0 or -EINVAL. */
int size_parse(const char *text, uint64_t *ret_bytes);

/* "100ms", "3.5s", "50us": a number with a unit, to microseconds.  0 or -EINVAL. */
int duration_parse(const char *text, uint64_t *ret_us);

#endif
