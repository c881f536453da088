// SPDX-License-Identifier: GPL-2.0-only
/* Words of --require= and of the policy file's require: see require.h. */
#include "lib/policy/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define CAUSES "mem_link_down, mem_timeout, cache_link_down, cache_timeout or protocol_error"

static int refuse_plain(const char *word, struct err *err)
{
	char shown[64];

	return err_set(err, EXIT_USAGE, EINVAL,
		       "'%s' is not a level: use safe, debug, contain or recover, or a level for one cause of failure, as in mem_timeout:recover",
		       printable(word, shown, sizeof(shown)));
}

static int refuse_cause(const char *cause, struct err *err)
{
	char shown[64];

	return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a cause of failure: use " CAUSES, printable(cause, shown, sizeof(shown)));
}

static int refuse_level(const char *cause, const char *level, struct err *err)
{
	char shown[64];

	return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a level for %s: use none, debug, contain or recover",
		       printable(level, shown, sizeof(shown)), cause);
}

static int refuse_second(const char *what, struct err *err)
{
	return err_set(err, EXIT_USAGE, EINVAL, "%s is given twice: keep one of them", what);
}

static int parse_plain(const char *word, struct requirement *r, struct err *err)
{
	int plain = require_parse(word);

	if (plain < 0)
		return refuse_plain(word, err);
	if (r->plain >= 0)
		return refuse_second("the level for every cause", err);
	r->plain = plain;
	return 0;
}

int requirement_parse(const char *word, struct requirement *r, struct err *err)
{
	const char *colon = strchr(word, ':');
	char cause[64];
	int i, level;

	if (!colon)
		return parse_plain(word, r, err);
	snprintf(cause, sizeof(cause), "%.*s", (int)(colon - word < 60 ? colon - word : 60), word);
	i = cause_parse(cause);
	if (i < 0)
		return refuse_cause(cause, err);
	level = containment_parse(colon + 1);
	if (level < 0)
		return refuse_level(cause, colon + 1, err);
	if (i == CAUSE_PROTOCOL_ERROR && level > CONTAINMENT_CONTAIN)
		return err_set(err, EXIT_USAGE, EINVAL, "a protocol error is contained at best: protocol_error:contain is the most that can be required");
	if (r->level[i] >= 0)
		return refuse_second(cause, err);
	r->level[i] = level;
	return 0;
}

int requirement_parse_list(const char *text, struct requirement *r, struct err *err)
{
	static const char between[] = " \t,";
	struct requirement sum = *r;
	char word[128];
	int n = 0, rc = 0;

	for (text += strspn(text, between); !rc && *text; n++) {
		size_t len = strcspn(text, between);

		/* a longer one is not a word either way */
		snprintf(word, sizeof(word), "%.*s", (int)(len < 120 ? len : 120), text);
		rc = requirement_parse(word, &sum, err);
		text += len;
		text += strspn(text, between);
	}
	if (!n)
		rc = refuse_plain("", err);
	if (!rc)
		*r = sum;
	return rc;
}

bool requirement_is_same(const struct requirement *a, const struct requirement *b)
{
	bool same = a->plain == b->plain;

	for (int i = 0; i < N_CAUSES; i++)
		same &= a->level[i] == b->level[i];
	return same;
}

const char *requirement_text(const struct requirement *r, char *buf, size_t size)
{
	size_t n = 0;

	if (r->plain >= 0)
		n = (size_t)snprintf(buf, size, "%s", require_names[r->plain]);
	for (int i = 0; i < N_CAUSES && n < size; i++)
		if (r->level[i] >= 0)
			n += (size_t)snprintf(buf + n, size - n, "%s%s:%s", n ? ", " : "", cause_names[i],
					      containment_names[r->level[i]]);
	if (!n)
		snprintf(buf, size, "%s", require_names[REQUIRE_SAFE]);
	return buf;
}
