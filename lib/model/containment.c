// SPDX-License-Identifier: GPL-2.0-only
/* Levels of containment and causes of failures: see containment.h. */
#include "lib/model/containment.h"

#include <string.h>

#include "util/parse.h"

const char *const containment_names[] = {
	[CONTAINMENT_NONE] = "none", [CONTAINMENT_DEBUG] = "debug",
	[CONTAINMENT_CONTAIN] = "contain", [CONTAINMENT_RECOVER] = "recover", NULL,
};

const char *const cause_names[] = {
	[CAUSE_MEM_LINK_DOWN] = "mem_link_down", [CAUSE_MEM_TIMEOUT] = "mem_timeout",
	[CAUSE_CACHE_LINK_DOWN] = "cache_link_down", [CAUSE_CACHE_TIMEOUT] = "cache_timeout",
	[CAUSE_PROTOCOL_ERROR] = "protocol_error", NULL,
};

int containment_parse(const char *name)
{
	return name_index(containment_names, name);
}

int cause_parse(const char *name)
{
	return name_index(cause_names, name);
}

bool containment_levels_equal(const struct containment_levels *a,
			      const struct containment_levels *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v)) && a->are_assumed == b->are_assumed;
}

enum containment containment_worst(const struct containment_levels *levels)
{
	int worst = CONTAINMENT_RECOVER;

	for (int c = 0; c < N_CAUSES; c++)
		if (levels->v[c] >= 0 && levels->v[c] < worst &&
		    (c != CAUSE_PROTOCOL_ERROR || levels->v[c] < CONTAINMENT_CONTAIN))
			worst = levels->v[c];
	return (enum containment)worst;
}

int containment_worst_cause(const struct containment_levels *levels)
{
	for (int c = 0; c < N_CAUSES; c++)
		if (levels->v[c] == (int)containment_worst(levels))
			return c;
	return -1;
}
