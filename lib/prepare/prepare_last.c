// SPDX-License-Identifier: GPL-2.0-only
/*
 * That memory is being prepared, for the commands that change its root ports: see
 * lib/kept/last_change.h.  What it was before is in before.h.
 */
#include <errno.h>
#include <unistd.h>

#include "lib/change/change_last.h"
#include "lib/kept/last_change.h"
#include "lib/prepare/prepare.h"

int prepare_last_read(struct prepare *p)
{
	const char *why;

	/* change_last_read() says why not, where isolation is changed */
	return last_changes_read(p->host, &p->arena, &p->last, &why);
}

const char *prepare_last_refusal(struct prepare *p, const struct cxl_region *r)
{
	if (p->goal == PREPARE_UNDO || p->is_hotplug)
		return NULL;
	for (size_t i = 0; i < r->n_root_ports; i++) {
		const struct cxl_root_port *rp = r->root_ports[i];
		const struct last_change *own = last_change_of(&p->last, p->host, rp, true),
					 *l = last_change_of(&p->last, p->host, rp, false);

		/* what this command itself began on the port is finished with the rest of it */
		if (l && !l->is_finished && !(own && !own->is_finished))
			return arena_printf(&p->arena, "%s above it: %s", rp->name, last_change_refusal(l, &p->arena));
	}
	return NULL;
}

static bool changes_memory(const struct prepare *p, const struct prepare_job *job)
{
	return p->lock >= 0 && !p->is_hotplug && job->result == OUTCOME_NONE &&
	       job->before->dax->region;
}

static bool is_settled(const struct prepare_job *job)
{
	return job->result != OUTCOME_NONE && job->result != OUTCOME_SKIPPED &&
	       job->result != OUTCOME_REFUSED;
}

static void write_down(struct prepare *p)
{
	int rc = last_changes_write(p->host, &p->last);

	if (rc && (rc != -EACCES || !geteuid()))
		message_add(p->messages, SEV_WARNING, "LAST", NULL, "that memory is being prepared cannot be written down (%s): other commands will not know when this one is ended in the middle", err_text(-rc));
}

int prepare_last_begin(struct prepare *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct cxl_region *r = p->jobs[i].before->dax->region;

		for (size_t k = 0; changes_memory(p, &p->jobs[i]) && k < r->n_root_ports; k++) {
			const struct last_change l = {
				.root_port = r->root_ports[k]->name,
				.by = BY_PREPARE,
				.typed = p->typed,
				.was = iso_control_unknown,
				.set = iso_control_unknown,
				.asked = iso_control_unknown,
			};

			if (!p->typed)
				return -ENOMEM;
			last_change_put(&p->last, p->host, r->root_ports[k], &l);
			any = true;
		}
	}
	if (any)
		write_down(p);
	return 0;
}

/* What is as asked for by now, or as it was before, is under way no more. */
int prepare_last_end(struct prepare *p)
{
	const char *why;
	bool any = false;

	if (p->lock < 0 || p->is_hotplug || p->dry_run)
		return 0;
	/* isolation may have been switched on meanwhile, which is in the file */
	if (last_changes_read(p->host, &p->arena, &p->last, &why))
		return -ENOMEM;
	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct prepare_job *job = &p->jobs[i];
		const struct cxl_region *r = job->before->dax->region;

		for (size_t k = 0; r && is_settled(job) && k < r->n_root_ports; k++) {
			const struct cxl_root_port *rp = r->root_ports[k];

			any |= last_change_of(&p->last, p->host, rp, true) != NULL;
			last_change_drop(&p->last, p->host, rp, true);
		}
	}
	if (any)
		write_down(p);
	return 0;
}
