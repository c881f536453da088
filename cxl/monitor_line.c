// SPDX-License-Identifier: GPL-2.0-only
/* Lines of the monitor, on standard output or in the journal: see monitor_line.h. */
#include "cxl/monitor_line.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/render.h"
#include "util/systemd.h"

const char *monitor_time(char *buf)
{
	struct timespec now;
	char date[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, MONITOR_TIME, "%s.%03ldZ", date, now.tv_nsec / 1000000);
	return buf;
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

/*
 * What a line means to the journal: its priority, of syslog(3), and the message of
 * contrib/systemd/cxl-isolation.catalog, whose number is never used for another one.
 */
static const struct meaning {
	const char *type;
	int priority;
	const char *id;
} meanings[] = {
	{ "isolated", LOG_CRIT, "f04435d055744a9d845ab6e854ed6be4" },
	{ "cleared", LOG_NOTICE, "e7c11a88544641449c8ac1120177f974" },
	{ "gone", LOG_WARNING, "13925cbcc2b24672adbecd2f8b261f20" },
	{ "appeared", LOG_NOTICE, "42569bff7ee54f77850771589d5533f5" },
	{ "link", LOG_WARNING, "1a81f20892584ed3bc20d74c01f07334" },
	{ "status", LOG_WARNING, "c7606e60606d42acb2cf6fb548545d7d" },
	{ "snapshot", LOG_INFO, "fb62c1991ca849618483187e6f0753dd" },
	{ "event", LOG_WARNING, "a437b983e3bb4dceb2f70745af9e5de5" },	/* of an unknown severity */
	{ NULL, LOG_NOTICE, "c7606e60606d42acb2cf6fb548545d7d" },	/* every other change */
};

static const struct meaning *meaning_of(const char *type)
{
	const struct meaning *m = meanings;

	while (m->type && (!type || strcmp(m->type, type)))
		m++;
	return m;
}

/* Of an error event. */
static int event_priority(const char *severity, int otherwise)
{
	static const struct {
		const char *severity;
		int priority;
	} priorities[] = {
		{ "informational", LOG_INFO }, { "corrected", LOG_NOTICE }, { "warning", LOG_WARNING },
		{ "uncorrected", LOG_ERR }, { "nonfatal", LOG_ERR }, { "failure", LOG_ERR }, { "fatal", LOG_CRIT },
	};

	for (size_t i = 0; severity && i < ARRAY_SIZE(priorities); i++)
		if (!strcmp(priorities[i].severity, severity))
			return priorities[i].priority;
	return otherwise;
}

static const char *text_of(struct json_object *obj, const char *member)
{
	return json_object_get_string(json_object_object_get(obj, member));
}

/* With its fields where the journal takes them, else as a line of its stream. */
static int tell_journal(struct json_object *line, struct json_object *change,
			struct json_object *root_ports, struct err *err)
{
	bool is_one = render_length(root_ports);	/* of a snapshot */
	struct json_object *first = is_one ? json_object_array_get_idx(root_ports, 0) : NULL;
	struct json_object *event = json_object_object_get(change, "event");
	const char *type = text_of(change, "type"), *port = text_of(change, "root_port");
	const char *severity = text_of(event, "severity");
	const struct meaning *m = meaning_of(type);
	int priority = any_isolated(root_ports) ? LOG_CRIT : event_priority(severity, m->priority);
	const struct journal_field fields[] = {
		{ "MESSAGE_ID", m->id },
		{ "CXL_CHANGE", type },
		{ "CXL_ROOT_PORT", port ? port : text_of(first, "root_port") },
		{ "CXL_DEVICE", text_of(event, "device") },
		{ "CXL_EVENT", text_of(event, "name") },
		{ "CXL_SEVERITY", severity },
	};
	_cleanup_free_ char *text = render_text(line, false);

	if (!text)
		return err_no_memory(err, "");
	if (!journal_send(priority, text, fields, ARRAY_SIZE(fields)))
		return 0;
	printf("<%d>", priority);
	return render_line(line, stdout, err);
}

static int print_line(struct monitor_output *o, struct json_object *change,
		      struct json_object *root_ports, const struct messages *messages,
		      struct err *err)
{
	static const char *const members[] = { "type", "root_port", "changed", "before", "after", "event" };
	struct json_object *line = render_object();
	struct json_object *frame = render_frame("", 0, messages);
	char time[MONITOR_TIME];
	int rc;

	render_add_string(line, "schema", "cxl-isolation-monitor/1");
	render_add_u64(line, "seq", true, o->seq++);
	render_add_string(line, "time", monitor_time(time));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		render_add(line, members[i],
			   json_object_get(json_object_object_get(change, members[i])));
	render_add(line, "root_ports", json_object_get(root_ports));
	render_add(line, "messages", json_object_get(json_object_object_get(frame, "messages")));
	rc = o->to_journal ? tell_journal(line, change, root_ports, err) :
	     render_line(line, stdout, err);
	json_object_put(frame);
	json_object_put(line);
	return rc;
}

void monitor_output_init(struct monitor_output *ret)
{
	*ret = (struct monitor_output){ .to_journal = journal_has(STDOUT_FILENO) };
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
