// SPDX-License-Identifier: GPL-2.0-only
/* Lines of the monitor, on standard output or in the journal: see monitor_line.h. */
#include "cxl/monitor_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/render.h"

static void add_time(struct json_object *line)
{
	struct timespec now;
	char date[32], text[64];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03ldZ", date, now.tv_nsec / 1000000);
	render_add_string(line, "time", text);
}

/*
 * Is standard output a stream of the journal's?  systemd.exec(5), $JOURNAL_STREAM.  It takes "<N>"
 * before a line for its priority, and cuts lines at 48 kB (journald.conf(5), LineMax=).
 */
static bool writes_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDOUT_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

static bool any_isolated(struct json_object *root_ports)
{
	for (size_t i = 0; i < render_length(root_ports); i++) {
		struct json_object *rp = json_object_array_get_idx(root_ports, i);
		struct json_object *status = json_object_object_get(rp, "status");
		const char *state = json_object_get_string(json_object_object_get(status, "state"));

		if (state && !strcmp(state, "isolated"))
			return true;
	}
	return false;
}

/* Of syslog(3). */
static int priority_of(struct json_object *change, struct json_object *root_ports)
{
	static const struct {
		const char *type;
		int priority;
	} of[] = {
		{ "isolated", LOG_CRIT }, { "gone", LOG_WARNING }, { "status", LOG_WARNING }, { "link", LOG_WARNING }, { "snapshot", LOG_INFO },
	};
	const char *type = json_object_get_string(json_object_object_get(change, "type"));

	if (any_isolated(root_ports))
		return LOG_CRIT;
	for (size_t i = 0; type && i < ARRAY_SIZE(of); i++)
		if (!strcmp(type, of[i].type))
			return of[i].priority;
	return LOG_NOTICE;
}

static int print_line(struct monitor_output *o, struct json_object *change,
		      struct json_object *root_ports, const struct messages *messages,
		      struct err *err)
{
	static const char *const members[] = { "type", "root_port", "changed", "before", "after" };
	struct json_object *line = render_object();
	struct json_object *frame = render_frame("", 0, messages);
	int rc;

	render_add_string(line, "schema", "cxl-isolation-monitor/1");
	render_add_u64(line, "seq", true, o->seq++);
	add_time(line);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		render_add(line, members[i],
			   json_object_get(json_object_object_get(change, members[i])));
	render_add(line, "root_ports", json_object_get(root_ports));
	render_add(line, "messages", json_object_get(json_object_object_get(frame, "messages")));
	if (o->to_journal)
		printf("<%d>", priority_of(change, root_ports));
	rc = render_line(line, stdout, err);
	json_object_put(frame);
	json_object_put(line);
	return rc;
}

void monitor_output_init(struct monitor_output *ret)
{
	*ret = (struct monitor_output){ .to_journal = writes_to_journal() };
}

int monitor_print(struct monitor_output *o, struct json_object *change,
		  const struct messages *messages, struct err *err)
{
	return print_line(o, change, NULL, messages, err);
}

static int print_each(struct monitor_output *o, struct json_object *snapshot,
		      struct json_object *records, const struct messages *messages,
		      struct err *err)
{
	static const struct messages none;
	int rc = 0;

	for (size_t i = 0; !rc && i < render_length(records); i++) {
		struct json_object *one = render_array();

		render_append(one, json_object_get(json_object_array_get_idx(records, i)));
		rc = print_line(o, snapshot, one, i ? &none : messages, err);
		json_object_put(one);
	}
	return rc;
}

int monitor_print_snapshot(struct monitor_output *o, struct json_object *records,
			   const struct messages *messages, struct err *err)
{
	struct json_object *snapshot = render_object();
	int rc;

	render_add_string(snapshot, "type", "snapshot");
	render_add(snapshot, "changed", render_array());
	rc = o->to_journal && render_length(records) ?
	     print_each(o, snapshot, records, messages, err) :
	     print_line(o, snapshot, records, messages, err);
	json_object_put(snapshot);
	return rc;
}
