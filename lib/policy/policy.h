/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy file: what isolation, timeout and use of memory shall be, per
 * target.  Parsed strictly and refused whole; what it asks of a root port or a
 * dax device of a snapshot, and in what that differs, are pure functions.
 */
#ifndef CXL_POLICY_H
#define CXL_POLICY_H

#include "lib/check/check.h"
#include "lib/model/dax_facts.h"
#include "lib/model/timeout.h"
#include "lib/plan/plan.h"
#include "lib/policy/layout.h"
#include "lib/policy/require.h"

struct layout_matches;

/* A section stands for root ports; of two that name one port the later kind wins. */
enum policy_kind {
	POLICY_ALL,	/* [all] */
	POLICY_BUS,	/* [root0] */
	POLICY_PCI,	/* [0000:0c:00.0]: a root port, or the one above that switch port or endpoint */
	POLICY_SERIAL,	/* [serial 0x1001]: the root port above the memdev with that serial number */
};

enum policy_key {
	POLICY_REQUIRE, POLICY_TIMEOUT, POLICY_CACHE, POLICY_LINK_DOWN, POLICY_MODE, POLICY_RECOVER,
	POLICY_PLATFORM_RECOVERY,	/* the platform recovers, whatever its vendor says */
	POLICY_BEST_EFFORT,		/* what was asked for and could not be set is not a failure */
	POLICY_USERS, POLICY_USERS_GRACE,	/* recover-port: what becomes of who uses the memory */
	POLICY_DRIVER_CONSENT,		/* the accelerator's driver that recover-port may take off and give back */
	POLICY_ON_ISOLATED, POLICY_ON_RECOVERED, POLICY_ON_PROBLEM,	/* programs that the acting monitor runs, */
	POLICY_HOOK_TIMEOUT,		/* and how long each may take */
	POLICY_RECOVER_LIMIT,		/* how often it brings a port back by itself, in what time */
	N_POLICY_KEYS
};
extern const char *const policy_key_names[N_POLICY_KEYS];

enum policy_recover { POLICY_NEVER, POLICY_MANUAL, POLICY_AUTOMATIC };
enum { POLICY_LIMIT_MAX = 32 };	/* recoveries that recover-limit may allow in its time */

/* One setting; some have more to them than a number. */
struct policy_setting {
	unsigned int line;	/* in the file, the first where it has more; 0: it is not set */
	const char *text;	/* as written */
	int value;		/* enum require (of require.plain), dax_mode, policy_recover, users_end, how often, or 0 and 1 */
	struct timeout_request timeout;
	struct requirement require;
	uint64_t duration_us;
};

struct policy_section {
	enum policy_kind kind;
	const char *name;	/* as written, in lower case */
	unsigned int line;
	uint64_t key;		/* of POLICY_PCI: as parse_pci_address(); of POLICY_SERIAL: the number */
	struct policy_setting settings[N_POLICY_KEYS];
};

struct policy {
	const char *file;
	struct policy_section *sections;	/* that stand for root ports */
	size_t n;
	struct layout layout;	/* the others: what memory there shall be */
};

/* What all sections together ask of one object. */
struct policy_wish {
	bool applies;	/* some section is about it */
	bool is_named;	/* by itself: not as one of a bus */
	struct policy_setting settings[N_POLICY_KEYS];
};

/* The file at @path, or @len bytes of @text under the name @file.  -errno with @err. */
int policy_read(const char *path, struct arena *a, struct policy *ret, struct err *err);
int policy_parse(const char *file, const char *text, size_t len, struct arena *a,
		 struct policy *ret, struct err *err);

/* -EINVAL with @err (EXIT_USAGE) when two sections of one kind ask for different things. */
int policy_of_root_port(const struct policy *p, const struct cxl_root_port *rp,
			struct policy_wish *ret, struct err *err);
int policy_of_dax(const struct policy *p, const struct cxl_dax *d, struct policy_wish *ret,
		  struct err *err);

/* Does @s name anything of @host? */
bool policy_section_is_there(const struct policy_section *s, const struct cxl_host *host);

/* The settings of the control register that @wish asks for; -1: it leaves the field alone. */
struct iso_control policy_goal(const struct policy_wish *wish, const struct cxl_root_port *rp);

/* The timeout is to be switched on where it is off: also where nothing is said of it. */
bool policy_is_auto_timeout(const struct policy_wish *wish);

/* A difference between the policy and the host. */
struct policy_drift {
	const char *target;	/* root port, dax device, or a section's name ("dax vm1") */
	const char *setting;	/* "isolation", a key's name, or "target": nothing has that name */
	const char *wanted, *is;
	unsigned int line;
};

struct policy_drifts {
	struct policy_drift *v;
	size_t n;
};

/*
 * All of them, in the order of root ports, then dax devices, then sections whose
 * target is missing.  @results per host->root_ports[] (NULL: of dax devices and sections alone); those for which @wanted
 * (NULL: all) is false are left out, and sections too.  Memory from @a.  -errno with @err.
 */
int policy_compare(const struct policy *p, const struct cxl_host *host,
		   const struct check_result *results, const bool *wanted, struct arena *a,
		   struct policy_drifts *ret, struct err *err);

/*
 * The same of the layout of memory, as layout_match() found it (layout_match.h): regions, then
 * dax devices of regions that are there.  -ENOMEM or 0.
 */
int policy_compare_layout(const struct layout_matches *m, struct arena *a,
			  struct policy_drifts *ret);

/* Each as an error, DRIFT, to @messages. */
void policy_report(const struct policy *policy, const struct policy_drifts *drifts,
		   struct messages *messages);

/*
 * The layout of memory compared with @host, and what differs reported: also what of it is not there,
 * or does not fit to the host.  *@ret_same becomes false where anything does.  -errno with @err.
 */
int policy_report_layout(const struct policy *policy, const struct cxl_host *host,
			 struct arena *a, bool *ret_same, struct err *err);

#endif
