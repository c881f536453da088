/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout of memory that the policy file asks for: regions and the dax devices
 * in them, as its sections [region NAME] and [dax NAME] say it, in terms that
 * outlive a boot.  Only what the file says; what that is on a host is in
 * layout_resolve.h.
 */
#ifndef CXL_LAYOUT_H
#define CXL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/ini.h"

#define LAYOUT_DAX_DIR "/dev/cxl/dax"	/* a device that has a name is LAYOUT_DAX_DIR/NAME */

enum {
	LAYOUT_MAX_WAYS = 16,		/* CXL r3.2 sec 8.2.4.20.7 */
	LAYOUT_NAME_MAX = 48,
	LAYOUT_REGION_ALIGN = 1 << 28,	/* of each position: alloc_hpa() of drivers/cxl/core/region.c */
	LAYOUT_DAX_ALIGN = 2 << 20,	/* where nothing else is said */
};

/* What is said of a size. */
enum layout_amount_kind {
	AMOUNT_BYTES,
	AMOUNT_PERCENT,	/* of the region, rounded down to the alignment */
	AMOUNT_ALL,	/* "max" of a region, "rest" of a device: what the others leave */
};

struct layout_amount {
	enum layout_amount_kind kind;
	uint64_t v;	/* bytes, or percent */
};

enum layout_mode { LAYOUT_DEVDAX, LAYOUT_SYSTEM_RAM, LAYOUT_FAMFS, N_LAYOUT_MODES };
extern const char *const layout_mode_names[N_LAYOUT_MODES];
extern const char *const layout_mode_drivers[N_LAYOUT_MODES];	/* of the kernel, for the dax device */

/* A memory device, by what it is known again: its serial number, or its PCI address. */
struct layout_memdev {
	bool by_address;
	uint64_t key;		/* as parse_pci_address(), or the serial number */
};

enum layout_region_key {
	REGION_MEMDEVS, REGION_WAYS, REGION_GRANULARITY, REGION_SIZE, REGION_DECODER, REGION_TYPE,
	N_REGION_KEYS
};

struct layout_region {
	const char *name;
	unsigned int line;
	unsigned int lines[N_REGION_KEYS];	/* of each key; 0: it is not set */
	struct layout_memdev memdevs[LAYOUT_MAX_WAYS];	/* in the order of positions */
	size_t n_memdevs;	/* 0: all below a root port, */
	uint64_t root_port;	/* this one, as parse_pci_address() */
	unsigned int ways;	/* 0: as many as memory devices */
	uint64_t granularity;	/* 0: the root decoder's */
	struct layout_amount size;	/* AMOUNT_ALL where it is not set */
	const char *decoder;	/* NULL: the one that fits */
	const char *is_named;	/* this one of the host's alone ("region0"); NULL: it is known by its memory devices */
};

enum layout_dax_key {
	DAX_REGION, DAX_SIZE, DAX_ALIGN, DAX_MODE, DAX_OWNER, DAX_GROUP, DAX_FILE_MODE,
	N_DAX_KEYS
};

struct layout_dax {
	const char *name;
	unsigned int line;
	unsigned int lines[N_DAX_KEYS];
	const char *region_name;
	size_t region;		/* in layout.regions */
	struct layout_amount size;
	uint64_t align;
	enum layout_mode mode;
	const char *owner, *group;	/* name or number; NULL: not said */
	int file_mode;		/* -1: not said */
};

struct layout {
	const char *file;
	struct layout_region *regions;	/* in the order of the file, as the devices */
	size_t n_regions;
	struct layout_dax *dax;
	size_t n_dax;
	bool is_part;		/* regions of the file are left out, which will need their room (absent.h) */
};

/* The line of a key, or where it is not set that of its section. */
static inline unsigned int layout_region_line(const struct layout_region *r,
					      enum layout_region_key k)
{
	return r->lines[k] ? r->lines[k] : r->line;
}

static inline unsigned int layout_dax_line(const struct layout_dax *d, enum layout_dax_key k)
{
	return d->lines[k] ? d->lines[k] : d->line;
}

/* --- for the parser of the file (policy.c) ---------------------------------------- */

/* Room for what @n lines can hold, from @a.  -ENOMEM or 0. */
int layout_init(struct layout *l, const char *file, size_t n, struct arena *a);

/* Which section the settings that follow belong to: one of the layout's, or none of them. */
struct layout_section {
	struct layout_region *region;
	struct layout_dax *dax;
};

static inline bool layout_section_is_open(const struct layout_section *s)
{
	return s->region || s->dax;
}

/* "region NAME", "dax NAME": is @name, of a [section], the layout's? */
bool layout_has_section(const char *name);
/* Begin it.  -EINVAL with @err. */
int layout_begin(struct layout *l, const struct ini_line *line, struct layout_section *ret,
		 struct err *err);
/* A setting of it.  -EINVAL with @err. */
int layout_set(const struct layout *l, const struct ini_line *line, const struct layout_section *s,
	       struct err *err);
/* The file has ended: do its sections fit together?  -EINVAL with @err. */
int layout_end(struct layout *l, struct err *err);

#endif
