// SPDX-License-Identifier: GPL-2.0-only
/* What there is to say of root ports that were changed: see change.h. */
#include "lib/change/change.h"

#include <string.h>

#include "lib/iso/backend.h"
#include "util/array.h"
#include "util/size.h"

static const char *on_or_off(int v)
{
	return v < 0 ? "as it was (it cannot be read)" : v ? "on" : "off";
}

const char *change_state_now(struct change *c, const struct job *job)
{
	struct iso_control now = iso_control(&job->rp->iso);
	enum iso_field range = iso_range_of(c->cache);
	const struct timeout_range *r = now.v[range] < 0
						? NULL
						: timeout_by_value((unsigned int)now.v[range]);
	const char *text;

	if (c->kind != CHANGE_TIMEOUT)
		text = arena_printf(&c->arena, "isolation is %s", on_or_off(now.v[ISO_MEM_ISOLATION]));
	else
		text = arena_printf(&c->arena, "the %stimeout is %s%s%s%s", c->cache ? "CXL.cache " : "",
				    on_or_off(now.v[iso_enable_of(c->cache)]),
				    r ? " (range " : "", r ? r->name : "", r ? ")" : "");
	return text ? text : "the state is as it was";
}

/* Does a failure of some cause leave the host alive, though not of every one? */
static bool is_contained_in_part(const struct containment_levels *levels)
{
	for (int c = 0; c < N_CAUSES; c++)
		if (levels->v[c] >= CONTAINMENT_CONTAIN)
			return true;
	return false;
}

/* Would you rather reboot? */
static void report_reboot(struct change *c, const struct job *job)
{
	const struct containment_levels *after = &job->checks.after;
	const struct finding *worst = check_worst_cap(&job->checks);
	int cause = containment_worst_cause(after);
	const char *remedies;

	if (c->kind != CHANGE_ENABLE || !outcome_descs[job->result].is_as_asked || !worst ||
	    containment_worst(after) > CONTAINMENT_DEBUG)
		return;
	remedies = check_remedies(&job->checks, worst, CONTAINMENT_DEBUG, (enum cause)cause, NULL,
				  &c->arena);
	if (is_contained_in_part(after))
		message_add(
			c->messages, SEV_WARNING, worst->check->id, job->rp->name,
			"%s: %s is not contained (%s, %s: %s), though other failures are; to raise it: %s",
			job->rp->name, cause_names[cause],
			containment_names[containment_worst(after)], worst->check->id, worst->text,
			remedies ? remedies : worst->remedy);
	else
		message_add(
			c->messages, SEV_WARNING, "REBOOT", job->rp->name,
			"%s: a failure of this port can at best be logged before the host goes down (containment %s, held back by %s: %s): would you rather reboot? To raise it: %s",
			job->rp->name, containment_names[containment_worst(after)],
			worst->check->id, worst->text, remedies ? remedies : worst->remedy);
}

/* "at range B2, 65 ms to 210 ms" */
static const char *range_text(struct change *c, const struct job *job, enum iso_field range)
{
	const struct timeout_range *r = job->goal.v[range] > 0
						? timeout_by_value((unsigned int)job->goal.v[range])
						: NULL;
	char min[64], max[64];

	if (!r)
		return job->rp->iso.regs.capable ? "at the range that it has" :
			"at the range that it has, since the ranges that the port supports cannot be read";
	return arena_printf(&c->arena, "at range %s, %s to %s", r->name, duration_human(r->min_us, min, sizeof(min)),
			    duration_human(r->max_us, max, sizeof(max)));
}

/* What the timeouts of @job's port come to without having been asked for, as a sentence; NULL: nothing. */
static const char *auto_text(struct change *c, const struct job *job)
{
	bool mem = job->goal.v[ISO_MEM_TIMEOUT] == 1, cache = job->goal.v[ISO_CACHE_TIMEOUT] == 1;
	const char *mem_range = range_text(c, job, ISO_MEM_RANGE),
		   *cache_range = range_text(c, job, ISO_CACHE_RANGE);
	bool is_same = mem_range && cache_range && !strcmp(mem_range, cache_range);

	if (!job->auto_timeout || (!mem && !cache) || !outcome_descs[job->result].is_as_asked)
		return NULL;
	return arena_printf(&c->arena, "the timeout%s%s %s switched on as well, %s%s%s; --timeout=keep leaves %s off",
			    mem && cache ? "s" : "", !cache ? "" : mem ? " of CXL.mem and CXL.cache" : " of CXL.cache",
			    c->dry_run ? "would be" : mem && cache ? "are" : "is",
			    mem ? mem_range : cache_range, mem && cache && !is_same ? " and " : "",
			    mem && cache && !is_same ? cache_range : "", mem && cache ? "them" : "it");
}

/* One message for all root ports whose timeout goes the same way. */
static void report_timeouts(struct change *c)
{
	enum { NAMED = 4, MAX = 16 };	/* more ways than the ranges of both timeouts allow are said one by one */
	struct {
		const char *text, *names, *first;
		size_t n;
	} notes[MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->n_jobs; i++) {
		const char *text = auto_text(c, &c->jobs[i]), *name = c->jobs[i].rp->name;
		size_t k = 0;

		if (!text)
			continue;
		while (k < n && strcmp(notes[k].text, text))
			k++;
		if (k == MAX) {
			message_add(c->messages, SEV_INFO, "TIMEOUT", name, "%s: %s", name, text);
			continue;
		}
		if (k == n) {
			notes[n++] = (__typeof__(notes[0])){
				.text = text, .names = name, .first = name, .n = 1
			};
			continue;
		}
		if (notes[k].n++ < NAMED && notes[k].names)
			notes[k].names = arena_printf(&c->arena, "%s, %s", notes[k].names, name);
	}
	for (size_t k = 0; k < n; k++)
		message_add(c->messages, SEV_INFO, "TIMEOUT", notes[k].n == 1 ? notes[k].first : NULL, "%s%s: %s",
			    notes[k].names ? notes[k].names : notes[k].first, notes[k].n > NAMED ? " and others" : "", notes[k].text);
}

/* The one thing that ISO_QUIRK_CLEARS_OTHERS costs and no attribute brings back. */
static void report_interrupt(struct change *c, const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;

	if (job->before.v[ISO_INTERRUPT] == 1 && iso_control(&rp->iso).v[ISO_INTERRUPT] == 0)
		message_add(c->messages, SEV_WARNING, "INTERRUPT", rp->name,
			    "%s: the kernel also cleared the interrupt enable, for which it has no attribute: until the next boot it will not notice an isolation by interrupt, only by the errors of what reads the memory; with --registers it would have been kept",
			    rp->name);
}

/* Settings of consequence that it costs besides: nobody asked for that, and no attribute brings them back. */
static void report_cleared(struct change *c, const struct job *job)
{
	static const enum iso_field fields[] = {
		ISO_MEM_LINK_DOWN, ISO_CACHE_TIMEOUT, ISO_CACHE_ISOLATION, ISO_CACHE_LINK_DOWN
	};
	const struct cxl_root_port *rp = job->rp;
	const struct iso_control now = iso_control(&rp->iso);
	const char *names = "", *cache = "", *again = "";

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		enum iso_field f = fields[i];

		if (job->before.v[f] != 1 || now.v[f] != 0 || job->goal.v[f] == 0)
			continue;
		names = arena_join(&c->arena, names, ", ", iso_fields[f].label);
		cache = f == ISO_MEM_LINK_DOWN ? cache : " --cache";
	}
	if (names && !*names)
		return;
	if (c->kind != CHANGE_DISABLE)
		again = arena_printf(&c->arena, "; to have it again: cxl enable-isolation%s%s --registers %s", cache,
				     job->before.v[ISO_MEM_LINK_DOWN] == 1 || job->before.v[ISO_CACHE_LINK_DOWN] == 1 ? " --link-down" : "", rp->name);
	message_add(c->messages, SEV_WARNING, "CLEARED", rp->name,
		    "%s: the kernel also switched off what it has no attribute for (%s); with --registers it would have been kept%s",
		    rp->name, names ? names : "", again ? again : "");
}

/* Enabling on a link that is failing isolates the port at once. */
static void report_isolated(struct change *c, struct job *job)
{
	if (job->was_isolated || iso_isolated(&job->rp->iso) != TRI_YES)
		return;
	job->status = outcome_set(&job->result, OUTCOME_LEFT);
	message_add(c->messages, SEV_ERROR, checks[ID_ISOLATED].id, job->rp->name,
		    "%s: the port became isolated during the change: its memory is lost and its traffic is dropped; %s; stop what uses the memory and see 'cxl explain %s'",
		    job->rp->name, change_state_now(c, job), checks[ID_ISOLATED].id);
}

/* What was set and read back is looked at once more: somebody else may have changed it since. */
static void report_not_lasting(struct change *c, struct job *job)
{
	const struct iso_control now = iso_control(&job->rp->iso);

	if (job->result != OUTCOME_DONE && job->result != OUTCOME_PARTIAL)
		return;
	for (int f = 0; f < N_ISO_FIELDS; f++) {
		if (job->goal.v[f] < 0 || now.v[f] < 0 || now.v[f] == job->goal.v[f])
			continue;
		job->status = outcome_set(&job->result, OUTCOME_LEFT);
		message_add(c->messages, SEV_ERROR, "READ-BACK", job->rp->name,
			    "%s: somebody else changed %s right after it was set: %s; find out who did, then run the command again",
			    job->rp->name, iso_fields[f].name, change_state_now(c, job));
		return;
	}
}

/* What is left half way is said: one of the region's ports still isolates. */
static void report_half(struct change *c, const struct job *job)
{
	for (size_t i = 0; c->kind == CHANGE_DISABLE && i < job->rp->n_regions; i++) {
		const struct cxl_region *r = job->rp->regions[i];

		for (size_t k = 0; k < r->n_root_ports; k++) {
			if (r->root_ports[k] == job->rp ||
			    iso_is_on(&r->root_ports[k]->iso) != TRI_YES)
				continue;
			message_add(
				c->messages, SEV_WARNING, checks[ID_INTERLEAVE].id, job->rp->name,
				"%s: %s also lies below %s, which still isolates: a failure there takes the region down, one here resets the host; 'cxl disable-isolation %s' does both",
				job->rp->name, r->name, r->root_ports[k]->name, r->name);
		}
	}
}

void change_report_tried(struct change *c, struct job *job)
{
	report_interrupt(c, job);
	report_cleared(c, job);
	report_isolated(c, job);
	report_not_lasting(c, job);
	report_half(c, job);
}

void change_report_end(struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		report_reboot(c, &c->jobs[i]);
	report_timeouts(c);
}
