/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of steps on the isolation settings of one root port, which is changed as a
 * whole: each step reads all its settings, before and after.  What counts is what they
 * are at the end, since a kernel may change more than it is asked for (ISO_QUIRK_CLEARS_OTHERS)
 * and later steps put that right.
 */
#ifndef CXL_SETTING_STEP_H
#define CXL_SETTING_STEP_H

#include "lib/iso/backend.h"
#include "lib/txn/step_run.h"

/* What a step of it sets: step.arg. */
struct setting {
	const struct cxl_root_port *rp;
	enum iso_field field;
	int value;		/* 0/1, or the range's encoding */
	const struct iso_backend *backend;	/* which writes it */
	bool by_register;	/* that is the port's register, else the kernel's attribute */
};

static inline const struct setting *setting_of(const struct step *step)
{
	return step->arg;
}

/* A run of such steps: step_run.data. */
struct setting_run {
	const struct cxl_root_port *rp;
	unsigned int shown;	/* 1 << enum iso_field: those that it is about */
	bool registers;		/* register writes are allowed, and read back */
	struct iso_control goal;
	struct iso_control after;	/* as this run left them, as far as read */
	struct iso_control now;		/* as read before a step */
	bool is_fresh;		/* .after is of right now: read for something else */
	bool is_way_back;	/* somebody else's changes are looked for once, before it */
	bool changed;		/* some write went through */
};

/* In the record both have names of their own: "write", "register". */
extern const struct step_op step_attribute;
extern const struct step_op step_register;

/* Read all settings of @run->rp into @run->after. */
void setting_read(const struct cxl_host *host, struct setting_run *run);

/*
 * Has somebody else changed the port since it was as @run->after says?  Then what was checked
 * no longer holds.  @run->now is what is there.  0, or -errno with @err.
 */
int setting_check_unchanged(const struct setting_run *run, struct err *err);

/* "on", "off", "B2"; "reserved" for a range that has no name, "unknown" for -1. */
const char *setting_value_text(enum iso_field field, int value);

/* "isolation on, timeout off, range B2" into @buf, which is returned: those of @c that are @shown. */
const char *setting_control_text(unsigned int shown, const struct iso_control *c, char *buf,
				 size_t size);

#endif
