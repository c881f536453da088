// SPDX-License-Identifier: GPL-2.0-only
/* What may stand for TARGET, CHECK-ID and other values, for shell completion. */
#include <stdio.h>
#include <string.h>

#include "cxl/common.h"
#include "lib/check/check.h"
#include "lib/model/target.h"
#include "lib/model/timeout.h"
#include "lib/read/target_names.h"
#include "lib/report/assert.h"
#include "lib/report/record_status.h"

static void offer_targets(struct complete *c)
{
	target_names_complete(c, TARGET_ANY);
}

/* recover-port takes a root port, the filter of list CXL's ports, too. */
static void offer_ports(struct complete *c)
{
	target_names_complete(c, c->opt ? TARGET_PORT | TARGET_PCI : TARGET_PCI);
}

static void offer_drivers(struct complete *c)
{
	target_drivers_complete(c);
}

static void offer_buses(struct complete *c)
{
	target_names_complete(c, TARGET_BUS);
}

static void offer_memdevs(struct complete *c)
{
	target_names_complete(c, TARGET_MEMDEV);
}

static void offer_regions(struct complete *c)
{
	target_names_complete(c, TARGET_REGION);
}

/* "contain", "mem_timeout:", and "mem_timeout:contain" once the colon is typed. */
static void offer_levels(struct complete *c)
{
	bool has_cause = strchr(c->value, ':');
	char word[64];

	for (int i = 0; !has_cause && require_names[i]; i++)
		complete_offer(c, require_names[i], NULL);
	for (int i = 0; cause_names[i]; i++)
		for (int k = 0; k < (has_cause ? CONTAINMENT_RECOVER + 1 : 1); k++) {
			snprintf(word, sizeof(word), "%s:%s", cause_names[i], has_cause ? containment_names[k] : "");
			complete_offer(c, word, NULL);
		}
}

/* Of --timeout, and of set-timeout, which is about nothing else. */
static void offer_timeouts(struct complete *c)
{
	for (size_t i = 0; i < n_timeout_ranges; i++)
		complete_offer(c, timeout_ranges[i].name, NULL);
	complete_offer(c, "on", NULL);
	complete_offer(c, "off", NULL);
	if (c->opt) {
		complete_offer(c, "auto", NULL);
		complete_offer(c, "keep", NULL);
	}
}

static bool may_override(const struct complete *c, const struct check *check)
{
	return c->cmd == &cmd_recover_port ? check->recovery_override : check->kind != CHECK_CANNOT;
}

/* Of --override; of explain all. */
static void offer_checks(struct complete *c)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		if (!c->opt || may_override(c, &checks[i]))
			complete_offer(c, checks[i].id, checks[i].title);
	for (size_t i = 0; !c->opt && i < n_outcomes; i++)
		complete_offer(c, outcomes[i].id, outcomes[i].title);
}

static void offer_assertions(struct complete *c)
{
	struct json_object *example = record_status_example();

	if (example)
		assert_complete(c, example);
	json_object_put(example);
}

const struct complete_kind value_kinds[] = {
	{ "TARGET", offer_targets },
	{ "PORT", offer_ports },
	{ "DRIVER", offer_drivers },
	{ "BUS", offer_buses },
	{ "MEM", offer_memdevs },
	{ "REGION", offer_regions },
	{ "[CAUSE:]LEVEL", offer_levels },
	{ "WHAT", offer_timeouts },
	{ "CHECK-ID", offer_checks },
	{ "FIELD=VALUE", offer_assertions },
	{ 0 }
};
