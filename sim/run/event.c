// SPDX-License-Identifier: GPL-2.0-only
/* What can be made to happen to the simulated host: see event.h. */
#include "sim/run/event.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/below.h"
#include "sim/models/config_space.h"
#include "sim/models/dax.h"
#include "sim/models/link.h"
#include "sim/models/memory.h"
#include "sim/models/pci.h"
#include "sim/models/pinned.h"
#include "sim/models/port.h"
#include "sim/models/protocol_error.h"
#include "sim/run/reboot.h"
#include "sim/run/udev.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/parse.h"

enum { MAX_WORDS = 4, SETTLE_POLL_MS = 5 };

#define EVENT_AGAIN ((enum exit_status)-1)	/* call it again after op->wait_ms */

struct event {
	const char *name;
	const char *operands;
	const char *summary;
	int least, most;	/* operands */
	/* @port: the root port that the first operand names, NULL for an event whose
	 * operand is something else.  Fills @text; returns the exit status. */
	bool of_port;
	enum exit_status (*run)(struct op *op, struct port *port, char **args, char *text,
				size_t size);
};

static enum exit_status answer(enum exit_status status, char *text, size_t size, const char *fmt,
			       ...) __attribute__((format(printf, 4, 5)));

static enum exit_status answer(enum exit_status status, char *text, size_t size, const char *fmt,
			       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return status;
}

static enum exit_status find_port(struct sim *sim, const char *word, struct port **ret, char *text,
				  size_t size)
{
	char ports[400], shown[64];

	*ret = port_find(sim, word);
	if (*ret)
		return EXIT_DONE;
	return answer(EXIT_USAGE, text, size, "there is no CXL root port '%s': this host has %s",
		      printable(word, shown, sizeof(shown)), ports_list(sim, ports, sizeof(ports)));
}

/* After the hardware's part: the kernel's, and one sentence for both. */
static enum exit_status outcome(struct port *port, uint32_t before, const char *what, char *text,
				size_t size)
{
	struct sim *sim = port->sim;

	if (what)
		port_signal(port, before);
	if (sim_is_dead(sim))
		return answer(EXIT_DONE, text, size, "%s: the host is dead (%s)", port->address,
			      sim->shared->death);
	return answer(EXIT_DONE, text, size, "%s: %s", port->address, what);
}

static enum exit_status run_link_down(struct op *op, struct port *port, char **args, char *text,
				      size_t size)
{
	uint32_t before = port->status;
	bool stuck = args[1] && !strcmp(args[1], "stuck"), late = args[1] && !strcmp(args[1], "late");
	uint64_t ms = 0;

	(void)op;
	if (args[1] && !(stuck && !args[2]) &&
	    !(late && args[2] && !parse_u64(args[2], &ms) && ms <= 60000))
		return answer(EXIT_USAGE, text, size, "what may follow the port is 'stuck' or 'late MS' (60000 at most)");
	if (!port->link_up)
		return answer(EXIT_REFUSED, text, size, "%s: its link is down already%s", port->address,
			      port->empty ? ", nothing is below it" : "; link-up brings it back");
	if (late)
		port->late_ms = (unsigned int)ms;
	return outcome(port, before, port_link_down(port, stuck), text, size);
}

static enum exit_status run_link_up(struct op *op, struct port *port, char **args, char *text,
				    size_t size)
{
	(void)op;
	(void)args;
	if (port->link_up)
		return answer(EXIT_REFUSED, text, size, "%s: its link is up already", port->address);
	if (port->empty)
		return answer(EXIT_REFUSED, text, size, "%s: nothing is below it that the link could be trained with",
			      port->address);
	if (!port_link_up(port))
		return answer(EXIT_REFUSED, text, size, "%s: software holds the link down (Link Disable, a reset or slot "
			      "power)", port->address);
	return answer(EXIT_DONE, text, size, "%s: the link is up", port->address);
}

static enum exit_status run_timeout(struct op *op, struct port *port, char **args, char *text,
				    size_t size)
{
	bool of_cache = args[1] && !strcmp(args[1], "cache");
	uint32_t before = port->status;

	(void)op;
	if (args[1] && !of_cache && strcmp(args[1], "mem"))
		return answer(EXIT_USAGE, text, size, "an access is one of 'mem' or 'cache'");
	if (before & (of_cache ? SIM_ISO_STS_CACHE_ISOLATED : SIM_ISO_STS_MEM_ISOLATED))
		return answer(EXIT_REFUSED, text, size, "%s: it is isolated already, nothing can time out",
			      port->address);
	if (!(below_protocols(port) & (of_cache ? DVSEC_CAP_CACHE : DVSEC_CAP_MEM)))
		return answer(EXIT_REFUSED, text, size, "%s: no device below it speaks %s, nothing can time out", port->address,
			      of_cache ? "CXL.cache" : "CXL.mem");
	return outcome(port, before, port_timeout(port, of_cache), text, size);
}

static enum exit_status run_protocol_error(struct op *op, struct port *port, char **args,
					   char *text, size_t size)
{
	static const char *const names[] = { "corrected", "nonfatal", "fatal", NULL };
	int severity = args[1] ? name_index(names, args[1]) : ERROR_FATAL;
	uint32_t before = port->status;
	const char *what;

	(void)op;
	if (severity < 0)
		return answer(EXIT_USAGE, text, size, "an error is one of 'corrected', 'nonfatal' or 'fatal'");
	if (!port->link_up)
		return answer(EXIT_REFUSED, text, size, "%s: its link is down, nothing below it can report an error", port->address);
	if (!below_protocols(port))
		return answer(EXIT_REFUSED, text, size, "%s: no device below it speaks CXL", port->address);
	what = port_protocol_error(port, (enum protocol_error)severity, below_endpoint(port));
	return outcome(port, before, what, text, size);
}

static enum exit_status run_media_event(struct op *op, struct port *port, char **args, char *text,
					size_t size)
{
	static const char *const names[] = { "informational", "warning", "failure", "fatal", NULL };
	static const char *const logs[] = { "Informational", "Warning", "Failure", "Fatal" };
	int log = args[1] ? name_index(names, args[1]) : 2;
	const char *memdev;

	(void)op;
	if (log < 0)
		return answer(EXIT_USAGE, text, size, "an event is one of 'informational', 'warning', 'failure' or 'fatal'");
	memdev = port->link_up ? port_media_event(port, logs[log]) : NULL;
	if (!memdev)
		return answer(EXIT_REFUSED, text, size, "%s: no memory device below it that the kernel reads events of", port->address);
	return answer(EXIT_DONE, text, size, "%s: %s has an event of its media, %s", port->address, memdev, names[log]);
}

static enum exit_status busy_block(struct op *op, const char *name, const char *how, char *text,
				   size_t size)
{
	unsigned int number = 0, ms = MEMORY_BUSY;
	uint64_t v;

	parse_name(name, "memory", &number);
	if (how && !strcmp(how, "off"))
		ms = 0;
	else if (how && !strcmp(how, "pinned"))
		ms = MEMORY_PINNED;
	else if (how && !strcmp(how, "kernel"))
		ms = MEMORY_KERNEL;
	else if (how && !parse_u64(how, &v) && v <= 60000)
		ms = (unsigned int)v;
	else if (how && strcmp(how, "on"))
		return answer(EXIT_USAGE, text, size, "a block is busy 'on', 'pinned', 'kernel', 'off', or for a number of milliseconds "
			      "(60000 at most)");
	if (memory_set_busy(op->sim, number, ms))
		return answer(EXIT_REFUSED, text, size, "out of memory");
	return answer(EXIT_DONE, text, size, "%s: it goes offline %s%s", name, ms >= MEMORY_KERNEL ? "never" : ms ? "after " :
		      "at once", ms && ms < MEMORY_KERNEL ? how : "");
}

static enum exit_status run_busy(struct op *op, struct port *port, char **args, char *text,
				 size_t size)
{
	enum exit_status status;
	unsigned int number;

	if (parse_name(args[0], "memory", &number))
		return busy_block(op, args[0], args[1], text, size);
	status = find_port(op->sim, args[0], &port, text, size);
	if (status)
		return status;
	if (!args[1] || (strcmp(args[1], "on") && strcmp(args[1], "off")))
		return answer(EXIT_USAGE, text, size, "busy is set 'on' or 'off'");
	if (!strcmp(args[1], "on"))
		port->status |= SIM_ISO_STS_BUSY;
	else
		port->status &= ~(uint32_t)SIM_ISO_STS_BUSY;
	return answer(EXIT_DONE, text, size, "%s: RP Busy is %s", port->address, args[1]);
}

/* As modprobe does of a real kernel, for an install line of modprobe.d. */
static enum exit_status run_load(struct op *op, struct port *port, char **args, char *text,
				 size_t size)
{
	char shown[64];
	int rc;

	(void)port;
	rc = dax_driver(args[0]) ? dax_load_driver(op->sim, args[0]) : -ENOENT;
	if (rc == -ENOENT)
		return answer(EXIT_REFUSED, text, size, "there is no model of a module '%s' that could be loaded: kmem, device_dax and fsdev_dax have one",
			      printable(args[0], shown, sizeof(shown)));
	if (rc)
		return answer(EXIT_REFUSED, text, size, "out of memory");
	return answer(EXIT_DONE, text, size, "%s is loaded", args[0]);
}

/* udev's processes come and go meanwhile: the answer waits for them. */
static enum exit_status run_settle(struct op *op, struct port *port, char **args, char *text,
				   size_t size)
{
	(void)port;
	(void)args;
	if (udev_is_busy(op->sim)) {
		op->wait_ms = SETTLE_POLL_MS;
		return EVENT_AGAIN;
	}
	return answer(EXIT_DONE, text, size, "udev's rules have been applied to all devices");
}

static enum exit_status run_reboot(struct op *op, struct port *port, char **args, char *text,
				   size_t size)
{
	struct err err;
	int rc;

	(void)port;
	(void)args;
	rc = reboot_step(op, &err);
	if (rc > 0)
		return EVENT_AGAIN;
	return rc ? answer(EXIT_REFUSED, text, size, "%.600s", err.text) : answer(EXIT_DONE, text, size, "the host is up again");
}

static enum exit_status run_remove(struct op *op, struct port *port, char **args, char *text,
				   size_t size)
{
	struct sim *sim = op->sim;
	struct node *function = dev_find(sim, "pci", args[0]);
	char shown[64];

	(void)port;
	if (!function || tree_child(function, "pci_bus"))
		return answer(EXIT_USAGE, text, size, "there is no PCI device '%s' on this host that can be pulled out",
			      printable(args[0], shown, sizeof(shown)));
	if (pci_remove(sim, function))
		return answer(EXIT_REFUSED, text, size, "out of memory");
	return answer(EXIT_DONE, text, size, "%s: it was pulled out", args[0]);
}

static enum exit_status run_returns(struct op *op, struct port *port, char **args, char *text,
				    size_t size)
{
	struct sim *sim = op->sim;
	struct fate fate = { .address = "" };
	char shown[64];
	uint64_t v = 0;

	(void)port;
	if (!pci_knows(sim, args[0]) || strlen(args[0]) >= sizeof(fate.address))
		return answer(EXIT_USAGE, text, size, "there is no PCI device '%s' on this host",
			      printable(args[0], shown, sizeof(shown)));
	snprintf(fate.address, sizeof(fate.address), "%s", args[0]);
	if (!strcmp(args[1], "as-before") && !args[2])
		;
	else if (!strcmp(args[1], "never") && !args[2])
		fate.never = true;
	else if (!strcmp(args[1], "late") && args[2] && !parse_u64(args[2], &v) && v <= 60000)
		fate.late_ms = (unsigned int)v;
	else if (!strcmp(args[1], "serial") && args[2] && !parse_u64(args[2], &v) && v)
		fate.serial = v;
	else if (!strcmp(args[1], "unbound") && (!args[2] || (!parse_u64(args[2], &v) && v && v <= 1000)))
		fate.unbound = args[2] ? (unsigned int)v : 1;
	else
		return answer(EXIT_USAGE, text, size, "a device returns 'as-before', 'never', 'late MS' (60000 at most), "
			      "'serial NUMBER' or 'unbound [N]' (1000 at most)");
	if (pci_set_fate(sim, &fate))
		return answer(EXIT_REFUSED, text, size, "out of memory");
	return answer(EXIT_DONE, text, size, "%s: once removed it returns %s%s%s", args[0], args[1], args[2] ? " " : "",
		      args[2] ? args[2] : "");
}

/* The mapping itself is the work of the process that asked: see user.c. */
static enum exit_status run_map(struct op *op, struct port *port, char **args, char *text,
				size_t size)
{
	struct sim *sim = op->sim;
	const struct node *dax = dev_find(sim, "dax", args[0]);
	const char *driver = dax ? dev_driver(dax) : NULL;
	char shown[64];

	(void)port;
	if (args[1] && strcmp(args[1], "idle"))
		return answer(EXIT_USAGE, text, size, "the only word after the device is 'idle'");
	if (!dax)
		return answer(EXIT_USAGE, text, size, "there is no dax device '%s' on this host",
			      printable(args[0], shown, sizeof(shown)));
	if (!driver || strcmp(driver, "device_dax"))
		return answer(EXIT_REFUSED, text, size, "%s cannot be mapped: its driver is %s, not device_dax", dax->name,
			      driver ? driver : "none");
	return answer(EXIT_DONE, text, size, "%s may be mapped", dax->name);
}

static enum exit_status run_unmap(struct op *op, struct port *port, char **args, char *text,
				  size_t size)
{
	(void)op;
	(void)port;
	return answer(EXIT_DONE, text, size, "whoever maps %s may go", args[0]);
}

/* Pages of it are held, by nobody who shows as a process: a device alone can have them. */
static enum exit_status run_pin(struct op *op, struct port *port, char **args, char *text,
				size_t size)
{
	struct node *dax = dev_find(op->sim, "dax", args[0]);
	bool ends = args[1] && !strcmp(args[1], "off");
	uint64_t ms = PINNED_FOR_EVER;
	char shown[64];

	(void)port;
	if (args[1] && !ends && (parse_u64(args[1], &ms) || !ms || ms > 60000))
		return answer(EXIT_USAGE, text, size, "what may follow the device is 'off' or a number of milliseconds (60000 at most)");
	if (!dax)
		return answer(EXIT_USAGE, text, size, "there is no dax device '%s' on this host",
			      printable(args[0], shown, sizeof(shown)));
	if (pinned_set(op->sim, dax, ends ? 0 : (unsigned int)ms))
		return answer(EXIT_REFUSED, text, size, "out of memory");
	return answer(EXIT_DONE, text, size, "%s: its pages are %s%s%s", dax->name, ends ? "given back" : "pinned",
		      args[1] && !ends ? ", and given back so many ms after its driver is told to go: " : "",
		      args[1] && !ends ? args[1] : "");
}

/* What was armed stays in the list: an operation may be held up by it. */
static enum exit_status run_fault(struct op *op, struct port *port, char **args, char *text,
				  size_t size)
{
	struct sim *sim = op->sim;
	struct err err;

	(void)port;
	if (!strcmp(args[0], "none")) {
		for (size_t i = 0; i < sim->n_faults; i++)
			fault_disarm(&sim->faults[i]);
		return answer(EXIT_DONE, text, size, "nothing goes wrong from now on");
	}
	if (sim->n_faults == sim->max_faults)
		return answer(EXIT_REFUSED, text, size, "a run takes no more than %zu faults", sim->max_faults);
	if (fault_parse(&sim->faults[sim->n_faults++], args[0], &err)) {
		fault_disarm(&sim->faults[sim->n_faults - 1]);
		return answer(err.status, text, size, "%s", err.text);
	}
	return answer(EXIT_DONE, text, size, "%s: counted from now on", args[0]);
}

static const struct event events[] = {
	{ "link-down", "PORT [stuck|late MS]", "the link fails, until it trains again, only until link-up, or for MS more",
	  1, 3, true, run_link_down },
	{ "link-up", "PORT", "the link comes back", 1, 1, true, run_link_up },
	{ "timeout", "PORT [cache]", "a CXL.mem (CXL.cache) access is not answered in time", 1, 2, true, run_timeout },
	{ "protocol-error", "PORT [corrected|nonfatal|fatal]", "a device below reports a CXL protocol error, else a fatal one", 1, 2, true, run_protocol_error },
	{ "media-event", "PORT [informational|warning|failure|fatal]", "a memory device below reports an event of its media, else a failure", 1, 2, true, run_media_event },
	{ "busy", "PORT on|off", "the port says RP Busy", 1, 2, false, run_busy },
	{ "busy", "BLOCK [on|pinned|kernel|off|MS]", "the memory block stays online, in the kernel's log for this reason, or for MS more", 1, 2, false,
	  run_busy },
	{ "surprise-remove", "DEVICE", "the PCI device is pulled out", 1, 1, false, run_remove },
	{ "returns", "DEVICE as-before|never|late MS|serial N|unbound [N]", "how it comes back the next time", 2, 3, false, run_returns },
	{ "fault", "SPEC|none", "as run --fault, counted from now on; or no fault any more", 1, 1, false, run_fault },
	{ "map", "DAX [idle]", "start a process that maps /dev/DAX and uses it, or only holds it", 1, 2, false, run_map },
	{ "unmap", "DAX", "end the processes that 'map' started", 1, 1, false, run_unmap },
	{ "pin", "DAX [MS|off]", "pages of DAX are pinned: its driver cannot go, for MS, or until off", 1, 2, false, run_pin },
	{ "load", "MODULE", "the kernel's module is inserted, as an install line of /etc/modprobe.d can say", 1, 1, false, run_load },
	{ "settle", "", "wait until udev's rules were applied", 0, 0, false, run_settle },
	{ "reboot", "", "the host starts again; /etc is kept, and units of ours that are enabled there run", 0, 0, false, run_reboot },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void events_help(FILE *f)
{
	enum { EVENT_INDENT = 10 };

	fputs("\nEvents:\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		fprintf(f, "  %s%s%s\n%*s", events[i].name, *events[i].operands ? " " : "",
			events[i].operands, EVENT_INDENT, "");
		options_put_text(f, EVENT_INDENT, events[i].summary);
	}
}

void events_complete(const struct complete *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!i || strcmp(events[i].name, events[i - 1].name))
			complete_offer(c, events[i].name, events[i].summary);
}

/* The first words of "stuck|late MS", which are to be typed as they are, and of "BLOCK". */
static void complete_words(const struct complete *c, const char *text, const char *end,
			   void (*named)(const struct complete *c, const char *kind))
{
	char word[32];

	while (text < end) {
		text += strspn(text, "[");
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " |]"), text);
		if (islower((unsigned char)*word))
			complete_offer(c, word, NULL);
		else if (*word)
			named(c, word);
		text += strcspn(text, "|");
		text += *text == '|';
	}
}

void event_operands_complete(const struct complete *c, const char *name, size_t n,
			     void (*named)(const struct complete *c, const char *kind))
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		const char *text = events[i].operands, *rest = text + strcspn(text, " ");

		if (strcmp(events[i].name, name))
			continue;
		if (n == 0)
			complete_words(c, text, rest, named);
		else if (n == 1)
			complete_words(c, rest + (*rest == ' '), rest + strlen(rest), named);
	}
}

static enum exit_status unknown_event(const char *name, char *text, size_t size)
{
	char names[300] = "", shown[64];

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!i || strcmp(events[i].name, events[i - 1].name))
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
				 events[i].name);
	return answer(EXIT_USAGE, text, size, "there is no event '%s': the events are %s",
		      printable(name, shown, sizeof(shown)), names);
}

static enum exit_status run_words(struct op *op, char **words, int n, char *text, size_t size)
{
	struct sim *sim = op->sim;
	const struct event *event = NULL;
	struct port *port = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(events) && !event; i++)
		if (n && !strcmp(words[0], events[i].name))
			event = &events[i];
	if (!event)
		return unknown_event(n ? words[0] : "", text, size);
	if (n - 1 < event->least || n - 1 > event->most)
		return answer(EXIT_USAGE, text, size, "write: cxl-sim ctl %s %s", event->name, event->operands);
	if (event->of_port) {
		enum exit_status status = find_port(sim, words[1], &port, text, size);

		if (status)
			return status;
	}
	if (sim_is_dead(sim) && event->run != run_reboot)
		return answer(EXIT_REFUSED, text, size, "the host is dead (%s): nothing but reboot can happen to it",
			      sim->shared->death);
	if (!sim->kernel)
		return answer(EXIT_REFUSED, text, size, "this run only replays a capture; choose a kernel with "
			      "'cxl-sim run --kernel=...'");
	if (port && port->dir->gone)
		return answer(EXIT_REFUSED, text, size, "%s was removed from this host", port->address);
	return event->run(op, port, words + 1, text, size);
}

static void log_event(const struct op *op, const char *line, enum exit_status status,
		      const char *text)
{
	struct oplog_line entry = {
		.op = "ctl",
		.path = EVENT_FILE,
		.data = line,
		.data_len = strlen(line),
		.has_data = true,
		.errnum = status == EXIT_USAGE ? EINVAL
			  : status	       ? EPERM
					       : 0,
		.note = text,
		.pid = op->pid,
	};

	oplog_op(&op->sim->log, &entry);
}

static ssize_t event_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	_cleanup_free_ char *line = strndup(buf, len), *copy = strndup(buf, len);
	char *words[MAX_WORDS + 2] = { NULL }, *save = NULL, text[900];
	enum exit_status status;
	int n = 0;

	(void)node;
	if (!line || !copy)
		return -ENOMEM;
	line[strcspn(line, "\n")] = '\0';
	for (char *w = strtok_r(copy, " \t\n", &save); w && n <= MAX_WORDS; w = strtok_r(NULL, " \t\n", &save))
		words[n++] = w;
	status = run_words(op, words, n, text, sizeof(text));
	if (status == EVENT_AGAIN)
		return SIM_AGAIN;
	log_event(op, line, status, text);
	if (asprintf(&op->reply, "%d %s\n", (int)status, text) < 0) {
		op->reply = NULL;
		return -ENOMEM;
	}
	return (ssize_t)len;
}

const struct attr_ops event_ops = { .store = event_store };
