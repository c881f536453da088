// SPDX-License-Identifier: GPL-2.0-only
/* What may stand for KERNEL, EVENT and other values, for shell completion. */
#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/verb.h"
#include "sim/host/host.h"
#include "sim/models/kernel.h"
#include "sim/run/event.h"
#include "util/cleanup.h"
#include "util/parse.h"

static void offer_hosts(struct complete *c)
{
	struct host_list list;
	struct err err;

	if (host_list_read(&list, &err))
		return;
	for (size_t i = 0; i < list.n; i++)
		complete_offer(c, list.v[i].name, NULL);
	host_list_free(&list);
}

static void offer_events(struct complete *c)
{
	events_complete(c);
}

/* Objects of the simulated host, which this is where there is a file for events. */
static void offer_objects(const struct complete *c, const char *kind)
{
	static const struct {
		const char *kind, *files;
		bool is_above;	/* meant is the directory that it is in */
	} places[] = {
		{ "PORT", "/sys/bus/cxl/devices/root*/port*/dport*", false },
		{ "DEVICE", "/sys/bus/cxl/devices/mem*", true },
		{ "DAX", "/sys/bus/dax/devices/dax*", false },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		glob_t found;

		if (strcmp(places[i].kind, kind) || access(EVENT_FILE, F_OK) ||
		    glob(places[i].files, 0, NULL, &found))
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++) {
			_cleanup_free_ char *path = realpath(found.gl_pathv[k], NULL);

			if (path && places[i].is_above)
				*strrchr(path, '/') = '\0';
			if (path && strrchr(path, '/'))
				complete_offer(c, strrchr(path, '/') + 1, NULL);
		}
		globfree(&found);
	}
}

static void offer_operands(struct complete *c)
{
	event_operands_complete(c, c->operands[0], c->n_operands - 1, offer_objects);
}

static bool is_ours(const char *program)
{
	static const char *const names[] = { "cxl", "daxctl", "cxl-sim", NULL };
	const char *slash = strrchr(program, '/');

	return name_index(names, slash ? slash + 1 : program) >= 0;
}

/*
 * What our programs may be given depends on the host: they are asked on the simulated one,
 * as it is before anything happens, without faults and log.
 */
static void offer_command(struct complete *c)
{
	const char *host = complete_option(c, "host"), *kernel = complete_option(c, "kernel");
	int n = 0, at = c->command_at, rest = c->n_words - at;
	char **argv = calloc((size_t)rest + 12, sizeof(*argv));
	bool asks_us = argv && rest > 1 && is_ours(c->words[at]);

	for (int i = at; i + 1 < c->n_words; i++)
		asks_us &= strcmp(c->words[i], "--") != 0;	/* the command's own command line */
	if (asks_us) {
		char name[] = "cxl-sim", run[] = "run", host_option[] = "--host", kernel_option[] = "--kernel",
		     end[] = "--", complete[] = "--complete";

		argv[n++] = name;
		argv[n++] = run;
		if (host) {
			argv[n++] = host_option;
			argv[n++] = (char *)(uintptr_t)host;
		}
		if (kernel) {
			argv[n++] = kernel_option;
			argv[n++] = (char *)(uintptr_t)kernel;
		}
		argv[n++] = end;
		argv[n++] = c->words[at];
		argv[n++] = complete;
		memcpy(argv + n, c->words + at + 1, (size_t)(rest - 1) * sizeof(*argv));
		execv("/proc/self/exe", argv);
	}
	free(argv);
	complete_as_command(c);
}

const struct complete_kind verb_kinds[] = {
	{ "NAME", offer_hosts },
	{ "KERNEL", kernels_complete },
	{ "EVENT", offer_events },
	{ "OPERANDS", offer_operands },
	{ "COMMAND", offer_command },
	{ 0 }
};
