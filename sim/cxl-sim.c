// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim: the table of verbs and what they share. */
#include "sim/cxl-sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "sim/event.h"
#include "util/parse.h"

static const struct command *const verbs[] = { &cmd_run, &cmd_ctl, &cmd_hosts, &cmd_doctor, &cmd_capture };

#define N_VERBS (sizeof(verbs) / sizeof(*verbs))

int verb_failed(const struct err *err)
{
	fprintf(stderr, "cxl-sim: %s\n", err->text);
	return (int)err->status;
}

bool verb_start(const struct command *cmd, void *options, bool *help, int argc, char **argv,
		bool stop_at_operand, int *first_operand, int *ret_status)
{
	struct err err;

	if (options_parse(cmd->opts, options, argc, argv, stop_at_operand, first_operand, &err)) {
		*ret_status = verb_failed(&err);
		return false;
	}
	if (*help) {
		options_help(stdout, "cxl-sim", cmd);
		if (cmd == &cmd_ctl)
			events_help(stdout);
		*ret_status = EXIT_DONE;
		return false;
	}
	if (!*cmd->operands && *first_operand < argc) {
		err_set(&err, EXIT_USAGE, EINVAL, "'%s' takes no operand: see 'cxl-sim %s --help'", cmd->name,
			cmd->name);
		*ret_status = verb_failed(&err);
		return false;
	}
	return true;
}

static void help(FILE *f)
{
	fputs("usage: cxl-sim VERB [OPTIONS] ...\n\nA simulated CXL host for commands and tests.\n\nVerbs:\n", f);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\n'cxl-sim VERB --help' says more; --version prints the version.\n", f);
}

static int unknown(const char *name)
{
	char shown[64];

	fprintf(stderr, "cxl-sim: there is no verb '%s': the verbs are", printable(name, shown, sizeof(shown)));
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(stderr, "%s %s", i ? "," : "", verbs[i]->name);
	fputs("\n", stderr);
	return EXIT_USAGE;
}

/* A closed standard descriptor must not become a log or the FUSE device. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	open_standard_descriptors();
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help(stdout);
		return fflush(stdout) ? EXIT_REFUSED : EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("cxl-sim %s\n", PROJECT_VERSION);
		return fflush(stdout) ? EXIT_REFUSED : EXIT_DONE;
	}
	for (size_t i = 0; i < N_VERBS; i++)
		if (!strcmp(argv[1], verbs[i]->name))
			return verbs[i]->run(argc - 1, argv + 1);
	return unknown(argv[1]);
}
