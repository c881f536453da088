// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing a root port back: by running `cxl recover-port`, this very program, since then what is done without
 * anybody being asked is what a person can do and try out, with the same refusals, lock, journal and users= of the
 * policy; and since its end, however it comes about, is not the monitor's.
 */
#include "lib/act/act_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kept/evidence.h"
#include "util/cleanup.h"
#include "util/clock.h"

enum { LOOK_MS = 20, MAX_OUTPUT = 64 << 20 };

#define THIS_PROGRAM "/proc/self/exe"

/* By its name, for lists of processes, where that is still it; else what runs, whatever was installed since. */
static void run_again(struct sysfs *fs, const char **argv)
{
	char path[PATH_MAX];

	if (sysfs_readlink(fs, &THIS_PROGRAM[1], path, sizeof(path)) > 0)
		execv(path, (char **)(uintptr_t)argv);
	execv(THIS_PROGRAM, (char **)(uintptr_t)argv);
}

static void __attribute__((noreturn)) run_program(struct sysfs *fs, const char *root_port,
						  enum act_way way, uint64_t evidence, int out)
{
	static const char *const ways[] = { [ACT_RESUME] = "--resume", [ACT_ABANDON] = "--abandon" };
	const char *argv[8] = { "cxl", "recover-port", "--format=json", "--progress=none" };
	int in = sysfs_open(fs, "dev/null", O_RDONLY), n = 4;
	char number[32];
	sigset_t none;

	if (way != ACT_BEGIN)
		argv[n++] = ways[way];
	argv[n] = root_port;
	snprintf(number, sizeof(number), "%" PRIu64, evidence);
	if (evidence)
		setenv(EVIDENCE_VARIABLE, number, 1);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* a terminal's signal is passed on by whoever waits */
	if (in >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    !setpgid(0, 0))
		run_again(fs, argv);
	fprintf(stderr, "cxl isolation-status: cxl recover-port cannot be run: %s\n", strerror(errno));
	_exit(EXIT_NO_PROGRAM);
}

static int wait_for(pid_t pid, bool (*is_stopped)(void))
{
	bool is_told = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (!is_told && is_stopped()) {
			kill(pid, SIGTERM);
			is_told = true;
		}
		poll(NULL, 0, LOOK_MS);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What it printed, malloc()ed. */
static char *output_of(int fd)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) || st.st_size < 0 || st.st_size > MAX_OUTPUT)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	n = pread(fd, text, (size_t)st.st_size, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool member_is(struct json_object *obj, const char *key, const char *value)
{
	const char *text = json_object_get_string(json_object_object_get(obj, key));

	return text && !strcmp(text, value);
}

static void take_messages(struct json_object *list, struct act_recovered *ret)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		const char *text = json_object_get_string(json_object_object_get(m, "text"));

		if (!member_is(m, "severity", "error"))
			continue;
		ret->is_locked |= member_is(m, "code", "LOCK");
		if (text && !*ret->text)
			snprintf(ret->text, sizeof(ret->text), "%s", text);
	}
}

static void take_output(int fd, struct act_recovered *ret)
{
	_cleanup_free_ char *text = output_of(fd);
	struct json_object *obj = text ? json_tokener_parse(text) : NULL, *list;

	if (json_object_is_type(obj, json_type_object) &&
	    json_object_object_get_ex(obj, "messages", &list) &&
	    json_object_is_type(list, json_type_array))
		take_messages(list, ret);
	json_object_put(obj);
}

int act_recover(struct sysfs *fs, const char *root_port, enum act_way way, uint64_t evidence,
		bool (*is_stopped)(void), struct act_recovered *ret, struct err *err)
{
	_cleanup_close_ int out = memfd_create("recover-port", MFD_CLOEXEC);
	uint64_t began = clock_now_us();
	pid_t pid = out < 0 ? -1 : fork();

	*ret = (struct act_recovered){ .status = EXIT_REFUSED };
	if (pid < 0)
		return err_set(err, EXIT_REFUSED, errno, "cxl recover-port cannot be run: %s", strerror(errno));
	if (!pid)
		run_program(fs, root_port, way, evidence, out);
	ret->status = (enum exit_status)wait_for(pid, is_stopped);
	ret->took_us = clock_now_us() - began;
	take_output(out, ret);
	return 0;
}
