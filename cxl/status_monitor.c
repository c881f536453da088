// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl isolation-status --monitor: when to look, and printing what changed.
 *
 * A look reads the whole host.  Between two looks only what can change without
 * a word is read (lib/read/host_watch.c), and a look is taken when something
 * moved; once more after that, since what moves while the host is being read is
 * seen by halves; and now and then, for what nothing announces.
 */
#include "cxl/status_monitor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cxl/monitor_events.h"
#include "cxl/monitor_last.h"
#include "cxl/monitor_line.h"
#include "cxl/monitor_wake.h"
#include "cxl/status.h"
#include "lib/act/act.h"
#include "lib/iso/pci_power.h"
#include "lib/kept/kept_read.h"
#include "lib/read/host_read.h"
#include "lib/read/host_watch.h"
#include "lib/report/monitor.h"
#include "lib/report/record_status.h"
#include "util/clock.h"
#include "util/systemd.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

/* For what nothing announces: each half minute, but never more than a
 * two-hundredth of a processor, whatever a look takes (a /proc of thousands). */
enum { FULL_LOOK_US = 30 * US_PER_S, FULL_LOOK_SHARE = 200 };

/* All ones for so long are not a moment of no answer. */
enum { SILENT_US = 5 * US_PER_S };

/* What is announced comes in bursts: how long one is waited for, and how often it is looked for. */
enum { BURST_US = 20000, HEARD_PAUSE_US = 200000 };

/* The host at one moment. */
struct look {
	struct host_reading reading;
	struct arena arena;
	struct selection sel;
	struct json_object *records;	/* an array */
};

struct monitor {
	const struct command_run *run;
	const char *sysroot;
	struct look *look;	/* the one that is watched, NULL while the host cannot be read */
	struct watch watch;
	bool confirm;		/* look again, whatever moves */
	struct json_object *last;	/* root port -> its record, null while it is gone */
	int64_t silent_since;	/* when a port began to answer all ones, 0: none does */
	struct messages said;	/* of the last look */
	char trouble[sizeof(((struct err *)0)->text)];	/* why the host cannot be read, "" when it can */
	struct act *act;	/* NULL: it only looks */
	struct monitor_output output;
	struct monitor_wake wake;
	struct monitor_events events;
};

static int64_t now_us(void)
{
	return (int64_t)clock_now_us();
}

/* --- what is said -------------------------------------------------------------- */

static bool is_in(const struct messages *list, const struct message *m)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].text, m->text))
			return true;
	return false;
}

/* Messages that were not said with the last look: for people now, and for the next line. */
static void take_messages(struct monitor *m, struct messages *now, struct messages *ret_new)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct message *msg = &now->v[i];

		if (is_in(&m->said, msg))
			continue;
		message_add(ret_new, msg->severity, msg->code, msg->target, "%s", msg->text);
		if (msg->severity > SEV_INFO || m->run->common->verbose)
			fprintf(stderr, "cxl isolation-status: %s\n", msg->text);
	}
	messages_free(&m->said);
	m->said = *now;
	*now = (struct messages){ 0 };
}

/* --- looking ----------------------------------------------------------------- */

static void look_free(struct look *l)
{
	if (!l)
		return;
	json_object_put(l->records);
	host_free(&l->reading);
	arena_free(&l->arena);
	free(l);
}

/* A root port whose PCI device is gone is not there, whatever still names it. */
static void leave_out_gone(struct look *l)
{
	for (size_t i = 0; i < l->reading.host.n_root_ports; i++)
		l->sel.set.root_ports[i] &= l->reading.host.root_ports[i].present;
}

/* In place of the record of that root port, or with the others. */
static void put_record(struct look *l, const char *name, struct json_object *record)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < render_length(l->records); i++) {
		struct json_object *r = json_object_array_get_idx(l->records, i);

		if (strcmp(json_object_get_string(json_object_object_get(r, "root_port")), name))
			render_append(list, json_object_get(r));
	}
	render_append(list, json_object_get(record));
	json_object_put(l->records);
	l->records = list;
}

static bool is_silent(const struct cxl_host *host, const char *name)
{
	const struct cxl_root_port *rp = host_root_port(host, name);

	return rp && rp->present && rp->iso.regs.is_silent;
}

/*
 * A port that sleeps is not woken to be asked, and one that answers all ones has said nothing:
 * it is as it was.  One that stays so is said to be unknown.
 */
static void keep_silent(struct monitor *m, struct look *l)
{
	const struct cxl_host *host = &l->reading.host;
	int64_t now = now_us();
	char path[PATH_MAX];
	bool any = false;

	json_object_object_foreach(m->last, name, before) {
		bool asleep = before && !sysfs_join(path, sizeof(path), "sys/bus/pci/devices", name) &&
			      pci_power_read(host->fs, path) != PCI_POWER_AWAKE;
		bool silent = before && !asleep && is_silent(host, name);

		if (silent && !m->silent_since)
			m->silent_since = now;
		any |= silent;
		if (asleep || (silent && now - m->silent_since < SILENT_US))
			put_record(l, name, before);
	}
	if (!any)
		m->silent_since = 0;
}

/* The names of all root ports that were ever printed, ending with NULL. */
static const char **known_names(struct json_object *last, struct arena *a)
{
	const char **names = arena_alloc(a, (size_t)json_object_object_length(last) + 1,
					 sizeof(*names));
	size_t n = 0;

	json_object_object_foreach(last, name, v) {
		(void)v;
		if (names)
			names[n++] = name;
	}
	return names;
}

/* *@ret is NULL, with @err, when the host cannot be read; its messages are taken in any case. */
static void take_look(struct monitor *m, bool first, struct look **ret, struct messages *ret_new,
		      struct err *err)
{
	struct look *l = calloc(1, sizeof(*l));
	const char **known = l ? known_names(m->last, &l->arena) : NULL;

	*ret = NULL;
	if (!known) {
		err_no_memory(err, "");
	} else if (!host_read_watched(&l->reading, m->sysroot, err) &&
		   !kept_read(&l->reading.host, err) &&
		   !status_select(&l->reading.host, m->run->operands, first ? NULL : known, false,
				  &l->arena, &l->sel, err)) {
		leave_out_gone(l);
		l->records = record_watched(&l->reading.host, &l->sel.set, l->sel.results);
		keep_silent(m, l);
		*ret = l;
	}
	if (known)
		take_messages(m, &l->reading.messages, ret_new);
	if (!*ret)
		look_free(l);
}

static void act_on(struct monitor *m, const struct look *l)
{
	if (m->act)
		act_look(m->act, &l->reading.host, l->sel.set.root_ports, l->sel.results,
			 m->events.kept);
}

/* Watch @l in place of what was watched; @l is taken. */
static void watch_look(struct monitor *m, struct look *l)
{
	watch_exit(&m->watch);
	look_free(m->look);
	m->look = l;
	m->confirm = true;
	if (l && host_watch(&l->reading.host, l->sel.set.root_ports, &m->watch))
		watch_exit(&m->watch);	/* no memory: then look each time */
}

/* The line of each, and what is known from now on; @changes is taken. */
static int tell_changes(struct monitor *m, struct json_object *changes,
			  const struct messages *messages, size_t *ret_n, struct err *err)
{
	static const struct messages none = { 0 };
	int rc = 0;

	*ret_n = render_length(changes);
	for (size_t i = 0; !rc && i < *ret_n; i++)
		rc = monitor_print(&m->output, json_object_array_get_idx(changes, i),
				   i ? &none : messages, err);
	if (*ret_n)
		monitor_last_write(m->last);
	json_object_put(changes);
	return rc;
}

/* Is a record among @records other than it was? */
static bool differs(struct monitor *m, struct json_object *records)
{
	size_t n = render_length(records);

	for (size_t i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(records, i);

		if (!json_object_equal(r, json_object_object_get(m->last, json_object_get_string(json_object_object_get(r, "root_port")))))
			return true;
	}
	json_object_object_foreach(m->last, name, v) {
		(void)name;
		n -= v != NULL;
	}
	return n;
}

/* The host cannot be read: without a CXL bus its root ports are gone, else
 * nothing is known, which is said once. */
static int lose_host(struct monitor *m, const struct err *why, const struct messages *messages,
		     size_t *ret_n, struct err *err)
{
	struct json_object *none = render_array();
	int rc = 0;

	if (strcmp(m->trouble, why->text))
		fprintf(stderr, "cxl isolation-status: %s; looking again until it can be read\n", why->text);
	snprintf(m->trouble, sizeof(m->trouble), "%s", why->text);
	if (why->errnum == ENODEV)
		rc = tell_changes(m, monitor_compare(m->last, none), messages, ret_n, err);
	json_object_put(none);
	watch_look(m, NULL);
	return rc;
}

/* Lines of what the kernel's trace has; without a look there is nobody whose they could be. */
static int take_events(struct monitor *m, bool *ret_any, struct err *err)
{
	*ret_any = false;
	return m->look ? monitor_events_take(&m->events, &m->look->reading.host,
					     m->look->sel.set.root_ports, ret_any, err) : 0;
}

/* Look at everything; lines for what changed.  @moved: something did. */
static int look_again(struct monitor *m, bool moved, size_t *ret_n, struct err *err)
{
	struct messages new = { 0 };
	struct err why;
	struct look *l;
	bool any;
	int rc;

	*ret_n = 0;
	take_look(m, false, &l, &new, &why);
	if (l && differs(m, l->records)) {
		/* it may have changed while it was read: once more, whole */
		look_free(l);
		moved = true;
		take_look(m, false, &l, &new, &why);
	}
	/* of what is gone now they are to come before, and evidence has them; who was where,
	 * only the host as it was can tell */
	rc = take_events(m, &any, err);
	if (!rc && !l)
		rc = lose_host(m, &why, &new, ret_n, err);
	if (!l) {
		messages_free(&new);
		return rc;
	}
	m->trouble[0] = '\0';
	rc = rc ? rc : tell_changes(m, monitor_compare(m->last, l->records), &new, ret_n, err);
	messages_free(&new);
	act_on(m, l);
	if (moved || !m->look) {
		watch_look(m, l);
	} else {
		m->confirm = m->silent_since && now_us() - m->silent_since < SILENT_US;
		look_free(l);
	}
	return rc;
}

/*
 * Registers have moved: the lines of their ports at once, from the snapshot that is watched with
 * these ports read again.  What else has changed is found by the look that follows, which also
 * says why where they cannot be read.
 */
static int look_at_registers(struct monitor *m, size_t *ret_n, struct err *err)
{
	static const struct messages none = { 0 };
	struct look *l = m->look;
	const struct cxl_root_port *was = l->reading.host.root_ports;
	size_t n = l->reading.host.n_root_ports;
	struct check_result *results;
	struct target_set set = { .root_ports = arena_alloc(&l->arena, n, sizeof(bool)) };
	struct json_object *records;
	const struct cxl_host *now;
	int rc;

	*ret_n = 0;
	if (!set.root_ports)
		return 0;	/* no memory: the look says so */
	for (size_t i = 0; i < m->watch.n; i++) {
		const struct watch_item *item = &m->watch.items[i];

		if (item->is_fast && item->has_moved)
			set.root_ports[(const struct cxl_root_port *)item->owner - was] = true;
	}
	now = host_read_settings(&l->reading.host, set.root_ports);
	messages_free(&l->reading.messages);
	if (!now || check_run_all(now, &l->arena, false, &results))
		return 0;
	for (size_t i = 0; i < n; i++)
		set.root_ports[i] &= now->root_ports[i].iso.regs.valid;
	records = record_watched(now, &set, results);
	rc = tell_changes(m, monitor_compare_some(m->last, records), &none, ret_n, err);
	json_object_put(records);
	return rc;
}

/* --- when -------------------------------------------------------------------- */

/* What is to be looked at when, in microseconds of CLOCK_MONOTONIC. */
struct rhythm {
	int64_t slow_us, fast_us;	/* how often: everything that moves without a word, and registers */
	int64_t slow, fast, full;	/* when next; the last one is a look at the host, whatever moves */
	int64_t heard;			/* when what was announced is looked for, 0: nothing was */
	int64_t heard_before;
};

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

/* The next time after this one; the machine may have slept, or looking takes longer than that. */
static void advance(int64_t *at, int64_t interval_us, int64_t now)
{
	*at += interval_us;
	if (*at < now)
		*at = now + interval_us;
}

static int64_t earliest(const struct monitor *m, const struct rhythm *r)
{
	int64_t at = watch_is_fast(&m->watch) && r->fast < r->slow ? r->fast : r->slow;
	int64_t events = monitor_events_due(&m->events);

	at = events < at ? events : at;
	return r->heard && r->heard < at ? r->heard : at;
}

/* More of it follows at once, and a burst of it must not keep a processor busy. */
static void plan_heard(struct rhythm *r)
{
	int64_t soonest = r->heard_before + HEARD_PAUSE_US;

	if (r->heard)
		return;
	r->heard = now_us() + BURST_US;
	if (r->heard < soonest)
		r->heard = soonest;
}

/* An error was told of: look at what tells of a failure at once, but no more often than after a uevent. */
static void plan_at_once(struct rhythm *r)
{
	int64_t at = now_us();

	if (at < r->heard_before + HEARD_PAUSE_US)
		at = r->heard_before + HEARD_PAUSE_US;
	if (!r->heard || at < r->heard)
		r->heard = at;
	if (at < r->fast)
		r->fast = at;
}

static int look_whole(struct monitor *m, struct rhythm *r, bool moved, size_t *ret_n,
		      struct err *err)
{
	int64_t took = cpu_us();
	int rc = look_again(m, moved, ret_n, err);

	took = (cpu_us() - took) * FULL_LOOK_SHARE;
	r->full = now_us() + (took > FULL_LOOK_US ? took : FULL_LOOK_US);
	return rc;
}

/* It is time for something: look at that, and at the host when it has moved. */
static int look_now(struct monitor *m, struct rhythm *r, size_t *ret_n, struct err *err)
{
	int64_t now = now_us();
	bool is_slow = now >= r->slow, is_fast = now >= r->fast;
	bool is_heard = r->heard && now >= r->heard;
	bool moved = is_fast && watch_fast_has_moved(&m->watch), moved_or_due;
	size_t n = 0;
	int rc = monitor_events_tell(&m->events, false, err);

	if (is_fast)
		advance(&r->fast, r->fast_us, now);
	if (moved && !rc)
		rc = look_at_registers(m, &n, err);
	if (is_heard) {
		r->heard = 0;
		r->heard_before = now;
	}
	if (is_slow || is_heard)
		moved |= m->watch.n && watch_has_moved(&m->watch);
	if (is_slow)
		advance(&r->slow, r->slow_us, now);
	moved_or_due = moved || (m->act && act_is_due(m->act));
	if (!rc && (moved_or_due || (is_slow && (!m->watch.n || m->confirm || now >= r->full))))
		rc = look_whole(m, r, moved, ret_n, err);
	*ret_n += n;
	return rc;
}

static int watch_for_changes(struct monitor *m, const struct monitor_rhythm *wanted, bool once,
			     struct err *err)
{
	struct rhythm r = {
		.slow_us = (int64_t)wanted->interval_us, .fast_us = (int64_t)wanted->registers_us,
	};
	unsigned int heard;
	size_t n = 0;
	int rc = 0;

	r.slow = r.fast = now_us();	/* the first look is at once: it confirms what the snapshot says */
	r.full = r.slow + FULL_LOOK_US;
	while (!rc && !monitor_is_to_stop() && !(once && n)) {
		bool any = false;

		rc = monitor_wake_sleep(&m->wake, earliest(m, &r),
					m->look ? monitor_events_fd(&m->events) : -1,
					&heard, err);
		if (rc || monitor_is_to_stop())
			break;
		service_lives();
		if (heard & HEARD_TRACE)
			rc = take_events(m, &any, err);
		if (any)
			plan_at_once(&r);
		if (heard & HEARD_UEVENT)
			plan_heard(&r);
		if (!rc && (!heard || now_us() >= earliest(m, &r)))
			rc = look_now(m, &r, &n, err);
	}
	return rc;
}

static void say_ready(struct monitor *m)
{
	char text[64];

	snprintf(text, sizeof(text), "watching %d root ports", json_object_object_length(m->last));
	service_notify("READY=1", text);
}

/* The first look has to succeed: a wrong target, or no CXL bus, ends the command. */
static int start(struct monitor *m, bool was_known, size_t *ret_n, struct err *err)
{
	static const struct messages none = { 0 };
	struct messages new = { 0 };
	struct json_object *changes;
	struct look *l;
	int rc;

	monitor_events_open(&m->events, !m->sysroot, &m->output, &new);
	if (!m->run->common->verbose)
		messages_free(&new);
	for (size_t i = 0; i < new.n; i++)
		fprintf(stderr, "cxl isolation-status: %s\n", new.v[i].text);
	take_look(m, true, &l, &new, err);
	rc = l ? 0 : -EINVAL;
	if (l) {
		changes = monitor_compare(m->last, l->records);
		rc = monitor_print_snapshot(&m->output, l->records, &new, err);
		/* while nobody watched */
		if (!rc && was_known)
			rc = tell_changes(m, json_object_get(changes), &none, ret_n, err);
		else
			monitor_last_write(m->last);
		json_object_put(changes);
		say_ready(m);
		act_on(m, l);
		watch_look(m, l);
	}
	messages_free(&new);
	return rc;
}

/* Each root port takes some descriptors: as many as we may have. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int monitor_run(const struct command_run *run, const char *sysroot,
		const struct monitor_rhythm *rhythm, bool once, bool acts)
{
	struct monitor m = {
		.run = run, .sysroot = sysroot, .watch.counter.fd = -1, .events.pipe.fd = -1,
	};
	int status = EXIT_DONE, rc;
	bool was_known;
	size_t n = 0;
	struct err err;

	raise_limit();
	m.last = monitor_last_read(&was_known);
	monitor_output_init(&m.output);
	monitor_wake_open(&m.wake, !sysroot);
	m.act = acts ? act_new(&err) : NULL;
	rc = acts && !m.act ? -err.errnum : start(&m, was_known, &n, &err);
	if (rc && !m.output.seq) {
		struct messages only = { 0 };	/* the others are said already */

		message_add_err(&only, err.status == EXIT_USAGE ? "TARGET" : "HOST", &err);
		status = command_end(run, (int)err.status, &only, render_array());
		messages_free(&only);
	} else {
		if (!rc && !(once && n))
			rc = watch_for_changes(&m, rhythm, once, &err);
		rc = rc ? rc : monitor_events_tell(&m.events, true, &err);
		if (rc) {
			fprintf(stderr, "cxl isolation-status: %s\n", err.text);
			status = (int)err.status;
		}
	}
	service_notify("STOPPING=1", NULL);
	act_free(m.act);
	monitor_events_close(&m.events);
	monitor_wake_close(&m.wake);
	watch_exit(&m.watch);
	look_free(m.look);
	json_object_put(m.last);
	messages_free(&m.said);
	return status;
}
