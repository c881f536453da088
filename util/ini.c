// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files: see ini.h. */
#include "util/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"

enum {
	LINE_MAX_BYTES = 900,
	FILE_MAX_BYTES = 1 << 18,
};

/* Part of a line; what is before and behind it is left out. */
struct span {
	const char *p;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span trim(struct span s)
{
	while (s.n && is_blank(*s.p)) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Nothing more, or a comment. */
static bool is_over(struct span s)
{
	s = trim(s);
	return !s.n || *s.p == '#' || *s.p == ';';
}

static struct span behind(struct span s, const char *last)
{
	return (struct span){ last + 1, s.n - (size_t)(last + 1 - s.p) };
}

static const char *find(struct span s, char c)
{
	return s.n ? memchr(s.p, c, s.n) : NULL;
}

static const char *copy(struct span s, bool lower, struct arena *a)
{
	char *ret = arena_strndup(a, s.p, s.n);

	for (char *c = ret; lower && ret && *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	return ret;
}

/* What @s, behind the "=", says: as it is between quotes, else up to a comment. */
static int take_value(struct span s, struct span *ret, bool *ret_quoted)
{
	const char *close;
	size_t n = 0;

	s = trim(s);
	if (s.n && (*s.p == '"' || *s.p == '\'')) {
		close = find(behind(s, s.p), *s.p);
		if (!close || !is_over(behind(s, close)))
			return -EBADMSG;
		*ret = (struct span){ s.p + 1, (size_t)(close - s.p - 1) };
		*ret_quoted = true;
		return 0;
	}
	while (n < s.n && s.p[n] != '#' && s.p[n] != ';')
		n++;
	*ret = trim((struct span){ s.p, n });
	return 0;
}

/* One line; -EINVAL for what is none, -EBADMSG for quotes that do not hold a value, -ENODATA for one that says nothing. */
static int take_line(struct span s, struct arena *a, struct ini_line *ret)
{
	struct span value;
	const char *at;

	if (is_over(s))
		return -ENODATA;
	s = trim(s);
	if (*s.p == '[') {
		at = find(s, ']');
		if (!at || !is_over(behind(s, at)))
			return -EINVAL;
		s = (struct span){ s.p + 1, (size_t)(at - s.p - 1) };
		ret->section = copy(trim(s), true, a);
		return ret->section ? 0 : -ENOMEM;
	}
	at = find(s, '=');
	if (!at || at == s.p)
		return -EINVAL;
	if (take_value(behind(s, at), &value, &ret->quoted))
		return -EBADMSG;
	ret->key = copy(trim((struct span){ s.p, (size_t)(at - s.p) }), true, a);
	ret->value = copy(value, false, a);
	return ret->key && ret->value ? 0 : -ENOMEM;
}

static int wrong(const char *name, unsigned int number, struct err *err, const char *what)
{
	return err_set(err, EXIT_USAGE, EINVAL, "%.200s:%u: %s; nothing of the file is used", name, number, what);
}

static const char *why_no_line(struct span s)
{
	if (s.n > LINE_MAX_BYTES)
		return "the line is too long";
	if (find(s, '\0'))
		return "the line holds a NUL byte";
	if (s.n && s.p[s.n - 1] == '\\')
		return "the line ends in a backslash: a setting is one line";
	return NULL;
}

int ini_parse(const char *name, const char *text, size_t len, struct arena *a, struct ini *ret,
	      struct err *err)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };	/* UTF-8's, by some editors */
	const char *end = text + len;
	unsigned int number = 0;
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	*ret = (struct ini){ .v = arena_alloc(a, lines, sizeof(*ret->v)) };
	if (!ret->v)
		return err_no_memory(err, "");
	if (len >= sizeof(mark) && !memcmp(text, mark, sizeof(mark)))
		text += sizeof(mark);
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		struct span s = { text, (size_t)((nl ? nl : end) - text) };
		struct ini_line line = { .number = ++number };
		const char *why;
		int rc;

		s.n -= s.n && s.p[s.n - 1] == '\r';
		why = why_no_line(s);
		if (why)
			return wrong(name, number, err, why);
		rc = take_line(s, a, &line);
		if (rc == -EINVAL)
			return wrong(name, number, err, "this is neither a [section] nor a KEY = VALUE");
		if (rc == -EBADMSG)
			return wrong(name, number, err, "the quote is not closed at the end of the value");
		if (rc == -ENOMEM)
			return err_no_memory(err, "");
		if (!rc)
			ret->v[ret->n++] = line;
		text = nl ? nl + 1 : end;
	}
	return 0;
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
