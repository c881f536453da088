// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracefs, as far as events are switched on and read as text: see tracefs.h.
 *
 * As kernel/trace/trace.c has it: an instance begins with the options of the top and no event; its trace_pipe is
 * opened by one at a time, and while it is open the instance cannot be removed; what does not fit drives out the
 * oldest, and a line says how many.  A read takes whole lines, a page at most.  Event filters and triggers, tracers,
 * the buffers of single processors and the file trace are not there.
 */
#include "sim/models/tracefs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/models.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/clock.h"

#define TOP "/sys/kernel/tracing"

enum { PIPE_WAIT_MS = 20, READ_MAX = 4096, LINE_BYTES = 2048, DEFAULT_KB = 1408 };
enum { US_PER_S = 1000000 };

struct tracer {
	struct tracer *next;
	struct node *dir;
	unsigned int options;		/* bits, of option_names[] */
	uint64_t size_kb;
	bool is_on, is_piped;
	char *text;			/* whole lines, the oldest first */
	size_t len;
	unsigned long n_lost;
};

static const char *const option_names[] = {
	"context-info", "irq-info", "latency-format", "verbose", "raw", "hex", "bin", "fields", "block", "overwrite",
};
enum { CONTEXT_INFO = 1 << 0, DEFAULT_OPTIONS = 1 << 0 | 1 << 1 | 1 << 9 };

/* --- files ---------------------------------------------------------------------------- */

static ssize_t options_show(struct node *node, char *buf, size_t size)
{
	const struct tracer *t = node->model;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s\n", t->options & 1u << i ? "" : "no", option_names[i]);
	return (ssize_t)n;
}

static ssize_t options_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct tracer *t = node->model;
	char word[64];
	const char *name = dev_word(buf, word, sizeof(word));
	bool is_off = !strncmp(name, "no", 2);

	(void)op;
	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
		if (strcmp(option_names[i], name + (is_off ? 2 : 0)) != 0)
			continue;
		t->options = is_off ? t->options & ~(1u << i) : t->options | 1u << i;
		return (ssize_t)len;
	}
	return -EINVAL;
}

static ssize_t size_show(struct node *node, char *buf, size_t size)
{
	const struct tracer *t = node->model;

	return snprintf(buf, size, "%" PRIu64 "\n", t->size_kb);
}

static ssize_t size_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct tracer *t = node->model;
	uint64_t v;
	int rc = kstr_number(buf, UINT32_MAX, &v);

	(void)op;
	if (rc || !v)
		return rc ? rc : -EINVAL;
	t->size_kb = v;
	return (ssize_t)len;
}

static ssize_t on_show(struct node *node, char *buf, size_t size)
{
	const struct tracer *t = node->model;

	return snprintf(buf, size, "%d\n", t->is_on);
}

static ssize_t on_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct tracer *t = node->model;
	uint64_t v;
	int rc = kstr_number(buf, UINT32_MAX, &v);

	(void)op;
	if (rc)
		return rc;
	t->is_on = v;
	return (ssize_t)len;
}

/* The text of the file is whether the event is on. */
static ssize_t enable_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	uint64_t v;
	int rc = kstr_number(buf, UINT32_MAX, &v);

	(void)op;
	if (rc || v > 1)
		return rc ? rc : -EINVAL;
	return node_set_data(node, v ? "1\n" : "0\n", 2) ? -ENOMEM : (ssize_t)len;
}

static int pipe_open(struct node *node, struct op *op)
{
	struct tracer *t = node->model;

	(void)op;
	if (t->is_piped)
		return -EBUSY;
	t->is_piped = true;
	return 0;
}

static void pipe_release(struct node *node)
{
	struct tracer *t = node->model;

	t->is_piped = false;
}

static bool pipe_is_readable(const struct node *node)
{
	const struct tracer *t = node->model;

	return t->len;
}

static void take(struct tracer *t, size_t n)
{
	memmove(t->text, t->text + n, t->len - n);
	t->len -= n;
}

/* Bytes of the first line and its end. */
static size_t line_length(const struct tracer *t)
{
	const char *end = memchr(t->text, '\n', t->len);

	return end ? (size_t)(end + 1 - t->text) : t->len;
}

static ssize_t pipe_read(struct node *node, void *buf, size_t size, uint64_t offset, struct op *op)
{
	struct tracer *t = node->model;
	char *to = buf;
	size_t n = 0, line;

	(void)offset;
	if (!t->len) {
		op->wait_ms = PIPE_WAIT_MS;
		return op->is_nonblocking ? -EAGAIN : SIM_AGAIN;
	}
	size = size < READ_MAX ? size : READ_MAX;
	if (t->n_lost && size > 64)
		n = (size_t)snprintf(to, size, "CPU:0 [LOST %lu EVENTS]\n", t->n_lost);
	t->n_lost = 0;
	while (t->len && n + (line = line_length(t)) <= size) {
		memcpy(to + n, t->text, line);
		n += line;
		take(t, line);
	}
	if (!n) {	/* a line that is longer than what is asked for */
		memcpy(to, t->text, size);
		take(t, size);
		n = size;
	}
	return (ssize_t)n;
}

static const struct attr_ops options_ops = { .show = options_show, .store = options_store };
static const struct attr_ops size_ops = { .show = size_show, .store = size_store };
static const struct attr_ops on_ops = { .show = on_show, .store = on_store };
static const struct attr_ops enable_ops = { .store = enable_store };
static const struct attr_ops pipe_ops = {
	.read = pipe_read,
	.open = pipe_open,
	.release = pipe_release,
	.is_readable = pipe_is_readable,
};

/* --- buffers -------------------------------------------------------------------------- */

static int add_event(struct sim *sim, struct tracer *t, struct node *system,
		     const struct node *event)
{
	struct node *format = tree_child(event, "format"), *dir, *n;

	if (!format)
		return 0;
	dir = tree_add(&sim->tree, system, event->name, NODE_DIR, 0750);
	n = dir ? tree_add_attr(&sim->tree, dir, "enable", 0640, &enable_ops, t) : NULL;
	if (!n || node_set_data(n, "0\n", 2))
		return -ENOMEM;
	if (dir == event)
		return 0;
	n = tree_add(&sim->tree, dir, "format", NODE_FILE, 0440);
	return n && !node_set_data(n, format->data, format->len) ? 0 : -ENOMEM;
}

static int add_events(struct sim *sim, struct tracer *t)
{
	struct node *all = tree_dir(&sim->tree, TOP "/events");
	struct node *own = tree_add(&sim->tree, t->dir, "events", NODE_DIR, 0750);
	int rc = all && own ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < all->n_children; i++) {
		const struct node *system = all->children[i];
		struct node *dir = NULL;

		if (system->kind == NODE_DIR)
			dir = tree_add(&sim->tree, own, system->name, NODE_DIR, 0750);
		for (size_t k = 0; dir && !rc && k < system->n_children; k++)
			if (system->children[k]->kind == NODE_DIR)
				rc = add_event(sim, t, dir, system->children[k]);
	}
	return rc;
}

static int tracer_add(struct sim *sim, struct node *dir)
{
	const struct {
		const char *name;
		mode_t mode;
		const struct attr_ops *ops;
	} files[] = {
		{ "buffer_size_kb", 0640, &size_ops }, { "trace_options", 0640, &options_ops },
		{ "trace_pipe", 0440, &pipe_ops }, { "tracing_on", 0640, &on_ops },
	};
	struct tracer *top = sim->models->tracers, *t = calloc(1, sizeof(*t));
	int rc = t ? 0 : -ENOMEM;

	if (!t)
		return rc;
	t->dir = dir;
	t->options = top ? top->options : DEFAULT_OPTIONS;
	t->size_kb = DEFAULT_KB;
	t->is_on = true;
	if (top) {	/* which stays the first */
		t->next = top->next;
		top->next = t;
	} else {
		sim->models->tracers = t;
	}
	for (size_t i = 0; !rc && i < ARRAY_SIZE(files); i++)
		if (!tree_add_attr(&sim->tree, dir, files[i].name, files[i].mode, files[i].ops, t))
			rc = -ENOMEM;
	return rc ? rc : add_events(sim, t);
}

static void tracer_drop(struct models *m, struct tracer *t)
{
	struct tracer **at = &m->tracers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t->text);
	free(t);
}

static int instance_rmdir(struct node *dir, struct op *op)
{
	struct tracer *t = dir->model;

	if (t->is_piped)
		return -EBUSY;
	tree_remove(&op->sim->tree, dir);
	tracer_drop(op->sim->models, t);
	return 0;
}

static const struct attr_ops instance_ops = { .rmdir = instance_rmdir };

static int instances_mkdir(struct node *dir, const char *name, struct op *op)
{
	struct node *new = tree_add(&op->sim->tree, dir, name, NODE_DIR, 0750);
	int rc = new ? tracer_add(op->sim, new) : -ENOMEM;

	if (rc)
		return rc;
	new->ops = &instance_ops;
	new->model = op->sim->models->tracers->next;
	return 0;
}

static const struct attr_ops instances_ops = { .mkdir = instances_mkdir };

int tracefs_add(struct sim *sim)
{
	struct node *top = tree_dir(&sim->tree, TOP), *instances;
	int rc = top ? tracer_add(sim, top) : 0;

	if (!top || rc)
		return rc;
	instances = tree_add(&sim->tree, top, "instances", NODE_DIR, 0750);
	if (!instances)
		return -ENOMEM;
	instances->ops = &instances_ops;
	top->mode = (top->mode & ~(mode_t)0777) | 0700;
	return 0;
}

void tracefs_free(struct models *m)
{
	while (m->tracers)
		tracer_drop(m, m->tracers);
}

/* --- events --------------------------------------------------------------------------- */

static bool is_enabled(const struct sim *sim, const struct tracer *t, const char *event)
{
	char path[128];
	const struct node *n;

	snprintf(path, sizeof(path), "events/%s/enable", event);
	n = tree_resolve(&sim->tree, t->dir, path);
	return t->is_on && n && n->len && n->data[0] == '1';
}

static void append(struct tracer *t, const char *line)
{
	size_t n = strlen(line), most = (size_t)t->size_kb * 1024;
	char *grown;

	while (t->len && t->len + n > most) {
		t->n_lost += t->text[0] != '\n';
		take(t, line_length(t));
	}
	grown = realloc(t->text, t->len + n);
	if (!grown)
		return;
	memcpy(grown + t->len, line, n);
	t->text = grown;
	t->len += n;
}

void trace_emit(struct sim *sim, const char *event, const char *task, const char *fmt, ...)
{
	const char *name = strchr(event, '/') + 1, *pid = strrchr(task, '-');
	uint64_t now = clock_now_us();
	char text[LINE_BYTES], line[LINE_BYTES + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (struct tracer *t = sim->models ? sim->models->tracers : NULL; t; t = t->next) {
		if (!is_enabled(sim, t, event))
			continue;
		if (t->options & CONTEXT_INFO)
			snprintf(line, sizeof(line), "%16.*s-%-7s [000] ..... %5" PRIu64 ".%06" PRIu64 ": %s: %s\n", (int)(pid - task), task, pid + 1, now / US_PER_S, now % US_PER_S, name, text);
		else
			snprintf(line, sizeof(line), "%s: %s\n", name, text);
		append(t, line);
	}
}
