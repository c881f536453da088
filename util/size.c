// SPDX-License-Identifier: GPL-2.0-only
/* Sizes and durations: see size.h. */
#include "util/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

static const struct unit {
	const char *iec, *si;
	uint64_t iec_bytes, si_bytes;
} units[] = {
	{ "TiB", "TB", 1ULL << 40, 1000000000000ULL },
	{ "GiB", "GB", 1ULL << 30, 1000000000ULL },
	{ "MiB", "MB", 1ULL << 20, 1000000ULL },
	{ "KiB", "KB", 1ULL << 10, 1000ULL },
};

const char *size_human(uint64_t bytes, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const struct unit *u = &units[i];

		if (bytes < u->iec_bytes)
			continue;
		snprintf(buf, size, "%.2f %s (%.2f %s)", (double)bytes / (double)u->iec_bytes, u->iec,
			 (double)bytes / (double)u->si_bytes, u->si);
		return buf;
	}
	snprintf(buf, size, "%llu", (unsigned long long)bytes);
	return buf;
}

const char *size_iec(uint64_t bytes, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (bytes >= units[i].iec_bytes) {
			snprintf(buf, size, "%.4g %s", (double)bytes / (double)units[i].iec_bytes, units[i].iec);
			return buf;
		}
	snprintf(buf, size, "%llu bytes", (unsigned long long)bytes);
	return buf;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	size_t n = strspn(text, "0123456789");
	char digits[24];
	uint64_t v;

	if (n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (parse_u64(digits, &v))
		return -EINVAL;
	text += n;
	for (size_t i = 0; *text && i < ARRAY_SIZE(units); i++) {
		const struct unit *u = &units[i];
		bool short_form = *text == u->iec[0] && !text[1];

		if (!short_form && strcmp(text, u->iec) && strcmp(text, u->si))
			continue;
		return __builtin_mul_overflow(v, strcmp(text, u->si) ? u->iec_bytes : u->si_bytes,
					      ret_bytes)
			       ? -EINVAL
			       : 0;
	}
	*ret_bytes = v;
	return *text ? -EINVAL : 0;
}

static const struct {
	const char *name;
	uint64_t us;
} time_units[] = { { "s", 1000000 }, { "ms", 1000 }, { "us", 1 } };

const char *duration_human(uint64_t us, char *buf, size_t size)
{
	size_t i = us >= 1000000 ? 0 : us >= 1000 ? 1 : 2;

	snprintf(buf, size, "%.4g %s", (double)us / (double)time_units[i].us, time_units[i].name);
	return buf;
}

int duration_parse(const char *text, uint64_t *ret_us)
{
	unsigned int whole;
	char fraction[8] = "";
	int end = 0;
	double v;

	if (!isdigit((unsigned char)text[0]) || sscanf(text, "%9u%n", &whole, &end) != 1)
		return -EINVAL;
	text += end;
	v = whole;
	if (*text == '.') {
		double scale = 0.1;

		if (sscanf(text + 1, "%7[0-9]%n", fraction, &end) != 1)
			return -EINVAL;
		text += 1 + end;
		for (const char *p = fraction; *p; p++, scale /= 10)
			v += (*p - '0') * scale;
	}
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++) {
		if (strcmp(text, time_units[i].name))
			continue;
		*ret_us = (uint64_t)(v * (double)time_units[i].us + 0.5);
		return 0;
	}
	return -EINVAL;
}
