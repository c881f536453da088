// SPDX-License-Identifier: GPL-2.0-only
/*
 * A layout that options ask for, in the policy file: see layout_make.h.  The texts are
 * persist_sections.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "lib/policy/policy.h"
#include "lib/policy/policy_text.h"
#include "lib/prepare/layout_make.h"
#include "lib/prepare/persist_text.h"
#include "util/config_file.h"

enum { MAX_BYTES = 1 << 20 };

#define NO_MEMORY(err) err_no_memory(err, ", nothing was written")

/* --- the file ------------------------------------------------------------------------ */

/* "" when it is not there. */
static int read_file(struct sysfs *fs, struct arena *a, const char **ret, struct err *err)
{
	char *text;
	size_t n;
	int rc = sysfs_read_whole(fs, a, &POLICY_FILE[1], MAX_BYTES, &text, &n);

	*ret = "";
	if (rc == -ENOENT)
		return 0;
	if (!rc && strlen(text) != n)
		rc = -EILSEQ;
	if (rc)
		return err_set(err, rc == -EACCES ? EXIT_PREREQ : rc == -EILSEQ ? EXIT_USAGE : EXIT_REFUSED, -rc, POLICY_FILE " cannot be read: %s; nothing was written",
			       rc == -EILSEQ ? "it holds a NUL byte" : err_text(-rc));
	*ret = text;
	return 0;
}

static int write_text(const char *text)
{
	return *text ? config_file_write(POLICY_FILE, text) : config_file_remove(POLICY_FILE);
}

/* --- the step ------------------------------------------------------------------------- */

static int read_sections(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	const struct layout_run *r = run->data;
	const char *now;
	struct err err;

	(void)step;
	if (read_file(run->fs, r->a, &now, &err))
		return -err.errnum;
	snprintf(buf, size, "%s", !strcmp(now, r->text->new) ? STEP_PRESENT : !strcmp(now, r->text->old) ? STEP_ABSENT : "changed");
	return 0;
}

/* What somebody else has written since it was read is not lost. */
static int write_sections(struct step_run *run, const struct step *step, struct err *err)
{
	const struct layout_run *r = run->data;
	char now[16];
	int rc = read_sections(run, step, now, sizeof(now));

	if (!rc && strcmp(now, STEP_ABSENT))
		return err_set(err, EXIT_REFUSED, EAGAIN, POLICY_FILE " was changed by somebody else meanwhile");
	return rc ? rc : write_text(r->text->new);
}

static int undo_sections(struct step_run *run, const struct step *step)
{
	const struct layout_run *r = run->data;
	char now[16];
	int rc = read_sections(run, step, now, sizeof(now));

	if (rc || !strcmp(now, STEP_ABSENT))
		return rc;
	return strcmp(now, STEP_PRESENT) ? -EAGAIN : write_text(r->text->old);
}

const struct step_op step_sections = { .name = "sections", .run = write_sections, .read = read_sections, .undo = undo_sections };

/* --- what the file says ------------------------------------------------------------------ */

/* The policy file, on this host. */
struct policy_here {
	const char *text;
	struct policy policy;
	struct wanted_layout wanted;
	size_t region;		/* whose .is is the region that is cut; .policy.layout.n_regions: there is none */
};

static int look(struct layout_make *m, const struct layout_facts *facts, const char *text,
		struct policy_here *ret, struct err *err)
{
	const struct layout *l = &ret->policy.layout;
	int rc = policy_parse(POLICY_FILE, text, strlen(text), &m->arena, &ret->policy, err);

	ret->text = text;
	rc = rc ? rc : layout_resolve(l, facts, &m->arena, &ret->wanted, err);
	for (ret->region = 0; !rc && ret->region < l->n_regions; ret->region++)
		if (ret->wanted.regions[ret->region].is == m->matches.wanted->regions[0].is)
			break;
	return rc;
}

static const struct wanted_dax *dax_named(const struct policy_here *p, const char *name)
{
	for (size_t i = 0; i < p->policy.layout.n_dax; i++)
		if (!strcmp(p->policy.layout.dax[i].name, name))
			return &p->wanted.dax[i];
	return NULL;
}

static size_t n_dax_of(const struct policy_here *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->policy.layout.n_dax; i++)
		n += p->policy.layout.dax[i].region == p->region;
	return n;
}

/* The same devices, under the same names, and no others. */
static bool says_the_same(const struct layout_make *m, const struct policy_here *p)
{
	const struct wanted_layout *l = m->matches.wanted;
	bool same = p->region < p->policy.layout.n_regions &&
		    p->wanted.regions[p->region].size_bytes == l->regions[0].size_bytes &&
		    n_dax_of(p) == m->layout.n_dax;

	for (size_t i = 0; same && i < m->layout.n_dax; i++) {
		const struct wanted_dax *w = &l->dax[i], *in = dax_named(p, w->section->name);

		same = in && in->section->region == p->region && in->offset == w->offset &&
		       in->size_bytes == w->size_bytes &&
		       in->section->align == w->section->align &&
		       in->section->mode == w->section->mode;
	}
	return same;
}

#define REFUSE(line, remedy, err, ...) policy_refuse_here(POLICY_FILE, line, EXIT_NEGATIVE, remedy, err, __VA_ARGS__)

/* What an administrator has written stays as it is. */
static int refuse_others(const struct layout_make *m, const struct policy_here *p, struct err *err)
{
	const struct layout *l = &p->policy.layout;

	for (size_t i = 0; i < l->n_dax; i++) {
		const struct layout_dax *d = &l->dax[i];
		bool is_ours = persist_dax_is_ours(p->text, d), is_of_it = d->region == p->region;

		if (is_of_it && !is_ours)
			return REFUSE(d->line, "change it there, then use 'daxctl prepare-isolation --policy'", err,
				      "[dax %s] is of the same region, %s, and was written by hand", d->name, m->layout.regions[0].name);
		for (size_t k = 0; !is_of_it && k < m->layout.n_dax; k++)
			if (!strcmp(d->name, m->layout.dax[k].name))
				return REFUSE(d->line, "use another name", err, "there is a [dax %s] already, in [region %s]", d->name, l->regions[d->region].name);
	}
	return 0;
}

static bool has_region(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->n_regions; i++)
		if (!strcmp(l->regions[i].name, name))
			return true;
	return false;
}

/* One that the file does not have; the kernel's number is as good as any. */
static const char *new_name(struct layout_make *m, const struct layout *l)
{
	const char *name = arena_printf(&m->arena, "memory%s", m->layout.regions[0].name + strlen("region"));

	while (name && has_region(l, name))
		name = arena_printf(&m->arena, "%sx", name);
	return name;
}

static bool needs_decoder(const struct layout_facts *facts, const struct wanted_region *w)
{
	const struct root_decoder *first;

	return layout_fitting_decoders(facts, w->memdevs, w->ways, &first) > 1;
}

static const char *edited(struct layout_make *m, const struct layout_facts *facts,
			  const struct policy_here *p)
{
	const struct layout *l = &p->policy.layout;
	bool is_in = p->region < l->n_regions;
	const char *region = is_in ? l->regions[p->region].name : new_name(m, l), *text = p->text;

	if (is_in)
		text = persist_sections_remove(&m->arena, text, l, p->region);
	if (!text || !region)
		return NULL;
	m->persist.sections = is_in ? "" : arena_printf(&m->arena, "[region %s], ", region);
	if (!is_in || (text != p->text && persist_region_is_ours(p->text, &l->regions[p->region])))
		text = persist_region_add(&m->arena, text, region, &m->layout.regions[0],
					  needs_decoder(facts, &m->matches.wanted->regions[0]));
	for (size_t i = 0; text && m->persist.sections && i < m->layout.n_dax; i++) {
		text = persist_dax_add(&m->arena, text, region, &m->layout.dax[i]);
		m->persist.sections = arena_printf(&m->arena, "%s%s[dax %s]", m->persist.sections, i ? ", " : "", m->layout.dax[i].name);
	}
	return m->persist.sections ? text : NULL;
}

/* As it would be read at the next boot: the same devices of the same region? */
static int check_new(struct layout_make *m, const struct layout_facts *facts, const char *text,
		     struct err *err)
{
	struct policy_here then = { 0 };
	int rc = look(m, facts, text, &then, err);

	if (rc || says_the_same(m, &then))
		return rc;
	return err_set(err, EXIT_NEGATIVE, EEXIST, POLICY_FILE " cannot tell %s from other regions of the same memory devices, nothing was written; leave --persist out",
		       m->layout.regions[0].name);
}

static int plan_step(struct layout_make *m, const struct layout_text *text, struct err *err)
{
	m->persist.text = text;
	layout_plan_add(&m->plan, NULL, (struct step){
		.op = &step_sections, .title = arena_printf(&m->arena, "write %s into " POLICY_FILE, m->persist.sections),
		.path = &POLICY_FILE[1], .value = m->persist.sections, .undo = "as before",
		.expect_before = STEP_ABSENT, .expect_after = STEP_PRESENT });
	return m->plan.no_memory ? NO_MEMORY(err) : 0;
}

/* Without --persist: where do the names, and the devices, end? */
static void tell_end(const struct layout_make *m, const struct policy_here *p)
{
	if (p->region < p->policy.layout.n_regions)
		message_add(m->messages, SEV_WARNING, "POLICY", m->layout.regions[0].name,
			    "%s is [region %s] of " POLICY_FILE ", and other devices are in it there: 'daxctl prepare-isolation --policy' makes those again, also at a boot; --persist writes these into the file",
			    m->layout.regions[0].name, p->policy.layout.regions[p->region].name);
	else
		message_add(m->messages, SEV_INFO, "NAMES", m->layout.regions[0].name,
			    "the names are in no file, so there are no links in " LAYOUT_DAX_DIR ", and nothing of this outlives a reboot; --persist writes it into " POLICY_FILE);
}

int layout_persist_plan(struct layout_make *m, const struct layout_facts *facts, struct err *err)
{
	struct layout_text *text = arena_alloc(&m->arena, 1, sizeof(*text));
	struct policy_here here = { 0 };
	struct policy checked;
	int rc = text ? read_file(facts->host->fs, &m->arena, &text->old, err) : NO_MEMORY(err);

	/* who may write it is looked at there */
	if (!rc && *text->old)
		rc = policy_read(POLICY_FILE, &m->arena, &checked, err);
	rc = rc ? rc : look(m, facts, text->old, &here, err);
	if (rc && !m->persist.is_wanted && rc != -ENOMEM)
		return 0;	/* who wants to use the file is told what is wrong with it */
	if (rc || says_the_same(m, &here))
		return rc;
	if (!m->persist.is_wanted) {
		tell_end(m, &here);
		return 0;
	}
	rc = refuse_others(m, &here, err);
	if (rc)
		return rc;
	text->new = edited(m, facts, &here);
	rc = text->new ? check_new(m, facts, text->new, err) : NO_MEMORY(err);
	return rc ? rc : plan_step(m, text, err);
}

int layout_persist_check(const struct layout_make *m, struct err *err)
{
	int rc = m->persist.text ? config_file_check(POLICY_FILE) : 0;

	return !rc ? 0 : err_set(err, rc == -EACCES ? EXIT_PREREQ : EXIT_REFUSED, -rc, POLICY_FILE " cannot be written: %s; nothing was changed; %s", err_text(-rc),
				 rc == -EACCES ? "run the command as root" : "make it writable, or leave --persist out");
}
