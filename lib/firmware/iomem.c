// SPDX-License-Identifier: GPL-2.0-only
/* Parsing /proc/iomem: see iomem.h. */
#include "lib/firmware/iomem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

const char *const iomem_kind_names[] = {
	[IOMEM_SOFT] = "Soft Reserved", [IOMEM_RAM] = "System RAM", [IOMEM_KMEM] = "System RAM (kmem)",
	[IOMEM_WINDOW] = "CXL Window", [IOMEM_REGION] = "region",
};

/* Hexadecimal digits at *@p, which moves behind them. */
static bool take_hex(const char **p, const char *end, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	for (; s < end; s++) {
		char c = *s;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else
			break;
		if (v >> 60)
			return false;
		v = v << 4 | digit;
	}
	if (s == *p)
		return false;
	*p = s;
	*ret = v;
	return true;
}

static bool take(const char **p, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(end - *p) < n || memcmp(*p, word, n))
		return false;
	*p += n;
	return true;
}

/* "System RAM (kmem)" and its like; false for a kind that tells nothing here. */
static bool kind_of(const char *name, size_t n, struct iomem_line *ret)
{
	char text[32];

	if (n >= sizeof(text))
		return false;
	memcpy(text, name, n);
	text[n] = '\0';
	if (!strcasecmp(text, iomem_kind_names[IOMEM_SOFT]))
		ret->kind = IOMEM_SOFT;
	else if (!strcmp(text, iomem_kind_names[IOMEM_KMEM]))
		ret->kind = IOMEM_KMEM;
	else if (!strcmp(text, iomem_kind_names[IOMEM_RAM]) || !strncmp(text, "System RAM (", 12))
		ret->kind = IOMEM_RAM;
	else if (parse_name(text, "CXL Window ", &ret->id))
		ret->kind = IOMEM_WINDOW;
	else if (parse_name(text, "region", &ret->id))
		ret->kind = IOMEM_REGION;
	else
		return false;
	return true;
}

/* "  490000000-58fffffff : CXL Window 0": kernel/resource.c, r_show() */
static bool parse_entry(const char *p, const char *end, struct iomem_entry *ret)
{
	const char *line = p;

	while (p < end && *p == ' ')
		p++;
	ret->indent = (size_t)(p - line);
	if (!take_hex(&p, end, &ret->start) || !take(&p, end, "-") || !take_hex(&p, end, &ret->end) ||
	    !take(&p, end, " : ") || ret->end < ret->start)
		return false;
	ret->name = p;
	ret->n_name = (size_t)(end - p);
	return true;
}

static bool parse_line(const char *p, const char *end, struct iomem_line *ret, bool *ret_wanted)
{
	struct iomem_entry e;

	if (!parse_entry(p, end, &e))
		return false;
	ret->start = e.start;
	ret->end = e.end;
	*ret_wanted = kind_of(e.name, e.n_name, ret);
	return true;
}

bool iomem_next(const char **text, const char *end, struct iomem_entry *ret, size_t *n_bad)
{
	while (*text < end) {
		const char *line = *text, *eol = memchr(line, '\n', (size_t)(end - line));

		*text = eol ? eol + 1 : end;
		if (parse_entry(line, eol ? eol : end, ret))
			return true;
		(*n_bad)++;
	}
	return false;
}

static size_t count_lines(const char *text, size_t n)
{
	size_t count = 1;

	for (const char *p = text; n && (p = memchr(p, '\n', n - (size_t)(p - text))); p++)
		count++;
	return count;
}

int iomem_parse(const char *text, size_t n, struct arena *a, struct messages *messages,
		struct iomem *ret)
{
	const char *end = text + n, *first_bad = NULL, *next;
	char shown[64], line_text[64];
	bool any_address = false;

	*ret = (struct iomem){ .lines = arena_alloc(a, count_lines(text, n), sizeof(*ret->lines)) };
	if (!ret->lines)
		return -ENOMEM;
	for (const char *p = text; p < end; p = next) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct iomem_line line = { 0 };
		bool wanted = false;

		next = eol ? eol + 1 : end;
		ret->n_all++;
		if (!parse_line(p, eol ? eol : end, &line, &wanted)) {
			first_bad = first_bad ? first_bad : p;
			ret->n_bad++;
			continue;
		}
		any_address |= line.start || line.end;
		if (wanted)
			ret->lines[ret->n++] = line;
	}
	ret->hidden = ret->n_all > ret->n_bad && !any_address;
	if (ret->hidden)
		ret->n = 0;
	if (!first_bad)
		return 0;
	n = (size_t)(end - first_bad);
	snprintf(line_text, sizeof(line_text), "%.*s", (int)(n < 60 ? n : 60), first_bad);
	line_text[strcspn(line_text, "\n")] = '\0';
	message_add(messages, SEV_WARNING, "IOMEM", NULL,
		    "/proc/iomem: %zu of %zu lines are not as the kernel writes them, the first is \"%s\"; they are left out",
		    ret->n_bad, ret->n_all, printable(line_text, shown, sizeof(shown)));
	return 0;
}
