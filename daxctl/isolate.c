// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching isolation on as one step among those on a dax device: the work is
 * that of cxl enable-isolation, checks and rollback included.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daxctl/prepare.h"
#include "util/cleanup.h"

/* Every root port in the step's value ("0000:0c:00.0 0000:0c:01.0") in one change. */
static int change(struct step_run *run, const struct step *step, enum change_kind kind, struct err *err)
{
	struct prepare *p = run->data;
	struct cxl_host host = { .fs.rootfd = -1 };
	struct change c = { .host = &host, .messages = p->messages, .kind = kind, .goal = iso_control_unknown };
	_cleanup_free_ char *names = strdup(step->value);
	char *targets[64], *word, *rest = names;
	size_t n = 0;
	int rc = names ? 0 : -ENOMEM;

	while (!rc && (word = strsep(&rest, " ")) && n < 63)
		targets[n++] = word;
	targets[n] = NULL;
	c.goal.v[ISO_MEM_ISOLATION] = kind == CHANGE_ENABLE;
	rc = rc ? rc : host_read(&host, NULL, err);
	rc = rc ? rc : change_select(&c, targets, err);
	rc = rc ? rc : change_plan(&c, err);
	rc = rc ? rc : change_run(&c, err);
	if (!rc && change_status(&c) != EXIT_DONE)
		rc = err_set(err, (enum exit_status)change_status(&c), ECANCELED, "isolation of %s could not be switched %s, for the reason said before",
			     step->value, kind == CHANGE_ENABLE ? "on" : "off");
	host_free(&host);
	arena_free(&c.arena);
	return rc;
}

static int enable(struct step_run *run, const struct step *step)
{
	struct prepare *p = run->data;
	int rc = change(run, step, CHANGE_ENABLE, &p->isolate_err);

	if (rc)
		p->isolate_failed = &run->steps[run->at];
	return rc;
}

static int disable(struct step_run *run, const struct step *step)
{
	const struct prepare *p = run->data;
	struct err err;

	return p->isolate_failed == &run->steps[run->at] ? 0 : change(run, step, CHANGE_DISABLE, &err);
}

/* On when it is on everywhere. */
static int read_isolation(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	char names[512], path[PATH_MAX], text[16];
	char *word, *rest = names;

	snprintf(names, sizeof(names), "%s", step->value);
	while ((word = strsep(&rest, " "))) {
		ssize_t n;

		snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/cxl_isolation/isolation_ctrl", word);
		n = sysfs_read(run->fs, path, text, sizeof(text));
		if (n < 0)
			return (int)n;
		if (strcmp(text, "1"))
			break;
	}
	snprintf(buf, size, "%s", word ? "off" : "on");
	return 0;
}

const struct step_op step_isolate = { .name = "enable-isolation", .run = enable, .read = read_isolation, .undo = disable };
