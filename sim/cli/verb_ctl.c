// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim ctl: make something happen to the simulated host of this run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/verb.h"
#include "sim/run/boot_units.h"
#include "sim/run/event.h"
#include "sim/run/user.h"
#include "util/cleanup.h"

struct ctl_options {
	bool help;
};

static const struct opt ctl_opts[] = {
	HELP_OPTION(struct ctl_options),
	{ 0 }
};

static int join(char **words, int n, char *line, size_t size, struct err *err)
{
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		int more = snprintf(line + len, size - len, "%s%s", i ? " " : "", words[i]);

		if (more < 0 || (size_t)more >= size - len)
			return err_set(err, EXIT_USAGE, E2BIG, "the event is too long: see 'cxl-sim ctl --help'");
		len += (size_t)more;
	}
	return 0;
}

static int send(const char *line, char *reply, size_t size, struct err *err)
{
	_cleanup_close_ int fd = open(EVENT_FILE, O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, EXIT_PREREQ, ENOENT, "this is not a simulated host: use it inside 'cxl-sim run -- ...'");
	if (fd < 0)
		return err_set(err, EXIT_PREREQ, errno, "cannot open " EVENT_FILE ": %s", strerror(errno));
	n = write(fd, line, strlen(line));
	if (n >= 0)
		n = pread(fd, reply, size - 1, 0);
	if (n < 0)
		return err_set(err, EXIT_REFUSED, errno, "the simulated host does not answer: %s", strerror(errno));
	reply[n] = '\0';
	reply[strcspn(reply, "\n")] = '\0';
	return 0;
}

/* What the simulated host allowed: here, since processes are no part of it. */
static int act(char **words, int n, const char *text, struct err *err)
{
	if (!strcmp(words[0], "map"))
		return user_start(words[1], n > 2, err);
	if (!strcmp(words[0], "unmap"))
		return user_stop(words[1], err);
	if (!strcmp(words[0], "reboot"))
		user_stop_all();
	printf("%s\n", text);
	if (!strcmp(words[0], "reboot"))
		boot_units_run();
	return 0;
}

static int run(int argc, char **argv)
{
	struct ctl_options o = { 0 };
	char line[512], reply[1024], *text;
	struct err err;
	int first, status;
	long answer;

	if (!verb_start(&cmd_ctl, &o, &o.help, argc, argv, true, &first, &status)) {
		if (o.help && status == EXIT_DONE)
			events_help(stdout);
		return status;
	}
	if (first == argc) {
		err_set(&err, EXIT_USAGE, EINVAL, "which event? See 'cxl-sim ctl --help'");
		return verb_failed(&err);
	}
	if (join(argv + first, argc - first, line, sizeof(line), &err) ||
	    send(line, reply, sizeof(reply), &err))
		return verb_failed(&err);
	answer = strtol(reply, &text, 10);
	text += *text == ' ';
	if (text == reply || answer < 0 || answer > 255) {
		err_set(&err, EXIT_REFUSED, EPROTO, "the simulated host's answer cannot be understood");
		return verb_failed(&err);
	}
	if (answer)
		fprintf(stderr, "cxl-sim: %s\n", text);
	else if (act(argv + first, argc - first, text, &err))
		return verb_failed(&err);
	return fflush(stdout) ? EXIT_REFUSED : (int)answer;
}

const struct command cmd_ctl = {
	"ctl", "EVENT OPERANDS...", "inside a run: make something happen to its host", ctl_opts, run,
};
