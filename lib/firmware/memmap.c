// SPDX-License-Identifier: GPL-2.0-only
/* The firmware's map and the command line's changes of it: see memmap.h. */
#include "lib/firmware/memmap.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

#define E820_TYPE_SOFT_RESERVED 0xefffffffULL	/* arch/x86/include/asm/e820/types.h */
#define E820_TYPE_RAM 1ULL
#define EFI_MEMORY_SP 0x40000ULL		/* UEFI 2.10 sec 7.2.3 */

int memmap_parse(const char *start, const char *end, const char *type, struct memmap_entry *ret)
{
	struct memmap_entry e = { .type = MEMMAP_OTHER };

	if (parse_u64(start, &e.start) || parse_u64(end, &e.end) || e.end < e.start || !*type)
		return -EINVAL;
	if (!strcasecmp(type, "Soft Reserved"))
		e.type = MEMMAP_SOFT;
	else if (!strcasecmp(type, "System RAM"))
		e.type = MEMMAP_RAM;
	*ret = e;
	return 0;
}

/* A number with K, M, G, T, P or E, as memparse() of lib/cmdline.c takes it. */
static bool take_size(const char **p, uint64_t *ret)
{
	static const char units[] = "KMGTPE";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	errno = 0;
	*ret = strtoull(*p, &end, 0);
	if (errno)
		return false;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (*ret > UINT64_MAX >> shift)
			return false;
		*ret <<= shift;
		end++;
	}
	*p = end;
	return true;
}

static int add_soft(struct arena *a, struct interval_set *set, uint64_t start, uint64_t size)
{
	return size && start + size - 1 >= start ? interval_add(a, set, start, start + size - 1)
						 : 0;
}

/*
 * One part of memmap=: SIZE{@#$!}START, or SIZE%START[-OLD][+NEW] with e820
 * types, or exactmap (arch/x86/kernel/e820.c, parse_memmap_one()).
 */
static int take_memmap(const char *p, struct arena *a, struct cmdline *ret)
{
	uint64_t size, start, from = 0, to = 0;
	char how;

	ret->edits_map = true;
	if (!strcmp(p, "exactmap"))
		return 0;
	if (!take_size(&p, &size))
		return -EINVAL;
	how = *p;
	if (!how)	/* memory ends there */
		return 0;
	p++;
	if (!strchr("@#$!%", how) || !take_size(&p, &start))
		return -EINVAL;
	if (how == '%' && *p == '-' && (p++, !take_size(&p, &from)))
		return -EINVAL;
	if (how == '%' && *p == '+' && (p++, !take_size(&p, &to)))
		return -EINVAL;
	if (*p)
		return -EINVAL;
	if (how != '%' || to != E820_TYPE_SOFT_RESERVED || from == to)
		return 0;
	return add_soft(a, from == E820_TYPE_RAM ? &ret->soft_of_ram : &ret->soft, start, size);
}

/* One part of efi_fake_mem=: SIZE@START:ATTRIBUTE (drivers/firmware/efi/fake_mem.c) */
static int take_fake_mem(const char *p, struct arena *a, struct cmdline *ret)
{
	uint64_t size, start, attribute;

	if (!take_size(&p, &size) || *p++ != '@' || !take_size(&p, &start) || *p++ != ':' ||
	    !take_size(&p, &attribute) || *p)
		return -EINVAL;
	if (!(attribute & EFI_MEMORY_SP))
		return 0;
	ret->edits_map = true;
	return add_soft(a, &ret->soft, start, size);
}

static int take_efi(const char *p, struct arena *a, struct cmdline *ret)
{
	(void)a;
	if (!strcmp(p, "nosoftreserve"))
		ret->edits_map = ret->no_soft_reserve = true;
	return 0;
}

static int take_mem(const char *p, struct arena *a, struct cmdline *ret)
{
	(void)a;
	(void)p;
	ret->edits_map = true;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(const char *value, struct arena *a, struct cmdline *ret);
} parameters[] = {
	{ "memmap=", take_memmap },
	{ "efi_fake_mem=", take_fake_mem },
	{ "efi=", take_efi },
	{ "mem=", take_mem },
};

/* Each part of a parameter's comma-separated value. */
static int take_parts(char *value, size_t which, struct arena *a, struct messages *messages,
		      struct cmdline *ret)
{
	char shown[48], *save = NULL;

	for (char *part = strtok_r(value, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		int rc = parameters[which].take(part, a, ret);

		if (rc == -ENOMEM)
			return rc;
		if (rc)
			message_add(messages, SEV_WARNING, "CMDLINE", NULL,
				    "/proc/cmdline: \"%s%s\" cannot be understood, so it is not taken into account",
				    parameters[which].name, printable(part, shown, sizeof(shown)));
	}
	return 0;
}

/*
 * The next parameter at *@p, as next_arg() of lib/cmdline.c takes them apart:
 * quotes keep spaces together, and go from around the whole or the value.
 */
static char *next_parameter(char **p)
{
	char *word = *p + strspn(*p, " \t\n"), *end = word, *value;
	bool is_quoted = false, opened;
	size_t n;

	if (!*word)
		return NULL;
	for (; *end && (is_quoted || !strchr(" \t\n", *end)); end++)
		is_quoted ^= *end == '"';
	*p = end + (*end != '\0');
	*end = '\0';
	opened = *word == '"';
	word += opened;
	value = strchr(word, '=');
	if (value && value[1] == '"') {
		opened = true;
		memmove(value + 1, value + 2, strlen(value + 2) + 1);
	}
	n = strlen(word);
	if (opened && n && word[n - 1] == '"')
		word[n - 1] = '\0';
	return word;
}

int cmdline_parse(const char *text, struct arena *a, struct messages *messages, struct cmdline *ret)
{
	char *copy = arena_strdup(a, text), *rest = copy;
	int rc = 0;

	*ret = (struct cmdline){ 0 };
	if (!copy)
		return -ENOMEM;
	for (char *word = next_parameter(&rest); !rc && word; word = next_parameter(&rest)) {
		if (!strcmp(word, "--"))	/* the rest is init's */
			break;
		for (size_t i = 0; !rc && i < ARRAY_SIZE(parameters); i++) {
			size_t n = strlen(parameters[i].name);

			if (!strncmp(word, parameters[i].name, n))
				rc = take_parts(word + n, i, a, messages, ret);
		}
	}
	interval_normalize(&ret->soft);
	interval_normalize(&ret->soft_of_ram);
	return rc;
}
