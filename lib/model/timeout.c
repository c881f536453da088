// SPDX-License-Identifier: GPL-2.0-only
/* The table of timeout ranges and how people name them: see timeout.h. */
#include "lib/model/timeout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/array.h"
#include "util/parse.h"
#include "util/size.h"

/* CXL r3.2 sec 8.2.4.24.1 and 8.2.4.24.2.  The default may be served by any
 * device, whatever ranges it lists; 50 us to 10 ms is what it stands for. */
const struct timeout_range timeout_ranges[] = {
	{ "default", 0x0, 0, 50, 10000 },
	{ "A", 0x1, 0, 50, 100 },
	{ "A2", 0x2, 0, 1000, 10000 },
	{ "B", 0x5, 1, 16000, 55000 },
	{ "B2", 0x6, 1, 65000, 210000 },
	{ "C", 0x9, 2, 260000, 900000 },
	{ "C2", 0xa, 2, 1000000, 3500000 },
	{ "D", 0xd, 3, 4000000, 13000000 },
	{ "D2", 0xe, 3, 17000000, 64000000 },
};
const size_t n_timeout_ranges = ARRAY_SIZE(timeout_ranges);

const struct timeout_range *timeout_by_value(unsigned int value)
{
	for (size_t i = 0; i < n_timeout_ranges; i++)
		if (timeout_ranges[i].value == value)
			return &timeout_ranges[i];
	return NULL;
}

const struct timeout_range *timeout_by_name(const char *name)
{
	for (size_t i = 0; i < n_timeout_ranges; i++)
		if (!strcasecmp(timeout_ranges[i].name, name))
			return &timeout_ranges[i];
	return NULL;
}

bool timeout_range_is_supported(const struct timeout_range *range, unsigned int groups)
{
	return !range->value || groups >> range->group & 1;
}

const char *timeout_groups_text(unsigned int groups, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 1; i < n_timeout_ranges && n < size; i++)
		if (timeout_range_is_supported(&timeout_ranges[i], groups))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", timeout_ranges[i].name);
	return buf;
}

static const struct timeout_range *by_duration(uint64_t us)
{
	for (size_t i = 1; i < n_timeout_ranges; i++)
		if (us <= timeout_ranges[i].max_us)
			return &timeout_ranges[i];
	return NULL;
}

/* Words that stand for no range. */
static const struct {
	const char *word;
	enum timeout_kind kind;
	bool is_change;
} words[] = {
	{ "off", TIMEOUT_OFF, true }, { "on", TIMEOUT_ON, true }, { "auto", TIMEOUT_AUTO }, { "keep", TIMEOUT_KEEP },
};

static int parse(const char *text, bool is_change, struct timeout_request *ret, struct err *err)
{
	char shown[64];
	uint64_t us;

	*ret = (struct timeout_request){ .kind = TIMEOUT_RANGE };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i].word) && (words[i].is_change || !is_change)) {
			*ret = (struct timeout_request){ .kind = words[i].kind };
			return 0;
		}
	ret->range = timeout_by_name(text);
	if (!ret->range && !duration_parse(text, &us) && us) {	/* 0 is not a timeout */
		ret->range = by_duration(us);
		if (!ret->range)
			return err_set(err, EXIT_USAGE, ERANGE,
				       "no timeout range reaches %s: the longest, D2, is 17 s to 64 s; use 'off' for none",
				       printable(text, shown, sizeof(shown)));
	}
	if (!ret->range)
		return err_set(err, EXIT_USAGE, EINVAL,
			       "'%s' is not a timeout: use A, A2, B, B2, C, C2, D, D2, a duration such as 100ms, default, %s",
			       printable(text, shown, sizeof(shown)), is_change ? "on or off" : "on, off, auto or keep");
	return 0;
}

int timeout_parse(const char *text, struct timeout_request *ret, struct err *err)
{
	return parse(text, false, ret, err);
}

int timeout_parse_change(const char *text, struct timeout_request *ret, struct err *err)
{
	return parse(text, true, ret, err);
}
