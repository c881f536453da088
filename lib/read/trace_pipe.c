// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace instance and its trace_pipe: see trace_pipe.h.
 *
 * Source: Documentation/trace/ftrace.rst of the kernel ("Instances"), kernel/trace/trace.c.  Who has a file of an
 * instance open holds it: its rmdir answers EBUSY, so that those that a kill left are told from those in use without
 * asking who made them.
 */
#include "lib/read/trace_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"

#define INSTANCES "sys/kernel/tracing/instances"
#define PREFIX "cxl-isolation-"

enum { MAKE_ATTEMPTS = 3 };

/*
 * An instance begins with the options of the top, and with 1.4 MB a processor, which is more than events of
 * errors need between two reads.  What a kernel does not know of these it does not do either.
 */
static const struct {
	const char *file, *value;
} settings[] = {
	{ "buffer_size_kb", "32" },
	{ "trace_options", "context-info" }, { "trace_options", "nolatency-format" }, { "trace_options", "noverbose" },
	{ "trace_options", "noraw" }, { "trace_options", "nohex" }, { "trace_options", "nobin" },
	{ "trace_options", "nofields" }, { "trace_options", "noblock" },
};

static bool is_ours(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX));
}

static void remove_left(struct sysfs *fs, const struct sysfs_names *names)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < names->n; i++)
		if (!sysfs_join(path, sizeof(path), INSTANCES, names->v[i]))
			sysfs_rmdir(fs, path);
}

static int write_in(struct trace_pipe *p, const char *file, const char *value)
{
	char path[PATH_MAX];
	int rc = sysfs_join(path, sizeof(path), p->instance, file);

	return rc ? rc : sysfs_write(&p->fs, path, value);
}

/* Between its mkdir and its open another one may take it for one that was left. */
static int make(struct trace_pipe *p)
{
	char path[PATH_MAX];
	int rc = -ENOENT;

	snprintf(p->instance, sizeof(p->instance), INSTANCES "/" PREFIX "%ld", (long)getpid());
	for (int i = 0; i < MAKE_ATTEMPTS && rc == -ENOENT; i++) {
		rc = sysfs_mkdir(&p->fs, p->instance);
		if (rc) {
			p->instance[0] = '\0';
			return rc;
		}
		sysfs_join(path, sizeof(path), p->instance, "trace_pipe");
		p->fd = sysfs_open(&p->fs, path, O_RDONLY);
		rc = p->fd < 0 ? p->fd : 0;
	}
	for (size_t i = 0; !rc && i < ARRAY_SIZE(settings); i++)
		write_in(p, settings[i].file, settings[i].value);
	return rc;
}

/* How many are on; which of the others are not there, in @missing. */
static size_t enable(struct trace_pipe *p, char *missing, size_t size, int *ret_rc)
{
	size_t n_on = 0, n = 0;

	*missing = '\0';
	for (size_t i = 0; i < n_trace_sources; i++) {
		char file[128];
		int rc;

		snprintf(file, sizeof(file), "events/%s/%s/enable", trace_sources[i].system, trace_sources[i].name);
		rc = write_in(p, file, "1");
		n_on += !rc;
		if (rc && rc != -ENOENT)
			*ret_rc = rc;
		if (rc && n < size)
			n += (size_t)snprintf(missing + n, size - n, "%s%s", n ? ", " : "", trace_sources[i].name);
	}
	return n_on;
}

static void say_none(struct messages *messages, int rc)
{
	message_add(messages, SEV_INFO, "TRACE", NULL, "the kernel's trace events of errors are not heard of: /" INSTANCES ": %s%s; the monitor looks by itself", err_text(-rc),
		    rc == -ENOENT ? " (to mount it: mount -t tracefs nodev /sys/kernel/tracing)" : "");
}

/* It is open: with the events that there are. */
static int listen(struct trace_pipe *p, struct messages *messages)
{
	char missing[512];
	int rc = -ENOENT;

	if (!enable(p, missing, sizeof(missing), &rc))
		return rc;
	if (*missing)
		message_add(messages, SEV_INFO, "TRACE", NULL, "trace events that this kernel does not have, or does not give, are not heard of: %s", missing);
	return 0;
}

void trace_pipe_open(struct trace_pipe *ret, struct messages *messages)
{
	struct arena a = { 0 };
	struct sysfs_names names;
	struct err err;
	int rc;

	*ret = (struct trace_pipe){ .fd = -1, .fs.rootfd = -1, .fs.devicesfd = -1 };
	if (sysfs_init(&ret->fs, NULL, &err))
		return;
	rc = sysfs_list(&ret->fs, &a, INSTANCES, is_ours, &names);
	if (!rc) {
		remove_left(&ret->fs, &names);
		rc = make(ret);
	}
	rc = rc ? rc : listen(ret, messages);
	arena_free(&a);
	if (rc) {
		trace_pipe_close(ret);
		say_none(messages, rc);
	}
}

bool trace_pipe_read(struct trace_pipe *p)
{
	ssize_t n;

	if (p->fd < 0)
		return false;
	memmove(p->buf, p->buf + p->start, p->n);
	p->start = 0;
	if (p->n == TRACE_PIPE_BYTES) {
		p->is_skipping = true;
		p->n = 0;
	}
	n = read(p->fd, p->buf + p->n, TRACE_PIPE_BYTES - p->n);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		trace_pipe_close(p);	/* nothing more will come of it */
	if (n <= 0)
		return false;
	p->n += (size_t)n;
	return true;
}

bool trace_pipe_next(struct trace_pipe *p, struct trace_event *ret)
{
	char *line, *end;

	while ((end = memchr(line = p->buf + p->start, '\n', p->n))) {
		bool is_rest = p->is_skipping;

		*end = '\0';
		p->n -= (size_t)(end + 1 - line);
		p->start += (size_t)(end + 1 - line);
		p->is_skipping = false;
		if (is_rest)
			continue;
		p->n_lost += trace_line_lost(line);
		if (trace_line_parse(line, ret))
			return true;
	}
	return false;
}

void trace_pipe_close(struct trace_pipe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (*p->instance)
		sysfs_rmdir(&p->fs, p->instance);
	p->instance[0] = '\0';
	sysfs_exit(&p->fs);
	p->fs.devicesfd = -1;
}
