// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim run: from the options to a loaded host, the run, and its verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/cli/verb.h"
#include "sim/host/host.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/run/event.h"
#include "sim/run/run.h"
#include "sim/state/sim.h"
#include "util/parse.h"

struct run_options {
	const char *host, *kernel, *log;
	struct opt_list faults, only;
	bool help;
};

static const struct opt run_opts[] = {
	{ "host", 0, OPT_STRING, offsetof(struct run_options, host), "NAME|FILE|DIR",
	  "a host of 'cxl-sim hosts', a host file, a capture (default direct1)" },
	{ "kernel", 0, OPT_STRING, offsetof(struct run_options, kernel), "KERNEL",
	  "mainline, v1, v1-fixed, rfc, ras-v18, kmem-state, private-nodes, sysram-regions or type2-detach (default: the host's; a bare capture is replayed as it is)" },
	{ "fault", 0, OPT_LIST, offsetof(struct run_options, faults), "OP[@GLOB]:N[+]=ACTION",
	  "let the N-th operation go wrong, for example write@*/isolation_ctrl:1=EIO" },
	{ "only", 0, OPT_LIST, offsetof(struct run_options, only), "PORT",
	  "a write to any other root port is refused and a violation" },
	{ "log", 0, OPT_STRING, offsetof(struct run_options, log), "FILE",
	  "one JSON object per file operation" },
	HELP_OPTION(struct run_options),
	{ 0 }
};

enum { MAX_CTL_FAULTS = 4096 };

static int read_faults(struct sim *sim, const struct opt_list *list, struct err *err)
{
	/* with room for those of ctl: the list never moves, operations point into it */
	sim->max_faults = list->n + MAX_CTL_FAULTS;
	sim->faults = calloc(sim->max_faults, sizeof(*sim->faults));
	if (!sim->faults)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++) {
		int rc = fault_parse(&sim->faults[sim->n_faults++], list->v[i], err);

		if (rc)
			return rc;
		if (sim->faults[i].action == FAULT_ISOLATE && (!sim->n_ports || !sim->kernel))
			return err_set(err, EXIT_USAGE, EINVAL, "--fault=...=isolate needs a host with simulated "
				       "root ports: give --kernel=mainline, v1, v1-fixed, rfc, ras-v18, kmem-state, private-nodes, sysram-regions or type2-detach");
	}
	return 0;
}

static int read_only(struct sim *sim, const struct opt_list *list, struct err *err)
{
	char ports[400], shown[64];

	sim->only = calloc(list->n + 1, sizeof(struct port *));
	if (!sim->only)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++) {
		struct port *port = port_find(sim, list->v[i]);

		if (!port)
			return err_set(err, EXIT_USAGE, EINVAL, "--only: there is no CXL root port '%s': this host "
				       "has %s", printable(list->v[i], shown, sizeof(shown)),
				       ports_list(sim, ports, sizeof(ports)));
		sim->only[sim->n_only++] = port;
	}
	return 0;
}

static int set_up(struct sim *sim, const struct run_options *o, struct err *err)
{
	int rc;

	sim->shared = mmap(NULL, sizeof(*sim->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sim->shared == MAP_FAILED || tree_init(&sim->tree)) {
		sim->shared = sim->shared == MAP_FAILED ? NULL : sim->shared;
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	}
	rc = host_load(sim, o->host ? o->host : "direct1", o->kernel, err);
	rc = rc ? rc : read_only(sim, &o->only, err);
	rc = rc ? rc : read_faults(sim, &o->faults, err);
	if (!rc && !tree_add_attr(&sim->tree, sim->tree.root, "ctl", 0666, &event_ops, sim))
		rc = err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	if (!rc && o->log)
		rc = oplog_open(&sim->log, o->log, err);
	return rc;
}

static int verdict(const struct sim_shared *s, int status)
{
	if (s->death[0])
		fprintf(stderr, "cxl-sim: the simulated host died (%s); from then on every file operation failed\n",
			s->death);
	if (!s->violations)
		return status;
	fprintf(stderr, "cxl-sim: %lu violation%s, the first: %s; --log shows all\n", s->violations,
		s->violations == 1 ? "" : "s", s->violation);
	return status ? status : EXIT_REFUSED;
}

static int run(int argc, char **argv)
{
	struct run_options o = { 0 };
	struct sim sim = { .log = { .fd = -1 } };
	struct err err;
	int first, status;

	if (!verb_start(&cmd_run, &o, &o.help, argc, argv, true, &first, &status))
		goto out;
	if (first == argc) {
		err_set(&err, EXIT_USAGE, EINVAL, "which command is to be run? For example: cxl-sim run -- cxl list");
		status = verb_failed(&err);
		goto out;
	}
	status = set_up(&sim, &o, &err);
	if (!status)
		status = run_command(&sim, argv + first, &err);
	status = status < 0 ? verb_failed(&err) : verdict(sim.shared, status);
out:
	sim_exit(&sim);
	if (sim.shared)
		munmap(sim.shared, sizeof(*sim.shared));
	opt_list_free(&o.faults);
	opt_list_free(&o.only);
	return status;
}

const struct command cmd_run = {
	"run", "-- COMMAND...", "run COMMAND on a simulated host", run_opts, run,
};
