// SPDX-License-Identifier: GPL-2.0-only
/* A test event for each program of the policy's: see act.h. */
#include <errno.h>

#include "lib/act/act.h"
#include "lib/act/act_event.h"
#include "lib/act/act_work.h"
#include "lib/check/check.h"

static bool is_stopped(void)
{
	return false;	/* a signal ends this program, and its child with it */
}

static int test_port(const struct cxl_host *host, const struct cxl_root_port *rp,
		     const struct check_result *result, size_t *ret_n, size_t *ret_failed,
		     struct err *err)
{
	struct act_state s = { .containment = (int)containment_worst(&result->now) };
	struct policy_wish wish;
	int rc = act_policy(host, rp, &wish, err);

	for (enum policy_key key = POLICY_ON_ISOLATED; !rc && key <= POLICY_ON_PROBLEM; key++) {
		const struct act_event event = { ACT_TEST, key, "this is a test: nothing has failed" };
		bool has_failed;

		if (!act_program(&wish, key))
			continue;
		++*ret_n;
		act_event_run(host, rp, &wish, &event, &s, is_stopped, &has_failed);
		*ret_failed += has_failed;
	}
	return rc;
}

int act_test(const struct cxl_host *host, const bool *root_ports,
	     const struct check_result *results, size_t *ret_n, struct err *err)
{
	size_t failed = 0;
	int rc = 0;

	*ret_n = 0;
	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		if (root_ports[i])
			rc = test_port(host, &host->root_ports[i], &results[i], ret_n, &failed,
				       err);
	if (rc)
		return rc;
	if (!*ret_n)
		return err_set(err, EXIT_NEGATIVE, ENOENT, "no program was run: the policy file names none for these root ports (on-isolated, on-recovered, on-problem)");
	return failed ? err_set(err, EXIT_REFUSED, EIO, "%zu of %zu programs could not be run, or failed", failed, *ret_n) : 0;
}
