// SPDX-License-Identifier: GPL-2.0-only
/* Making it last: see persist.h.  The texts are persist_text.c's. */
#include "lib/prepare/persist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util/array.h"
#include "util/config_file.h"
#include "util/file.h"
#include "util/parse.h"

#define RULE_FILE UDEV_RULES_DIR "/" DAX_KEPT_FILE

enum { MAX_BYTES = 1 << 20 };

/* Both files are handled alike. */
struct persist_file {
	const char *path;
	/* Is @serial in @text, by @ours: by our hand? */
	int (*has)(struct prepare *p, const char *text, uint64_t serial, bool ours, bool *ret,
		   struct err *err);
	/* @text with or without @serial; "" or NULL: no file. */
	int (*edit)(struct prepare *p, const char *text, uint64_t serial, bool on, const char **ret,
		    struct err *err);
};

/* --- the rule ----------------------------------------------------------------- */

/* This very program: it may be installed anywhere.  But udev runs it as root: where others could change it, the installed one. */
static const char *own_path(struct prepare *p)
{
	static const char installed[] = INSTALLED_DAXCTL;
	char path[PATH_MAX], at[PATH_MAX];

	if (sysfs_readlink(p->host->fs, "proc/self/exe", path, sizeof(path)) < 0)
		return NULL;
	if (file_is_others(path, at, sizeof(at)) && !file_is_others(installed, at, sizeof(at)))
		return installed;
	return arena_strdup(&p->arena, path);
}

/* A rule that runs another program, from where this one was before, is not as it shall be. */
static int rule_has(struct prepare *p, const char *text, uint64_t serial, bool ours, bool *ret,
		    struct err *err)
{
	const char *program = own_path(p),
		   *run = program ? persist_rule_run(&p->arena, program) : NULL;
	struct serials list;

	if (persist_rule_parse(&p->arena, text, &list))
		return err_no_memory(err, ", nothing was written");
	*ret = serials_have(&list, serial) && (ours || !run || strstr(text, run));
	return 0;
}

static int rule_edit(struct prepare *p, const char *text, uint64_t serial, bool on,
		     const char **ret, struct err *err)
{
	const char *program = own_path(p);
	struct serials list;
	char at[PATH_MAX];

	if (on && program && file_is_others(program, at, sizeof(at)))
		return err_set(err, EXIT_REFUSED, EPERM, "a udev rule would have root run %.200s, and others than root can change %.200s; nothing was written: install it with 'meson install', or see to owner and mode",
			       program, *at ? at : "/");
	if (!program || strpbrk(program, " \"$%"))
		return err_set(err, EXIT_REFUSED, ENOENT, "this program's path (%.200s) cannot be written into a udev rule; install it in a path without blanks",
			       program ? program : "unknown");
	if (persist_rule_parse(&p->arena, text, &list) ||
	    (on && serials_add(&list, &p->arena, serial)))
		return err_no_memory(err, ", nothing was written");
	if (!on)
		serials_remove(&list, serial);
	*ret = list.n ? persist_rule_text(&p->arena, program, &list) : "";
	return *ret ? 0 : err_no_memory(err, ", nothing was written");
}

/* --- the policy -------------------------------------------------------------------- */

/* Its use, and the layout of its memory. */
static int policy_remove(struct prepare *p, const char *text, uint64_t serial, const char **ret,
			 struct err *err)
{
	int rc = persist_policy_remove(&p->arena, POLICY_FILE, text, serial, ret, err);

	return rc ? rc : persist_layout_remove(&p->arena, POLICY_FILE, *ret, serial, ret, err);
}

/* What would be taken out is ours; where nothing is to be added, an administrator's own line does as well. */
static int policy_has(struct prepare *p, const char *text, uint64_t serial, bool ours, bool *ret,
		      struct err *err)
{
	const char *other;
	int rc = ours ? policy_remove(p, text, serial, &other, err) :
			persist_policy_remove(&p->arena, POLICY_FILE, text, serial, &other, err);

	*ret = !rc && other != text;
	if (rc || *ret || ours)
		return rc;
	rc = persist_policy_add(&p->arena, POLICY_FILE, text, serial, &other, err);
	*ret = other == text;
	return rc;
}

static int policy_edit(struct prepare *p, const char *text, uint64_t serial, bool on,
		       const char **ret, struct err *err)
{
	return on ? persist_policy_add(&p->arena, POLICY_FILE, text, serial, ret, err) :
		    policy_remove(p, text, serial, ret, err);
}

static const struct persist_file files[] = {
	{ RULE_FILE, rule_has, rule_edit }, { POLICY_FILE, policy_has, policy_edit },
};
enum { N_FILES = ARRAY_SIZE(files) };

/* --- reading ------------------------------------------------------------------------ */

/* "" when it is not there. */
static int read_file(struct prepare *p, const struct persist_file *f, const char **ret,
		     struct err *err)
{
	char *text;
	size_t n;
	int rc = sysfs_read_whole(p->host->fs, &p->arena, f->path + 1, MAX_BYTES, &text, &n);

	*ret = "";
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return err_set(err, rc == -EACCES ? EXIT_PREREQ : EXIT_REFUSED, -rc, "%s cannot be read: %s; nothing was changed", f->path, err_text(-rc));
	if (strlen(text) != n)
		return err_set(err, EXIT_USAGE, EINVAL, "%s holds a NUL byte; nothing was changed", f->path);
	*ret = text;
	return 0;
}

/* Would the commands that use the policy file refuse it?  Then it is not written into either. */
int persist_read(struct prepare *p, struct err *err)
{
	struct policy policy;
	unsigned int foreign;
	const char *text;
	int rc = read_file(p, &files[0], &text, err);

	foreign = rc ? 0 : persist_rule_foreign_line(text);
	if (foreign)
		return err_set(err, EXIT_NEGATIVE, EEXIST, "%s:%u was not written by this command and would be lost, nothing was changed; put it into a rules file of its own",
			       files[0].path, foreign);
	rc = rc ? rc : read_file(p, &files[1], &text, err);
	if (!rc && *text)
		rc = policy_read(POLICY_FILE, &p->arena, &policy, err);
	return rc;
}

/* --- the step ------------------------------------------------------------------------- */

static const struct persist_file *file_of(const struct step *step)
{
	for (size_t i = 0; i < N_FILES; i++)
		if (!strcmp(files[i].path + 1, step->path))
			return &files[i];
	return NULL;
}

/* "0x1001 0x1002" one by one: the next into @ret. */
static bool next_serial(const char **text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(*text, &end, 16);
	if (end == *text)
		return false;
	*text = end;
	return true;
}

/* What a step found and what it wrote, for taking it back. */
struct texts {
	const char *old, *new;
};

/* The step puts its serials in, or takes them out, by what it is to end in. */
static bool is_put_in(const struct step *step)
{
	return !strcmp(step->expect_after, STEP_PRESENT);
}

static int edit_file(struct step_run *run, const struct step *step, struct err *err)
{
	struct prepare *p = run->data;
	const struct persist_file *f = file_of(step);
	struct texts *kept = arena_alloc(&p->arena, 1, sizeof(*kept));
	const char *at = step->value;
	uint64_t serial;
	int rc = kept ? read_file(p, f, &kept->old, err) : err_no_memory(err, ", the file was left as it is");

	if (rc)
		return rc;
	kept->new = kept->old;
	while (!rc && next_serial(&at, &serial))
		rc = f->edit(p, kept->new, serial, is_put_in(step), &kept->new, err);
	if (rc || kept->new == kept->old)
		return rc;
	run->steps[run->at].kept = kept;
	return *kept->new ? config_file_write(f->path, kept->new) : config_file_remove(f->path);
}

/* As it was, whatever was in it, unless somebody else has written into it since. */
static int undo_edit(struct step_run *run, const struct step *step)
{
	const struct texts *kept = step->kept;
	const char *path = file_of(step)->path, *now;
	struct err err;

	if (!kept)
		return 0;
	if (read_file(run->data, file_of(step), &now, &err))
		return -err.errnum;
	if (!strcmp(now, kept->old))
		return 0;
	if (strcmp(now, kept->new))
		return -EAGAIN;
	return *kept->old ? config_file_write(path, kept->old) : config_file_remove(path);
}

/* "present": all of them; "absent": none. */
static int look(struct prepare *p, const struct persist_file *f, const char *serials, bool ours,
		const char **ret, struct err *err)
{
	size_t n = 0, found = 0;
	const char *text;
	uint64_t serial;
	int rc = read_file(p, f, &text, err);

	while (!rc && next_serial(&serials, &serial)) {
		bool is_in = false;

		rc = f->has(p, text, serial, ours, &is_in, err);
		found += is_in;
		n++;
	}
	*ret = !found ? STEP_ABSENT : found == n ? STEP_PRESENT : "partly";
	return rc;
}

static int read_serials(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	const char *now;
	struct err err;
	int rc = look(run->data, file_of(step), step->value, !is_put_in(step), &now, &err);

	snprintf(buf, size, "%s", now);
	return rc;
}

static const struct step_op step_file = { .name = "file", .run = edit_file, .read = read_serials, .undo = undo_edit };

/* --- planning ---------------------------------------------------------------------------- */

const char *persist_why_not(struct prepare *p, const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;

	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i] || !r->targets[i]->serial.known)
			return arena_printf(&p->arena, "it cannot be made to last: the serial number of %s cannot be read",
					    r->targets[i] ? r->targets[i]->name : "one of its memory devices");
	return r->n_targets ? NULL : "it cannot be made to last: its memory devices are not known";
}

static const char *serials_text(struct prepare *p, const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;
	const char *text = "";

	for (size_t i = 0; text && i < r->n_targets; i++)
		text = arena_printf(&p->arena, "%s%s0x%" PRIx64, text, i ? " " : "", r->targets[i]->serial.v);
	return text;
}

static int plan_file(struct prepare *p, const struct dax_facts *f, const struct persist_file *file,
		     const char *serials, bool on, struct dax_plan *plan, struct err *err)
{
	struct step step = {
		.op = &step_file, .path = file->path + 1, .value = serials,
		.title = arena_printf(&p->arena, "%s %s %s %s", on ? "write" : "take", serials, on ? "into" : "out of", file->path),
		.expect_after = on ? STEP_PRESENT : STEP_ABSENT, .undo = on ? "as before" : serials,
	};
	const char *now;
	int rc = look(p, file, serials, !on, &now, err);

	if (rc || !strcmp(now, step.expect_after))
		return rc;
	return dax_plan_add(plan, &p->arena, f, step) ? err_no_memory(err, ", nothing was written") : 0;
}

/* Without @serials, and what was taken out before: is the rule empty? */
static bool leaves_rule_empty(struct prepare *p, const char *serials, struct err *err)
{
	uint64_t serial;
	const char *text;

	if (read_file(p, &files[0], &text, err) ||
	    (!p->persisted.v && persist_rule_parse(&p->arena, text, &p->persisted)))
		return false;
	while (next_serial(&serials, &serial))
		serials_remove(&p->persisted, serial);
	return !p->persisted.n;
}

/* From now on, and not only from when the next device appears. */
static int plan_autoprobe(struct prepare *p, const struct dax_facts *f, bool off,
			  struct dax_plan *plan, struct err *err)
{
	static const char path[] = DAX_AUTOPROBE;
	char now[8];

	if (sysfs_read(p->host->fs, path, now, sizeof(now)) <= 0 || p->autoprobe_planned || !strcmp(now, off ? "0" : "1"))
		return 0;
	p->autoprobe_planned = true;
	return dax_plan_add(plan, &p->arena, f, (struct step){
		.op = &step_write, .title = off ? "switch automatic binding on the dax bus off" : "switch automatic binding on the dax bus on",
		.path = path, .value = off ? "0" : "1", .expect_before = off ? "1" : "0", .expect_after = off ? "0" : "1",
		.undo = off ? "1" : "0", .timeout_us = 1000000,
	}) ? err_no_memory(err, ", nothing was written") : 0;
}

static int plan_serials(struct prepare *p, const struct dax_facts *f, const char *serials, bool on,
			struct dax_plan *plan, struct err *err)
{
	int rc = serials ? 0 : err_no_memory(err, ", nothing was written");

	for (size_t i = 0; !rc && i < N_FILES; i++)
		rc = plan_file(p, f, &files[i], serials, on, plan, err);
	if (!rc && (on || leaves_rule_empty(p, serials, err)))
		rc = plan_autoprobe(p, f, on, plan, err);
	return rc;
}

int persist_plan(struct prepare *p, const struct dax_facts *f, bool on, struct dax_plan *plan,
		 struct err *err)
{
	return plan_serials(p, f, serials_text(p, f), on, plan, err);
}

/* Every serial number that is in one of the files by our hand. */
static int all_entries(struct prepare *p, struct serials *ret, struct err *err)
{
	struct policy policy = { 0 };
	const char *rule, *text, *other;
	int rc = read_file(p, &files[0], &rule, err);

	rc = rc ? rc : read_file(p, &files[1], &text, err);
	if (!rc && persist_rule_parse(&p->arena, rule, ret))
		rc = err_no_memory(err, ", nothing was written");
	rc = rc ? rc : policy_parse(POLICY_FILE, text, strlen(text), &p->arena, &policy, err);
	if (!rc && persist_layout_serials(&p->arena, text, &policy.layout, ret))
		rc = err_no_memory(err, ", nothing was written");
	for (size_t i = 0; !rc && i < policy.n; i++) {
		if (policy.sections[i].kind != POLICY_SERIAL)
			continue;
		rc = persist_policy_remove(&p->arena, POLICY_FILE, text, policy.sections[i].key,
					   &other, err);
		if (!rc && other != text && serials_add(ret, &p->arena, policy.sections[i].key))
			rc = err_no_memory(err, ", nothing was written");
	}
	return rc;
}

static const struct cxl_memdev *memdev_by_serial(const struct prepare *p, uint64_t serial)
{
	for (size_t i = 0; i < p->host->n_memdevs; i++)
		if (p->host->memdevs[i].serial.known && p->host->memdevs[i].serial.v == serial)
			return &p->host->memdevs[i];
	return NULL;
}

/* Does a job see to it, with its dax device? */
static bool is_in_a_job(const struct prepare *p, const struct cxl_memdev *m)
{
	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct cxl_region *r = p->jobs[i].before->dax->region;

		for (size_t k = 0; r && k < r->n_targets; k++)
			if (r->targets[k] == m)
				return true;
	}
	return false;
}

/* Volatile memory that was selected. */
static int selected_serials(struct prepare *p, struct serials *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->host->n_memdevs; i++) {
		const struct cxl_memdev *m = &p->host->memdevs[i];

		if ((!p->memdevs || p->memdevs[i]) && m->serial.known && m->ram_bytes.v)
			rc = serials_add(ret, &p->arena, m->serial.v);
	}
	return rc;
}

int persist_plan_rest(struct prepare *p, bool on, struct dax_plan *plan, struct err *err)
{
	struct serials all = { 0 };
	const char *serials = "";
	int rc = on ? selected_serials(p, &all) ? err_no_memory(err, ", nothing was written") : 0 : all_entries(p, &all, err);

	for (size_t i = 0; !rc && serials && i < all.n; i++) {
		const struct cxl_memdev *m = memdev_by_serial(p, all.v[i]);

		if (m ? is_in_a_job(p, m) || (p->memdevs && !p->memdevs[m - p->host->memdevs])
		      : p->memdevs != NULL)
			continue;
		serials = arena_printf(&p->arena, "%s%s0x%" PRIx64, serials, *serials ? " " : "", all.v[i]);
		p->n_rest++;
	}
	return rc || (serials && !*serials) ? rc : plan_serials(p, NULL, serials, on, plan, err);
}

int persist_check(struct prepare *p, struct err *err)
{
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++) {
			const struct step *s = &p->plans[i].steps[k];
			const struct persist_file *f = s->op == &step_file ? file_of(s) : NULL;
			int rc = f ? config_file_check(f->path) : 0;

			if (rc)
				return err_set(err, rc == -EACCES ? EXIT_PREREQ : EXIT_REFUSED, -rc, "%s cannot be written: %s; nothing was changed; %s", f->path,
					       err_text(-rc), rc == -EACCES ? "run the command as root" : "make it writable, or leave --persist out");
		}
	return 0;
}

static void report_step(struct prepare *p, const struct step *s, const char *dax)
{
	const char *file = file_of(s)->path;

	if (is_put_in(s) && p->dry_run)
		message_add(p->messages, SEV_INFO, "PERSIST", dax, "%s would get an entry for serial %s", file, s->value);
	else if (is_put_in(s))
		message_add(p->messages, SEV_INFO, "PERSIST", dax,
			    "%s now has an entry for serial %s; 'daxctl prepare-isolation --undo --persist%s%s' takes it out",
			    file, s->value, dax ? " " : "", dax ? dax : "");
	else
		message_add(p->messages, SEV_INFO, "PERSIST", dax, "the entry for serial %s %s taken out of %s", s->value,
			    p->dry_run ? "would be" : "was", file);
}

void persist_tell(struct prepare *p)
{
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++) {
			const struct step *s = &p->plans[i].steps[k];

			const struct dax_facts *owner = p->plans[i].owner[k];

			if (s->op == &step_file &&
			    s->state == (p->dry_run ? STEP_PLANNED : STEP_DONE))
				report_step(p, s, owner ? owner->dax->name : NULL);
		}
}
