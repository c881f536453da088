// SPDX-License-Identifier: GPL-2.0-only
/* The form of udev rules: see udev_rule.h. */
#include "util/udev_rule.h"

#include <errno.h>
#include <string.h>

#define KEY_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

char *udev_rule_next(char **at, unsigned int *line, unsigned int *ret_line)
{
	char *rule = NULL, *end = NULL;

	while (**at) {
		char *start = *at + strspn(*at, " \t"), *stop = start + strcspn(start, "\n");
		bool goes_on = stop > start && stop[-1] == '\\';
		size_t n = (size_t)(stop - start) - goes_on;

		*at = stop + (*stop == '\n');
		++*line;
		if (*start == '#' || (!rule && start == stop))
			continue;	/* a comment does not end a rule that goes on */
		if (!rule) {
			rule = end = start;
			*ret_line = *line;
		}
		memmove(end, start, n);
		end += n;
		if (!goes_on)
			break;
	}
	if (rule)
		*end = '\0';
	return rule;
}

static int bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* The characters at *@p that are among @chars, of which there may be none. */
static struct udev_text take(const char **p, const char *chars)
{
	struct udev_text t = { *p, strspn(*p, chars) };

	*p += t.n;
	return t;
}

int udev_rule_token(const char **at, struct udev_rule_token *ret, const char **ret_why)
{
	const char *p = *at + strspn(*at, ", \t");

	*ret = (struct udev_rule_token){ 0 };
	if (!*p)
		return 0;
	ret->key = take(&p, KEY_CHARS);
	if (*p == '{') {
		ret->name = (struct udev_text){ p + 1, strcspn(p + 1, "}") };
		p += 1 + ret->name.n;
		if (*p++ != '}')
			return bad(ret_why, "a brace is not closed");
	}
	p += strspn(p, " \t");
	ret->op = take(&p, "=!+-:");
	if (!ret->key.n || !ret->op.n)
		return bad(ret_why, "KEY OPERATOR \"VALUE\" is expected");
	p += strspn(p, " \t");
	if (*p == 'e' || *p == 'i')
		ret->prefix = *p++;
	if (*p++ != '"')
		return bad(ret_why, "a value in double quotes is expected");
	ret->value.v = p;
	while (*p && *p != '"')
		p += p[0] == '\\' && p[1] && (p[1] == '"' || ret->prefix == 'e') ? 2 : 1;
	ret->value.n = (size_t)(p - ret->value.v);
	if (!*p)
		return bad(ret_why, "a quote is not closed");
	*at = p + 1;
	return 1;
}

bool udev_text_is(struct udev_text t, const char *s)
{
	return t.v && t.n == strlen(s) && !memcmp(t.v, s, t.n);
}

const char *udev_rule_value(const struct udev_rule_token *t, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < t->value.n && n + 1 < size; i++) {
		i += t->value.v[i] == '\\' && i + 1 < t->value.n && t->value.v[i + 1] == '"';
		buf[n++] = t->value.v[i];
	}
	buf[n] = '\0';
	return buf;
}
