/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One step of a change as data.  What a step does is in a table (struct step_op); which
 * steps a change takes is planned elsewhere, and step_run.h runs them.
 */
#ifndef CXL_STEP_H
#define CXL_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

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
	const void *kept;		/* what run() has left for undo() */
	const void *arg;		/* of the operation, beside the texts; not in a journal */
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
#define STEP_UNREADABLE "unreadable"	/* and why, in parentheses */

/*
 * Where more decides than one text that is read.  There is one look after a step, and one
 * that was accepted and is not so has failed without an end of the run; errors of such an
 * operation are said as they are.  Each -errno with @err, or 0.
 */
struct step_judge {
	/* Before @step: is everything as the run left it?  Else @step stays planned. */
	int (*ready)(struct step_run *run, const struct step *step, struct err *err);
	/* As was read last: is what @step should bring about so? */
	bool (*is_so)(struct step_run *run, const struct step *step);
	/* @step was done or skipped, or has failed so: what there is to say or to refuse. */
	int (*settled)(struct step_run *run, const struct step *step, struct err *err);
};

struct step_op {
	const char *name;	/* as in the journal */
	const char *recorded_as;	/* as in the record; NULL: .name */
	/* Carry out @step, its texts resolved.  NULL: it only waits.  -errno or 0; @err where that says too little. */
	int (*run)(struct step_run *run, const struct step *step, struct err *err);
	/*
	 * What is there now, into @buf.  -errno when it cannot be told (-ENOENT
	 * reads as "absent").  NULL: nothing can be read back.
	 */
	int (*read)(struct step_run *run, const struct step *step, char *buf, size_t size);
	/* Take @step back: what run() does with .undo as its value when NULL. */
	int (*undo)(struct step_run *run, const struct step *step);
	/*
	 * Help along what is waited for, where a kernel may have taken what was asked and
	 * done nothing: at the looks whose number is a power of two, from @patience on, so
	 * that tries are bounded.  Looks are 1 ms apart at first, then up to 100 ms.  NULL: nothing helps.
	 */
	void (*again)(struct step_run *run, const struct step *step);
	unsigned int patience;
	const struct step_judge *judge;	/* NULL: what is read is compared with what the step expects */
	/* Why it failed in words, into @buf, where an errno or a time that ran out says little.  NULL: never. */
	void (*explain)(const struct step *step, char *buf, size_t size);
	bool is_optional;	/* a failure is a warning, the rest goes on without it */
	bool is_no_change;	/* what it does is nothing that a run would leave or take back */
	bool is_for_others;	/* it waits for somebody's work: the run is stopped, to be gone on with later */
};

/* Those that need nothing but files. */
extern const struct step_op step_write;		/* an attribute, read back */
extern const struct step_op step_capacity;	/* the same of an endpoint decoder, whose attribute need not be readable */
extern const struct step_op step_bind;		/* …/bus/B/drivers/D/bind, value: the device; reads its driver */
extern const struct step_op step_unbind;
extern const struct step_op step_remove;	/* DEVICE/remove; reads whether DEVICE is there */
extern const struct step_op step_rescan;	/* as step_trigger */
extern const struct step_op step_trigger;	/* an attribute that tells nothing: flush, new_id */
extern const struct step_op step_create;	/* DIR/attr, value: the name of what appears in DIR */
extern const struct step_op step_delete;	/* DIR/attr, value: the name of what goes from DIR */
extern const struct step_op step_wait;		/* for path to be present or absent */
extern const struct step_op step_pattern;	/* write and read back through dev/daxX.Y: "good" or "bad" */
extern const struct step_op *const step_ops[];	/* ends with NULL */
extern const struct step_op *const step_port_ops[];	/* those of step_port.h; ends with NULL */

/* NULL when no table has it. */
const struct step_op *step_op_by_name(const char *name);

#endif
