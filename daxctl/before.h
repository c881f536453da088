/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dax memory was before prepare-isolation changed it: its mode, which of its
 * blocks were online and in which zone.  Kept as a file of the state directory until
 * --undo has put it back; known again by where the memory is and by the serial
 * numbers of its devices, whatever it is called by then.
 */
#ifndef DAXCTL_BEFORE_H
#define DAXCTL_BEFORE_H

#include "daxctl/prepare.h"

struct before {
	bool is_there;		/* else nothing below is set */
	bool as_devdax, as_system_ram;	/* it was prepared so, and --undo has not put it back since */
	enum dax_mode mode;
	enum tri memmap;
	struct dax_blocks online;
};

static inline bool before_is_prepared(const struct before *b)
{
	return b->is_there && (b->as_devdax || b->as_system_ram);
}

/*
 * What is kept of @f.  What cannot be read is as if it were not there, with a message; and
 * what is not as it was left, by a boot or by hand, for then it is prepared no longer.
 * -ENOMEM or 0.
 */
int before_read(struct prepare *p, const struct dax_facts *f, struct before *ret);

/*
 * Keep what @f is, unless it is as an earlier run left it, whose record is still to be
 * put back.  True when it was written; where it cannot be, a message says what --undo
 * will do.
 */
bool before_keep(struct prepare *p, const struct dax_facts *f);

/* Everything was taken back: forget what before_keep() wrote. */
void before_forget(struct prepare *p, const struct dax_facts *f);

/* It was put back as @b says. */
void before_put_back(struct prepare *p, const struct dax_facts *f, const struct before *b);

#endif
