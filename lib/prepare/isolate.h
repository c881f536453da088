/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolation as a part of preparing System RAM: switched on by the way of cxl enable-isolation,
 * between those steps of a plan that take its memory offline and those that bring it online.
 */
#ifndef DAXCTL_ISOLATE_H
#define DAXCTL_ISOLATE_H

#include "lib/prepare/prepare.h"

/* Of one plan. */
struct isolation_part {
	struct change planned;	/* from what is there before; never run, so that it passes */
	struct opt_list passes;	/* the checks that the steps before are there for */
	struct change on;	/* from what the steps before have left */
	struct host_reading reading;	/* that .on was made from */
};

/* Is it on at every root port above @f? */
bool isolation_is_on(const struct dax_facts *f);
/*
 * Plan the part of every plan, refuse jobs for which it would be refused; what is kept of
 * p->host has been read (kept_read.h).  -errno with @err.
 */
int isolation_plan(struct prepare *p, struct err *err);
/* Switch it on for the jobs of @plan, where it is not.  -errno with @err. */
int isolation_switch_on(struct prepare *p, const struct dax_plan *plan, struct err *err);
/* What that has changed is again what it was before; false: not all of it. */
bool isolation_take_back(struct prepare *p, const struct dax_plan *plan);
/* Settings that it was to change and that @now are not as they were before; NULL: none. */
const char *isolation_differs(struct prepare *p, const struct dax_plan *plan,
			      const struct cxl_host *now);
/* Each write of it above @job: planned, or as it was run. */
void isolation_each_step(const struct prepare *p, const struct prepare_job *job,
			 void (*fn)(const struct step *step, void *data), void *data);
void isolation_free(struct prepare *p);

#endif
