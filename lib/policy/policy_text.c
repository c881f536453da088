// SPDX-License-Identifier: GPL-2.0-only
/* Refusing lines of the policy file, and words in it: see policy_text.h. */
#include "lib/policy/policy_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

/* "FILE:LINE: "; what an option asks for has no lines. */
static const char *place(const char *file, unsigned int line, char *buf, size_t size)
{
	if (!strcmp(file, LAYOUT_OF_OPTION))
		snprintf(buf, size, "%s: ", file);
	else
		snprintf(buf, size, "%.200s:%u: ", file, line);
	return buf;
}

int policy_refuse(const char *file, unsigned int line, struct err *err, const char *fmt, ...)
{
	char text[600], where[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, EXIT_USAGE, EINVAL, "%s%s; %s", place(file, line, where, sizeof(where)), text,
		       strcmp(file, LAYOUT_OF_OPTION) ? "nothing of the file is used" : "nothing was written");
}

int policy_refuse_here(const char *file, unsigned int line, enum exit_status status,
		       const char *remedy, struct err *err, const char *fmt, ...)
{
	char text[600], where[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, status, EINVAL, "%s%s, nothing was written%s%s", place(file, line, where, sizeof(where)), text,
		       remedy ? "; " : "", remedy ? remedy : "");
}

const char *policy_size_text(uint64_t bytes, char *buf, size_t size)
{
	static const struct {
		const char *name;
		unsigned int shift;
	} units[] = { { "GiB", 30 }, { "MiB", 20 }, { " bytes", 0 } };
	size_t i = 0;

	while (units[i].shift && (bytes >> units[i].shift) << units[i].shift != bytes)
		i++;
	snprintf(buf, size, "%" PRIu64 "%s", bytes >> (bytes ? units[i].shift : 0), bytes ? units[i].name : " bytes");
	return buf;
}

static void list_words(const struct policy_word *list, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; list[i].text && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", !i ? "" : list[i + 1].text ? ", " : " or ", list[i].text);
}

int policy_take_word(const char *file, const struct ini_line *line, const struct policy_word *words,
		     int *ret, struct err *err)
{
	char known[80], shown[48];

	for (const struct policy_word *w = words; w->text; w++)
		if (!strcmp(w->text, line->value)) {
			*ret = w->value;
			return 0;
		}
	list_words(words, known, sizeof(known));
	return policy_refuse(file, line->number, err, "'%s' is not a value of %s: use %s", printable(line->value, shown, sizeof(shown)),
			     line->key, known);
}

bool policy_name_is_unstable(const char *name)
{
	static const char *const prefixes[] = { "mem", "region", "dax", "port", "endpoint", "decoder" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], n) && name[n] && !name[n + strspn(name + n, "0123456789.")])
			return true;
	}
	return false;
}
