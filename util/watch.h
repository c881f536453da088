/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Has anything moved?  A set of small reads below a sysfs root, each compared
 * with what it gave the last time.  What moved, and what that means, is for the
 * caller to find out by reading again.
 *
 * Nothing here fails for good: an error is an answer too, and another one than
 * before is a move.
 */
#ifndef UTIL_WATCH_H
#define UTIL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/mmio.h"
#include "util/sysfs.h"

enum watch_kind {
	WATCH_FILE,	/* up to WATCH_BYTES of it, from .offset */
	WATCH_LINK,	/* where it leads */
	WATCH_DIR,	/* its entries */
	WATCH_WORDS,	/* registers in a file: .size bytes from .offset, in exact 32-bit reads */
	WATCH_PAUSE,	/* while its text begins with .pause, what .paused_by names it is left alone; its end is a move */
};

enum { WATCH_BYTES = 64 };
#define WATCH_UNSEEN INT64_MIN

struct watch_item {
	enum watch_kind kind;
	bool announced;		/* only changes along with the counter */
	bool is_fast;		/* WATCH_WORDS for watch_fast_has_moved(), which maps them if it can */
	bool is_register;	/* all ones are no answer, and so no move */
	const char *path;
	uint64_t offset;	/* of WATCH_FILE and WATCH_WORDS */
	size_t size;		/* 0: WATCH_BYTES */
	int fd;			/* kept open, -1: opened each time */
	bool is_mapped;		/* the words are mapped, and not read(2): those of a real BAR cannot be */
	struct mmio mmio;	/* then: kept, and none where the device was gone */
	const char *pause;	/* of WATCH_PAUSE; a literal */
	size_t paused_by;	/* an item's place in watch.items and 1; 0: nothing's */
	bool is_paused;		/* of WATCH_PAUSE: it is, since the last look */
	const void *owner;	/* the caller's */
	bool has_moved;		/* at the last look at it */
	int64_t result;		/* the last answer: a length or -errno, WATCH_UNSEEN, */
	uint64_t hash;		/* and what it was */
};

struct watch {
	struct sysfs *fs;
	struct arena arena;
	int n_fds;	/* a descriptor from here on is not kept: looking at the host takes some, too */
	struct watch_item counter;	/* its .path NULL: there is none, look at everything */
	struct watch_item *items;
	size_t n, capacity;
};

/* @counter: a file whose number moves whenever something announced does; it need not exist. */
void watch_init(struct watch *w, struct sysfs *fs, const char *counter);

/* Add @item, whose path is copied, as it is now.  -ENOMEM or 0. */
int watch_add(struct watch *w, const struct watch_item *item);

/* Look again; true when something is not as it was then.  It is then from now on. */
bool watch_has_moved(struct watch *w);
/* The same for .is_fast alone: no system call where they are mapped. */
bool watch_fast_has_moved(struct watch *w);
/* Is there one of them that can be read? */
bool watch_is_fast(const struct watch *w);

void watch_exit(struct watch *w);

#endif
