// SPDX-License-Identifier: GPL-2.0-only
/* Sentences of findings: see checks.h. */
#include "lib/check/checks.h"

const char *check_join(struct arena *a, const char *list, const char *sep, const char *name)
{
	return list && name ? arena_printf(a, "%s%s%s", list, *list ? sep : "", name) : NULL;
}
