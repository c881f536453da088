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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cxl/status.h"
#include "lib/act/act.h"
#include "lib/kept/kept_read.h"
#include "lib/read/host_read.h"
#include "lib/read/host_watch.h"
#include "lib/report/monitor.h"
#include "lib/report/record_status.h"
#include "util/array.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

/* For what nothing announces: each half minute, but never more than a
 * two-hundredth of a processor, whatever a look takes (a /proc of thousands). */
enum { FULL_LOOK_US = 30 * US_PER_S, FULL_LOOK_SHARE = 200 };

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
	struct messages said;	/* of the last look */
	char trouble[sizeof(((struct err *)0)->text)];	/* why the host cannot be read, "" when it can */
	uint64_t seq;
	bool to_journal;
	struct act *act;	/* NULL: it only looks */
};

static volatile sig_atomic_t stop_requested;

static void request_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

/* --- lines ------------------------------------------------------------------- */

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

/* One line; @change NULL: the snapshot. */
static int print_line(struct monitor *m, struct json_object *change, struct json_object *root_ports,
		      const struct messages *messages, struct err *err)
{
	static const char *const members[] = { "type", "root_port", "changed", "before", "after" };
	struct json_object *line = render_object();
	struct json_object *frame = render_frame("", 0, messages);
	int rc;

	render_add_string(line, "schema", "cxl-isolation-monitor/1");
	render_add_u64(line, "seq", true, m->seq++);
	add_time(line);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		render_add(line, members[i],
			   json_object_get(json_object_object_get(change, members[i])));
	render_add(line, "root_ports", json_object_get(root_ports));
	render_add(line, "messages", json_object_get(json_object_object_get(frame, "messages")));
	if (m->to_journal)
		printf("<%d>", priority_of(change, root_ports));
	rc = render_line(line, stdout, err);
	json_object_put(frame);
	json_object_put(line);
	return rc;
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
	} else if (!host_read(&l->reading, m->sysroot, err) && !kept_read(&l->reading.host, err) &&
		   !status_select(&l->reading.host, m->run->operands, first ? NULL : known, false,
				  &l->arena, &l->sel, err)) {
		leave_out_gone(l);
		l->records = record_watched(&l->reading.host, &l->sel.set, l->sel.results);
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
		act_look(m->act, &l->reading.host, l->sel.set.root_ports, l->sel.results);
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

static int print_changes(struct monitor *m, struct json_object *records,
			 const struct messages *messages, size_t *ret_n, struct err *err)
{
	static const struct messages none = { 0 };
	struct json_object *changes = monitor_compare(m->last, records);
	int rc = 0;

	*ret_n = render_length(changes);
	for (size_t i = 0; !rc && i < *ret_n; i++)
		rc = print_line(m, json_object_array_get_idx(changes, i), NULL,
				i ? &none : messages, err);
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
		rc = print_changes(m, none, messages, ret_n, err);
	json_object_put(none);
	watch_look(m, NULL);
	return rc;
}

/* Look at everything; lines for what changed.  @moved: something did. */
static int look_again(struct monitor *m, bool moved, size_t *ret_n, struct err *err)
{
	struct messages new = { 0 };
	struct err why;
	struct look *l;
	int rc = 0;

	*ret_n = 0;
	take_look(m, false, &l, &new, &why);
	if (l && differs(m, l->records)) {
		/* it may have changed while it was read: once more, whole */
		look_free(l);
		moved = true;
		take_look(m, false, &l, &new, &why);
	}
	if (!l) {
		rc = lose_host(m, &why, &new, ret_n, err);
		messages_free(&new);
		return rc;
	}
	m->trouble[0] = '\0';
	rc = print_changes(m, l->records, &new, ret_n, err);
	messages_free(&new);
	act_on(m, l);
	if (moved || !m->look) {
		watch_look(m, l);
	} else {
		m->confirm = false;
		look_free(l);
	}
	return rc;
}

/* --- when -------------------------------------------------------------------- */

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

static int64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* Until @then, a signal, or nobody reads what we print any more. */
static int sleep_until(int64_t then, const sigset_t *open_signals, struct err *err)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	while (!stop_requested) {
		int64_t left = then - now_us();
		struct timespec t = { left / US_PER_S, left % US_PER_S * NS_PER_US };

		if (left <= 0)
			return 0;
		if (ppoll(&out, 1, &t, open_signals) > 0 && out.revents & (POLLERR | POLLNVAL))
			return err_set(err, EXIT_REFUSED, EPIPE, "the output cannot be written to standard output: %s", strerror(EPIPE));
	}
	return 0;
}

static int watch_for_changes(struct monitor *m, int64_t interval_us, bool once,
			     const sigset_t *open_signals, struct err *err)
{
	int64_t next = now_us(), full = next + FULL_LOOK_US, took;
	size_t n = 0;
	int rc = 0;

	while (!rc && !stop_requested && !(once && n)) {
		bool moved;

		next += interval_us;
		if (next < now_us())	/* the machine slept, or looking takes longer than that */
			next = now_us() + interval_us;
		rc = sleep_until(next, open_signals, err);
		if (rc || stop_requested)
			break;
		moved = m->watch.n && watch_has_moved(&m->watch);
		if (!moved && m->watch.n && !m->confirm && now_us() < full &&
		    !(m->act && act_is_due(m->act)))
			continue;
		took = clock_us(CLOCK_PROCESS_CPUTIME_ID);
		rc = look_again(m, moved, &n, err);
		took = clock_us(CLOCK_PROCESS_CPUTIME_ID) - took;
		full = now_us() + (took * FULL_LOOK_SHARE > FULL_LOOK_US ? took * FULL_LOOK_SHARE
									 : FULL_LOOK_US);
	}
	return rc;
}

/* To the journal a line for each root port, with what is said in the first: in one they would be cut. */
static int print_snapshot(struct monitor *m, struct json_object *snapshot,
			  struct json_object *records, const struct messages *messages,
			  struct err *err)
{
	static const struct messages none;
	int rc = 0;

	if (!m->to_journal || render_length(records) < 2)
		return print_line(m, snapshot, records, messages, err);
	for (size_t i = 0; !rc && i < render_length(records); i++) {
		struct json_object *one = render_array();

		render_append(one, json_object_get(json_object_array_get_idx(records, i)));
		rc = print_line(m, snapshot, one, i ? &none : messages, err);
		json_object_put(one);
	}
	return rc;
}

/* The first look has to succeed: a wrong target, or no CXL bus, ends the command. */
static int start(struct monitor *m, struct err *err)
{
	struct messages new = { 0 };
	struct look *l;
	int rc;

	take_look(m, true, &l, &new, err);
	rc = l ? 0 : -EINVAL;
	if (l) {
		struct json_object *snapshot = render_object();

		json_object_put(monitor_compare(m->last, l->records));
		render_add_string(snapshot, "type", "snapshot");
		render_add(snapshot, "changed", render_array());
		rc = print_snapshot(m, snapshot, l->records, &new, err);
		json_object_put(snapshot);
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

int monitor_run(const struct command_run *run, const char *sysroot, uint64_t interval_us, bool once,
		bool acts)
{
	struct monitor m = {
		.run = run, .sysroot = sysroot, .watch.counter.fd = -1, .last = render_object(),
		.to_journal = writes_to_journal(),
	};
	const struct sigaction stop = { .sa_handler = request_stop };
	sigset_t signals, before;
	int status = EXIT_DONE, rc;
	struct err err;

	raise_limit();
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigdelset(&before, SIGINT);
	sigdelset(&before, SIGTERM);
	m.act = acts ? act_new(&err) : NULL;
	rc = acts && !m.act ? -err.errnum : start(&m, &err);
	if (rc && !m.seq) {
		struct messages only = { 0 };	/* the others are said already */

		message_add_err(&only, err.status == EXIT_USAGE ? "TARGET" : "HOST", &err);
		status = command_end(run, (int)err.status, &only, render_array());
		messages_free(&only);
	} else {
		if (!rc)
			rc = watch_for_changes(&m, (int64_t)interval_us, once, &before, &err);
		if (rc) {
			fprintf(stderr, "cxl isolation-status: %s\n", err.text);
			status = (int)err.status;
		}
	}
	act_free(m.act);
	watch_exit(&m.watch);
	look_free(m.look);
	json_object_put(m.last);
	messages_free(&m.said);
	return status;
}
