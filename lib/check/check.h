/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readiness checks and containment: one table of pure functions over a
 * snapshot.  The same table feeds `cxl explain` and the man page.
 *
 * Containment is what a failure of a root port ends in at worst.  It is judged
 * for each cause of a failure by itself; a check caps it, for all causes or for
 * some.  What cannot be told never raises it.
 */
#ifndef CXL_CHECK_H
#define CXL_CHECK_H

#include "lib/model/check_id.h"
#include "lib/model/containment.h"
#include "lib/model/host.h"
#include "util/options.h"

enum check_kind {
	CHECK_CANNOT,	/* makes enabling impossible */
	CHECK_UNSAFE,	/* enabling in spite of it is worse than a reset */
	CHECK_LIMIT,	/* only caps containment */
	CHECK_NOTE,
	CHECK_OUTCOME,	/* of a change, not a check of the host */
};
extern const char *const check_kind_names[];

enum answer { ANSWER_HOLDS, ANSWER_FAILS, ANSWER_UNTOLD };

/* What a check does of which nobody can tell whether it holds. */
enum untold {
	UNTOLD_NEVER,	/* it always can be told */
	UNTOLD_BLOCKS,	/* as if it failed */
	UNTOLD_CAPS,	/* it caps, at a level of its own, and does not block */
	UNTOLD_PASSES,	/* nothing: the table says why that is right */
};
extern const char *const untold_names[];

/* What recover-port does where the check fails. */
enum recovery {
	RECOVERY_GOES_ON,
	RECOVERY_REFUSED,	/* what is there cannot, or must not, be taken down */
	RECOVERY_LOSES,		/* a region cannot be made again: refused unless it need not be */
};

struct rebuild_set;

struct check_context {
	const struct cxl_host *host;
	const bool *enabling;	/* per host->root_ports[]: isolation is being enabled there now */
	bool registers;		/* writing registers is allowed where the kernel has no attributes */
	bool cache;		/* CXL.cache is to be isolated, too */
	bool changing;		/* the findings are about a command that was given: it can be repeated */
	bool isolation_stays;	/* ... and that command will not switch isolation on or off */
	const struct cxl_root_port *recovering;	/* ... and it recovers this one, whose journal is its own; NULL: none */
	bool ends_users;	/* ... and ends whoever uses what is below */
	bool sets_timeout;	/* ... and it is about a timeout, not about isolation */
	/* Of @rp, that the command ends with (-1: they stay); NULL: enable-isolation's defaults. */
	const struct iso_control *goal;
	const char *driver_consent;	/* of the accelerator's driver, by an option; NULL: as the policy file says */
	const struct rebuild_set *rebuild;	/* what a recovery takes down; NULL: check_run() sees to it, without options */
};

struct finding {
	const struct check *check;
	enum check_id id;	/* its place in the table */
	enum answer answer;	/* fails, or cannot be told */
	enum containment caps_at;	/* where it fails: as its row says, or otherwise, by look() */
	const char *text;	/* what is the matter (of a change: what will be), with this host's names */
	const char *remedy;	/* what to type, with this host's names */
	unsigned int causes;	/* CAUSE_BIT()s that it caps as things are, */
	unsigned int causes_after;	/* and once the change was made */
};

/*
 * Does a check (@f->check) hold for @rp, whose settings are, or would be, @now?  Where not, or
 * where that cannot be told, fill @f's text and remedy from @a; what stays NULL
 * falls back to title and remedy of the table.  @a NULL: only the answer is wanted.
 */
typedef enum answer check_look_fn(const struct check_context *ctx, const struct cxl_root_port *rp,
				  const struct iso_control *now, struct arena *a,
				  struct finding *f);

struct check {
	const char *id;
	enum check_kind kind;
	enum containment caps_at;	/* CONTAINMENT_RECOVER: does not cap */
	unsigned int causes;		/* that it caps, CAUSE_BIT()s; 0: all */
	bool guards_disable;		/* also forbids to switch isolation off */
	enum untold untold;
	enum containment untold_caps_at;	/* with UNTOLD_CAPS */
	const char *untold_why;		/* with UNTOLD_PASSES: why that is right */
	enum recovery recovery;
	enum exit_status recovery_status;	/* of the refusal */
	bool recovery_override;		/* recover-port --override takes it */
	bool recovery_may_come;		/* also looked at between a failure and --resume or --abandon */
	bool by_settings;		/* depends on the port's settings, which a change may change */
	const char *title;
	const char *why;
	const char *remedy;
	check_look_fn *look;
};
extern const struct check checks[N_CHECKS];

/* What a change can end in that no check foresees; explained like a check. */
extern const struct check outcomes[];
extern const size_t n_outcomes;

const struct check *check_by_id(const char *id);

/* The check that asks for that reason (enum rebuild_reason of rebuild.h) why a region cannot be made again. */
enum check_id check_of_rebuild(unsigned int reason);

/* What a finding amounts to: its check's kind; a limit where it is not told and only caps. */
enum check_kind finding_kind(const struct finding *f);
/* The level that it caps at; CONTAINMENT_RECOVER: it does not. */
enum containment finding_caps_at(const struct finding *f);
bool finding_is_lifted(const struct finding *f);	/* a limit that look() let go of: a note */
/* Does it count for anything: not one that cannot be told and passes? */
bool finding_counts(const struct finding *f);
/* What nobody has said may pass when it cannot be told counts as failed. */
enum answer check_counted(const struct check *check, enum answer answer);

struct check_result {
	struct finding *v;		/* in the order of the table */
	size_t n;
	struct containment_levels now;		/* with the settings as they are */
	struct containment_levels if_enabled;	/* after enable-isolation with its defaults */
	struct containment_levels after;	/* after the change that is under way; else as if_enabled */
};

/*
 * All checks on one root port; -ENOMEM or 0.  Memory comes from @a.  With @worded the
 * findings name this host's objects, which a listing of ids does not need.
 */
int check_run(const struct check_context *ctx, const struct cxl_root_port *rp,
	      struct arena *a, bool worded, struct check_result *ret);

/* The same on every root port of @host, as it is now; *@ret per host->root_ports[]. */
int check_run_all(const struct cxl_host *host, struct arena *a, bool worded,
		  struct check_result **ret);

/* The finding of that check, NULL when it holds. */
const struct finding *check_find(const struct check_result *result, enum check_id id);

/* What an administrator insists on. */
enum require { REQUIRE_SAFE, REQUIRE_DEBUG, REQUIRE_CONTAIN, REQUIRE_RECOVER };
extern const char *const require_names[];
int require_parse(const char *name);	/* -1 when it is none */

struct check_policy {
	enum require require;
	const int *levels;			/* per cause: the level to be reached; -1 as @require.  NULL: none by itself */
	const struct opt_list *overrides;	/* check ids taken out; NULL for none */
};

bool check_is_overridden(const struct check_policy *policy, const struct check *check);

/* The first finding that forbids enabling (or disabling) under @policy, or NULL. */
const struct finding *check_blocker(const struct check_result *result,
				    const struct check_policy *policy, bool disabling);

/*
 * Is containment, of any cause, below what @policy requires?  Then *@ret_cap is
 * the finding that holds it down, and *@ret_cause the cause.
 */
bool check_level_too_low(const struct check_result *result, const struct check_policy *policy,
			 const struct finding **ret_cap, enum cause *ret_cause);

/*
 * What to type so that containment of @cause gets above @level: the remedy of
 * @first, then those of the others that hold it down ("; ISO-DEMOTION too: ...").
 * What @overridden takes out is left out (NULL: nothing is).  NULL without memory.
 */
const char *check_remedies(const struct check_result *result, const struct finding *first,
			   enum containment level, enum cause cause,
			   const struct check_policy *overridden, struct arena *a);

/* The level that @policy requires of @cause. */
enum containment check_level_wanted(const struct check_policy *policy, enum cause cause);

/*
 * The finding that holds back what is now: of *@cause, or with -1 of the worst cause,
 * which *@cause becomes.  NULL: none does but isolation that is off.
 */
const struct finding *check_holding_back(const struct check_result *result, int *cause);

/* The finding that caps the worst cause the most once the change was made, NULL when none does. */
const struct finding *check_worst_cap(const struct check_result *result);

#endif
