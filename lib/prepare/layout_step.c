// SPDX-License-Identifier: GPL-2.0-only
/* Operations of steps that make a layout of memory: see layout_make.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/prepare/layout_make.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/dax_step.h"
#include "lib/txn/dax_write.h"
#include "util/parse.h"

static int presence(struct step_run *run, const char *dir, const char *name, char *buf,
		    size_t size)
{
	char path[PATH_MAX];
	int rc = sysfs_join(path, sizeof(path), dir, name);

	if (rc)
		return rc;
	snprintf(buf, size, "%s", sysfs_exists(run->fs, path) ? STEP_PRESENT : STEP_ABSENT);
	return 0;
}

/* "a/b/c" -> "a/b/NAME" */
static int beside(char *buf, size_t size, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int n = snprintf(buf, size, "%.*s/%s", slash ? (int)(slash - path) : 0, path, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int write_beside(struct step_run *run, const struct step *step, const char *attr,
			const char *value)
{
	char path[PATH_MAX];
	int rc = beside(path, sizeof(path), step->path, attr);

	return rc ? rc : sysfs_write(run->fs, path, value);
}

/* --- regions -------------------------------------------------------------------- */

static int read_region(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	return presence(run, LAYOUT_CXL, step->value, buf, size);
}

static int delete_region(struct step_run *run, const struct step *step)
{
	return write_beside(run, step, "delete_region", step->value);
}

static int goes_with_it(struct step_run *run, const struct step *step)
{
	(void)run;
	(void)step;
	return 0;
}

/* --- dax devices ------------------------------------------------------------------ */

static int read_dropped_dax(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	return presence(run, DAX_DEVICES, step->value, buf, size);
}

static int read_driver(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	return step_dax_mode.read(run, step, buf, size);
}

/* "…/dax0.1/driver" -> "dax0.1" */
static int dax_of(const struct step *step, char *buf, size_t size)
{
	const char *start = strstr(step->path, DAX_DEVICES "/");

	if (!start)
		return -EINVAL;
	snprintf(buf, size, "%s", start + strlen(DAX_DEVICES "/"));
	buf[strcspn(buf, "/")] = '\0';
	return 0;
}

static int switch_famfs(struct step_run *run, const struct step *step, struct err *err)
{
	bool on = strcmp(step->value, STEP_NO_DRIVER);
	const char *attr = on ? "new_id" : "unbind";
	uint64_t timeout_us = step->timeout_us;
	char path[PATH_MAX], name[64];
	int rc = dax_of(step, name, sizeof(name));

	snprintf(path, sizeof(path), DAX_DRIVERS "/" DAX_FSDEV_NAME "/%s", attr);
	if (on && timeout_us < DAX_WRITE_TIMEOUT_US)
		timeout_us = DAX_WRITE_TIMEOUT_US;
	rc = rc ? rc : dax_write(run, path, name, timeout_us, err);
	if (rc == -ENOENT)
		err_set(err, EXIT_PREREQ, ENOENT, NO_FSDEV);
	return rc;
}

/* A device that has only just appeared may be bound to nothing: see step_bind. */
static void famfs_again(struct step_run *run, const struct step *step)
{
	struct err err;

	switch_famfs(run, step, &err);
}

/* --- device files ------------------------------------------------------------------ */

static int read_owner(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct statx st;
	int rc = sysfs_stat(run->fs, step->path, &st);

	if (!rc)
		snprintf(buf, size, "%" PRIu32 ":%" PRIu32, st.stx_uid, st.stx_gid);
	return rc;
}

static int write_owner(struct step_run *run, const struct step *step, struct err *err)
{
	uint32_t uid, gid;

	(void)err;
	if (sscanf(step->value, "%" SCNu32 ":%" SCNu32, &uid, &gid) != 2)
		return -EINVAL;
	return sysfs_set_owner(run->fs, step->path, uid, gid);
}

static int read_file_mode(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct statx st;
	int rc = sysfs_stat(run->fs, step->path, &st);

	if (!rc)
		snprintf(buf, size, "%04o", st.stx_mode & 07777);
	return rc;
}

static int write_file_mode(struct step_run *run, const struct step *step, struct err *err)
{
	(void)err;
	return sysfs_set_mode(run->fs, step->path, (unsigned int)strtoul(step->value, NULL, 8));
}

/* --- other dax devices --------------------------------------------------------------- */

static bool was_there(const struct cxl_host *host, const char *name)
{
	for (size_t i = 0; i < host->n_dax; i++)
		if (!strcmp(host->dax[i].name, name))
			return true;
	return false;
}

/* What came meanwhile and is not of the layout, whose devices have their drivers, gets the driver that it would have got. */
static int let_probe(struct step_run *run, const struct step *step, struct err *err)
{
	const struct layout_run *r = run->data;
	struct sysfs_names names = { 0 };
	int rc = step_write_value(run, step, err);

	if (rc || sysfs_list(run->fs, r->a, DAX_DEVICES, NULL, &names))
		return rc;
	for (size_t i = 0; i < names.n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), DAX_DEVICES "/%s/driver", names.v[i]);
		if (!sysfs_exists(run->fs, path) && !was_there(r->host, names.v[i]))
			sysfs_write(run->fs, "sys/bus/dax/drivers_probe", names.v[i]);
	}
	return 0;
}

/* --- the table ---------------------------------------------------------------------- */

const struct step_op step_make_region = { .name = "make-region", .run = step_write_value, .read = read_region, .undo = delete_region };
const struct step_op step_of_new = { .name = "set-new", .run = step_write_value, .read = step_read_text, .undo = goes_with_it };
const struct step_op step_set_aside = { .name = "set-aside", .run = step_write_value, .read = step_read_capacity };
const struct step_op step_drop_dax = { .name = "drop-dax", .run = step_write_value, .read = read_dropped_dax, .is_optional = true };
const struct step_op step_famfs = { .name = "famfs", .run = switch_famfs, .read = read_driver, .again = famfs_again };
const struct step_op step_let_probe = { .name = "let-probe", .run = let_probe, .read = step_read_text };
const struct step_op step_owner = { .name = "owner", .run = write_owner, .read = read_owner };
const struct step_op step_file_mode = { .name = "file-mode", .run = write_file_mode, .read = read_file_mode };
