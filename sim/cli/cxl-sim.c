// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim: the table of verbs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "sim/cli/verb.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/similar.h"

static const struct command *const verbs[] = { &cmd_run, &cmd_ctl, &cmd_hosts, &cmd_doctor,
					       &cmd_capture, NULL };

#define N_VERBS (ARRAY_SIZE(verbs) - 1)

static void help(FILE *f)
{
	fputs("usage: cxl-sim VERB [OPTIONS] ...\n\nA simulated CXL host for commands and tests.\n\nVerbs:\n", f);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\n'cxl-sim VERB --help' says more; --version prints the version.\n", f);
}

static int unknown(const char *name)
{
	struct similar meant = SIMILAR_TO(name, strlen(name));
	char shown[64];

	fprintf(stderr, "cxl-sim: there is no verb '%s'", printable(name, shown, sizeof(shown)));
	for (size_t i = 0; i < N_VERBS; i++)
		similar_offer(&meant, verbs[i]->name);
	if (meant.best)
		fprintf(stderr, ": did you mean '%s'?", meant.best);
	for (size_t i = 0; !meant.best && i < N_VERBS; i++)
		fprintf(stderr, "%s %s", i ? "," : ": the verbs are", verbs[i]->name);
	fputs("\n", stderr);
	return EXIT_USAGE;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (!strcmp(name, verbs[i]->name))
			return verbs[i];
	return NULL;
}

/* For the shell, see util/complete.h: the first of @words is the verb. */
static int complete(char **words, int n)
{
	const struct complete c = { .value = words[n - 1], .start = "" };

	if (n > 1 && find(words[0])) {
		complete_command(find(words[0]), verb_kinds, words, n);
	} else if (n == 1) {
		complete_command_name(verbs, words[0]);
		complete_offer(&c, "--help", "the verbs");
		complete_offer(&c, "--version", "the version");
	}
	return fflush(stdout) ? EXIT_REFUSED : EXIT_DONE;
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
	program_name = "cxl-sim";
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
	if (argc > 2 && (!strcmp(argv[1], "--complete") || !strcmp(argv[1], "--complete-ours")))
		return complete(argv + 2, argc - 2);
	return find(argv[1]) ? find(argv[1])->run(argc - 1, argv + 1) : unknown(argv[1]);
}
