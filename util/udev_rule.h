/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The form of udev rules: lines, and KEY{NAME}OP"VALUE" in them.  What keys mean is
 * for whoever reads them.
 *
 * Source: udev(7); lines as systemd's udev joins them.
 */
#ifndef UTIL_UDEV_RULE_H
#define UTIL_UDEV_RULE_H

#include <stdbool.h>
#include <stddef.h>

/* Part of a rule, not terminated. */
struct udev_text {
	const char *v;	/* NULL: there is none */
	size_t n;
};

struct udev_rule_token {
	struct udev_text key, name, op, value;	/* the value as it is written: see udev_rule_value() */
	char prefix;	/* 'e': it has escapes; 'i': it is matched in either case; 0 */
};

/*
 * The next rule of a file's @text, which is cut up, at *@at, which moves behind it: its lines
 * joined, comments and empty lines left out.  NULL at the end.  *@line, 0 at first, counts
 * lines; *@ret_line is the rule's first.
 */
char *udev_rule_next(char **at, unsigned int *line, unsigned int *ret_line);

/*
 * The next token at *@at, which moves behind it.  1; 0 at the end of the rule; -EINVAL with
 * @ret_why for what is no token: *@at stays, and of @ret the key is set where there is one.
 */
int udev_rule_token(const char **at, struct udev_rule_token *ret, const char **ret_why);

bool udev_text_is(struct udev_text t, const char *s);

/* The value without the backslashes before quotes, into @buf, cut to @size. */
const char *udev_rule_value(const struct udev_rule_token *t, char *buf, size_t size);

#endif
