// SPDX-License-Identifier: GPL-2.0-only
/* What can be made to happen to the simulated host: see event.h. */
#include "sim/event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel.h"
#include "sim/port.h"
#include "sim/sim.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/parse.h"

enum { MAX_WORDS = 4 };

struct event {
	const char *name;
	const char *operands;
	const char *summary;
	int n_operands;
	/* The first operand is a root port.  Fills @text; returns the exit status. */
	enum exit_status (*run)(struct port *port, char **args, char *text, size_t size);
};

static enum exit_status answer(enum exit_status status, char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static enum exit_status answer(enum exit_status status, char *text, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return status;
}

/* After the hardware's part: the kernel's, and one sentence for both. */
static enum exit_status outcome(struct port *port, const char *what, char *text, size_t size)
{
	struct sim *sim = port->sim;

	if (what && port->status & ISO_STS_MEM_ISOLATED)
		kernel_signal(port);
	if (sim_is_dead(sim))
		return answer(EXIT_DONE, text, size, "%s: the host is dead (%s)", port->address,
			      sim->shared->death);
	return answer(EXIT_DONE, text, size, "%s: %s", port->address, what);
}

static enum exit_status run_link_down(struct port *port, char **args, char *text, size_t size)
{
	(void)args;
	if (!port->link_up)
		return answer(EXIT_REFUSED, text, size, "%s: its link is down already; link-up brings it back",
			      port->address);
	return outcome(port, port_link_down(port), text, size);
}

static enum exit_status run_link_up(struct port *port, char **args, char *text, size_t size)
{
	(void)args;
	if (port->link_up)
		return answer(EXIT_REFUSED, text, size, "%s: its link is up already", port->address);
	port_link_up(port);
	return answer(EXIT_DONE, text, size, "%s: the link is up", port->address);
}

static enum exit_status run_timeout(struct port *port, char **args, char *text, size_t size)
{
	(void)args;
	if (port->status & ISO_STS_MEM_ISOLATED)
		return answer(EXIT_REFUSED, text, size, "%s: it is isolated already, nothing can time out",
			      port->address);
	return outcome(port, port_timeout(port), text, size);
}

static enum exit_status run_busy(struct port *port, char **args, char *text, size_t size)
{
	if (strcmp(args[1], "on") && strcmp(args[1], "off"))
		return answer(EXIT_USAGE, text, size, "busy is set 'on' or 'off'");
	if (!strcmp(args[1], "on"))
		port->status |= ISO_STS_BUSY;
	else
		port->status &= ~(uint32_t)ISO_STS_BUSY;
	return answer(EXIT_DONE, text, size, "%s: RP Busy is %s", port->address, args[1]);
}

static const struct event events[] = {
	{ "link-down", "PORT", "the link goes down", 1, run_link_down },
	{ "link-up", "PORT", "the link comes back", 1, run_link_up },
	{ "timeout", "PORT", "a CXL.mem access is not answered in time", 1, run_timeout },
	{ "busy", "PORT on|off", "the port says RP Busy", 2, run_busy },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void events_help(FILE *f)
{
	fputs("\nEvents:\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", events[i].name, events[i].operands);
		fprintf(f, "  %-30s %s\n", left, events[i].summary);
	}
}

static enum exit_status unknown_event(const char *name, char *text, size_t size)
{
	char names[200] = "", shown[64];

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
			 events[i].name);
	return answer(EXIT_USAGE, text, size, "there is no event '%s': the events are %s",
		      printable(name, shown, sizeof(shown)), names);
}

static enum exit_status run_words(struct sim *sim, char **words, int n, char *text, size_t size)
{
	const struct event *event = NULL;
	char ports[400], shown[64];
	struct port *port;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (n && !strcmp(words[0], events[i].name))
			event = &events[i];
	if (!event)
		return unknown_event(n ? words[0] : "", text, size);
	if (n - 1 != event->n_operands)
		return answer(EXIT_USAGE, text, size, "write: cxl-sim ctl %s %s", event->name, event->operands);
	port = port_find(sim, words[1]);
	if (!port)
		return answer(EXIT_USAGE, text, size, "there is no CXL root port '%s': this host has %s",
			      printable(words[1], shown, sizeof(shown)), ports_list(sim, ports, sizeof(ports)));
	if (sim_is_dead(sim))
		return answer(EXIT_REFUSED, text, size, "the host is dead (%s): nothing more can happen in this run",
			      sim->shared->death);
	if (port->dir->gone)
		return answer(EXIT_REFUSED, text, size, "%s was removed from this host", port->address);
	if (!port->modelled)
		return answer(EXIT_REFUSED, text, size, "%s: this run only replays a capture; choose a kernel with "
			      "'cxl-sim run --kernel=...'", port->address);
	return event->run(port, words + 1, text, size);
}

static void log_event(const struct op *op, const char *line, enum exit_status status, const char *text)
{
	struct oplog_line entry = {
		.op = "ctl", .path = EVENT_FILE, .data = line, .data_len = strlen(line), .has_data = true,
		.errnum = status == EXIT_USAGE ? EINVAL : status ? EPERM : 0, .note = text, .pid = op->pid,
	};

	oplog_op(&op->sim->log, &entry);
}

static ssize_t event_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	_cleanup_free_ char *line = strndup(buf, len), *copy = strndup(buf, len);
	char *words[MAX_WORDS + 1], *save = NULL, text[900];
	enum exit_status status;
	int n = 0;

	(void)node;
	if (!line || !copy)
		return -ENOMEM;
	line[strcspn(line, "\n")] = '\0';
	for (char *w = strtok_r(copy, " \t\n", &save); w && n <= MAX_WORDS; w = strtok_r(NULL, " \t\n", &save))
		words[n++] = w;
	status = run_words(op->sim, words, n, text, sizeof(text));
	log_event(op, line, status, text);
	if (asprintf(&op->reply, "%d %s\n", (int)status, text) < 0) {
		op->reply = NULL;
		return -ENOMEM;
	}
	return (ssize_t)len;
}

const struct attr_ops event_ops = { .store = event_store };
