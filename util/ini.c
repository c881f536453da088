// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files through libiniparser, line by line: see ini.h. */
#include "util/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <iniparser/iniparser.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

enum {
	LINE_MAX_BYTES = 900,		/* libiniparser's buffer is 1024 (ASCIILINESZ) */
	FILE_MAX_BYTES = 1 << 18,
};

static int be_quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

static void free_dictionary(dictionary **d)
{
	if (*d)
		iniparser_freedict(*d);
}

/* Put one line where libiniparser can load it: in @fd. */
static int put_line(int fd, const char *line, size_t len)
{
	if (ftruncate(fd, 0) || pwrite(fd, line, len, 0) != (ssize_t)len || pwrite(fd, "\n", 1, (off_t)len) != 1)
		return -errno;
	return 0;
}

/* What libiniparser makes of the line in @fd, appended to @ret unless it is nothing. */
static int take_line(int fd, unsigned int number, struct arena *a, struct ini *ret)
{
	_cleanup_(free_dictionary) dictionary *d = NULL;
	struct ini_line line = { .number = number };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	d = iniparser_load(path);
	if (!d)
		return -EINVAL;
	for (ssize_t i = 0; i < d->size; i++) {
		const char *key = d->key[i], *value = d->val[i];

		if (!key)
			continue;
		/* a setting in no section is ":KEY", a section has no value */
		if (value && *key == ':') {
			line.key = arena_strdup(a, key + 1);
			line.value = arena_strdup(a, value);
		} else {
			line.section = arena_strdup(a, key);
		}
		if (!line.section && (!line.key || !line.value))
			return -ENOMEM;
		ret->v[ret->n++] = line;
		return 0;
	}
	return 0;
}

static int wrong(const char *name, unsigned int number, struct err *err, const char *what)
{
	return err_set(err, EXIT_USAGE, EINVAL, "%.200s:%u: %s; nothing of the file is used", name, number, what);
}

/* libiniparser knows a section by the last character of its line. */
static bool has_comment_behind_section(const char *line, size_t len)
{
	const char *end;
	size_t at = 0;

	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	end = at < len && line[at] == '[' ? memchr(line + at, ']', len - at) : NULL;
	if (!end)
		return false;
	for (at = (size_t)(end + 1 - line); at < len && (line[at] == ' ' || line[at] == '\t');)
		at++;
	return at < len && (line[at] == '#' || line[at] == ';');
}

static const char *why_no_line(const char *line, size_t len)
{
	if (len > LINE_MAX_BYTES)
		return "the line is too long";
	if (memchr(line, '\0', len))
		return "the line holds a NUL byte";
	if (len && line[len - 1] == '\\')
		return "the line ends in a backslash: a setting is one line";
	if (has_comment_behind_section(line, len))
		return "a comment cannot stand behind a [section]: give it a line of its own";
	return NULL;
}

int ini_parse(const char *name, const char *text, size_t len, struct arena *a, struct ini *ret,
	      struct err *err)
{
	_cleanup_close_ int fd = memfd_create("ini", MFD_CLOEXEC);
	size_t lines = 1;
	unsigned int number = 0;
	int rc = fd < 0 ? -errno : 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	*ret = (struct ini){ .v = arena_alloc(a, lines, sizeof(*ret->v)) };
	if (!ret->v)
		rc = -ENOMEM;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "%.200s cannot be parsed: %s", name, strerror(-rc));
	iniparser_set_error_callback(be_quiet);
	for (const char *line = text, *end = text + len; !rc && line < end; number++) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((nl ? nl : end) - line);
		const char *why;

		n -= n && line[n - 1] == '\r';
		why = why_no_line(line, n);
		if (why) {
			rc = wrong(name, number + 1, err, why);
			break;
		}
		rc = put_line(fd, line, n);
		rc = rc ? rc : take_line(fd, number + 1, a, ret);
		if (rc == -EINVAL)
			wrong(name, number + 1, err, "this is neither a [section] nor a KEY = VALUE");
		else if (rc)
			err_set(err, EXIT_REFUSED, -rc, "%.200s cannot be parsed: %s", name, strerror(-rc));
		line = nl ? nl + 1 : end;
	}
	iniparser_set_error_callback(NULL);
	return rc;
}

/* --- the file ----------------------------------------------------------------- */

static ssize_t read_whole(int fd, char *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, buf + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int ini_read(const char *path, struct arena *a, struct ini *ret, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = file_open(AT_FDCWD, path, O_RDONLY, 0, &st);
	_cleanup_free_ char *text = NULL;
	const char *why = fd == -ENOFILE || fd == -EISDIR ? "it is not a regular file" : fd < 0 ? NULL : file_why_not_trusted(&st);
	ssize_t n;

	if (fd < 0 && !why) {
		int saved = -fd;

		return err_set(err, saved == EACCES ? EXIT_PREREQ : EXIT_USAGE, saved, "%.200s cannot be read: %s%s", path,
			       strerror(saved), saved == EACCES && geteuid() ? "; run the command as root" :
			       saved == ENOENT ? "; write it, or name another one" : "");
	}
	if (why)
		return err_set(err, EXIT_USAGE, EPERM, "%.200s is not used: %s", path, why);
	text = malloc(FILE_MAX_BYTES + 1);
	n = text ? read_whole(fd, text, FILE_MAX_BYTES + 1) : -ENOMEM;
	if (n > FILE_MAX_BYTES)
		n = -EFBIG;
	if (n < 0)
		return err_set(err, EXIT_USAGE, (int)-n, "%.200s cannot be read: %s", path, strerror((int)-n));
	return ini_parse(path, text, (size_t)n, a, ret, err);
}
