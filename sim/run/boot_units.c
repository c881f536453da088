// SPDX-License-Identifier: GPL-2.0-only
/*
 * See boot_units.h.  Enabled is what `systemctl enable` leaves: a link in TARGET.wants.
 * Of a unit only what decides whether, when and how its commands run is looked at;
 * what confines them is not: they run as the run's other processes.
 */
#include "sim/run/boot_units.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

#define DIRECTORY "/etc/systemd/system"
#define OURS "cxl-*.service"
#define BOOTING "/run/udev/booting"	/* is there while a restart is under way */

enum { MAX_UNITS = 16, MAX_COMMANDS = 8, MAX_WORDS = 64, BOOT_SECONDS = 600 };

struct unit {
	char name[128];
	char after[512], before[512];
	char commands[MAX_COMMANDS][512];
	size_t n_commands;
	char unmet[300];	/* the condition that does not hold, "" when all do */
	char unmet_of_some[300];	/* the same of those of which one has to */
	bool one_holds;
	bool is_oneshot, done;
	unsigned int seconds;	/* TimeoutStartSec, 0: none */
};

struct units {
	struct unit v[MAX_UNITS];
	size_t n;
};

/* --- what a unit says ------------------------------------------------------- */

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool exists_any(const char *pattern)
{
	glob_t found = { 0 };
	bool any = !glob(pattern, 0, NULL, &found) && found.gl_pathc;

	globfree(&found);
	return any;
}

static const struct condition {
	const char *key;
	bool (*holds)(const char *path);
} conditions[] = {
	{ "ConditionPathExists", exists },
	{ "ConditionPathIsDirectory", is_directory },
	{ "ConditionPathExistsGlob", exists_any },
};

static void take_condition(struct unit *u, const char *key, const char *value)
{
	bool of_some = *value == '|', negated = value[of_some] == '!';
	char *unmet = of_some ? u->unmet_of_some : u->unmet;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		if (strcmp(key, conditions[i].key))
			continue;
		if (conditions[i].holds(value + of_some + negated) != negated)
			u->one_holds |= of_some;
		else if (!*unmet)
			snprintf(unmet, sizeof(u->unmet), "%.60s=%.200s", key, value);
	}
}

static void take_order(char *list, size_t size, const char *value)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, " %s ", value);
}

static void take(struct unit *u, const char *key, const char *value)
{
	if (!strcmp(key, "ExecStart") && *value && u->n_commands < MAX_COMMANDS)
		snprintf(u->commands[u->n_commands++], sizeof(u->commands[0]), "%s", value);
	else if (!strcmp(key, "Type"))
		u->is_oneshot = !strcmp(value, "oneshot");
	else if (!strcmp(key, "After"))
		take_order(u->after, sizeof(u->after), value);
	else if (!strcmp(key, "Before"))
		take_order(u->before, sizeof(u->before), value);
	else if (!strcmp(key, "TimeoutStartSec"))
		u->seconds = (unsigned int)strtoul(value, NULL, 10);
	else
		take_condition(u, key, value);
}

static void read_unit(struct unit *u, FILE *f)
{
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	ssize_t n;

	while ((n = getline(&line, &capacity, f)) > 0) {
		char *equals;

		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = '\0';
		equals = strchr(line, '=');
		if (!equals || *line == '#' || *line == ';')
			continue;
		*equals = '\0';
		take(u, line, equals + 1);
	}
}

/* --- which there are -------------------------------------------------------- */

static bool is_known(const struct units *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return true;
	return false;
}

static void add_unit(struct units *all, const char *path, const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct unit *u;

	if (all->n == MAX_UNITS || strlen(name) >= sizeof(u->name) || is_known(all, name))
		return;
	f = fopen(path, "re");
	if (!f) {
		printf("%s: it is enabled, but cannot be read: %s\n", name, strerror(errno));
		return;
	}
	u = &all->v[all->n++];
	snprintf(u->name, sizeof(u->name), "%s", name);
	read_unit(u, f);
	if (!*u->unmet && !u->one_holds)
		memcpy(u->unmet, u->unmet_of_some, sizeof(u->unmet));
}

static void add_wants(struct units *all, const char *target)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *d;
	char path[600];

	snprintf(path, sizeof(path), DIRECTORY "/%.255s", target);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		if (fnmatch(OURS, d->d_name, 0))
			continue;
		snprintf(path, sizeof(path), DIRECTORY "/%.255s/%.255s", target, d->d_name);
		add_unit(all, path, d->d_name);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

static void find_units(struct units *all)
{
	_cleanup_closedir_ DIR *dir = opendir(DIRECTORY);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (!fnmatch("*.target.wants", d->d_name, 0) || !fnmatch("*.target.requires", d->d_name, 0))
			add_wants(all, d->d_name);
	qsort(all->v, all->n, sizeof(*all->v), by_name);
}

static bool is_in(const char *list, const char *name)
{
	char word[160];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(list, word);
}

/* Has some other unit to come before it? */
static bool waits(const struct units *all, const struct unit *u)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct unit *other = &all->v[i];

		if (other != u && !other->done &&
		    (is_in(u->after, other->name) || is_in(other->before, u->name)))
			return true;
	}
	return false;
}

/* NULL: all are done.  Those that wait for each other take turns by name. */
static struct unit *next_unit(struct units *all)
{
	struct unit *first = NULL;

	for (size_t i = 0; i < all->n; i++) {
		struct unit *u = &all->v[i];

		if (u->done)
			continue;
		if (!waits(all, u))
			return u;
		first = first ? first : u;
	}
	return first;
}

/* --- running them ----------------------------------------------------------- */

/* The program of this name that is found, where the unit's own is not installed. */
static void become(char **words, unsigned int seconds)
{
	const char *slash = strrchr(words[0], '/');
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	alarm(seconds);
	execv(words[0], words);
	if (errno == ENOENT && slash)
		execvp(slash + 1, words);
	fprintf(stderr, "cxl-sim: cannot run %s: %s\n", words[0], strerror(errno));
	_exit(EXIT_NO_PROGRAM);
}

/* Its exit status, as a shell gives it. */
static int run_words(char **words, unsigned int seconds)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		become(words, seconds);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return EXIT_NO_PROGRAM;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What is between the @ and the dot of the unit's name: %i of its commands. */
static void put_instance(const struct unit *u, const char *line, char *buf, size_t size)
{
	const char *at = strchr(u->name, '@'), *dot = strrchr(u->name, '.');
	size_t len = 0;

	for (const char *p = line; *p && len < size - 1; p++)
		if (at && dot > at && *p == '%' && p[1] == 'i') {
			len += (size_t)snprintf(buf + len, size - len, "%.*s", (int)(dot - at - 1), at + 1);
			len = len < size ? len : size - 1;
			p++;
		} else {
			buf[len++] = *p;
		}
	buf[len] = '\0';
}

/* Was it successful?  A dash before it makes it so. */
static bool run_line(const struct unit *u, const char *line)
{
	char text[2 * sizeof(u->commands[0])], copy[sizeof(text)];
	char *words[MAX_WORDS + 1] = { NULL }, *save = NULL;
	bool may_fail = *line == '-';
	int n = 0, status;

	put_instance(u, line + may_fail, text, sizeof(text));
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " \t", &save); w && n < MAX_WORDS; w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	if (!n)
		return true;
	status = run_words(words, u->seconds);
	printf("%s: %s: exit status %d\n", u->name, text, status);
	return may_fail || !status;
}

static void run_unit(struct unit *u)
{
	u->done = true;
	if (*u->unmet) {
		printf("%s: not started, since %s does not hold\n", u->name, u->unmet);
		return;
	}
	if (!u->is_oneshot) {
		printf("%s: not started, since it has no end\n", u->name);
		return;
	}
	for (size_t i = 0; i < u->n_commands; i++)
		if (!run_line(u, u->commands[i]))
			return;		/* the unit has failed */
}

void boot_units_run(void)
{
	_cleanup_free_ struct units *all = calloc(1, sizeof(*all));
	struct unit *u;

	if (!all)
		return;
	find_units(all);
	while ((u = next_unit(all)))
		run_unit(u);
	unlink(BOOTING);
}

void boot_units_hold(void)
{
	int fd = open(BOOTING, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
}

static void start_unit(const char *name)
{
	_cleanup_free_ struct units *all = calloc(1, sizeof(*all));
	char path[300], file[160];
	const char *at = strchr(name, '@');
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct stat st;

	snprintf(file, sizeof(file), "%.*s%s", at ? (int)(at - name) + 1 : 100, name, at ? ".service" : "");
	snprintf(path, sizeof(path), DIRECTORY "/%s", file);
	if (!all || fnmatch(OURS, file, 0) || stat(path, &st))
		return;
	alarm(BOOT_SECONDS);
	while (exists(BOOTING))
		nanosleep(&pause, NULL);
	alarm(0);
	add_unit(all, path, name);
	if (all->n && !*all->v[0].unmet)	/* of one that was not asked for by name nothing is said */
		run_unit(&all->v[0]);
	fflush(stdout);
}

void boot_unit_start(const char *name)
{
	fflush(stdout);
	if (fork())
		return;
	start_unit(name);
	_exit(EXIT_SUCCESS);
}
