/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daxctl prepare-isolation: who is meant, who is refused, what is planned, and
 * what came of it.  The command around it is prepare.c.
 */
#ifndef DAXCTL_PREPARE_H
#define DAXCTL_PREPARE_H

#include "cxl/change.h"
#include "cxl/lib/change/dax_plan.h"
#include "cxl/lib/snapshot/dax.h"
#include "daxctl/persist_text.h"

enum prepare_goal {
	PREPARE_DEVDAX,		/* offline, device-dax, no struct pages on itself */
	PREPARE_SYSTEM_RAM,	/* isolation on first, then System RAM, without struct pages on itself */
	PREPARE_UNDO,		/* as it was before, or System RAM as the kernel makes it by itself */
};

/* One dax device on its way through the command. */
struct prepare_job {
	const struct dax_facts *before, *after;	/* @after: as read at the end; NULL when it is gone */
	bool is_named;		/* itself, not as one of a group */
	enum result result;	/* of cxl/change.h */
	enum exit_status status;
	bool keeps_before;	/* of before.h: written by this run */
};

struct prepare {
	struct cxl_host host, host_after;
	struct dax_view view, view_after;
	struct messages *messages;	/* of @host */
	struct arena arena;
	enum prepare_goal goal;
	bool dry_run, keep_going, persist, is_hotplug;
	bool has_no_bus;	/* nothing of CXL is here; only entries of what was are taken out */
	uint64_t timeout_us;		/* how long a block may stay busy */
	struct prepare_job *jobs;
	size_t n_jobs;
	struct dax_plan *plans;		/* one, or with @keep_going one per job; and one for what has no dax device */
	size_t n_plans;
	struct err isolate_err;		/* why isolation could not be switched on */
	const struct step *isolate_failed;	/* by this step, which has put back what it did */
	bool is_stopped;		/* by a signal */
	size_t n_blocks, n_blocks_done;	/* progress */
	/* of persist.c: the text of its file before each step; what the rule will hold */
	struct persist_old *persist_old;
	struct serials persisted;
	const bool *memdevs;		/* selected, per host.memdevs[]; NULL: no target was named */
	const bool *regions;	/* selected, per host.regions[]; NULL with --hotplug */
	size_t n_without_dax;	/* of them: System RAM that no dax device stands for */
	size_t n_rest;			/* serial numbers of the last plan, which is about what has no dax device */
	enum exit_status rest_status;
	bool autoprobe_planned;
};

/* Jobs for @targets (ends with NULL; none: all); -errno with @err. */
int prepare_select(struct prepare *p, char **targets, struct err *err);

/*
 * As the udev rule asks for @dax that has just appeared: a job for it when its
 * memory has one of @serials (ends with NULL), else it is given to the driver that
 * the kernel has for it.  -errno with @err.
 */
int prepare_hotplug(struct prepare *p, const char *dax, char **serials, struct err *err);

/* Decide who is refused, with messages. */
void prepare_refuse(struct prepare *p);

/* Refuse what must not be, plan the rest.  Nothing is written.  -errno with @err. */
int prepare_plan(struct prepare *p, struct err *err);

/* Run the plans, read everything again; what failed is in jobs and messages.  -errno with @err. */
int prepare_run(struct prepare *p, struct err *err);

/* The exit status of all jobs together; says why when nothing was done. */
int prepare_status(struct prepare *p);

/* "root_ports that isolation is switched on for" as a step: isolate.c. */
extern const struct step_op step_isolate;

#endif
