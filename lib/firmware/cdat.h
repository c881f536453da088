/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's Coherent Device Attribute Table, as far as it says how firmware is
 * to describe the memory: DSMAS and DSEMTS (CDAT specification 1.04).
 * Pure: bytes in, ranges of device addresses out.
 */
#ifndef CXL_CDAT_H
#define CXL_CDAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/message.h"

/* EFI Memory Type and Attribute of a DSEMTS */
enum cdat_efi_type {
	CDAT_CONVENTIONAL = 0,
	CDAT_SPECIFIC_PURPOSE = 1,	/* conventional with EFI_MEMORY_SP: Soft Reserved */
	CDAT_RESERVED = 2,
};

/* What a DSEMTS says of a part of the device's memory. */
struct cdat_memory_type {
	uint64_t dpa_start, dpa_end;	/* inclusive */
	unsigned int efi_type;		/* enum cdat_efi_type, or a value that is not defined */
};

struct cdat {
	struct cdat_memory_type *types;
	size_t n_types;
	bool damaged;
};

/* As cedt_parse(); @target is the endpoint, for the messages. */
int cdat_parse(const void *data, size_t n, const char *target, struct arena *a,
	       struct messages *messages, struct cdat *ret);

#endif
