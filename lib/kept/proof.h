/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proofs of recovery: when a root port was taken down and came back whole, one
 * file per port in the state directory says so.  It is about this kind of
 * machine with this firmware, and not about another.
 */
#ifndef CXL_PROOF_H
#define CXL_PROOF_H

#include "lib/model/host.h"

struct proof {
	const char *root_port;
	struct platform platform;	/* with firmware version and kernel, without the processor's name */
	const char *date;		/* UTC, "2026-03-01T12:00:00Z" */
};

#define PROOF_PREFIX "proven-"
#define PROOF_SUFFIX ".json"
enum { PROOF_MAX_BYTES = 4096 };

/* The name of @root_port's proof in the state directory. */
void proof_file(const char *root_port, char *buf, size_t size);

/* True when @text is a proof, whole and of this format; memory from @a. */
bool proof_parse(const char *text, struct arena *a, struct proof *ret);

/* As text, malloc()ed; NULL when there is no memory. */
char *proof_text(const struct proof *p);

/* What @p is worth for @root_port of a host on @platform. */
enum proof_state proof_judge(const struct proof *p, const struct platform *platform,
			     const char *root_port);

/*
 * Keep the proof that @rp of @host was recovered, dated now, in the state
 * directory @dirfd.  0, or -errno with @err: -ENODATA when it cannot be told what
 * it would be a proof for.
 */
int proof_write(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		struct err *err);

#endif
