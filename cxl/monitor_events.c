// SPDX-License-Identifier: GPL-2.0-only
/* Trace events as lines: see monitor_events.h. */
#include "cxl/monitor_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/report/event_record.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/render.h"

enum {
	US_PER_S = 1000000,
	WINDOW_US = 10 * US_PER_S,	/* in so long no more than .most are told of a port */
	REST_US = 50000, MAX_READS = 16,	/* of what comes as fast as it is read */
	MAX_KEPT = 16, MAX_KEPT_OF_CLASS = MAX_KEPT / 2,
};

/* A device may correct errors by the thousand; they hide none of the others. */
enum class { MILD, GRAVE, N_CLASSES };
static const unsigned int most[N_CLASSES] = { [MILD] = 8, [GRAVE] = 32 };

struct event_flood {
	struct event_flood *next;
	char root_port[64];
	struct {
		int64_t since_us;
		unsigned int n_told;
		uint64_t n_left_out;
		struct json_object *last;	/* of those left out */
	} of[N_CLASSES];
};

static int64_t now_us(void)
{
	return (int64_t)clock_now_us();
}

void monitor_events_open(struct monitor_events *ret, bool is_live, struct monitor_output *output,
			 struct messages *messages)
{
	*ret = (struct monitor_events){ .pipe.fd = -1, .output = output };
	if (!is_live)
		return;
	trace_pipe_open(&ret->pipe, messages);
	if (ret->pipe.fd >= 0)
		ret->kept = render_object();
}

void monitor_events_close(struct monitor_events *e)
{
	if (e->kept)
		trace_pipe_close(&e->pipe);
	json_object_put(e->kept);
	while (e->floods) {
		struct event_flood *f = e->floods;

		for (size_t i = 0; i < N_CLASSES; i++)
			json_object_put(f->of[i].last);
		e->floods = f->next;
		free(f);
	}
}

int monitor_events_fd(const struct monitor_events *e)
{
	return now_us() < e->rest_until_us ? -1 : e->pipe.fd;
}

int64_t monitor_events_due(const struct monitor_events *e)
{
	int64_t due = INT64_MAX;

	if (e->pipe.fd >= 0 && now_us() < e->rest_until_us)
		due = e->rest_until_us;
	for (const struct event_flood *f = e->floods; f; f = f->next)
		for (size_t i = 0; i < N_CLASSES; i++)
			if (f->of[i].n_left_out && f->of[i].since_us + WINDOW_US < due)
				due = f->of[i].since_us + WINDOW_US;
	return due;
}

static struct event_flood *flood_of(struct monitor_events *e, const char *root_port)
{
	struct event_flood *f = e->floods;

	while (f && strcmp(f->root_port, root_port) != 0)
		f = f->next;
	if (f || !(f = calloc(1, sizeof(*f))))
		return f;
	snprintf(f->root_port, sizeof(f->root_port), "%s", root_port);
	f->next = e->floods;
	e->floods = f;
	return f;
}

/* --- kept ------------------------------------------------------------------------------- */

static enum class class_of(struct json_object *event)
{
	struct json_object *severity = json_object_object_get(event, "severity");
	const char *text = json_object_get_string(severity);

	for (size_t i = 0; text && i < TRACE_UNCORRECTED; i++)
		if (trace_severity_names[i] && !strcmp(trace_severity_names[i], text))
			return MILD;
	return GRAVE;
}

/* The oldest goes of whichever class has more than its half. */
static void drop_one(struct json_object *list)
{
	size_t n[N_CLASSES] = { 0 }, at = 0;
	enum class class;

	for (size_t i = 0; i < render_length(list); i++)
		n[class_of(json_object_array_get_idx(list, i))]++;
	class = n[MILD] > MAX_KEPT_OF_CLASS ? MILD : GRAVE;
	while (class_of(json_object_array_get_idx(list, at)) != class)
		at++;
	json_object_array_del_idx(list, at, 1);
}

static void keep(struct monitor_events *e, const char *root_port, struct json_object *event)
{
	struct json_object *list = json_object_object_get(e->kept, root_port);
	struct json_object *copy = render_object();
	char time[MONITOR_TIME];

	if (!list) {
		list = render_array();
		render_set(e->kept, root_port, list);
	}
	render_add_string(copy, "time", monitor_time(time));
	json_object_object_foreach(event, key, v) {
		render_set(copy, key, json_object_get(v));
	}
	render_append(list, copy);
	if (render_length(list) > MAX_KEPT)
		drop_one(list);
}

/* --- told ------------------------------------------------------------------------------- */

static int print_event(struct monitor_events *e, const char *root_port, struct json_object *event,
		       uint64_t left_out, struct err *err)
{
	static const struct messages none = { 0 };
	struct json_object *change = render_object();
	int rc;

	render_set(event, "left_out", render_uint64(left_out));
	render_add_string(change, "type", "event");
	render_add_string(change, "root_port", root_port);
	render_add(change, "changed", render_array());
	render_add(change, "event", json_object_get(event));
	rc = monitor_print(e->output, change, &none, err);
	json_object_put(change);
	return rc;
}

/* The last of those that were left out stands for them; with it another window begins. */
static int tell_left_out(struct monitor_events *e, struct event_flood *f, enum class class,
			 int64_t now, struct err *err)
{
	struct json_object *last = f->of[class].last;
	uint64_t n = f->of[class].n_left_out;
	int rc = n ? print_event(e, f->root_port, last, n - 1, err) : 0;

	json_object_put(last);
	f->of[class].last = NULL;
	f->of[class].n_left_out = 0;
	f->of[class].since_us = now;
	f->of[class].n_told = n ? 1 : 0;
	return rc;
}

/* @event is taken. */
static int tell(struct monitor_events *e, const char *root_port, struct json_object *event,
		struct err *err)
{
	struct event_flood *f = flood_of(e, root_port);
	enum class class = class_of(event);
	int64_t now = now_us();
	int rc = 0;

	if (f && now - f->of[class].since_us >= WINDOW_US)
		rc = tell_left_out(e, f, class, now, err);
	if (f && f->of[class].n_told == most[class]) {
		json_object_put(f->of[class].last);
		f->of[class].last = event;
		f->of[class].n_left_out++;
		return rc;
	}
	if (f)
		f->of[class].n_told++;
	rc = rc ? rc : print_event(e, root_port, event, 0, err);
	json_object_put(event);
	return rc;
}

int monitor_events_tell(struct monitor_events *e, bool is_last, struct err *err)
{
	int64_t now = now_us();
	int rc = 0;

	for (struct event_flood *f = e->floods; f; f = f->next)
		for (size_t i = 0; !rc && i < N_CLASSES; i++)
			if (f->of[i].n_left_out &&
			    (is_last || now - f->of[i].since_us >= WINDOW_US))
				rc = tell_left_out(e, f, (enum class)i, now, err);
	return rc;
}

static void say_loss(struct monitor_events *e)
{
	if (e->pipe.n_lost && !e->is_loss_said)
		fprintf(stderr, "cxl isolation-status: the kernel lost %llu trace events of errors, which came faster than they were read; this is said once\n",
			(unsigned long long)e->pipe.n_lost);
	e->is_loss_said |= e->pipe.n_lost != 0;
}

int monitor_events_take(struct monitor_events *e, const struct cxl_host *host,
			const bool *root_ports, bool *ret_any, struct err *err)
{
	struct trace_event event;
	int rc = 0;

	*ret_any = false;
	for (int n = 0; !rc && n < MAX_READS && trace_pipe_read(&e->pipe); n++) {
		while (!rc && trace_pipe_next(&e->pipe, &event)) {
			const struct cxl_root_port *rp = event_root_port(host, &event);
			struct json_object *obj;

			if (!rp || !root_ports[rp - host->root_ports])
				continue;
			*ret_any = true;
			obj = event_record(rp, &event);
			keep(e, rp->name, obj);
			rc = tell(e, rp->name, obj, err);
		}
	}
	e->rest_until_us = now_us() + REST_US;	/* also where poll(2) says that there is what is not */
	say_loss(e);
	return rc;
}
