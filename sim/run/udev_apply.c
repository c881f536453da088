// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applying udev rules to one event, as udev(7) says: in a process of the run,
 * through the files that any process sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/run/udev.h"
#include "sim/run/udev_device.h"
#include "sim/run/uevent.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/file.h"

enum { TEXT = 4096, MAX_VARIABLES = 256, MAX_PROGRAMS = 32, MAX_WORDS = 64, PROGRAM_SECONDS = 60 };

/* A device and what the rules made of it. */
struct state {
	const struct udev_event *event;
	const struct udev_rule *rule;		/* at hand */
	char *variables[MAX_VARIABLES];		/* "NAME=VALUE" */
	size_t n_variables;
	struct {
		char *command;
		const struct udev_rule *rule;
	} programs[MAX_PROGRAMS];
	size_t n_programs;
	char result[TEXT];
	char links[TEXT];			/* in /dev, with blanks between them */
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void complain(const struct state *s, const char *what, const char *why)
{
	fprintf(stderr, "cxl-sim: %s:%u: %s: %s\n", s->rule->file, s->rule->line, what, why);
}

/* --- variables ------------------------------------------------------------ */

static const char *variable(const struct state *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < s->n_variables; i++)
		if (!strncmp(s->variables[i], name, n) && s->variables[i][n] == '=')
			return s->variables[i] + n + 1;
	return "";
}

static void set_variable(struct state *s, const char *name, const char *value)
{
	size_t n = strlen(name), i = 0;
	char *text;

	while (i < s->n_variables &&
	       (strncmp(s->variables[i], name, n) || s->variables[i][n] != '='))
		i++;
	if (i == MAX_VARIABLES || asprintf(&text, "%s=%s", name, value) < 0)
		return;
	if (i == s->n_variables)
		s->n_variables++;
	else
		free(s->variables[i]);
	s->variables[i] = text;
}

/* --- the device ----------------------------------------------------------- */

/* An attribute without its newline; false: it cannot be read. */
static bool read_attr(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = file_open(AT_FDCWD, path, O_RDONLY, 0, NULL);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	while (n && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return true;
}

/* Last part of where a link of the device leads, "" without one. */
static const char *link_name(const char *syspath, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", syspath, name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(buf, size, "%s", base(target));
	return buf;
}

/* "NAME" of the device, or "[SUBSYSTEM/DEVICE]NAME" of another. */
static void attr_path(const char *syspath, const char *name, char *buf, size_t size)
{
	char subsystem[128], device[128];
	int n = 0;

	if (sscanf(name, "[%127[^]/]/%127[^]]]%n", subsystem, device, &n) != 2 || !n)
		snprintf(buf, size, "%s/%s", syspath, name);
	else if (!strcmp(subsystem, "subsystem"))
		snprintf(buf, size, "/sys/bus/%s/%s", device, name + n);
	else if (!strcmp(subsystem, "module"))
		snprintf(buf, size, "/sys/module/%s/%s", device, name + n);
	else if (!strcmp(subsystem, "drivers") && strchr(device, ':'))
		snprintf(buf, size, "/sys/bus/%.*s/drivers/%s/%s", (int)strcspn(device, ":"), device,
			 strchr(device, ':') + 1, name + n);
	else
		snprintf(buf, size, "/sys/bus/%s/devices/%s/%s", subsystem, device, name + n);
}

/* --- substitutions -------------------------------------------------------- */

/* %k and $kernel and their like at @p, into @buf; how many characters that was, 0: it is none. */
static size_t substitute(const struct state *s, const char *p, char *buf, size_t size)
{
	static const struct {
		const char *name;
		char letter;
	} names[] = {
		{ "kernel", 'k' }, { "devpath", 'p' }, { "number", 'n' }, { "result", 'c' }, { "attr", 's' }, { "env", 'E' },
		{ "sys", 'S' }, { "devnode", 'N' }, { "root", 'r' }, { "driver", 'd' },
	};
	const char *path = s->event->syspath, *braces = NULL;
	char name[256] = "", letter = 0;
	size_t n = 1;

	if (p[1] == p[0]) {
		snprintf(buf, size, "%c", *p);
		return 2;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !letter; i++) {
		if (*p == '$' ? strncmp(p + 1, names[i].name, strlen(names[i].name)) != 0
			      : p[1] != names[i].letter)
			continue;
		letter = names[i].letter;
		n += *p == '$' ? strlen(names[i].name) : 1;
	}
	if (p[n] == '{' && strchr(p + n, '}')) {
		braces = p + n + 1;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(braces, "}"), braces);
	}
	*buf = '\0';
	switch (letter) {
	case 'k': snprintf(buf, size, "%s", base(path)); return n;
	case 'p': snprintf(buf, size, "%s", path + 4); return n;
	case 'n': snprintf(buf, size, "%s", base(path) + strcspn(base(path), "0123456789")); return n;
	case 'c': snprintf(buf, size, "%s", s->result); return n;
	case 'S': snprintf(buf, size, "/sys"); return n;
	case 'r': snprintf(buf, size, "/dev"); return n;
	case 'N': snprintf(buf, size, "/dev/%s", variable(s, "DEVNAME")); return n;
	case 'd': link_name(path, "driver", buf, size); return n;
	}
	if (!letter || !braces)
		return 0;
	if (letter == 'E') {
		snprintf(buf, size, "%s", variable(s, name));
	} else {
		char file[PATH_MAX];

		attr_path(path, name, file, sizeof(file));
		if (!read_attr(file, buf, size))
			*buf = '\0';
	}
	return n + strlen(name) + 2;
}

static const char *expand(const struct state *s, const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (const char *p = text; *p && len < size - 1; ) {
		char part[TEXT];
		size_t n = *p == '%' || *p == '$' ? substitute(s, p, part, sizeof(part)) : 0;

		if (n)
			len += (size_t)snprintf(buf + len, size - len, "%s", part);
		else
			buf[len++] = *p;
		p += n ? n : 1;
		len = len < size ? len : size - 1;
	}
	buf[len] = '\0';
	return buf;
}

/* --- programs ------------------------------------------------------------- */

/* Words as udev splits them: at white space, but not within quotes. */
static size_t split(char *text, char *words[], size_t max)
{
	size_t n = 0;

	for (char *p = text; p += strspn(p, " \t"), *p && n < max - 1; ) {
		char quote = *p == '\'' || *p == '"' ? *p++ : 0;

		words[n++] = p;
		p = quote ? strchr(p, quote) : p + strcspn(p, " \t");
		if (!p || !*p)
			break;
		*p++ = '\0';
	}
	words[n] = NULL;
	return n;
}

/* Exit status of a command without a shell; its output into @out, where that is not NULL. */
static int run(struct state *s, const char *command, char *out, size_t size)
{
	char text[TEXT], path[PATH_MAX], *words[MAX_WORDS];
	int ends[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", command);
	if (!split(text, words, MAX_WORDS) || pipe2(ends, O_CLOEXEC))
		return -1;
	snprintf(path, sizeof(path), "%s%s", *words[0] == '/' ? "" : "/usr/lib/udev/", words[0]);
	pid = fork();
	if (!pid) {
		s->variables[s->n_variables < MAX_VARIABLES ? s->n_variables : MAX_VARIABLES - 1] =
			NULL;
		if (out)
			dup2(ends[1], STDOUT_FILENO);
		alarm(PROGRAM_SECONDS);
		execve(path, words, s->variables);
		complain(s, path, strerror(errno));
		_exit(EXIT_FAILURE);
	}
	close(ends[1]);
	while (out && len < size - 1 && (n = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (out)
		out[len] = '\0';
	return status;
}

static bool run_for_result(struct state *s, const char *command)
{
	int status = run(s, command, s->result, sizeof(s->result));

	s->result[strcspn(s->result, "\n")] = '\0';
	return !status;
}

/* Variables, as a program prints them: NAME=VALUE, a line each. */
static bool import(struct state *s, const char *command)
{
	char text[TEXT] = "", *save = NULL;

	if (run(s, command, text, sizeof(text)))
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (value) {
			*value++ = '\0';
			set_variable(s, line, value);
		}
	}
	return true;
}

/* --- tokens --------------------------------------------------------------- */

/* "a*|b" */
static bool is_like(const char *value, const char *pattern)
{
	_cleanup_free_ char *copy = strdup(pattern);

	for (char *p = copy, *next; p; p = next) {
		next = strchr(p, '|');
		if (next)
			*next++ = '\0';
		if (!fnmatch(p, value, 0))
			return true;
	}
	return false;
}

static bool is_like_attr(const char *syspath, const struct udev_token *t)
{
	char path[PATH_MAX], value[TEXT];
	size_t n;

	attr_path(syspath, t->name, path, sizeof(path));
	if (!read_attr(path, value, sizeof(value)))
		return false;
	n = strlen(t->value);
	if (n && t->value[n - 1] != ' ')
		for (n = strlen(value); n && value[n - 1] == ' '; )
			value[--n] = '\0';
	return is_like(value, t->value);
}

static bool is_of_parents(enum udev_key key)
{
	return key >= UDEV_KERNELS && key <= UDEV_ATTRS;
}

/* Does the device itself match, whatever the operator? */
static bool device_matches(const char *syspath, const struct udev_token *t)
{
	char name[256];

	switch (t->key) {
	case UDEV_KERNEL: case UDEV_KERNELS:
		return is_like(base(syspath), t->value);
	case UDEV_SUBSYSTEM: case UDEV_SUBSYSTEMS:
		return is_like(link_name(syspath, "subsystem", name, sizeof(name)), t->value);
	case UDEV_DRIVER: case UDEV_DRIVERS:
		return is_like(link_name(syspath, "driver", name, sizeof(name)), t->value);
	default:
		return is_like_attr(syspath, t);
	}
}

/* One device, this one or one above, matches all of the rule's keys for parents. */
static bool parents_match(const struct state *s)
{
	char path[PATH_MAX], uevent[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s", s->event->syspath);
	while (strlen(path) > strlen("/sys/devices/")) {
		bool all = true;

		snprintf(uevent, sizeof(uevent), "%s/uevent", path);
		for (unsigned int i = 0; i < s->rule->n && all; i++)
			if (is_of_parents(s->rule->tokens[i].key))
				all = device_matches(path, &s->rule->tokens[i]) ==
				      (s->rule->tokens[i].op == UDEV_IS);
		if (all && !access(uevent, F_OK))
			return true;
		*strrchr(path, '/') = '\0';
	}
	return false;
}

static bool token_matches(struct state *s, const struct udev_token *t)
{
	const struct udev_event *e = s->event;
	char text[TEXT], path[PATH_MAX];

	switch (t->key) {
	case UDEV_ACTION:
		return is_like(e->action, t->value);
	case UDEV_DEVPATH:
		return is_like(e->syspath + 4, t->value);
	case UDEV_SUBSYSTEM:
		return is_like(e->subsystem, t->value);	/* also when the device is gone */
	case UDEV_ENV:
		return is_like(variable(s, t->name), t->value);
	case UDEV_RESULT:
		return is_like(s->result, t->value);
	case UDEV_TEST:
		expand(s, t->value, text, sizeof(text));
		snprintf(path, sizeof(path), "%s%s%.2000s", *text == '/' ? "" : e->syspath, *text == '/' ? "" : "/", text);
		return !access(path, F_OK);
	case UDEV_PROGRAM:
		return run_for_result(s, expand(s, t->value, text, sizeof(text)));
	case UDEV_IMPORT:
		return import(s, expand(s, t->value, text, sizeof(text)));
	default:
		return device_matches(e->syspath, t);
	}
}

static void write_attr(const struct state *s, const struct udev_token *t)
{
	char path[PATH_MAX], text[TEXT];
	_cleanup_close_ int fd = -1;

	attr_path(s->event->syspath, t->name, path, sizeof(path));
	expand(s, t->value, text, sizeof(text));
	fd = file_open(AT_FDCWD, path, O_WRONLY, 0, NULL);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		complain(s, path, err_text(fd < 0 ? -fd : errno));
}

static void add_link(struct state *s, bool is_one_more, const char *link)
{
	size_t n = is_one_more ? strlen(s->links) : 0, more = strlen(link);

	if (n + more + 2 > sizeof(s->links))
		return;
	if (n)
		s->links[n++] = ' ';
	memcpy(s->links + n, link, more + 1);
}

static void assign(struct state *s, const struct udev_token *t)
{
	char text[TEXT], longer[2 * TEXT];

	expand(s, t->value, text, sizeof(text));
	if (t->key == UDEV_ATTR) {
		write_attr(s, t);
	} else if (t->key == UDEV_ENV) {
		snprintf(longer, sizeof(longer), "%s%s%s", t->op == UDEV_APPEND ? variable(s, t->name) : "",
			 t->op == UDEV_APPEND && *variable(s, t->name) ? " " : "", text);
		set_variable(s, t->name, longer);
	} else if (t->key == UDEV_TAG) {
		const char *tags = variable(s, "TAGS");

		snprintf(longer, sizeof(longer), "%s%s:", *tags && t->op == UDEV_APPEND ? tags : ":", text);
		set_variable(s, "TAGS", longer);
	} else if (t->key == UDEV_SYMLINK) {
		add_link(s, t->op == UDEV_APPEND, text);
	} else if (t->key == UDEV_RUN) {
		s->n_programs = t->op == UDEV_SET ? 0 : s->n_programs;
		if (s->n_programs < MAX_PROGRAMS) {
			s->programs[s->n_programs].rule = s->rule;
			s->programs[s->n_programs++].command = strdup(text);
		}
	}
}

static bool is_match(const struct udev_token *t)
{
	return t->op == UDEV_IS || t->op == UDEV_IS_NOT || t->key == UDEV_PROGRAM ||
	       t->key == UDEV_IMPORT;
}

static bool rule_matches(struct state *s)
{
	bool parents = false;

	for (unsigned int i = 0; i < s->rule->n; i++) {
		const struct udev_token *t = &s->rule->tokens[i];

		parents |= is_of_parents(t->key);
		if (is_match(t) && !is_of_parents(t->key) &&
		    token_matches(s, t) == (t->op == UDEV_IS_NOT))
			return false;
	}
	return !parents || parents_match(s);
}

/* The rule with the label, in the same file; NULL: there is none. */
static const struct udev_rule *find_label(const struct udev_rule *from, const char *label)
{
	for (const struct udev_rule *r = from->next; r && !strcmp(r->file, from->file); r = r->next)
		for (unsigned int i = 0; i < r->n; i++)
			if (r->tokens[i].key == UDEV_LABEL && !strcmp(r->tokens[i].value, label))
				return r;
	return NULL;
}

static const struct udev_rule *apply_rule(struct state *s)
{
	const struct udev_rule *next = s->rule->next;

	if (!rule_matches(s))
		return next;
	for (unsigned int i = 0; i < s->rule->n; i++) {
		const struct udev_token *t = &s->rule->tokens[i];

		if (t->key == UDEV_GOTO) {
			const struct udev_rule *label = find_label(s->rule, t->value);

			if (!label)	/* udev ignores the jump */
				complain(s, t->value, "there is no such label");
			next = label ? label : next;
		} else if (!is_match(t)) {
			assign(s, t);
		}
	}
	return next;
}

static void start(struct state *s, const struct udev_event *e)
{
	char path[PATH_MAX], text[TEXT] = "", *save = NULL;

	set_variable(s, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set_variable(s, "ACTION", e->action);
	set_variable(s, "DEVPATH", e->syspath + 4);
	set_variable(s, "SUBSYSTEM", e->subsystem);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)e->number);
	set_variable(s, "SEQNUM", text);
	snprintf(path, sizeof(path), "%s/uevent", e->syspath);
	if (!read_attr(path, text, sizeof(text)))
		snprintf(text, sizeof(text), "%s", e->properties);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (value) {
			*value++ = '\0';
			set_variable(s, line, value);
		}
	}
}

/* What outlives the event. */
static void keep(const struct state *s)
{
	bool is_there = strcmp(s->event->action, "remove") != 0;

	if (*variable(s, "DEVNAME"))
		udev_set_links(variable(s, "DEVNAME"), is_there ? s->links : "");
	if (strstr(variable(s, "TAGS"), ":systemd:") || !is_there)
		udev_set_plugged(base(s->event->syspath), is_there && strcmp(variable(s, "SYSTEMD_READY"), "0"),
				 variable(s, "SYSTEMD_WANTS"));
}

void udev_apply(const struct udev_rule *rules, const struct udev_event *event)
{
	struct state s = { .event = event };
	struct uevent told;

	start(&s, event);
	for (s.rule = rules; s.rule; )
		s.rule = apply_rule(&s);
	for (size_t i = 0; i < s.n_programs; i++) {
		int status;

		s.rule = s.programs[i].rule;
		status = run(&s, s.programs[i].command, NULL, 0);
		if (status > 0 && WIFSIGNALED(status))
			complain(&s, s.programs[i].command, strsignal(WTERMSIG(status)));
		free(s.programs[i].command);
	}
	keep(&s);
	/* what it is with all of them, but for the first: where its programs are looked for */
	told = (struct uevent){ (const char *const *)s.variables + 1, s.n_variables - 1 };
	uevent_send_udev(&told);
	for (size_t i = 0; i < s.n_variables; i++)
		free(s.variables[i]);
}
