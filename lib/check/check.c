// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the findings of the checks amount to: containment of each cause, and
 * whether a policy forbids a change.  The checks themselves are in table.c.
 */
#include "lib/check/check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/model/rebuild.h"
#include "util/parse.h"

const char *const check_kind_names[] = {
	[CHECK_CANNOT] = "cannot", [CHECK_UNSAFE] = "unsafe",
	[CHECK_LIMIT] = "limit", [CHECK_NOTE] = "note",
	[CHECK_OUTCOME] = "outcome", NULL,
};
const char *const untold_names[] = {
	[UNTOLD_NEVER] = "never", [UNTOLD_BLOCKS] = "blocks", [UNTOLD_CAPS] = "caps",
	[UNTOLD_PASSES] = "passes", NULL,
};
const char *const require_names[] = {
	[REQUIRE_SAFE] = "safe", [REQUIRE_DEBUG] = "debug",
	[REQUIRE_CONTAIN] = "contain", [REQUIRE_RECOVER] = "recover", NULL,
};

int require_parse(const char *name)
{
	return name_index(require_names, name);
}

const struct check *check_by_id(const char *id)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		if (!strcasecmp(checks[i].id, id))
			return &checks[i];
	return NULL;
}

/* --- findings ------------------------------------------------------------------ */

enum answer check_counted(const struct check *check, enum answer answer)
{
	return answer == ANSWER_UNTOLD && check->untold == UNTOLD_NEVER ? ANSWER_FAILS : answer;
}

bool finding_counts(const struct finding *f)
{
	return f->answer == ANSWER_FAILS || f->check->untold != UNTOLD_PASSES;
}

bool finding_is_lifted(const struct finding *f)
{
	return f->answer == ANSWER_FAILS && f->check->kind == CHECK_LIMIT &&
	       f->caps_at > f->check->caps_at;
}

enum check_kind finding_kind(const struct finding *f)
{
	if (finding_is_lifted(f))
		return CHECK_NOTE;
	if (f->answer == ANSWER_UNTOLD && f->check->untold != UNTOLD_BLOCKS &&
	    f->check->kind < CHECK_LIMIT)
		return CHECK_LIMIT;
	return f->check->kind;
}

enum containment finding_caps_at(const struct finding *f)
{
	if (f->answer == ANSWER_FAILS || f->check->untold == UNTOLD_BLOCKS)
		return f->caps_at;
	return f->check->untold == UNTOLD_CAPS ? f->check->untold_caps_at : CONTAINMENT_RECOVER;
}

const struct finding *check_find(const struct check_result *result, enum check_id id)
{
	for (size_t i = 0; i < result->n; i++)
		if (result->v[i].check == &checks[id])
			return &result->v[i];
	return NULL;
}

/* --- levels -------------------------------------------------------------------- */

/*
 * The causes that can strike @rp.  Where nothing is below that could fail, those of
 * CXL.mem count for the level as if a memory device were plugged in.
 */
static unsigned int causes_of(const struct cxl_host *host, const struct cxl_root_port *rp,
			      bool *ret_exist)
{
	unsigned int causes = (root_port_speaks_mem(rp) != TRI_NO ? CAUSES_MEM : 0) |
		(root_port_speaks_cache(rp) != TRI_NO ? CAUSES_CACHE : 0);

	*ret_exist = causes;
	/* of what the kernel makes of a protocol error nothing is said that was not seen */
	if (causes && host->panics_on_protocol_error != TRI_UNKNOWN)
		causes |= CAUSE_BIT(CAUSE_PROTOCOL_ERROR);
	return causes ? causes : CAUSES_MEM;
}

/*
 * Before any check: without isolation nothing is held back (ISO-CACHE-OFF says it for
 * CXL.cache).  A link that goes down, or is forced down, takes both protocols with it.
 */
static unsigned int causes_open(const struct cxl_root_port *rp, const struct iso_control *settings)
{
	if (settings->v[ISO_MEM_ISOLATION] == TRI_YES || root_port_speaks_mem(rp) == TRI_NO)
		return 0;
	return CAUSES_MEM | CAUSE_BIT(CAUSE_CACHE_LINK_DOWN) | CAUSE_BIT(CAUSE_PROTOCOL_ERROR) |
		(settings->v[ISO_CACHE_LINK_DOWN] != 0 ? CAUSE_BIT(CAUSE_CACHE_TIMEOUT) : 0);
}

/*
 * What is promised of @cause at most.  On a protocol error the kernel takes the driver off the
 * memory devices and resets the link to get them back (drivers/cxl/core/ras.c,
 * drivers/pci/pcie/err.c): as when the link went down, but that regions may have lost what
 * recover-port would make them of.
 */
static enum containment best_of(enum cause cause)
{
	return cause == CAUSE_PROTOCOL_ERROR ? CONTAINMENT_CONTAIN : CONTAINMENT_RECOVER;
}

static struct containment_levels levels_begin(const struct cxl_host *host,
					      const struct cxl_root_port *rp,
					      const struct iso_control *settings)
{
	bool exist;
	unsigned int causes = causes_of(host, rp, &exist), open = causes_open(rp, settings);
	struct containment_levels ret = { .are_assumed = !exist };

	if (!exist && settings->v[ISO_MEM_ISOLATION] != TRI_YES)
		open = CAUSES_MEM;
	for (int c = 0; c < N_CAUSES; c++)
		ret.v[c] = !(causes & CAUSE_BIT(c)) ? -1
			   : open & CAUSE_BIT(c)    ? CONTAINMENT_NONE
						    : (int)best_of((enum cause)c);
	return ret;
}

static void levels_cap(struct containment_levels *levels, const struct finding *f)
{
	for (int c = 0; c < N_CAUSES; c++)
		if (f->answer != ANSWER_HOLDS && f->causes & CAUSE_BIT(c) &&
		    (int)finding_caps_at(f) < levels->v[c])
			levels->v[c] = (int)finding_caps_at(f);
}

/* --- running ------------------------------------------------------------------- */

/* What enable-isolation with its defaults ends with, as far as the checks depend on it. */
static struct iso_control settings_enabled(const struct cxl_root_port *rp,
					   const struct iso_control *now)
{
	struct iso_control ret = *now;

	ret.v[ISO_MEM_ISOLATION] = 1;
	/* one that cannot be read is left as it is */
	if (iso_has_timeout(&rp->iso) != TRI_NO && now->v[ISO_MEM_TIMEOUT] == 0)
		ret.v[ISO_MEM_TIMEOUT] = 1;
	return ret;
}

static struct iso_control settings_after(const struct iso_control *goal,
					 const struct iso_control *now)
{
	struct iso_control ret = *now;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (goal->v[f] >= 0)
			ret.v[f] = goal->v[f];
	return ret;
}

static void add_finding(struct check_result *r, const struct finding *f, unsigned int causes,
			unsigned int causes_after)
{
	struct finding *added = &r->v[r->n++];

	*added = *f;
	added->causes = causes;
	added->causes_after = causes_after;
	if (!added->text)
		added->text = f->check->title;
	if (!added->remedy)
		added->remedy = f->check->remedy;
}

/* The settings by which everything is judged, and what comes of it. */
enum view { NOW, ENABLED, AFTER, N_VIEWS };

static int run(const struct check_context *ctx, const struct cxl_root_port *rp,
	       struct arena *a, bool worded, struct check_result *ret)
{
	struct iso_control settings[N_VIEWS] = { [NOW] = iso_control(&rp->iso) };
	struct containment_levels levels[N_VIEWS];

	settings[ENABLED] = settings_enabled(rp, &settings[NOW]);
	settings[AFTER] = ctx->goal ? settings_after(ctx->goal, &settings[NOW]) : settings[ENABLED];
	for (int i = 0; i < N_VIEWS; i++)
		levels[i] = levels_begin(ctx->host, rp, &settings[i]);
	*ret = (struct check_result){ .v = arena_alloc(a, N_CHECKS, sizeof(*ret->v)) };
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < N_CHECKS; i++) {
		const struct check *check = &checks[i];
		struct finding found[N_VIEWS];

		for (int k = 0; k < N_VIEWS; k++) {
			if (!k || check->by_settings) {
				found[k] = (struct finding){ .check = check,
							     .id = (enum check_id)i,
							     .caps_at = check->caps_at,
							     .causes = check->causes ? check->causes
										     : CAUSES_ALL };
				found[k].answer = check->look(ctx, rp, &settings[k],
							      worded ? a : NULL, &found[k]);
				found[k].answer = check_counted(check, found[k].answer);
				if (found[k].answer == ANSWER_HOLDS)
					found[k].causes = 0;
			} else {
				found[k] = found[NOW];
			}
			levels_cap(&levels[k], &found[k]);
		}
		/* a change tells what will be the matter, not what it puts right */
		if (ctx->changing && found[AFTER].answer != ANSWER_HOLDS)
			add_finding(ret, &found[AFTER], found[NOW].causes, found[AFTER].causes);
		else if (found[NOW].answer != ANSWER_HOLDS)
			add_finding(ret, &found[NOW], found[NOW].causes, found[AFTER].causes);
	}
	ret->now = levels[NOW];
	ret->if_enabled = levels[ENABLED];
	ret->after = levels[AFTER];
	return 0;
}

int check_run(const struct check_context *ctx, const struct cxl_root_port *rp,
	      struct arena *a, bool worded, struct check_result *ret)
{
	struct check_context with_set = *ctx;
	struct rebuild_set set;
	int rc;

	if (ctx->rebuild)
		return run(ctx, rp, a, worded, ret);
	if (rebuild_set_make(ctx->host, rp, false, &set))
		return -ENOMEM;
	with_set.rebuild = &set;
	rc = run(&with_set, rp, a, worded, ret);
	rebuild_set_free(&set);
	return rc;
}

int check_run_all(const struct cxl_host *host, struct arena *a, bool worded,
		  struct check_result **ret)
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

/* --- policies ------------------------------------------------------------------ */

bool check_is_overridden(const struct check_policy *policy, const struct check *check)
{
	for (size_t i = 0; policy->overrides && i < policy->overrides->n; i++)
		if (!strcasecmp(policy->overrides->v[i], check->id))
			return true;
	return false;
}

const struct finding *check_blocker(const struct check_result *result,
				    const struct check_policy *policy, bool disabling)
{
	for (size_t i = 0; i < result->n; i++) {
		const struct finding *f = &result->v[i];
		enum check_kind kind = finding_kind(f);

		if (!finding_counts(f))
			continue;
		if (kind == CHECK_CANNOT)
			return f;
		if (kind != CHECK_UNSAFE || check_is_overridden(policy, f->check))
			continue;
		if (disabling ? !f->check->guards_disable :
		    policy->require == REQUIRE_DEBUG && f->check->caps_at == CONTAINMENT_DEBUG)
			continue;
		return f;
	}
	return NULL;
}

static const enum containment wanted[] = {
	[REQUIRE_SAFE] = CONTAINMENT_NONE, [REQUIRE_DEBUG] = CONTAINMENT_DEBUG,
	[REQUIRE_CONTAIN] = CONTAINMENT_CONTAIN, [REQUIRE_RECOVER] = CONTAINMENT_RECOVER,
};

enum containment check_level_wanted(const struct check_policy *policy, enum cause cause)
{
	if (policy->levels && policy->levels[cause] >= 0)
		return (enum containment)policy->levels[cause];
	/* a level for every cause asks of each what can be had of it */
	return wanted[policy->require] < best_of(cause) ? wanted[policy->require] : best_of(cause);
}

/* Is a level required of protocol errors by name, and nobody can tell what becomes of one? */
static bool is_untold_but_required(const struct finding *f, const struct check_policy *policy)
{
	return f->id == ID_RAS_PANIC && f->answer == ANSWER_UNTOLD && policy->levels &&
	       policy->levels[CAUSE_PROTOCOL_ERROR] > CONTAINMENT_NONE;
}

bool check_level_too_low(const struct check_result *result, const struct check_policy *policy,
			 const struct finding **ret_cap, enum cause *ret_cause)
{
	for (size_t i = 0; i < result->n; i++) {
		const struct finding *f = &result->v[i];

		if (is_untold_but_required(f, policy) && !check_is_overridden(policy, f->check)) {
			*ret_cap = f;
			*ret_cause = CAUSE_PROTOCOL_ERROR;
			return true;
		}
		for (int c = 0; c < N_CAUSES && !check_is_overridden(policy, f->check); c++) {
			if (result->after.v[c] < 0 || !(f->causes_after & CAUSE_BIT(c)) ||
			    finding_caps_at(f) >= check_level_wanted(policy, (enum cause)c))
				continue;
			*ret_cap = f;
			*ret_cause = (enum cause)c;
			return true;
		}
	}
	return false;
}

/* The finding that caps @cause (-1: none) the most, now or after the change; NULL when none does. */
static const struct finding *worst_cap(const struct check_result *result, int cause, bool after)
{
	const struct finding *worst = NULL;

	for (size_t i = 0; cause >= 0 && i < result->n; i++) {
		const struct finding *f = &result->v[i];

		if (finding_caps_at(f) < CONTAINMENT_RECOVER &&
		    (after ? f->causes_after : f->causes) & CAUSE_BIT(cause) &&
		    (!worst || finding_caps_at(f) < finding_caps_at(worst)))
			worst = f;
	}
	return worst;
}

const struct finding *check_worst_cap(const struct check_result *result)
{
	return worst_cap(result, containment_worst_cause(&result->after), true);
}

const struct finding *check_holding_back(const struct check_result *result, int *cause)
{
	const struct finding *worst;

	if (*cause < 0)
		*cause = containment_worst_cause(&result->now);
	worst = worst_cap(result, *cause, false);
	/* a cap above the level: isolation that is off is below it */
	return worst && (int)finding_caps_at(worst) <= result->now.v[*cause] ? worst : NULL;
}

const char *check_remedies(const struct check_result *result, const struct finding *first,
			   enum containment level, enum cause cause,
			   const struct check_policy *overridden, struct arena *a)
{
	const char *text = first->remedy;

	for (size_t i = 0; text && i < result->n; i++) {
		const struct finding *f = &result->v[i];

		if (f != first && f->causes_after & CAUSE_BIT(cause) &&
		    finding_caps_at(f) <= level &&
		    !(overridden && check_is_overridden(overridden, f->check)))
			text = arena_printf(a, "%s; %s too: %s", text, f->check->id, f->remedy);
	}
	return text;
}
