/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daxctl prepare-isolation --policy: the host is made as the layout of a policy file wants
 * it, from whatever it is.  What is wanted and what differs is lib/policy's; here it
 * becomes steps, which the one engine runs, reads back and takes back.
 */
#ifndef DAXCTL_LAYOUT_MAKE_H
#define DAXCTL_LAYOUT_MAKE_H

#include "lib/kept/made.h"
#include "lib/policy/layout_match.h"
#include "lib/policy/layout_split.h"
#include "lib/policy/policy_wait.h"
#include "lib/read/modules.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/outcome.h"
#include "util/progress.h"

#define LAYOUT_CXL "sys/bus/cxl/devices"

/* Names in braces of a step, and what they stand for once that is known. */
struct layout_names {
	struct layout_name {
		const char *key;	/* as in the steps: "region fast", "target0 fast", "dax vm1" */
		char name[64];		/* "": not known yet, or not any more */
	} *v;
	size_t n, capacity;
	struct arena *a;
};

const char *layout_name_of(const struct layout_names *names, const char *key);	/* NULL: not known */
/* @name NULL: forget it.  -ENOMEM, -ENAMETOOLONG or 0. */
int layout_name_put(struct layout_names *names, const char *key, const char *name);

/* Steps, and for each whose it is. */
struct layout_plan {
	struct step *steps;
	const struct wanted_region **regions;	/* per step: that it makes; NULL: none */
	size_t n, capacity;
	struct arena *a;
	bool no_memory;
};

/* The data of a run of such steps: step_run.data. */
struct layout_run {
	const struct cxl_host *host;
	const struct layout_plan *plan;
	struct layout_names *names;
	struct made *made;
	const struct layout_text *text;	/* of the policy file, to be written; NULL: it is not */
	struct arena *a;
	struct progress *progress;
};

/* Whose the file of a dax device shall be, as numbers. */
struct layout_account {
	bool has_uid, has_gid;
	uint32_t uid, gid;
};

/* What making the host of @facts as @m wants it is planned from. */
struct layout_request {
	const struct layout_matches *m;
	const struct layout_facts *facts;
	const struct layout_account *accounts;	/* per m->dax[] */
	bool autoprobe;		/* DAX_AUTOPROBE is 1 */
	bool has_memmap;	/* kmem would put struct pages on the memory itself, and can be told not to: as dax_has_memmap_to_clear() */
};

/* To @plan, nothing where it is so.  Pure.  -ENOMEM or 0. */
int layout_plan_make(const struct layout_request *q, struct layout_plan *plan);
/* Of it what is about dax devices (layout_plan_dax.c); @holds: layout_plan_hold() was called, and is let go. */
int layout_plan_dax(const struct layout_request *q, bool holds, struct layout_plan *plan);
/* Keep new dax devices without driver, or let them have one. */
void layout_plan_hold(struct layout_plan *plan, bool hold);
/* A dax device loses its driver; it has one. */
void layout_plan_unbind(struct layout_plan *plan, const struct cxl_dax *d, bool comes_back);
/* It is there already, and need not be made or be given its driver. */
static inline bool layout_region_is_there(const struct wanted_region *w)
{
	return w->is && w->stays && w->is->state == REGION_ENABLED;
}
/* What takes away what is left of regions of @made, half made by a killed command or deleted since, to @plan.  -ENOMEM or 0. */
int layout_plan_clean(const struct cxl_host *host, const struct made *made,
		      struct layout_plan *plan);
/* Add a step, with what it leaves out; a text of it that is NULL is for lack of memory. */
struct step *layout_plan_add(struct layout_plan *plan, const struct wanted_region *of,
			     struct step step);

/* step_run.resolve of such a run. */
int layout_resolve_name(struct step_run *run, const char *name, char *buf, size_t size,
			struct err *err);
/* step_run.begin: what a killed command would leave is kept first. */
int layout_begin_step(struct step_run *run, const struct step *step, struct err *err);

/* As @host is now: which entries of @made are whole, and (@is_over: nothing is left half made) which are gone. */
void layout_settle_made(struct made *made, const struct cxl_host *host, bool is_over);

/* The policy file before and after what a layout of an option asks for is in it, and the step for that. */
struct layout_text { const char *old, *new; };
extern const struct step_op step_sections;

/* Operations of such steps alone (layout_step.c); what is of a new region or device goes with it, so taking it back is nothing. */
extern const struct step_op step_make_region;	/* decoderX.Y/create_ram_region; undo: delete_region */
extern const struct step_op step_of_new;	/* an attribute of what is new */
extern const struct step_op step_set_aside;	/* dpa_size of an endpoint decoder */
extern const struct step_op step_drop_dax;	/* dax_region/delete, value: daxX.Y */
extern const struct step_op step_famfs;		/* …/daxX.Y/driver, value: fsdev_dax, or none */
extern const struct step_op step_let_probe;	/* DAX_AUTOPROBE, 1; what came while it was 0 gets a driver, too */
extern const struct step_op step_owner;		/* dev/daxX.Y, value: "UID:GID" */
extern const struct step_op step_file_mode;	/* dev/daxX.Y, value: "0660" */

struct layout_make {
	const char *file;	/* of the policy, or LAYOUT_OF_OPTION */
	const struct layout_split *split;	/* .layout is made of it; NULL: it is the caller's */
	struct {
		bool is_wanted;		/* what .split asks for is to be in the policy file, too */
		const struct layout_text *text;	/* set where that is to be written: */
		const char *sections;	/* "[region fast], [dax vm1]" */
	} persist;
	bool dry_run;
	const struct modules_loaded *loaded;	/* with --load */
	struct progress *progress;	/* on standard error */
	struct policy_wait wait;	/* it was waited, and of .layout is made what can be */
	struct arena arena;
	struct messages *messages;
	struct host_reading *readings;	/* LAYOUT_READINGS of the caller's, HOST_UNREAD; what was read is in them */
	/* set by layout_make() */
	size_t n_absent;	/* devices that parts of the layout wait for; these are left out of it */
	size_t n_read;		/* the last one is of the host as it is at the end */
	struct layout layout;
	struct layout_matches matches;
	bool *changes;		/* per layout.dax[]: it is not there so, beside its file */
	struct layout_plan clean, plan;
	struct made made;
	enum outcome result;	/* OUTCOME_REFUSED at first */
	bool is_left;		/* failed, and not everything could be taken back */
};
enum { LAYOUT_READINGS = 3 };

/* -errno with @err, 0 when it is made, or planned with .dry_run. */
int layout_make(struct layout_make *m, struct err *err);

/* Of a layout of an option (layout_persist.c): what writes it into the policy file, to .plan, or what that says of the same region. */
int layout_persist_plan(struct layout_make *m, const struct layout_facts *facts, struct err *err);
/* Can the file be written, if it is to be?  -errno with @err. */
int layout_persist_check(const struct layout_make *m, struct err *err);

#endif
