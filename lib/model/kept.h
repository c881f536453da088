/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this host keeps in files of its own, not the kernel's: the policy file,
 * proofs of recoveries that succeeded, journals of those that did not end.  Only
 * the data: lib/kept/kept_read.c fills it in, since the formats belong to what writes
 * them, further up.
 */
#ifndef CXL_SNAPSHOT_KEPT_H
#define CXL_SNAPSHOT_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/dax.h"

struct cxl_host;
struct cxl_root_port;

enum proof_state {
	PROOF_NONE,		/* no recovery of this port is known to have succeeded on this machine as it is */
	PROOF_OTHER_KERNEL,	/* one has, with another kernel release */
	PROOF_HOLDS,
};

/* A timeout that was set for a while and has not been put back: lib/change/temporary.h. */
struct kept_temporary {
	const char *root_port;
	bool cache;		/* CXL.cache's; else CXL.mem's */
	const char *boot_id;	/* a reboot resets the settings */
	uint64_t pid;		/* of the first who set it, */
	const char *command;	/* and what for */
	bool registers;		/* by register, where there is no attribute */
	/* what it had before, and what it was set to; -1: not known, or left alone */
	int was_range, was_enabled, set_range, set_enabled;
	bool is_held;		/* somebody still needs it */
};

/* What failures were counted by, and how recoveries ended. */
enum counted_failure { FAILED_LINK_DOWN, FAILED_TIMEOUT, FAILED_UNKNOWN };
enum counted_end { ENDED_DONE, ENDED_FAILED, ENDED_STOPPED, ENDED_ABANDONED };
extern const char *const counted_failure_names[], *const counted_end_names[];
enum { N_COUNTED_FAILURES = FAILED_UNKNOWN + 1, N_COUNTED_ENDS = ENDED_ABANDONED + 1 };

/* Counted since this host first kept something of the root port: lib/kept/counters.h. */
struct kept_counters {
	uint64_t isolations[N_COUNTED_FAILURES];
	uint64_t recoveries[N_COUNTED_ENDS];
	uint64_t recovery_us;	/* what those that ended well took */
	uint64_t isolated_us;	/* from when an isolation was counted until it was over, where that was one boot */
	const char *boot_id;	/* of the isolation that has been counted and is not over, NULL: there is none, */
	uint64_t since_us;	/* and when that was, by the clock of that boot */
};

/* Of one root port. */
struct port_kept {
	const struct kept_temporary *temporary[2];	/* of CXL.mem and CXL.cache; NULL: none */
	enum proof_state proof;
	const char *proof_date, *proof_kernel;	/* with one: when that was, and with which kernel */
	/* what the policy file asks for, as "FILE:LINE"; NULL when it does not */
	const char *recover_never;	/* recover = never */
	const char *platform_recovery;	/* platform-recovery = yes */
	bool has_users, has_grace;	/* users and users-grace are set: */
	enum users_end users;
	uint64_t users_grace_us;
	const char *driver_consent, *driver_consent_at;	/* driver-consent: the driver, and "FILE:LINE" */
	const char *policy_error;	/* a sentence: why the policy cannot tell; NULL when it can */
	const struct kept_counters *counters;	/* NULL: they cannot be told */
};

/* A journal: of a recovery that has not ended, or is running. */
struct kept_journal {
	const char *root_port;	/* whose it is; it need not be there any more */
	bool is_readable;	/* whole, undamaged, and of this version: --resume can use it */
	const char **root_ports;	/* of a readable one: all that its regions touch */
	size_t n_root_ports;
};

struct kept {
	const struct kept_journal *journals;	/* in natural order of their root ports */
	size_t n_journals;
	const char *state_error;	/* a sentence: why the state directory cannot tell; NULL when it can */
};

/*
 * A journal that concerns @rp: its own, or of a port that it shares a region
 * with according to that journal; else an unreadable one of another port, which
 * may do so.  NULL when there is none, or host->kept.state_error says that it
 * cannot be told.  The journal of @recovering, which this very process recovers
 * (NULL: none), is left out.
 */
const struct kept_journal *kept_journal_of(const struct cxl_host *host,
					   const struct cxl_root_port *rp,
					   const struct cxl_root_port *recovering);

#endif
