// SPDX-License-Identifier: GPL-2.0-only
/* Making dax devices and giving them memory: see dax_cut.h. */
#include "lib/txn/dax_cut.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/dax.h"
#include "lib/txn/dax_step.h"
#include "util/parse.h"

/* --- devices ---------------------------------------------------------------------- */

/* The name of what create makes is in create afterwards: drivers/dax/bus.c. */
static int make_dax(struct step_run *run, const struct step *step, struct err *err)
{
	char name[64];
	int rc = sysfs_write(run->fs, step->path, "1");
	ssize_t n = rc ? rc : sysfs_read(run->fs, step->path, name, sizeof(name));

	(void)err;
	return n < 0 ? (int)n : !n ? -ENODEV : run->keep_name(run, step->value, name);
}

static int read_made_dax(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	const char *name = run->name_of(run, step->value);
	char path[PATH_MAX];
	int rc = name ? sysfs_join(path, sizeof(path), DAX_DEVICES, name) : -ENOENT;

	if (!rc)
		snprintf(buf, size, "%s", sysfs_exists(run->fs, path) ? STEP_PRESENT : STEP_ABSENT);
	return rc;
}

static int undo_make_dax(struct step_run *run, const struct step *step)
{
	const char *slash = strrchr(step->path, '/'), *name = run->name_of(run, step->value);
	char path[PATH_MAX];
	int rc = name ? snprintf(path, sizeof(path), "%.*s/delete", slash ? (int)(slash - step->path) : 0, step->path) : 0;

	return rc < 0 || (size_t)rc >= sizeof(path) ? -ENAMETOOLONG
	       : name				    ? sysfs_write(run->fs, path, name)
						    : 0;
}

/* --- memory ------------------------------------------------------------------------ */

static int read_end(struct step_run *run, const char *dax, unsigned int i, const char *attr,
		    uint64_t *ret)
{
	char path[PATH_MAX], text[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%.3000s/mapping%u/%s", dax, i, attr);
	n = sysfs_read(run->fs, path, text, sizeof(text));
	return n < 0 ? (int)n : parse_u64(text, ret);
}

static int read_ranges(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	size_t used = 0;

	if (!sysfs_exists(run->fs, step->path))
		return -ENOENT;
	snprintf(buf, size, "%s", STEP_NO_DRIVER);
	for (unsigned int i = 0;; i++) {
		uint64_t start, end;
		int rc = read_end(run, step->path, i, "start", &start), n;

		rc = rc ? rc : read_end(run, step->path, i, "end", &end);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		n = snprintf(buf + used, size - used, "%s%" PRIx64 "-%" PRIx64, i ? "," : "", start, end);
		if (n < 0 || (size_t)n >= size - used)
			return -E2BIG;
		used += (size_t)n;
	}
}

/* A whole range at a time, or all of them away: a size is cut from the end, wherever that is. */
static int write_ranges(struct step_run *run, const struct step *step, struct err *err)
{
	char path[PATH_MAX], one[64];
	const char *p = step->value;
	int rc;

	(void)err;
	if (!strcmp(p, STEP_NO_DRIVER)) {
		rc = sysfs_join(path, sizeof(path), step->path, "size");
		return rc ? rc : sysfs_write(run->fs, path, "0");
	}
	rc = sysfs_join(path, sizeof(path), step->path, "mapping");
	while (!rc && *p) {
		size_t n = strcspn(p, ",");

		snprintf(one, sizeof(one), "%.*s", (int)n, p);
		rc = sysfs_write(run->fs, path, one);
		p += n + (p[n] == ',');
	}
	return rc;
}

/*
 * With a driver it keeps its memory.  It may have got one beside another device, whose name was
 * written to new_id: then no step of its own takes that back.
 */
static int undo_ranges(struct step_run *run, const struct step *step)
{
	struct step back = *step, unbind = *step;
	char path[PATH_MAX], driver[64];
	struct err err;
	int rc = sysfs_join(path, sizeof(path), step->path, "driver");

	unbind.path = path;
	unbind.value = dax_mode_names[DAX_UNBOUND];
	if (!rc && !strcmp(step->undo, STEP_NO_DRIVER) &&
	    !step_dax_mode.read(run, &unbind, driver, sizeof(driver)) &&
	    strcmp(driver, STEP_NO_DRIVER))
		rc = step_dax_mode.run(run, &unbind, &err);
	back.value = run->before;	/* as .undo, its names resolved */
	return rc ? rc : write_ranges(run, &back, &err);
}

const struct step_op step_make_dax = { .name = "make-dax", .run = make_dax, .read = read_made_dax, .undo = undo_make_dax };
const struct step_op step_ranges = { .name = "range", .run = write_ranges, .read = read_ranges, .undo = undo_ranges };
