/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a row of steps: look, do, read back, compare, wait no longer than said. */
#ifndef CXL_STEP_RUN_H
#define CXL_STEP_RUN_H

#include <limits.h>

#include "lib/txn/step.h"
#include "util/clock.h"
#include "util/message.h"
#include "util/sysfs.h"

struct cxl_host;
struct cxl_root_port;
struct found_users;

/* A run of steps: what they need, and who is told.  All callbacks may be NULL. */
struct step_run {
	struct sysfs *fs;
	const struct cxl_host *host;	/* for operations on the root port's registers */
	const struct cxl_root_port *rp;
	struct messages *messages;
	void *data;			/* of the callbacks */
	/* The name that stands for "{@name}" now, into @buf; -errno with @err. */
	int (*resolve)(struct step_run *run, const char *name, char *buf, size_t size,
		       struct err *err);
	/* What is made has the name @name from now on, by @key; -errno.  And what it has, NULL: not known.  Of steps that make. */
	int (*keep_name)(struct step_run *run, const char *key, const char *name);
	const char *(*name_of)(struct step_run *run, const char *key);
	/* Before @step (its texts resolved) is carried out: the journal.  -errno with @err stops the run. */
	int (*begin)(struct step_run *run, const struct step *step, struct err *err);
	/* After steps[@at] was done, skipped, failed or undone: progress. */
	void (*end)(struct step_run *run);
	/* Between two steps: shall the run end here? */
	bool (*is_stopped)(struct step_run *run);
	/* The rest of the sentence after a failure: the state now and what to type next. */
	const char *(*advice)(struct step_run *run, char *buf, size_t size);
	/* Who uses the memory that is to go, now: users_step.h.  -errno with @err. */
	int (*find_users)(struct step_run *run, struct found_users *ret, struct err *err);
	/* Who may have memory pinned, in words; NULL for lack of memory. */
	const char *(*find_holders)(struct step_run *run);
	struct step *steps;
	size_t n, at;			/* @at: the step being run, or that stopped the run */
	uint64_t end_us;		/* of clock_now_us(): no memory block is waited for any longer; 0: each has its step's time */
	bool changed;			/* something was carried out */
	int errnum;			/* why it ended, for @advice */
	char hung[32];			/* the dax device that its driver does not let go of: dax_write.h; "": none */
	char path[PATH_MAX], value[512], before[256], after[256], is[256];	/* of steps[@at] */
};

/*
 * Run what is not finished of run->steps[0..n).  A step that is already as
 * expected is skipped.  0; -EINTR (EXIT_RESUMABLE) when it was stopped; else
 * -errno with @err: which step, what was expected, what is there, run->advice.
 */
int step_run_all(struct step_run *run, struct err *err);

/* Take back, last first, what was done and can be.  How many could not be. */
size_t step_undo_all(struct step_run *run);

/* Is what @step should bring about so already?  -errno with @err when a name cannot be resolved. */
int step_is_so(struct step_run *run, size_t i, bool *ret, struct err *err);

/* Put names in the place of "{name}" in @text; -errno with @err. */
int step_resolve(struct step_run *run, const char *text, char *buf, size_t size, struct err *err);

/* struct step_op's run and read of what is an attribute and nothing else. */
int step_write_value(struct step_run *run, const struct step *step, struct err *err);
int step_read_text(struct step_run *run, const struct step *step, char *buf, size_t size);
/* The same of an endpoint decoder's capacity, whose attribute need not be readable. */
int step_read_capacity(struct step_run *run, const struct step *step, char *buf, size_t size);

/* step_run.is_stopped of runs that a signal ends; and what it says, false where there is none. */
bool step_is_stopped(struct step_run *run);
bool step_is_to_stop(struct step_run *run);

/* The exit status that an errno of a write stands for. */
enum exit_status step_status_of(int errnum);

/* Are two texts as read back the same: word for word, or as numbers? */
bool step_text_equal(const char *a, const char *b);

/*
 * Take a memory block offline, "…/memoryN/state", by @end_us of clock_now_us() or
 * until the run is stopped: again where it is busy for a moment.  -errno.
 */
int step_offline_until(struct step_run *run, const char *path, uint64_t end_us);

/* Signals that end what goes on until one comes, from @end_us on. */
struct sigaction;
void step_timer_begin(uint64_t end_us, struct sigaction *old);
void step_timer_end(const struct sigaction *old);

/* A pause between two looks: the same wait whoever waits.  *@wait_us 0 at first. */
void step_pause(uint64_t *wait_us);

#endif
