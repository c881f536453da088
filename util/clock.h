/* SPDX-License-Identifier: GPL-2.0-only */
/* The time that passes, whatever is done to the date. */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

/* When this boot began by the date as it is set now, in seconds since 1970. */
uint64_t clock_booted_at(void);

/* Microseconds since some moment before the program began. */
uint64_t clock_now_us(void);

#endif
