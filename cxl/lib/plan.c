// SPDX-License-Identifier: GPL-2.0-only
/* Planning isolation changes: see plan.h. */
#include "cxl/lib/plan.h"

#include <errno.h>
#include <stdio.h>

const char *const step_state_names[] = {
	[STEP_PLANNED] = "planned", [STEP_DONE] = "done", [STEP_SKIPPED] = "skipped",
	[STEP_FAILED] = "failed", [STEP_UNDONE] = "undone",
};

const char *const step_when_names[] = {
	[STEP_ALWAYS] = "always", [STEP_IF_NEEDED] = "if-needed", [STEP_IF_STUCK] = "if-stuck",
};

static const char *const field_attrs[N_FIELDS] = {
	[FIELD_RANGE] = "timeout_range", [FIELD_TIMEOUT] = "timeout_ctrl", [FIELD_ISOLATION] = "isolation_ctrl",
};

/* Disabling isolation waits for RP Busy: 4 x 500 ms in the posted v1. */
#define KERNEL_WRITE_TIMEOUT_US 3000000

int control_field(const struct iso_control *c, enum step_field field)
{
	return field == FIELD_RANGE ? c->range : field == FIELD_TIMEOUT ? (int)c->timeout : (int)c->isolation;
}

char *plan_field_path(const struct cxl_root_port *rp, enum step_field field, struct arena *a)
{
	return arena_printf(a, "%s/cxl_isolation/%s", rp->path, field_attrs[field]);
}

static void set_field(struct iso_control *c, enum step_field field, int value)
{
	if (field == FIELD_RANGE)
		c->range = value;
	else if (field == FIELD_TIMEOUT)
		c->timeout = (enum tri)value;
	else
		c->isolation = (enum tri)value;
}

static int add_step(struct plan *plan, const struct cxl_root_port *rp, enum step_field field, int value,
		    struct iso_control *now, struct arena *a)
{
	struct plan_step *step = &plan->steps[plan->n];
	int old = control_field(&plan->before, field);

	*step = (struct plan_step){
		.rp = rp, .field = field, .value = value, .expect_before = *now,
		.timeout_us = KERNEL_WRITE_TIMEOUT_US,
		.when = old == value ? STEP_IF_NEEDED : STEP_ALWAYS,
		.path = plan_field_path(rp, field, a),
	};
	if (!step->path)
		return -ENOMEM;
	snprintf(step->text, sizeof(step->text), "%d", value);
	if (old >= 0)
		snprintf(step->undo, sizeof(step->undo), "%d", old);
	set_field(now, field, value);
	step->expect_after = *now;
	plan->n++;
	return 0;
}

static struct iso_control apply_goal(const struct iso_control *before, const struct plan_goal *goal)
{
	struct iso_control c = *before;

	if (goal->isolation != TRI_UNKNOWN)
		c.isolation = goal->isolation;
	if (goal->timeout.kind == TIMEOUT_OFF)
		c.timeout = TRI_NO;
	else if (goal->timeout.kind != TIMEOUT_KEEP)
		c.timeout = TRI_YES;
	if (goal->timeout.kind == TIMEOUT_RANGE)
		c.range = goal->timeout.range->value;
	return c;
}

int plan_make(const struct cxl_root_port *rp, const struct plan_goal *goal, struct arena *a, struct plan *ret)
{
	struct iso_control now = iso_control(&rp->iso), before = now;
	struct iso_control want = apply_goal(&now, goal);
	bool sets_range = want.range >= 0 && want.range != before.range;
	bool switches_off = want.isolation == TRI_NO && before.isolation != TRI_NO;
	/* what a defective kernel changes beside is put back by the steps after it */
	bool disturbs = sets_range || (switches_off && rp->iso.kernel.posted_v1);
	int rc = 0;

	*ret = (struct plan){ .before = before, .goal = want };
	ret->steps = arena_alloc(a, N_FIELDS + 1, sizeof(*ret->steps));
	if (!ret->steps)
		return -ENOMEM;
	if (switches_off)
		rc = add_step(ret, rp, FIELD_ISOLATION, TRI_NO, &now, a);
	if (!rc && sets_range) {
		rc = add_step(ret, rp, FIELD_RANGE, want.range, &now, a);
	} else if (!rc && disturbs && before.range >= 0) {
		/* The posted v1 leaves isolation on and clears the rest; writing
		 * the range clears all. */
		rc = add_step(ret, rp, FIELD_RANGE, before.range, &now, a);
		ret->steps[ret->n - 1].when = STEP_IF_STUCK;
	}
	if (!rc && want.timeout != TRI_UNKNOWN && (disturbs || want.timeout != before.timeout))
		rc = add_step(ret, rp, FIELD_TIMEOUT, (int)want.timeout, &now, a);
	if (!rc && want.isolation != TRI_UNKNOWN && !switches_off &&
	    (disturbs || want.isolation != before.isolation))
		rc = add_step(ret, rp, FIELD_ISOLATION, (int)want.isolation, &now, a);
	return rc;
}

bool plan_is_empty(const struct plan *plan)
{
	return !plan->n;
}
