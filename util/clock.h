/* SPDX-License-Identifier: GPL-2.0-only */
/* The time that passes, whatever is done to the date. */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

/* Microseconds since some moment before the program began. */
uint64_t clock_now_us(void);

#endif
