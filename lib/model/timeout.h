/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transaction timeout ranges of CXL.mem and CXL.cache
 * (CXL r3.2 sec 8.2.4.24.1, field 3:0 of the control register).
 */
#ifndef CXL_TIMEOUT_H
#define CXL_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct timeout_range {
	const char *name;	/* as in the specification: "B2"; "default" for 0 */
	uint8_t value;		/* encoding in the control register */
	uint8_t group;		/* bit in the capability's "ranges supported", 0 = A */
	uint32_t min_us, max_us;
};

extern const struct timeout_range timeout_ranges[];	/* shortest first, "default" first of all */
extern const size_t n_timeout_ranges;

/* NULL for a reserved encoding. */
const struct timeout_range *timeout_by_value(unsigned int value);

/* Name in either case ("b2", "B2", "default"); NULL when it is none. */
const struct timeout_range *timeout_by_name(const char *name);

/* Is @range among the groups of a capability's "ranges supported"?  The default is always. */
bool timeout_range_is_supported(const struct timeout_range *range, unsigned int groups);

/* "A B C D" of @groups into @buf, which is returned. */
const char *timeout_groups_text(unsigned int groups, char *buf, size_t size);

/* What a person asked for with --timeout= or set-timeout. */
struct timeout_request {
	enum timeout_kind {
		TIMEOUT_KEEP,	/* as it is */
		TIMEOUT_OFF, TIMEOUT_ON, TIMEOUT_RANGE,
		TIMEOUT_AUTO,	/* on where the port has one and it is off; the range is chosen for that port */
	} kind;
	const struct timeout_range *range;	/* with TIMEOUT_RANGE; implies on */
};

/*
 * A name, "default", "on", "off" or a duration ("100ms": the range that
 * contains it, else the next longer one); also "auto" and "keep", which are for
 * something that is done besides.  -EINVAL with @err (EXIT_USAGE).
 */
int timeout_parse(const char *text, struct timeout_request *ret, struct err *err);

/* The same without "auto" and "keep": where the timeout is all that is to change. */
int timeout_parse_change(const char *text, struct timeout_request *ret, struct err *err);

#endif
