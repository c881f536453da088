/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Under which name a person reaches our commands on this host.  A build whose front ends are
 * apart (-Dfront-ends=libexec) has them as `cxl-isolation` and `daxctl-isolation`, and as `cxl`
 * and `daxctl` only where PATH leads to the front ends.
 */
#ifndef UTIL_TYPED_H
#define UTIL_TYPED_H

#include <stdbool.h>
#include <stddef.h>

/* "cxl", or "cxl-isolation" where `cxl` is somebody else's here: @program is "cxl" or "daxctl". */
const char *typed_name(const char *program);

/*
 * @text with each command of ours in it as it is to be typed; NULL where nothing in it has to
 * change (or @text is NULL), else to be freed.  *ret_lost: memory ran out.
 */
char *typed_text(const char *text, bool *ret_lost);

/* The same of any names, for tests: whether `cxl` and `daxctl` are ours. */
char *typed_text_as(const char *text, bool cxl_is_ours, bool daxctl_is_ours, bool *ret_lost);

#endif
