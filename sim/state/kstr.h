/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the kernel reads what is written to an attribute: the answers of
 * lib/kstrtox.c and sysfs_streq(), for every model.
 */
#ifndef SIM_KSTR_H
#define SIM_KSTR_H

#include <stdbool.h>
#include <stdint.h>

/* kstrtobool() */
int kstr_bool(const char *s, bool *ret);

/* kstrtoull(s, 0), and kstrtouint() and such with their largest number as @max:
 * a '+', C prefixes, one newline at the end.  -ERANGE above @max. */
int kstr_number(const char *s, uint64_t max, uint64_t *ret);

/* kstrtoull(s, 16): with its prefix or without. */
int kstr_hex(const char *s, uint64_t max, uint64_t *ret);

#endif
