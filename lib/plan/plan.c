// SPDX-License-Identifier: GPL-2.0-only
/* Planning isolation changes: see plan.h. */
#include "lib/plan/plan.h"

#include <errno.h>
#include <stdio.h>

#include "lib/iso/backend.h"
#include "lib/model/isolation_regs.h"
#include "util/array.h"

const enum iso_field plan_order[N_ISO_FIELDS] = {
	ISO_MEM_RANGE,	   ISO_CACHE_RANGE,	ISO_MEM_TIMEOUT,   ISO_CACHE_TIMEOUT,
	ISO_ERR_COR,	   ISO_INTERRUPT,	ISO_MEM_LINK_DOWN, ISO_CACHE_LINK_DOWN,
	ISO_MEM_ISOLATION, ISO_CACHE_ISOLATION,
};

/* A kernel waits for RP Busy when it disables isolation: up to 4 x 500 ms. */
#define KERNEL_WRITE_TIMEOUT_US 3000000

#define ALWAYS_SHOWN (1u << ISO_MEM_ISOLATION | 1u << ISO_MEM_TIMEOUT | 1u << ISO_MEM_RANGE)

void plan_goal_timeout(struct iso_control *goal, const struct timeout_request *request, bool cache)
{
	if (request->kind == TIMEOUT_KEEP || request->kind == TIMEOUT_AUTO)
		return;
	goal->v[iso_enable_of(cache)] = request->kind != TIMEOUT_OFF;
	if (request->kind == TIMEOUT_RANGE)
		goal->v[iso_range_of(cache)] = request->range->value;
}

/* 65-210 ms first: what servers take for the completion timeout of PCIe. */
static const char *const auto_ranges[] = { "B2", "C", "A2", "D" };

/* Would a write of the range cost a setting of consequence that no attribute brings back (see plan_goal_effect())? */
static bool range_loses(const struct iso_state *iso)
{
	return iso_has_quirk(iso, ISO_QUIRK_CLEARS_OTHERS) &&
	       iso->regs.ctrl & (ISO_CTRL_MEM_LINK_DOWN | ISO_CTRL_CACHE_TIMEOUT |
				 ISO_CTRL_CACHE_ISOLATION | ISO_CTRL_CACHE_LINK_DOWN);
}

void plan_goal_auto(struct iso_control *goal, const struct iso_state *iso, bool cache)
{
	enum iso_field timeout = iso_enable_of(cache), range = iso_range_of(cache);
	const struct iso_control now = iso_control(iso);
	uint32_t cap = iso->regs.cap;

	if (now.v[timeout] || (iso->regs.valid && !(cap & iso_fields[timeout].cap)))
		return;
	goal->v[timeout] = 1;
	if (!iso->regs.capable || now.v[range] || (!cache && range_loses(iso)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(auto_ranges); i++) {
		const struct timeout_range *r = timeout_by_name(auto_ranges[i]);

		if (!timeout_range_is_supported(r, cache ? ISO_CAP_CACHE_RANGES(cap)
							 : ISO_CAP_MEM_RANGES(cap)))
			continue;
		goal->v[range] = r->value;
		return;
	}
}

int plan_step_init(const struct cxl_root_port *rp, enum iso_field field, int value, struct arena *a,
		   struct step *ret)
{
	const struct iso_backend *b = iso_backend_of(rp, field);
	struct setting *set = arena_alloc(a, 1, sizeof(*set));
	char *text = arena_alloc(a, ISO_TEXT_BYTES, 1), name[ISO_PLACE_BYTES];

	if (!set || !text)
		return -ENOMEM;
	*set = (struct setting){ .rp = rp, .field = field, .value = value, .backend = b,
				 .by_register = b == &iso_backend_registers };
	b->text(field, value, text);
	*ret = (struct step){
		.op = set->by_register ? &step_register : &step_attribute,
		.title = iso_fields[field].name,
		.path = arena_printf(a, "%s/%s", rp->path, b->place(rp, field, name)),
		.value = text,
		.expect_after = "",
		.timeout_us = KERNEL_WRITE_TIMEOUT_US,
		.when = STEP_IF_NEEDED,
		.arg = set,
	};
	return ret->path ? 0 : -ENOMEM;
}

static int add_step(struct plan *plan, const struct cxl_root_port *rp, enum iso_field field,
		    int value, struct arena *a)
{
	struct step *step = &plan->steps[plan->n];
	int old = plan->before.v[field];
	char undo[ISO_TEXT_BYTES];

	if (plan_step_init(rp, field, value, a, step))
		return -ENOMEM;
	step->when = old == value ? STEP_IF_NEEDED : STEP_ALWAYS;
	plan->shown |= 1u << field;
	plan->n++;
	if (old < 0 || iso_is_reserved(field, old))
		return 0;
	setting_of(step)->backend->text(field, old, undo);
	step->undo = arena_strdup(a, undo);
	return step->undo ? 0 : -ENOMEM;
}

/* What the steps expect, of everything that the plan is about. */
static int add_expectations(struct plan *plan, struct arena *a)
{
	struct iso_control now = plan->before;
	char text[256];

	for (size_t i = 0; i < plan->n; i++) {
		struct step *step = &plan->steps[i];
		const struct setting *set = setting_of(step);

		setting_control_text(plan->shown, &now, text, sizeof(text));
		step->expect_before = arena_strdup(a, text);
		now.v[set->field] = set->value;
		setting_control_text(plan->shown, &now, text, sizeof(text));
		step->expect_after = arena_strdup(a, text);
		if (!step->expect_before || !step->expect_after)
			return -ENOMEM;
	}
	return 0;
}

static bool is_isolation(enum iso_field f)
{
	return f == ISO_MEM_ISOLATION || f == ISO_CACHE_ISOLATION;
}

static bool switches_off(const struct plan *plan, enum iso_field f)
{
	return is_isolation(f) && !plan->goal.v[f] && plan->before.v[f];
}

/* Is @f to be written although it stays: what a defective kernel changes beside is put back? */
static bool may_be_disturbed(const struct plan *plan, const struct cxl_root_port *rp,
			     enum iso_field f)
{
	return plan->goal.v[f] > 0 || (plan->goal.v[f] == 0 && iso_field_by_kernel(&rp->iso, f));
}

/*
 * May a write of the range disturb the rest?  Not every kernel that does shows
 * signs of it, so those of the same form are all taken for one.
 */
static bool may_clear_others(const struct cxl_root_port *rp)
{
	return iso_field_by_kernel(&rp->iso, ISO_MEM_RANGE) &&
	       rp->iso.kernel.backend->quirks & ISO_QUIRK_CLEARS_OTHERS;
}

int plan_make(const struct cxl_root_port *rp, const struct iso_control *goal, bool registers,
	      struct arena *a, struct plan *ret)
{
	struct iso_control before = iso_settings(&rp->iso, registers), want = before;
	bool stays_on = iso_has_quirk(&rp->iso, ISO_QUIRK_STAYS_ON);
	bool sets_range, disturbs;
	int rc = 0;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (goal->v[f] >= 0)
			want.v[f] = goal->v[f];
	/* what goes on the way around a defect must be a range that can be written */
	if (goal->v[ISO_MEM_ISOLATION] == 0 && before.v[ISO_MEM_ISOLATION] && stays_on &&
	    iso_is_reserved(ISO_MEM_RANGE, want.v[ISO_MEM_RANGE]))
		want.v[ISO_MEM_RANGE] = 0;
	*ret = (struct plan){ .before = before, .goal = want, .registers = registers, .shown = ALWAYS_SHOWN };
	ret->steps = arena_alloc(a, N_ISO_FIELDS + 1, sizeof(*ret->steps));
	if (!ret->steps)
		return -ENOMEM;
	sets_range = want.v[ISO_MEM_RANGE] >= 0 && want.v[ISO_MEM_RANGE] != before.v[ISO_MEM_RANGE];
	disturbs = (sets_range && may_clear_others(rp)) ||
		   (switches_off(ret, ISO_MEM_ISOLATION) && stays_on);
	for (int f = 0; !rc && f < N_ISO_FIELDS; f++)
		if (switches_off(ret, (enum iso_field)f))
			rc = add_step(ret, rp, (enum iso_field)f, 0, a);
	for (size_t i = 0; !rc && i < N_ISO_FIELDS; i++) {
		enum iso_field f = plan_order[i];
		bool changes = want.v[f] != before.v[f];

		if (want.v[f] < 0 || switches_off(ret, f))
			continue;
		if (f == ISO_MEM_RANGE && !changes && disturbs) {
			/* A kernel where isolation stays on clears the rest; writing the
			 * range clears all. */
			rc = add_step(ret, rp, f, before.v[f], a);
			ret->steps[ret->n - 1].when = STEP_IF_STUCK;
		} else if (changes ||
			   (disturbs && f != ISO_MEM_RANGE && may_be_disturbed(ret, rp, f))) {
			rc = add_step(ret, rp, f, want.v[f], a);
		}
	}
	return rc ? rc : add_expectations(ret, a);
}

struct iso_control plan_goal_effect(const struct iso_state *iso, const struct iso_control *goal,
				    bool registers)
{
	const struct iso_control now = iso_control(iso);
	struct iso_control ret = *goal;

	if (registers || !iso_has_quirk(iso, ISO_QUIRK_CLEARS_OTHERS) ||
	    !iso_field_by_kernel(iso, ISO_MEM_RANGE) || goal->v[ISO_MEM_RANGE] < 0 ||
	    goal->v[ISO_MEM_RANGE] == now.v[ISO_MEM_RANGE])
		return ret;
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (!iso_field_by_kernel(iso, (enum iso_field)f) && now.v[f] > 0)
			ret.v[f] = 0;
	return ret;
}

bool plan_is_empty(const struct plan *plan)
{
	return !plan->n;
}
