/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One step of a change as data, and the engine that runs a row of them: look,
 * do, read back, compare, wait no longer than said.  What a step does is in a
 * table (struct step_op); which steps a change takes is planned elsewhere.
 *
 * Not here: isolation settings of several root ports that change together
 * (plan.h, exec.h); they share the record of a step and the words for its state.
 */
#ifndef CXL_STEP_H
#define CXL_STEP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/message.h"
#include "util/sysfs.h"

struct cxl_host;
struct cxl_root_port;

enum step_state {
	STEP_PLANNED,
	STEP_DONE,
	STEP_SKIPPED,	/* what it should bring about was so already */
	STEP_FAILED,
	STEP_UNDONE,	/* done, then taken back */
};
enum { N_STEP_STATES = STEP_UNDONE + 1 };
extern const char *const step_state_names[N_STEP_STATES];

enum step_when {
	STEP_ALWAYS,
	STEP_IF_NEEDED,	/* puts back what may have changed meanwhile: skipped when it did not */
	STEP_IF_STUCK,	/* a way around a defect: only while isolation is still not as wanted */
};
enum { N_STEP_WHENS = STEP_IF_STUCK + 1 };
extern const char *const step_when_names[N_STEP_WHENS];

struct step_run;

/*
 * Texts of a step may hold names in braces, "{region0}", for what has its name
 * only when the step is run: see step_run.resolve.  Paths are below the root,
 * "sys/bus/...".
 */
struct step {
	const struct step_op *op;
	const char *title;		/* for people: "remove 0000:0d:00.0" */
	const char *path, *value;	/* @value "": the operation needs none */
	/* As read back: an attribute's text, a driver's name, "present", ...; "" (or
	 * before: NULL) when it is not looked at.  Numbers are compared as such. */
	const char *expect_before, *expect_after;
	const char *undo;		/* what takes it back; NULL: nothing does */
	uint64_t timeout_us;		/* until it reads back as expected */
	enum step_when when;
	enum step_state state;
	bool tried;			/* in this run */
	uint64_t took_us;
};

/* What is read back where an attribute's text is not the answer. */
#define STEP_PRESENT "present"
#define STEP_ABSENT "absent"
#define STEP_NO_DRIVER "none"
#define STEP_OFFLINE "offline"

struct step_op {
	const char *name;	/* as in the record and the journal */
	/* Carry out @step, whose texts are resolved.  NULL: it only waits.  -errno or 0. */
	int (*run)(struct step_run *run, const struct step *step);
	/*
	 * What is there now, into @buf.  -errno when it cannot be told (-ENOENT
	 * reads as "absent").  NULL: nothing can be read back.
	 */
	int (*read)(struct step_run *run, const struct step *step, char *buf, size_t size);
	/* Take @step back: what run() does with .undo as its value when NULL. */
	int (*undo)(struct step_run *run, const struct step *step);
	/* Why it failed in words, into @buf, where an errno or a time that ran out says little.  NULL: never. */
	void (*explain)(const struct step *step, char *buf, size_t size);
	/* A failure is a warning, the rest goes on without it. */
	bool is_optional;
	/* What it waits for is somebody's work: the run is stopped, to be gone on with later. */
	bool is_for_others;
};

/* Those that need nothing but files. */
extern const struct step_op step_write;		/* an attribute, read back */
extern const struct step_op step_bind;		/* …/bus/B/drivers/D/bind, value: the device; reads its driver */
extern const struct step_op step_unbind;
extern const struct step_op step_remove;	/* DEVICE/remove; reads whether DEVICE is there */
extern const struct step_op step_rescan;	/* as step_trigger */
extern const struct step_op step_trigger;	/* an attribute that tells nothing: flush, new_id */
extern const struct step_op step_create;	/* DIR/attr, value: the name of what appears in DIR */
extern const struct step_op step_delete;	/* DIR/attr, value: the name of what goes from DIR */
extern const struct step_op step_wait;		/* for path to be present or absent */
extern const struct step_op step_pattern;	/* write and read back through dev/daxX.Y: "good" or "bad" */
extern const struct step_op step_register;	/* only to be recorded: exec.h runs it */
extern const struct step_op *const step_ops[];	/* ends with NULL */
extern const struct step_op *const step_port_ops[];	/* those of step_port.h; ends with NULL */

/* NULL when no table has it. */
const struct step_op *step_op_by_name(const char *name);

/* A run of steps: what they need, and who is told.  All callbacks may be NULL. */
struct step_run {
	struct sysfs *fs;
	struct cxl_host *host;		/* for operations on the root port's registers */
	struct cxl_root_port *rp;
	struct messages *messages;
	void *data;			/* of the callbacks */
	/* The name that stands for "{@name}" now, into @buf; -errno with @err. */
	int (*resolve)(struct step_run *run, const char *name, char *buf, size_t size, struct err *err);
	/* Before @step (its texts resolved) is carried out: the journal.  -errno with @err stops the run. */
	int (*begin)(struct step_run *run, const struct step *step, struct err *err);
	/* After steps[@at] was done, skipped, failed or undone: progress. */
	void (*end)(struct step_run *run);
	/* Between two steps: shall the run end here? */
	bool (*is_stopped)(struct step_run *run);
	/* The rest of the sentence after a failure: the state now and what to type next. */
	const char *(*advice)(struct step_run *run, char *buf, size_t size);
	struct step *steps;
	size_t n, at;			/* @at: the step being run, or that stopped the run */
	bool changed;			/* something was carried out */
	int errnum;			/* why it ended, for @advice */
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

/* Are two texts as read back the same: word for word, or as numbers? */
bool step_text_equal(const char *a, const char *b);

/*
 * Take a memory block offline, "…/memoryN/state", by @end_us of step_now_us() or
 * until the run is stopped: again where it is busy for a moment.  -errno.
 */
int step_offline_until(struct step_run *run, const char *path, uint64_t end_us);

/* Signals that end what goes on until one comes, from @end_us on. */
struct sigaction;
void step_timer_begin(uint64_t end_us, struct sigaction *old);
void step_timer_end(const struct sigaction *old);

/* A pause between two looks: the same wait whoever waits.  *@wait_us 0 at first. */
void step_pause(uint64_t *wait_us);
uint64_t step_now_us(void);

#endif
