/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CXL Early Discovery Table: which address windows the platform routes to
 * CXL (CXL r3.2 sec 9.18.1).  Pure: bytes in, windows out.
 */
#ifndef CXL_CEDT_H
#define CXL_CEDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/message.h"

/* Window restrictions, CXL r3.2 sec 9.18.1.3 */
enum cfmws_restriction {
	CFMWS_DEVICE_COHERENT = 1 << 0,
	CFMWS_HOST_ONLY = 1 << 1,
	CFMWS_VOLATILE = 1 << 2,
	CFMWS_PERSISTENT = 1 << 3,
	CFMWS_FIXED = 1 << 4,
	CFMWS_BACK_INVALIDATE = 1 << 5,
};

struct cedt_window {
	uint64_t base, size;
	unsigned int ways;		/* 0: the encoding is none */
	unsigned int granularity;	/* bytes, 0: the encoding is none */
	unsigned int restrictions;
	bool is_xor;
	const char *dropped;		/* why the kernel does not take it; NULL: it does */
};

struct cedt {
	struct cedt_window *windows;
	size_t n_windows;
	size_t n_bridges;		/* CHBS */
	bool damaged;			/* a part could not be read */
};

/*
 * -ENOMEM or 0.  What is wrong with the table goes to @messages; what could be
 * read is in @ret, with memory from @a.
 */
int cedt_parse(const void *data, size_t n, struct arena *a, struct messages *messages,
	       struct cedt *ret);

#endif
