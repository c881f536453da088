// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operation log.  Each line is written with one write(2) before the
 * operation is answered, so whoever saw the answer finds the line.
 */
#include "sim/state/log.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

int oplog_open(struct oplog *log, const char *file, struct err *err)
{
	log->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (log->fd < 0)
		return err_set(err, EXIT_USAGE, errno, "cannot write the log %.300s: %s", file, strerror(errno));
	return 0;
}

void oplog_close(struct oplog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add_ex(o, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	if (value)
		add(o, key, json_object_new_string(value));
}

/* Any bytes as JSON text: a byte above 0x7f becomes the code point of its value. */
static struct json_object *bytes(const char *data, size_t len)
{
	_cleanup_free_ char *text = malloc(2 * len + 1);
	size_t n = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c >= 0x80)
			text[n++] = (char)(0xc0 | c >> 6);
		text[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	return json_object_new_string_len(text, (int)n);
}

static void write_line(struct oplog *log, struct json_object *o)
{
	_cleanup_free_ char *line = NULL;
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int n = text ? asprintf(&line, "%s\n", text) : -1;
	ssize_t done = 0;

	if (n < 0) {
		line = NULL;
		return;
	}
	while (done < n) {
		ssize_t rc = write(log->fd, line + done, (size_t)(n - done));

		if (rc < 0 && errno != EINTR)
			return;	/* a full disk shows in the log itself: it ends early */
		if (rc > 0)
			done += rc;
	}
}

pid_t oplog_command_of(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[512];
	const char *end;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	end = f && fgets(line, sizeof(line), f) && (strstr(line, " (unbind dax") || strstr(line, " (bind dax")) ? strrchr(line, ')') : NULL;
	return end && sscanf(end, ") %*c %d", &parent) == 1 && parent > 1 ? parent : pid;
}

static struct json_object *comm_of(const struct oplog *log, pid_t pid)
{
	char path[64], text[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (!log->own_proc)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 0 ? bytes(text, (size_t)n) : NULL;
}

static struct json_object *start(struct oplog *log, const char *op)
{
	struct json_object *o = json_object_new_object();

	if (o) {
		add(o, "seq", json_object_new_uint64(++log->seq));
		add_string(o, "op", op);
	}
	return o;
}

void oplog_op(struct oplog *log, const struct oplog_line *line)
{
	const char *name = line->errnum ? strerrorname_np(line->errnum) : NULL;
	pid_t pid = !strcmp(line->op, "write") && log->own_proc ? oplog_command_of(line->pid) : line->pid;
	struct json_object *o;

	if (log->fd < 0)
		return;
	o = start(log, line->op);
	if (!o)
		return;
	add_string(o, "path", line->path);
	if (line->has_data)
		add(o, "data", bytes(line->data, line->data_len));
	if (name)
		add_string(o, "errno", name);
	else
		add(o, "errno", json_object_new_int(line->errnum));
	add_string(o, "fault", line->fault);
	add_string(o, "note", line->note);
	add(o, "pid", json_object_new_int(pid));
	add(o, "comm", comm_of(log, pid));
	write_line(log, o);
	json_object_put(o);
}

void oplog_event(struct oplog *log, const char *op, const char *key, const char *value,
		 const char *reason)
{
	struct json_object *o;

	if (log->fd < 0)
		return;
	o = start(log, op);
	if (!o)
		return;
	add_string(o, key, value);
	add_string(o, "reason", reason);
	write_line(log, o);
	json_object_put(o);
}
