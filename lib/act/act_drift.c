// SPDX-License-Identifier: GPL-2.0-only
/* Would the programs of the policy's be run? */
#include <errno.h>
#include <unistd.h>

#include "lib/act/act.h"
#include "lib/act/act_event.h"
#include "lib/act/hook.h"

/* @said: the lines of the file, per key, of which something was said for another root port. */
static int report_port(const struct policy *policy, const struct cxl_host *host,
		       const struct cxl_root_port *rp, unsigned int *said, bool *ret_same,
		       struct err *err)
{
	struct policy_wish wish;
	int rc = policy_of_root_port(policy, rp, &wish, err);

	for (enum policy_key key = POLICY_ON_ISOLATED; !rc && key <= POLICY_ON_PROBLEM; key++) {
		const char *program = act_program(&wish, key);
		unsigned int line = wish.settings[key].line;
		struct err why;
		int problem;

		if (!program || said[key] == line)
			continue;
		problem = hook_check(policy_key_names[key], program, &why);
		if (!problem)
			continue;
		if (problem == -EACCES && geteuid())	/* to root it may be there */
			err_set(&why, EXIT_NEGATIVE, EACCES, "%s: whether %.300s would be run cannot be told: it is not for everybody to look at; run the command as root",
				policy_key_names[key], program);
		message_add(host->messages, SEV_ERROR, "DRIFT", rp->name, "%s (%s:%u)",
			    why.text, policy->file, line);
		said[key] = line;
		*ret_same = false;
	}
	return rc;
}

int act_report_programs(const struct policy *policy, const struct cxl_host *host,
			const bool *root_ports, bool *ret_same, struct err *err)
{
	unsigned int said[N_POLICY_KEYS] = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && !host->fs->is_capture && i < host->n_root_ports; i++)
		if (!root_ports || root_ports[i])
			rc = report_port(policy, host, &host->root_ports[i], said, ret_same, err);
	return rc;
}
