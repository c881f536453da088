// SPDX-License-Identifier: GPL-2.0-only
/* Plans that succeed or fail together: see group.h. */
#include "lib/change/group.h"

#include <errno.h>

static int run_steps(const struct cxl_host *host, struct port_change *p, struct step *steps,
		     size_t n, struct messages *messages, struct err *err)
{
	struct step_run run = {
		.fs = host->fs, .host = host, .rp = p->rp, .messages = messages, .data = &p->run,
		.steps = steps, .n = n,
	};

	return step_run_all(&run, err);
}

/* --- the way back ----------------------------------------------------------- */

/* Is @value of @field this command's own doing?  A write that failed may have left anything. */
static bool is_ours(const struct port_change *p, enum iso_field field, int value)
{
	for (size_t i = 0; i < p->plan.n; i++) {
		const struct step *s = &p->plan.steps[i];
		const struct setting *set = setting_of(s);

		if (s->state != STEP_PLANNED && s->state != STEP_SKIPPED &&
		    ((set->field == field && (set->value == value || s->state == STEP_FAILED)) ||
		     iso_has_quirk(&p->rp->iso, ISO_QUIRK_CLEARS_OTHERS)))
			return true;
	}
	return false;
}

/*
 * What to go back to: what the port had, except where somebody else has set
 * something since.  *@ret_others: whether anybody has.
 */
static struct iso_control way_back(const struct cxl_host *host, struct port_change *p,
				   bool *ret_others)
{
	const struct iso_control left = p->run.after, *now = &p->run.after;
	struct iso_control back = p->plan.before;

	setting_read(host, &p->run);
	*ret_others = false;
	for (int f = 0; f < N_ISO_FIELDS; f++) {
		bool is_as_left = now->v[f] == left.v[f] || left.v[f] < 0;	/* it could not be read for a moment */

		if (now->v[f] < 0 || now->v[f] == back.v[f] ||
		    (is_as_left && is_ours(p, (enum iso_field)f, now->v[f])))
			continue;
		back.v[f] = now->v[f];
		*ret_others |= p->plan.before.v[f] >= 0;
	}
	return back;
}

static void mark_undone(struct plan *plan, enum iso_field field)
{
	for (size_t k = 0; k < plan->n; k++) {
		struct step *s = &plan->steps[k];

		if (setting_of(s)->field == field && s->state == STEP_DONE)
			s->state = STEP_UNDONE;
	}
}

/* Bring a port back to what it had: range first, it may clear the enables. */
static bool roll_back(const struct cxl_host *host, struct port_change *p, struct arena *a,
		      struct messages *messages, bool *ret_others)
{
	const struct iso_control back = way_back(host, p, ret_others);
	struct err failed;

	p->run.is_way_back = true;
	for (size_t i = 0; i < N_ISO_FIELDS; i++) {
		enum iso_field field = plan_order[i];
		struct step undo;

		if (p->plan.before.v[field] < 0 || iso_is_reserved(field, back.v[field]) ||
		    plan_step_init(p->rp, field, back.v[field], a, &undo))
			continue;
		if (run_steps(host, p, &undo, 1, messages, &failed))
			message_add(messages, SEV_ERROR, "ROLLBACK", p->rp->name, "%s", failed.text);
		if (undo.state == STEP_DONE)
			mark_undone(&p->plan, field);
	}
	/* what cannot be read now is not known to be back */
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (p->plan.before.v[f] >= 0 && p->run.after.v[f] != p->plan.before.v[f])
			return false;
	return true;
}

/* After a failure: every port that was touched. */
static void roll_back_all(const struct cxl_host *host, struct port_change *ports, size_t n,
			  struct arena *a, struct messages *messages)
{
	bool others;
	char is[256];

	for (size_t i = n; i-- > 0;) {
		struct port_change *p = &ports[i];

		if (!p->run.changed)
			continue;
		if (roll_back(host, p, a, messages, &others)) {
			p->outcome = OUTCOME_UNDONE;
			continue;
		}
		p->outcome = OUTCOME_LEFT;
		message_add(messages, SEV_ERROR, "ROLLBACK", p->rp->name,
			    "%s %s; it now has %s; look at it with 'cxl list --isolation %s'", p->rp->name,
			    others ? "was changed by somebody else meanwhile, which was left alone: only what this command had set was taken back" :
			    "could not be brought back to what it had",
			    setting_control_text(p->run.shown, &p->run.after, is, sizeof(is)),
			    p->rp->name);
	}
}

/* --- there ------------------------------------------------------------------ */

static void begin(struct port_change *p)
{
	p->outcome = OUTCOME_NOT_TRIED;
	p->run = (struct setting_run){
		.rp = p->rp, .shown = p->plan.shown, .registers = p->plan.registers,
		.goal = p->plan.goal, .after = p->plan.before,
	};
}

/* Before any of them is touched. */
static int look(const struct cxl_host *host, struct port_change *p, struct err *err)
{
	p->run.now = iso_settings_read(host, p->rp, p->plan.registers);
	return setting_check_unchanged(&p->run, err);
}

int group_run(const struct cxl_host *host, struct port_change *ports, size_t n, struct arena *a,
	      struct messages *messages, struct err *err)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		begin(&ports[i]);
	while (!rc && at < n)
		rc = look(host, &ports[at++], err);
	ports[0].run.is_fresh = n == 1;
	for (at = rc ? at : 0; !rc && at < n; at++) {
		struct port_change *p = &ports[at];

		rc = run_steps(host, p, p->plan.steps, p->plan.n, messages, err);
		p->outcome = OUTCOME_DONE;
	}
	if (!rc)
		return 0;
	ports[at - 1].outcome = OUTCOME_UNCHANGED;
	err_target(err, ports[at - 1].rp->name);
	roll_back_all(host, ports, n, a, messages);
	return rc;
}
