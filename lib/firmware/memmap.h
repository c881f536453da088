/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware said of memory before the kernel changed anything, and what the
 * kernel's command line changes of it: entries of /sys/firmware/memmap
 * (drivers/firmware/memmap.c) and the parameters memmap=, efi=, efi_fake_mem=.
 * Pure: text in, ranges out.
 */
#ifndef CXL_MEMMAP_H
#define CXL_MEMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/firmware/interval.h"
#include "util/message.h"

enum memmap_type { MEMMAP_SOFT, MEMMAP_RAM, MEMMAP_OTHER };

struct memmap_entry {
	uint64_t start, end;	/* inclusive */
	enum memmap_type type;
};

/* The texts of one entry's three files.  -EINVAL or 0. */
int memmap_parse(const char *start, const char *end, const char *type, struct memmap_entry *ret);

struct cmdline {
	struct interval_set soft;	/* made Soft Reserved by it; normalized */
	struct interval_set soft_of_ram;	/* the same, but only what of it is System RAM; normalized */
	bool no_soft_reserve;		/* efi=nosoftreserve */
	bool edits_map;			/* something may be other memory than firmware said */
};

/* -ENOMEM or 0; a parameter that cannot be understood gets a message. */
int cmdline_parse(const char *text, struct arena *a, struct messages *messages,
		  struct cmdline *ret);

#endif
