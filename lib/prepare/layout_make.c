// SPDX-License-Identifier: GPL-2.0-only
/* The way of a layout: read, compared, planned, run, read back.  See layout_make.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kept/kept_read.h"
#include "lib/policy/policy_text.h"
#include "lib/prepare/layout_make.h"
#include "lib/read/host_read.h"
#include "lib/read/pinners.h"
#include "util/stop.h"

/* --- reading ---------------------------------------------------------------------- */

static int read_host(struct layout_make *m, const struct cxl_host **ret, struct err *err)
{
	struct host_reading *reading = &m->readings[m->n_read++];
	int rc = host_read_dax(reading, NULL, err);

	rc = rc ? rc : kept_read(&reading->host, err);
	*ret = &reading->host;
	return rc;
}

static int match(struct layout_make *m, const struct layout_facts *facts,
		 struct wanted_layout *wanted, struct err *err)
{
	int rc = layout_resolve(&m->layout, facts, &m->arena, wanted, err);

	if (!rc && layout_match(wanted, facts, &m->arena, &m->matches))
		rc = err_no_memory(err, ", nothing was written");
	return rc;
}

static bool is_ours(const struct cxl_region *r, enum layout_claim of, void *data)
{
	const struct made_region *made = made_find(data, r);

	return made && (of == CLAIM_DEVICES || !made->is_cut);
}

/* Memory that a recovery is about is that recovery's until its end. */
static int refuse_recovery(const struct layout_make *m, const struct cxl_host *host,
			   struct err *err)
{
	const struct wanted_layout *l = m->matches.wanted;

	for (size_t i = 0; i < l->layout->n_regions; i++)
		for (size_t k = 0; k < l->regions[i].ways; k++) {
			const struct cxl_root_port *rp = l->regions[i].memdevs[k]->root_port;
			const struct kept_journal *j = rp ? kept_journal_of(host, rp, NULL) : NULL;

			if (j)
				return policy_refuse_here(
					m->file, l->regions[i].section->line, EXIT_NEGATIVE,
					"'cxl list --isolation' says how it goes on", err,
					"[region %s]: a recovery of %s has not ended",
					l->regions[i].section->name, j->root_port);
		}
	return 0;
}

/* What cannot be read may be as wanted or not: nothing is planned on a guess. */
static int refuse_untold(const struct layout_make *m, struct err *err)
{
	for (size_t i = 0; i < m->layout.n_dax; i++)
		if (m->matches.dax[i].state == LAYOUT_UNTOLD &&
		    m->matches.regions[m->layout.dax[i].region].wanted->stays)
			return policy_refuse_here(m->file, m->layout.dax[i].line, EXIT_PREREQ, "run the command as root", err,
						  "[dax %s]: what is there cannot be read", m->layout.dax[i].name);
	return 0;
}

/* No kernel has it before 7.2, and none loads it by itself. */
static int refuse_famfs(const struct layout_make *m, const struct cxl_host *host, struct err *err)
{
	for (size_t i = 0; i < m->layout.n_dax; i++) {
		const struct layout_dax *d = &m->layout.dax[i];

		if (m->changes[i] && d->mode == LAYOUT_FAMFS &&
		    !sysfs_exists(host->fs, DAX_DRIVERS "/" DAX_FSDEV_NAME) &&
		    !modules_will_have(m->loaded, DAX_FSDEV_NAME)) {
			const char *text = module_text(host->fs, host->arena, DAX_FSDEV_NAME, true);

			return policy_refuse_here(m->file, layout_dax_line(d, DAX_MODE),
						  EXIT_PREREQ, text ? text : NO_FSDEV_REMEDY, err,
						  "[dax %s]: there is no driver " DAX_FSDEV_NAME, d->name);
		}
	}
	return 0;
}

/* --- accounts ---------------------------------------------------------------------- */

static int find_user(const struct layout_make *m, const struct layout_dax *d,
		     struct layout_account *ret, struct err *err)
{
	const struct passwd *p = getpwnam(d->owner);
	char *end;

	ret->has_uid = true;
	ret->uid = p ? p->pw_uid : (uint32_t)strtoul(d->owner, &end, 10);
	return p || !*end ? 0 : policy_refuse_here(m->file, layout_dax_line(d, DAX_OWNER), EXIT_USAGE, "add it with 'useradd', or use a number", err,
						   "[dax %s]: this host has no user %s", d->name, d->owner);
}

static int find_group(const struct layout_make *m, const struct layout_dax *d,
		      struct layout_account *ret, struct err *err)
{
	const struct group *g = getgrnam(d->group);
	char *end;

	ret->has_gid = true;
	ret->gid = g ? g->gr_gid : (uint32_t)strtoul(d->group, &end, 10);
	return g || !*end ? 0 : policy_refuse_here(m->file, layout_dax_line(d, DAX_GROUP), EXIT_USAGE, "add it with 'groupadd', or use a number", err,
						   "[dax %s]: this host has no group %s", d->name, d->group);
}

static int find_accounts(struct layout_make *m, struct layout_account **ret, struct err *err)
{
	int rc = 0;

	*ret = arena_alloc(&m->arena, m->layout.n_dax, sizeof(**ret));
	if (!*ret)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; !rc && i < m->layout.n_dax; i++) {
		const struct layout_dax *d = &m->layout.dax[i];

		rc = d->owner ? find_user(m, d, &(*ret)[i], err) : 0;
		rc = rc || !d->group ? rc : find_group(m, d, &(*ret)[i], err);
	}
	return rc;
}

/* --- running ------------------------------------------------------------------------ */

static const char *find_holders(struct step_run *run)
{
	struct layout_run *data = run->data;

	return pinners_text(run->host, data->a);
}

static const char *left_text(struct layout_make *m, const struct layout_plan *plan)
{
	const char *text = NULL;

	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == STEP_DONE && plan->steps[i].op->run)
			text = arena_printf(&m->arena, "%s%s'%s'", text ? text : "", text ? ", " : "", plan->steps[i].title);
	return text ? text : "a step";
}

/* @err: which step, and why.  What the state is now is added, and the status of a stop. */
static int taken_back(struct layout_make *m, struct step_run *run, const struct layout_plan *plan,
		      struct err *err)
{
	const struct err why = *err;
	size_t left = step_undo_all(run);

	m->is_left = left;
	m->result = left ? OUTCOME_LEFT : OUTCOME_UNDONE;
	if (!left)
		return err_set(err, why.status, why.errnum, "%.600s; everything is as it was", why.text);
	return err_set(err, why.status, why.errnum, "%.400s; %zu steps stay done (%.300s): run the command again to go on from there, 'daxctl list --isolation' shows what there is",
		       why.text, left, left_text(m, plan));
}

static int add_known_regions(struct layout_make *m, struct layout_names *names)
{
	const struct wanted_layout *l = m->matches.wanted;
	int rc = 0;

	for (size_t i = 0; l && !rc && i < m->layout.n_regions; i++) {
		const struct wanted_region *w = &l->regions[i];
		const char *key = arena_printf(&m->arena, "region %s", w->section->name);

		if (w->is && w->stays)
			rc = key ? layout_name_put(names, key, w->is->name) : -ENOMEM;
	}
	return rc;
}

static int keep_name(struct step_run *run, const char *key, const char *name)
{
	const struct layout_run *r = run->data;

	return layout_name_put(r->names, key, name);
}

static const char *name_of(struct step_run *run, const char *key)
{
	const struct layout_run *r = run->data;

	return layout_name_of(r->names, key);
}

static int begin_step(struct step_run *run, const struct step *step, struct err *err)
{
	const struct layout_run *r = run->data;

	progress_say(r->progress, "[%zu/%zu] %s ...", run->at + 1, run->n, step->title);
	return layout_begin_step(run, step, err);
}

static int run_plan(struct layout_make *m, const struct cxl_host *host, struct layout_plan *plan,
		    struct err *err)
{
	struct layout_names names = { .a = &m->arena };
	struct layout_run data = { host, plan, &names, &m->made, m->persist.text, &m->arena,
				   m->progress };
	struct step_run run = { .fs = host->fs,
				.host = host,
				.messages = m->messages,
				.data = &data,
				.resolve = layout_resolve_name,
				.keep_name = keep_name,
				.name_of = name_of,
				.begin = begin_step,
				.is_stopped = step_is_stopped,
				.find_holders = find_holders,
				.steps = plan->steps,
				.n = plan->n };
	struct stop_signals held;
	int rc;

	if (add_known_regions(m, &names))
		return err_no_memory(err, ", nothing was written");
	stop_begin(&held, false);
	rc = step_run_all(&run, err);
	rc = rc ? taken_back(m, &run, plan, err) : 0;
	stop_end(&held);
	return rc;
}

/* --- before ------------------------------------------------------------------------- */

/* What is left of regions goes first; then the host is another one. */
static int clean(struct layout_make *m, const struct cxl_host **host, struct err *err)
{
	const char *why;
	int rc;

	/* a region is in it once: as made, or as cut */
	if (made_read(*host, m->layout.n_regions, &m->arena, &m->made, &why))
		return err_no_memory(err, ", nothing was written");
	if (why)
		message_add(m->messages, SEV_WARNING, "STATE", NULL, "%s: which regions were made by policy is not known, and all count as somebody else's", why);
	m->clean.a = &m->arena;
	if (layout_plan_clean(*host, &m->made, &m->clean))
		return err_no_memory(err, ", nothing was written");
	if (!m->clean.n || m->dry_run)
		return 0;
	rc = run_plan(m, *host, &m->clean, err);
	if (rc)
		return rc;
	m->made.autoprobe_is_held = false;
	rc = read_host(m, host, err);
	if (rc)
		return rc;
	layout_settle_made(&m->made, *host, true);
	rc = made_write(*host, &m->made);
	return !rc ? 0 : err_set(err, EXIT_PREREQ, -rc, "that the rest of an earlier run was taken away cannot be kept: %s", err_text(-rc));
}

static bool is_autoprobe_on(const struct cxl_host *host)
{
	char text[8];

	return sysfs_read(host->fs, DAX_AUTOPROBE, text, sizeof(text)) > 0 && *text == '1';
}

static bool has_memmap(const struct cxl_host *host)
{
	char text[16];

	return sysfs_read(host->fs, MEMMAP_PARAMETER, text, sizeof(text)) > 0 &&
	       strcmp(text, "N");
}

static bool is_to_change(const struct dax_match *d)
{
	for (size_t i = 0; d->is && i < d->differences.n; i++)
		if (d->differences.v[i].is && d->differences.v[i].way > WAY_ATTRIBUTE)
			return true;
	return !d->is;
}

static int plan_memory(struct layout_make *m, const struct layout_facts *facts, struct err *err)
{
	const struct cxl_host *host = facts->host;
	struct layout_account *accounts;
	struct layout_request q;
	int rc = find_accounts(m, &accounts, err);

	m->changes = arena_alloc(&m->arena, m->layout.n_dax, sizeof(*m->changes));
	if (!rc && !m->changes)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; !rc && i < m->layout.n_dax; i++)
		m->changes[i] = is_to_change(&m->matches.dax[i]);
	if (rc || layout_is_made(&m->matches))
		return rc;
	rc = refuse_recovery(m, host, err);
	rc = rc ? rc : layout_may_make(&m->matches, host, is_ours, &m->made, err);
	rc = rc ? rc : refuse_untold(m, err);
	rc = rc ? rc : refuse_famfs(m, host, err);
	if (rc)
		return rc;
	q = (struct layout_request){ &m->matches, facts, accounts, is_autoprobe_on(host),
				     has_memmap(host) };
	return layout_plan_make(&q, &m->plan) ? err_no_memory(err, ", nothing was written") : 0;
}

/* What lasts is written when it is so. */
static int plan(struct layout_make *m, const struct cxl_host *host, struct err *err)
{
	struct layout_facts *facts = arena_alloc(&m->arena, 1, sizeof(*facts));
	struct wanted_layout *wanted = arena_alloc(&m->arena, 1, sizeof(*wanted));
	int rc;

	if (!facts || !wanted)
		return err_no_memory(err, ", nothing was written");
	m->plan.a = &m->arena;
	rc = layout_facts_read(host, facts, err);
	rc = rc ? rc : match(m, facts, wanted, err);
	rc = rc ? rc : plan_memory(m, facts, err);
	return rc || !m->split ? rc : layout_persist_plan(m, facts, err);
}

static bool has_others_devices(const struct layout_make *m, const struct cxl_region *r)
{
	for (size_t i = 0; i < m->matches.n_foreign; i++)
		if (m->matches.foreign[i].dax && m->matches.foreign[i].dax->region == r)
			return true;
	return false;
}

/* A region of somebody else's that is to be cut: from then on its devices are ours. */
static int keep_cut(struct layout_make *m, const struct cxl_host *host, struct err *err)
{
	size_t n = m->made.n;
	int rc = 0;

	for (size_t i = 0; i < m->layout.n_dax; i++) {
		const struct dax_match *d = &m->matches.dax[i];
		const struct wanted_region *w = d->wanted->region;

		if (w->is && w->stays && layout_dax_is_cut(d) && !made_find(&m->made, w->is) &&
		    !has_others_devices(m, w->is) &&
		    made_add_cut(&m->made, w->is, w->bytes_each, &m->arena))
			return err_no_memory(err, ", nothing was written");
	}
	if (m->made.n != n)
		rc = made_write(host, &m->made);
	return !rc ? 0 : err_set(err, EXIT_PREREQ, -rc, "what is being made cannot be kept for a run after this one, so nothing was written: %s", err_text(-rc));
}

/* Taken back, nothing of it is ours. */
static void drop_cut(struct made *made, size_t from)
{
	size_t n = from;

	for (size_t i = from; i < made->n; i++)
		if (!made->v[i].is_cut)
			made->v[n++] = made->v[i];
	made->n = n;
}

/* --- after -------------------------------------------------------------------------- */

static int check_made(struct layout_make *m, const struct cxl_host *host, struct err *err)
{
	struct layout_facts *facts = arena_alloc(&m->arena, 1, sizeof(*facts));
	struct wanted_layout *wanted = arena_alloc(&m->arena, 1, sizeof(*wanted));
	int rc = facts && wanted ? layout_facts_read(host, facts, err) : err_no_memory(err, " after the steps were done");

	rc = rc ? rc : match(m, facts, wanted, err);
	if (rc || layout_is_made(&m->matches))
		return rc;
	return err_set(err, EXIT_REFUSED, EAGAIN, "every step was done, and yet the memory is not as %.200s wants it; '%s' says in what it differs",
		       m->file, m->split ? "daxctl list --isolation" : "cxl isolation-status --policy");
}

/* What a udev rule or the kernel did meanwhile is in it, too. */
static int finish(struct layout_make *m, const struct cxl_host *was, int failed, struct err *err)
{
	const struct cxl_host *host;
	struct err why;
	int rc = read_host(m, &host, failed ? &why : err);

	if (rc)
		return failed ? failed : rc;
	m->made.autoprobe_is_held &= !is_autoprobe_on(host);
	layout_settle_made(&m->made, host, !m->is_left);
	rc = made_write(was, &m->made);
	if (rc && !failed)
		message_add(m->messages, SEV_WARNING, "STATE", NULL, "that these regions were made by policy cannot be kept: %s; a later change of the file will not make them anew", err_text(-rc));
	return failed ? failed : check_made(m, host, err);
}

/* Of an option, it is made of the host as it is. */
static int take_split(struct layout_make *m, const struct cxl_host *host, struct err *err)
{
	struct layout_facts facts;
	int rc = m->split ? layout_facts_read(host, &facts, err) : 0;

	return rc || !m->split ? rc : layout_split(m->split, &facts, &m->arena, &m->layout, err);
}

int layout_make(struct layout_make *m, struct err *err)
{
	const struct cxl_host *host;
	int rc = read_host(m, &host, err);
	size_t n_made;

	if (!rc)
		rc = policy_wait_end(&m->wait, &m->layout, host, m->messages, &m->arena,
				     &m->layout, &m->n_absent, err);
	rc = rc ? rc : take_split(m, host, err);
	rc = rc ? rc : clean(m, &host, err);
	if (rc)
		return rc;
	if (m->dry_run && m->clean.n) {
		m->result = OUTCOME_PLANNED;
		message_add(m->messages, SEV_INFO, "REST", NULL, "what is left of a region, of an earlier run that was ended midway or after it was deleted, is taken away first, and what follows is known only then");
		return 0;
	}
	rc = plan(m, host, err);
	if (rc)
		return rc;
	m->result = !m->plan.n ? OUTCOME_ALREADY : m->dry_run ? OUTCOME_PLANNED : OUTCOME_DONE;
	if (m->result != OUTCOME_DONE)
		return 0;
	n_made = m->made.n;
	rc = layout_persist_check(m, err);
	rc = rc ? rc : keep_cut(m, host, err);
	if (rc) {
		m->result = OUTCOME_REFUSED;
		return rc;
	}
	rc = run_plan(m, host, &m->plan, err);
	if (rc && !m->is_left)
		drop_cut(&m->made, n_made);
	rc = finish(m, host, rc, err);
	if (rc && m->result == OUTCOME_DONE)
		m->result = OUTCOME_LEFT;
	return rc;
}
