/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/iomem: the lines that tell who uses memory.  Nesting is not looked at:
 * a newly inserted equal range becomes the parent, and a child may be printed
 * larger than its parent.  Pure: text in, ranges out.
 */
#ifndef CXL_IOMEM_H
#define CXL_IOMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/message.h"

enum iomem_kind {
	IOMEM_SOFT,	/* "Soft Reserved" */
	IOMEM_RAM,	/* "System RAM", and what others than kmem added */
	IOMEM_KMEM,	/* "System RAM (kmem)" */
	IOMEM_WINDOW,	/* "CXL Window N" */
	IOMEM_REGION,	/* "regionN" */
	N_IOMEM_KINDS,
};
extern const char *const iomem_kind_names[];

struct iomem_line {
	uint64_t start, end;	/* inclusive */
	enum iomem_kind kind;
	unsigned int id;	/* N of a window or a region */
};

struct iomem {
	struct iomem_line *lines;	/* only of the kinds above */
	size_t n;
	size_t n_all;		/* how many lines there were */
	size_t n_bad;		/* that are none of the kernel's */
	bool hidden;		/* every address is 0: the reader lacks CAP_SYS_ADMIN */
};

/* A line of any kind, for whoever needs to know what lies in what. */
struct iomem_entry {
	size_t indent;		/* two spaces for each line that it is in */
	uint64_t start, end;	/* inclusive */
	const char *name;	/* in the text, without a NUL */
	size_t n_name;
};
/* The line at *@text, which moves behind it; false at @end.  Those that are none of the kernel's are counted. */
bool iomem_next(const char **text, const char *end, struct iomem_entry *ret, size_t *n_bad);

/* -ENOMEM or 0; bad lines are counted and named in one message. */
int iomem_parse(const char *text, size_t n, struct arena *a, struct messages *messages,
		struct iomem *ret);

#endif
