// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of what this machine is, what was proven on it, what its administrator
 * decided, and what was begun on it and did not end.  See checks.h, and the table
 * in table.c for what each is about.
 */
#include "config.h"
#include "lib/check/checks.h"
#include "lib/model/platform.h"

enum answer check_platform_cannot(const struct check_context *ctx, const struct cxl_root_port *rp,
				  const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct platform_row *row = platform_says_no(&ctx->host->platform);

	(void)now;
	if (!row && !platform_is_known(&ctx->host->platform)) {
		f->text = "what machine this is cannot be told";
		return ANSWER_UNTOLD;
	}
	if (!row || rp->kept.platform_recovery || rp->kept.proof != PROOF_NONE)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "%s (%s): %s", row->machines, row->source, row->why);
	f->remedy = arena_printf(a, "prove on this machine that it can, while nobody uses the memory and a reboot would do no harm: cxl recover-port --force-healthy %s; or, where its vendor says so: platform-recovery = yes in %s",
				 rp->name, POLICY_FILE);
	return ANSWER_FAILS;
}

enum answer check_is_unproven(const struct check_context *ctx, const struct cxl_root_port *rp,
			      const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct port_kept *kept = &rp->kept;

	(void)ctx;
	(void)now;
	if (kept->proof == PROOF_HOLDS || !root_port_endpoints(rp))
		return ANSWER_HOLDS;
	if (kept->proof == PROOF_OTHER_KERNEL)
		f->text = arena_printf(a, "it was recovered on %s with Linux %s, and not with the kernel that runs now",
				       kept->proof_date, kept->proof_kernel);
	f->remedy = arena_printf(a, "the drill, while nobody uses the memory: cxl recover-port --force-healthy %s", rp->name);
	return ANSWER_FAILS;
}

enum answer check_policy_forbids(const struct check_context *ctx, const struct cxl_root_port *rp,
				 const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)now;
	if (rp->kept.policy_error) {
		f->text = arena_printf(a, "whether it may be recovered cannot be told: %s", rp->kept.policy_error);
		f->remedy = arena_printf(a, "mend %s; cxl isolation-status --policy says what is wrong with it", POLICY_FILE);
		return ANSWER_UNTOLD;
	}
	if (!rp->kept.recover_never)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "%s says that it is never to be recovered (recover = never)", rp->kept.recover_never);
	f->remedy = arena_printf(a, "change that line (%s), or reboot the host after a failure", rp->kept.recover_never);
	return ANSWER_FAILS;
}

enum answer check_has_journal(const struct check_context *ctx, const struct cxl_root_port *rp,
			      const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct kept_journal *j = kept_journal_of(ctx->host, rp, ctx->recovering);

	(void)now;
	if (ctx->host->kept.state_error) {
		f->text = arena_printf(a, "whether a recovery was begun and did not end cannot be told: %s", ctx->host->kept.state_error);
		f->remedy = "run the command as root";
		return ANSWER_UNTOLD;
	}
	if (!j)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "a recovery of %s was begun and did not end", j->root_port);
	f->remedy = arena_printf(a, "finish it: cxl recover-port --resume %s; or give it up: cxl recover-port --abandon %s", j->root_port,
				 j->root_port);
	return ANSWER_FAILS;
}
