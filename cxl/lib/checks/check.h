/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readiness checks and containment: one table of pure functions over a
 * snapshot.  The same table feeds `cxl explain` and the man page.
 */
#ifndef CXL_CHECK_H
#define CXL_CHECK_H

#include "cxl/lib/snapshot/host.h"
#include "util/options.h"

/* The best that a failure of the port can end in. */
enum containment {
	CONTAINMENT_NONE,	/* the host resets at once */
	CONTAINMENT_DEBUG,	/* the host lives long enough to log, then panics or loses kernel memory */
	CONTAINMENT_CONTAIN,	/* only the users of that memory die */
	CONTAINMENT_RECOVER,	/* contained, and the port can be brought back without a reboot */
};
extern const char *const containment_names[];
int containment_parse(const char *name);	/* -1 when it is none */

enum check_kind {
	CHECK_CANNOT,	/* makes enabling impossible */
	CHECK_UNSAFE,	/* enabling in spite of it is worse than a reset */
	CHECK_LIMIT,	/* only caps containment */
	CHECK_NOTE,
	CHECK_OUTCOME,	/* of a change, not a check of the host */
};
extern const char *const check_kind_names[];

struct check_context {
	const struct cxl_host *host;
	const bool *enabling;	/* per host->root_ports[]: isolation is being enabled there now */
	bool registers;		/* writing registers is allowed where the kernel has no attributes */
	bool cache;		/* CXL.cache is to be isolated, too */
	bool changing;		/* the findings are about a command that was given: it can be repeated */
	bool isolation_stays;	/* ... and that command will not switch isolation on or off */
};

struct finding {
	const struct check *check;
	const char *text;	/* what is the matter, with this host's names */
	const char *remedy;	/* what to type, with this host's names */
};

struct check {
	const char *id;
	enum check_kind kind;
	enum containment caps_at;	/* CONTAINMENT_RECOVER: does not cap */
	bool guards_disable;		/* also forbids to switch isolation off */
	const char *title;
	const char *why;
	const char *remedy;
	/*
	 * Does the check fail for @rp?  Then fill @f's text and remedy from
	 * @a; what stays NULL falls back to title and remedy above.  @a NULL:
	 * only the answer is wanted.
	 */
	bool (*fails)(const struct check_context *ctx, const struct cxl_root_port *rp,
		      struct arena *a, struct finding *f);
	/* Where it does not fail: why that cannot be told for @rp; NULL when it can, or always can. */
	const char *(*cannot_tell)(const struct cxl_root_port *rp);
};
extern const struct check checks[];
extern const size_t n_checks;

/* What a change can end in that no check foresees; explained like a check. */
extern const struct check outcomes[];
extern const size_t n_outcomes;

const struct check *check_by_id(const char *id);

struct check_result {
	struct finding *v;
	size_t n;
	enum containment now;		/* with isolation as it is */
	enum containment if_enabled;	/* with isolation enabled */
};

/*
 * All checks on one root port; -ENOMEM or 0.  Memory comes from @a.  With
 * @worded the findings name this host's objects, which a listing of ids does
 * not need.
 */
int check_run(const struct check_context *ctx, const struct cxl_root_port *rp,
	      struct arena *a, bool worded, struct check_result *ret);

/* The same on every root port of @host, as it is now; *@ret per host->root_ports[]. */
int check_run_all(const struct cxl_host *host, struct arena *a, bool worded, struct check_result **ret);

/* What an administrator insists on. */
enum require { REQUIRE_SAFE, REQUIRE_DEBUG, REQUIRE_CONTAIN, REQUIRE_RECOVER };
extern const char *const require_names[];
int require_parse(const char *name);	/* -1 when it is none */

struct check_policy {
	enum require require;
	const struct opt_list *overrides;	/* check ids taken out; NULL for none */
};

bool check_is_overridden(const struct check_policy *policy, const struct check *check);

/* The first finding that forbids enabling (or disabling) under @policy, or NULL. */
const struct finding *check_blocker(const struct check_result *result, const struct check_policy *policy,
				    bool disabling);

/*
 * Is containment below what @policy requires?  Then *@ret_cap is the finding
 * that holds it down.
 */
bool check_level_too_low(const struct check_result *result, const struct check_policy *policy,
			 const struct finding **ret_cap);

/*
 * What to type so that containment gets above @level: the remedy of @first, then
 * those of the others that hold it down ("; ISO-DEMOTION too: ...").  What
 * @overridden takes out is left out (NULL: nothing is).  NULL without memory.
 */
const char *check_remedies(const struct check_result *result, const struct finding *first, enum containment level,
			   const struct check_policy *overridden, struct arena *a);

/* The level below the one that @policy requires; CONTAINMENT_NONE when all is well with it. */
enum containment check_level_below(const struct check_policy *policy);

/* The finding that caps containment the most, NULL when none does. */
const struct finding *check_worst_cap(const struct check_result *result);

#endif
