/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The System Resource Affinity Table: which memory belongs to which proximity
 * domain (ACPI 6.5 sec 5.2.16.2).  The kernel gives Soft Reserved memory to
 * dax_hmem by these entries.  Pure: bytes in, ranges out.
 */
#ifndef CXL_SRAT_H
#define CXL_SRAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/message.h"

struct srat_memory {
	uint64_t start, end;	/* inclusive */
	uint32_t domain;
};

struct srat {
	struct srat_memory *memory;	/* those that are enabled and have a length */
	size_t n_memory;
	bool damaged;
};

/* As cedt_parse(). */
int srat_parse(const void *data, size_t n, struct arena *a, struct messages *messages,
	       struct srat *ret);

#endif
