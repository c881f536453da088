// SPDX-License-Identifier: GPL-2.0-only
/* Bringing a port back by itself, or not: see act_decide.h. */
#include "lib/act/act_decide.h"

#include <inttypes.h>
#include <string.h>

enum { US_PER_S = 1000000 };

unsigned int act_limit(const struct policy_wish *wish, uint64_t *ret_seconds)
{
	const struct policy_setting *s = &wish->settings[POLICY_RECOVER_LIMIT];

	*ret_seconds = s->line ? (s->duration_us + US_PER_S - 1) / US_PER_S : ACT_LIMIT_S;
	return s->line ? (unsigned int)s->value : ACT_LIMIT_N;
}

const struct kept_journal *act_journal(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < host->kept.n_journals; i++)
		if (!strcmp(host->kept.journals[i].root_port, rp->name))
			return &host->kept.journals[i];
	return NULL;
}

bool act_has_journal(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	return act_journal(host, rp);
}

bool act_journal_has(const struct kept_journal *j, const char *root_port)
{
	for (size_t i = 0; i < j->n_root_ports; i++)
		if (!strcmp(j->root_ports[i], root_port))
			return true;
	return false;
}

/* Of another root port: whatever it shares with this one, two recoveries at once are one too many. */
static const char *other_journal(const struct cxl_host *host, const struct cxl_root_port *rp,
				 const struct kept_journal *tied)
{
	for (size_t i = 0; i < host->kept.n_journals; i++)
		if (strcmp(host->kept.journals[i].root_port, rp->name) != 0 &&
		    &host->kept.journals[i] != tied)
			return host->kept.journals[i].root_port;
	return NULL;
}

static const char *level_text(const struct act_state *s)
{
	return s->containment < 0 ? "not known, since it was not watched before it failed" : containment_names[s->containment];
}

/* Only to begin with: one that is begun was decided upon. */
static const char *why_left(const struct cxl_host *host, const struct cxl_root_port *rp,
			    const struct policy_wish *wish, const struct act_state *s, uint64_t now)
{
	uint64_t seconds, failed = s->failed_at ? s->failed_at : now;
	unsigned int limit = act_limit(wish, &seconds);

	if (act_has_journal(host, rp))
		return arena_printf(host->arena, "a recovery that somebody else began did not come to its end; type 'cxl recover-port --resume %s' or 'cxl recover-port --abandon %s'",
				    rp->name, rp->name);
	if (s->containment != CONTAINMENT_RECOVER)
		return arena_printf(host->arena, "its containment was %s, not recover; type 'cxl isolation-status --check %s' and decide",
				    level_text(s), rp->name);
	if (s->recovered_at && (s->recovered_at >= failed || failed - s->recovered_at < ACT_FLAP_S))
		return arena_printf(host->arena, "it failed again within %d minutes of its last recovery, so it is left down; find out what is wrong with it, then type 'cxl recover-port %s'",
				    ACT_FLAP_S / 60, rp->name);
	if (act_times_since(&s->recoveries, now, seconds) >= limit)
		return arena_printf(host->arena, "it was recovered %u times in %" PRIu64 " s, which is what recover-limit allows; find out what is wrong with it, then type 'cxl recover-port %s'",
				    limit, seconds, rp->name);
	return NULL;
}

enum act_verdict act_decide(const struct cxl_host *host, const struct cxl_root_port *rp,
			    const struct policy_wish *wish, const struct act_state *s,
			    uint64_t now, const struct kept_journal *tied, const char **ret_text)
{
	const struct policy_setting *recover = &wish->settings[POLICY_RECOVER];
	const char *other;

	if (!wish->applies || !recover->line || recover->value != POLICY_AUTOMATIC) {
		*ret_text = act_has_journal(host, rp) ?
			arena_printf(host->arena, "the policy does not have it recovered by itself any more, and a recovery is in the middle; type 'cxl recover-port --resume %s' or 'cxl recover-port --abandon %s'",
				     rp->name, rp->name) :
			arena_printf(host->arena, "the policy leaves its recovery to you; type 'cxl recover-port %s'", rp->name);
		return s->phase == ACT_RECOVER ? ACT_LEAVE : ACT_NOT_ASKED;
	}
	if (host->kept.state_error) {
		*ret_text = host->kept.state_error;
		return ACT_WAIT;
	}
	if (s->phase != ACT_RECOVER && (*ret_text = why_left(host, rp, wish, s, now)))
		return ACT_LEAVE;
	other = other_journal(host, rp, tied);
	if (!other)
		return ACT_GO;
	*ret_text = arena_printf(host->arena, "it waits until the recovery of %s has ended, whose journal is there: 'cxl recover-port --resume %s' or 'cxl recover-port --abandon %s'",
				 other, other, other);
	return ACT_WAIT;
}
