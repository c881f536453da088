/* SPDX-License-Identifier: GPL-2.0-only */
/* What the texts and tables of every command have in common. */
#ifndef CXL_PORT_TEXT_H
#define CXL_PORT_TEXT_H

#include "util/render.h"
#include "util/render_text.h"

/* Of states, levels of containment, results and what is in the way. */
extern const struct render_colour report_colours[];

/* "check", "title", "why" and "remedy" of the check, or outcome, of that id: a new object. */
struct json_object *report_check(const char *id);

/* Lines about what a failure of a root port ends in, by its "containment"; @when is a further condition. */
#define TEXT_CONTAINMENT(when) \
	{ "if it fails", "{containment}: the host resets", "containment=none" when }, \
	{ "if it fails", "{containment}: the host goes down, and lives long enough to log it", "containment=debug" when }, \
	{ "if it fails", "{containment}: only the users of the memory die", "containment=contain" when }, \
	{ "if it fails", "{containment}: only the users of the memory die, and the port can be brought back", "containment=recover" when }

#define TEXT_TIMEOUT(control) \
	{ "timeout", "on[, {" control ".timeout.range}][ ({" control ".timeout.min_us} to {" control ".timeout.max_us})]", control ".timeout.enabled=true" }, \
	{ "timeout", "off", control ".timeout.enabled=false" }

#endif
