// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the findings of the checks amount to: containment, and whether a policy
 * forbids a change.  The checks themselves are in checks.c.
 */
#include "cxl/lib/checks/check.h"

#include <errno.h>
#include <string.h>

const char *const containment_names[] = {
	[CONTAINMENT_NONE] = "none", [CONTAINMENT_DEBUG] = "debug",
	[CONTAINMENT_CONTAIN] = "contain", [CONTAINMENT_RECOVER] = "recover", NULL,
};
const char *const check_kind_names[] = {
	[CHECK_CANNOT] = "cannot", [CHECK_UNSAFE] = "unsafe",
	[CHECK_LIMIT] = "limit", [CHECK_NOTE] = "note",
	[CHECK_OUTCOME] = "outcome", NULL,
};
const char *const require_names[] = {
	[REQUIRE_SAFE] = "safe", [REQUIRE_DEBUG] = "debug",
	[REQUIRE_CONTAIN] = "contain", [REQUIRE_RECOVER] = "recover", NULL,
};

static int name_index(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

int containment_parse(const char *name)
{
	return name_index(containment_names, name);
}

int require_parse(const char *name)
{
	return name_index(require_names, name);
}

const struct check *check_by_id(const char *id)
{
	for (size_t i = 0; i < n_checks; i++)
		if (!strcmp(checks[i].id, id))
			return &checks[i];
	return NULL;
}

int check_run(const struct check_context *ctx, const struct cxl_root_port *rp,
	      struct arena *a, bool worded, struct check_result *ret)
{
	*ret = (struct check_result){ .if_enabled = CONTAINMENT_RECOVER };
	ret->v = arena_alloc(a, n_checks, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < n_checks; i++) {
		struct finding f = { .check = &checks[i] };

		if (!checks[i].fails(ctx, rp, worded ? a : NULL, &f))
			continue;
		if (!f.text)
			f.text = checks[i].title;
		if (!f.remedy)
			f.remedy = checks[i].remedy;
		ret->v[ret->n++] = f;
		if (checks[i].caps_at < ret->if_enabled)
			ret->if_enabled = checks[i].caps_at;
	}
	ret->now = iso_is_on(&rp->iso) == TRI_YES ? ret->if_enabled : CONTAINMENT_NONE;
	return 0;
}

int check_run_all(const struct cxl_host *host, struct arena *a, bool worded, struct check_result **ret)
{
	bool *enabling = arena_alloc(a, host->n_root_ports, sizeof(*enabling));
	struct check_context ctx = { .host = host, .enabling = enabling };

	*ret = arena_alloc(a, host->n_root_ports, sizeof(**ret));
	if (!enabling || !*ret)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (check_run(&ctx, &host->root_ports[i], a, worded, &(*ret)[i]))
			return -ENOMEM;
	return 0;
}

bool check_is_overridden(const struct check_policy *policy, const struct check *check)
{
	for (size_t i = 0; policy->overrides && i < policy->overrides->n; i++)
		if (!strcmp(policy->overrides->v[i], check->id))
			return true;
	return false;
}

const struct finding *check_blocker(const struct check_result *result, const struct check_policy *policy,
				    bool disabling)
{
	for (size_t i = 0; i < result->n; i++) {
		const struct check *c = result->v[i].check;

		if (c->kind == CHECK_CANNOT)
			return &result->v[i];
		if (c->kind != CHECK_UNSAFE || check_is_overridden(policy, c))
			continue;
		if (disabling ? !c->guards_disable :
		    policy->require == REQUIRE_DEBUG && c->caps_at == CONTAINMENT_DEBUG)
			continue;
		return &result->v[i];
	}
	return NULL;
}

static const enum containment wanted[] = {
	[REQUIRE_SAFE] = CONTAINMENT_NONE, [REQUIRE_DEBUG] = CONTAINMENT_DEBUG,
	[REQUIRE_CONTAIN] = CONTAINMENT_CONTAIN, [REQUIRE_RECOVER] = CONTAINMENT_RECOVER,
};

enum containment check_level_below(const struct check_policy *policy)
{
	enum containment level = wanted[policy->require];

	return level == CONTAINMENT_NONE ? level : level - 1;
}

bool check_level_too_low(const struct check_result *result, const struct check_policy *policy,
			 const struct finding **ret_cap)
{
	for (size_t i = 0; i < result->n; i++) {
		const struct check *c = result->v[i].check;

		if (c->caps_at >= wanted[policy->require] || check_is_overridden(policy, c))
			continue;
		*ret_cap = &result->v[i];
		return true;
	}
	return false;
}

const struct finding *check_worst_cap(const struct check_result *result)
{
	const struct finding *worst = NULL;

	for (size_t i = 0; i < result->n; i++)
		if (result->v[i].check->caps_at < CONTAINMENT_RECOVER &&
		    (!worst || result->v[i].check->caps_at < worst->check->caps_at))
			worst = &result->v[i];
	return worst;
}

const char *check_remedies(const struct check_result *result, const struct finding *first, enum containment level,
			   const struct check_policy *overridden, struct arena *a)
{
	const char *text = first->remedy;

	for (size_t i = 0; text && i < result->n; i++) {
		const struct finding *f = &result->v[i];

		if (f != first && f->check->caps_at <= level && !(overridden && check_is_overridden(overridden, f->check)))
			text = arena_printf(a, "%s; %s too: %s", text, f->check->id, f->remedy);
	}
	return text;
}
