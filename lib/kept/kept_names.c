// SPDX-License-Identifier: GPL-2.0-only
/* Names that the policy file gives to memory: see kept_names.h. */
#include "lib/kept/kept_names.h"

#include <errno.h>
#include <string.h>

#include "lib/kept/kept_read.h"
#include "lib/policy/absent.h"
#include "lib/policy/layout_match.h"
#include "lib/read/host_read.h"

/* Who is given a name relies on its size: another one is memory of something else, too. */
static bool has_size_as_wanted(const struct dax_match *m)
{
	for (size_t i = 0; i < m->differences.n; i++)
		if (!strcmp(m->differences.v[i].setting, "size"))
			return false;
	return m->is;
}

static void take_names(const struct cxl_host *host, const struct layout_matches *m,
		       struct kept_names *ret)
{
	const struct layout *l = m->wanted->layout;

	for (size_t i = 0; i < l->n_regions; i++) {
		const struct cxl_region *is = m->wanted->regions[i].is;

		if (is)
			ret->regions[is - host->regions] = l->regions[i].name;
	}
	for (size_t i = 0; i < l->n_dax; i++)
		if (has_size_as_wanted(&m->dax[i]))
			ret->dax[m->dax[i].is - host->dax] = l->dax[i].name;
}

/* A device that is not there takes the names of its own regions only. */
static int leave_out_absent(const struct cxl_host *host, const struct layout *l, struct layout *ret,
			    struct err *err)
{
	struct memory_functions functions;
	struct absents absent;

	if (memory_functions_read(host->fs, host->arena, &functions) ||
	    layout_leave_out(l, host, &functions, host->arena, ret, &absent))
		return err_no_memory(err, " while comparing with the policy");
	for (size_t i = 0; i < absent.n; i++)
		message_add(host->messages, SEV_WARNING, "POLICY", NULL, "%s:%u: %s, so what is made of it has no name", l->file, absent.v[i].line,
			    absent.v[i].what);
	return 0;
}

int kept_names(const struct cxl_host *host, const struct layout_facts *facts,
	       struct kept_names *ret, struct err *err)
{
	struct layout_matches matches;
	struct wanted_layout wanted;
	struct layout_facts own;
	struct layout rest;
	struct policy policy;
	int rc;

	ret->regions = arena_alloc(host->arena, host->n_regions, sizeof(*ret->regions));
	ret->dax = arena_alloc(host->arena, host->n_dax, sizeof(*ret->dax));
	if (!ret->regions || !ret->dax)
		return err_no_memory(err, " while reading the dax devices");
	rc = kept_policy(host, &policy, err);
	if (rc || !policy.layout.n_regions)
		return rc == -ENOENT ? 0 : rc;
	rc = facts ? 0 : layout_facts_read(host, &own, err);
	facts = facts ? facts : &own;
	rc = rc ? rc : leave_out_absent(host, &policy.layout, &rest, err);
	rc = rc ? rc : layout_resolve(&rest, facts, host->arena, &wanted, err);
	if (!rc && layout_match(&wanted, facts, host->arena, &matches))
		rc = err_no_memory(err, " while comparing with the policy");
	if (!rc)
		take_names(host, &matches, ret);
	return rc;
}

int layout_view_read(const struct cxl_host *host, struct layout_view *ret, struct err *err)
{
	int rc = layout_facts_read(host, &ret->facts, err);

	if (rc)
		return rc;
	rc = kept_names(host, &ret->facts, &ret->names, err);
	if (rc && rc != -ENOMEM)
		message_add(host->messages, SEV_WARNING, "POLICY", NULL, "the policy file gives no names to memory: %s", err->text);
	return rc == -ENOMEM ? rc : 0;
}
