/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dax memory was before prepare-isolation changed it: its mode, which of its
 * blocks were online and in which zone.  Kept as a file of the state directory until
 * --undo has put it back; known again by where the memory is and by the serial
 * numbers of its devices, whatever it is called by then.
 */
#ifndef DAXCTL_BEFORE_H
#define DAXCTL_BEFORE_H

#include "lib/model/dax_facts.h"
#include "lib/plan/dax_plan.h"

struct prepare;

enum before_kind {
	BEFORE_NONE,		/* nothing is kept: it was never prepared, or that is lost */
	BEFORE_BAD,		/* what is kept cannot be used, see .why */
	BEFORE_PUT_BACK,	/* --undo has put it back */
	BEFORE_OTHERWISE,	/* something else was made of it since: by hand, or at a boot */
	BEFORE_PREPARED,	/* it is as it was prepared, or on the way there */
};

struct before {
	enum before_kind kind;
	bool is_of_others;	/* BEFORE_BAD, since other memory was there: nothing is known of this one */
	const char *why;
	int errnum;
	/* set from BEFORE_PUT_BACK on */
	bool as_devdax, as_system_ram;	/* it was prepared so, and --undo has not put it back since */
	bool persists;			/* also after a boot */
	const char *boot_id;		/* when it was kept; NULL: not known */
	enum dax_mode mode;
	enum tri memmap;
	struct dax_blocks online;
};

/* What is kept of @f.  -ENOMEM or 0. */
int before_read(struct prepare *p, const struct dax_facts *f, struct before *ret);

/*
 * Keep what @f is, also where it is to stay so, unless it is as an earlier run left it,
 * whose record is still to be put back.  1 when there was none and it was written; 0 when not,
 * and where it cannot be, a message says what that is for --undo.  -ENOMEM.
 */
int before_keep(struct prepare *p, const struct dax_facts *f, bool is_so);

/* Everything was taken back: forget what before_keep() wrote. */
void before_forget(struct prepare *p, const struct dax_facts *f);

/* It was put back as @b says. */
void before_put_back(struct prepare *p, const struct dax_facts *f, const struct before *b);

#endif
