// SPDX-License-Identifier: GPL-2.0-only
/* Planning isolation changes: see plan.h. */
#include "cxl/lib/change/plan.h"

#include <errno.h>
#include <stdio.h>

const enum iso_field plan_order[N_ISO_FIELDS] = {
	ISO_MEM_RANGE, ISO_CACHE_RANGE, ISO_MEM_TIMEOUT, ISO_CACHE_TIMEOUT, ISO_ERR_COR, ISO_INTERRUPT,
	ISO_MEM_LINK_DOWN, ISO_CACHE_LINK_DOWN, ISO_MEM_ISOLATION, ISO_CACHE_ISOLATION,
};

/* Disabling isolation waits for RP Busy: 4 x 500 ms in the posted v1. */
#define KERNEL_WRITE_TIMEOUT_US 3000000

void plan_goal_timeout(struct iso_control *goal, const struct timeout_request *request, bool cache)
{
	if (request->kind == TIMEOUT_KEEP)
		return;
	goal->v[cache ? ISO_CACHE_TIMEOUT : ISO_MEM_TIMEOUT] = request->kind != TIMEOUT_OFF;
	if (request->kind == TIMEOUT_RANGE)
		goal->v[cache ? ISO_CACHE_RANGE : ISO_MEM_RANGE] = request->range->value;
}

static void value_text(bool by_register, enum iso_field field, int value, char *buf, size_t size)
{
	const struct iso_field_desc *desc = &iso_fields[field];

	if (by_register)
		snprintf(buf, size, "0x%08x:0x%08x", (unsigned int)value << desc->shift, desc->mask);
	else
		snprintf(buf, size, "%d", value);
}

int plan_step_init(const struct cxl_root_port *rp, enum iso_field field, int value, struct arena *a,
		   struct plan_step *ret)
{
	bool by_register = !iso_field_by_kernel(&rp->iso, field);

	*ret = (struct plan_step){
		.rp = rp, .field = field, .value = value, .by_register = by_register,
		.when = STEP_IF_NEEDED, .timeout_us = KERNEL_WRITE_TIMEOUT_US,
		.path = by_register ?
			arena_printf(a, "%s/resource%u+0x%llx", rp->path, rp->iso.regs.bar,
				     (unsigned long long)rp->iso.regs.at + ISO_CTRL_OFFSET) :
			arena_printf(a, "%s/%s", rp->path, iso_fields[field].attr),
	};
	value_text(by_register, field, value, ret->text, sizeof(ret->text));
	return ret->path ? 0 : -ENOMEM;
}

static int add_step(struct plan *plan, const struct cxl_root_port *rp, enum iso_field field, int value,
		    struct iso_control *now, struct arena *a)
{
	struct plan_step *step = &plan->steps[plan->n];
	int old = plan->before.v[field];

	if (plan_step_init(rp, field, value, a, step))
		return -ENOMEM;
	step->when = old == value ? STEP_IF_NEEDED : STEP_ALWAYS;
	step->expect_before = *now;
	if (old >= 0 && !iso_is_reserved(field, old))
		value_text(step->by_register, field, old, step->undo, sizeof(step->undo));
	now->v[field] = value;
	step->expect_after = *now;
	plan->n++;
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
static bool may_be_disturbed(const struct plan *plan, const struct cxl_root_port *rp, enum iso_field f)
{
	return plan->goal.v[f] > 0 || (plan->goal.v[f] == 0 && iso_field_by_kernel(&rp->iso, f));
}

int plan_make(const struct cxl_root_port *rp, const struct iso_control *goal, bool registers, struct arena *a,
	      struct plan *ret)
{
	struct iso_control now = iso_settings(&rp->iso, registers), before = now, want = now;
	bool by_kernel = iso_field_by_kernel(&rp->iso, ISO_MEM_RANGE), sets_range, disturbs;
	int rc = 0;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (goal->v[f] >= 0)
			want.v[f] = goal->v[f];
	/* what goes on the way around a defect must be a range that can be written */
	if (goal->v[ISO_MEM_ISOLATION] == 0 && before.v[ISO_MEM_ISOLATION] && by_kernel && rp->iso.kernel.posted_v1 &&
	    iso_is_reserved(ISO_MEM_RANGE, want.v[ISO_MEM_RANGE]))
		want.v[ISO_MEM_RANGE] = 0;
	*ret = (struct plan){ .before = before, .goal = want, .registers = registers };
	ret->steps = arena_alloc(a, N_ISO_FIELDS + 1, sizeof(*ret->steps));
	if (!ret->steps)
		return -ENOMEM;
	sets_range = want.v[ISO_MEM_RANGE] >= 0 && want.v[ISO_MEM_RANGE] != before.v[ISO_MEM_RANGE];
	disturbs = by_kernel && (sets_range || (switches_off(ret, ISO_MEM_ISOLATION) && rp->iso.kernel.posted_v1));
	for (int f = 0; !rc && f < N_ISO_FIELDS; f++)
		if (switches_off(ret, (enum iso_field)f))
			rc = add_step(ret, rp, (enum iso_field)f, 0, &now, a);
	for (size_t i = 0; !rc && i < N_ISO_FIELDS; i++) {
		enum iso_field f = plan_order[i];
		bool changes = want.v[f] != before.v[f];

		if (want.v[f] < 0 || switches_off(ret, f))
			continue;
		if (f == ISO_MEM_RANGE && !changes && disturbs) {
			/* The posted v1 leaves isolation on and clears the rest; writing
			 * the range clears all. */
			rc = add_step(ret, rp, f, before.v[f], &now, a);
			ret->steps[ret->n - 1].when = STEP_IF_STUCK;
		} else if (changes || (disturbs && f != ISO_MEM_RANGE && may_be_disturbed(ret, rp, f))) {
			rc = add_step(ret, rp, f, want.v[f], &now, a);
		}
	}
	return rc;
}

bool plan_is_empty(const struct plan *plan)
{
	return !plan->n;
}

/* What the plan is about: CXL.mem's three settings, and what else it writes. */
static bool is_shown(const struct plan *plan, enum iso_field field)
{
	if (field == ISO_MEM_ISOLATION || field == ISO_MEM_TIMEOUT || field == ISO_MEM_RANGE)
		return true;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].field == field)
			return true;
	return false;
}

const char *plan_control_text(const struct plan *plan, const struct iso_control *c, char *buf, size_t size)
{
	static const enum iso_field order[N_ISO_FIELDS] = {
		ISO_MEM_ISOLATION, ISO_MEM_TIMEOUT, ISO_MEM_RANGE, ISO_MEM_LINK_DOWN,
		ISO_CACHE_ISOLATION, ISO_CACHE_TIMEOUT, ISO_CACHE_RANGE, ISO_CACHE_LINK_DOWN, ISO_ERR_COR, ISO_INTERRUPT,
	};
	size_t n = 0;

	for (size_t i = 0; i < N_ISO_FIELDS && n < size; i++) {
		const struct iso_field_desc *desc = &iso_fields[order[i]];
		int v = c->v[order[i]];
		const char *word = v < 0 ? "unknown" : !desc->is_range ? v ? "on" : "off" :
			iso_is_reserved(order[i], v) ? "reserved" : timeout_by_value((unsigned int)v)->name;

		if (is_shown(plan, order[i]))
			n += (size_t)snprintf(buf + n, size - n, "%s%s %s", n ? ", " : "", desc->label, word);
	}
	return buf;
}

int plan_step_record(const struct plan *plan, const struct plan_step *step, struct arena *a, struct step *ret)
{
	char before[256], after[256];

	plan_control_text(plan, &step->expect_before, before, sizeof(before));
	plan_control_text(plan, &step->expect_after, after, sizeof(after));
	*ret = (struct step){
		.op = step->by_register ? &step_register : &step_write, .title = iso_fields[step->field].name,
		.path = step->path, .value = step->text, .undo = *step->undo ? step->undo : NULL,
		.expect_before = arena_strdup(a, before), .expect_after = arena_strdup(a, after),
		.timeout_us = step->timeout_us, .when = step->when, .state = step->state,
	};
	return ret->expect_before && ret->expect_after ? 0 : -ENOMEM;
}
