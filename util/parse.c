// SPDX-License-Identifier: GPL-2.0-only
/* Strict parsing of foreign text: see parse.h. */
#include "util/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_base(const char *text, int base, uint64_t *ret)
{
	unsigned long long v;

	/* strtoull() also takes blanks, signs and a second prefix */
	if (!*text || text[strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789")])
		return -EINVAL;
	errno = 0;
	v = strtoull(text, NULL, base);
	if (errno)
		return -ERANGE;
	*ret = v;
	return 0;
}

static bool has_0x(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

int parse_u64(const char *text, uint64_t *ret)
{
	return has_0x(text) ? parse_base(text + 2, 16, ret) : parse_base(text, 10, ret);
}

int parse_hex64(const char *text, uint64_t *ret)
{
	return parse_base(has_0x(text) ? text + 2 : text, 16, ret);
}

bool parse_name(const char *name, const char *prefix, unsigned int *ret)
{
	size_t n = strlen(prefix);
	uint64_t v = 0;

	if (strncmp(name, prefix, n) || !name[n] || (name[n] == '0' && name[n + 1]))
		return false;
	for (name += n; isdigit((unsigned char)*name) && v <= UINT32_MAX; name++)
		v = 10 * v + (uint64_t)(*name - '0');
	if (*name || v > UINT32_MAX)
		return false;
	*ret = (unsigned int)v;
	return true;
}

/* A hexadecimal field of @min to @max digits, then @end; moves *@p behind it. */
static bool pci_field(const char **p, size_t min, size_t max, char end, unsigned int *ret)
{
	const char *s = *p;
	unsigned int v = 0;

	for (; isxdigit((unsigned char)*s); s++)
		v = v << 4 | (unsigned int)(*s <= '9' ? *s - '0' : (*s | 0x20) - 'a' + 10);
	if ((size_t)(s - *p) < min || (size_t)(s - *p) > max || *s != end)
		return false;
	*ret = v;
	*p = s + (end != '\0');
	return true;
}

bool parse_pci_address(const char *name, uint64_t *ret)
{
	unsigned int domain = 0, bus, dev, fn;
	const char *p = name, *colon = strchr(name, ':');

	/* domains of more than four digits exist (VMD) */
	if (colon && strchr(colon + 1, ':') && !pci_field(&p, 4, 6, ':', &domain))
		return false;
	if (!pci_field(&p, 2, 2, ':', &bus) || !pci_field(&p, 2, 2, '.', &dev) ||
	    !pci_field(&p, 1, 1, '\0', &fn) || dev > 0x1f || fn > 7)
		return false;
	*ret = (uint64_t)domain << 16 | bus << 8 | dev << 3 | fn;
	return true;
}

bool is_pci_address(const char *name)
{
	uint64_t key;

	return strlen(name) >= strlen("0000:00:00.0") && parse_pci_address(name, &key);
}

bool has_suffix(const char *text, const char *suffix)
{
	size_t n = strlen(text), len = strlen(suffix);

	return n > len && !strcmp(text + n - len, suffix);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n';
}

bool has_word(const char *text, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t at = 0; at + len <= n; at++)
		if (!strncmp(text + at, word, len) && (!at || is_blank(text[at - 1])) &&
		    (at + len == n || is_blank(text[at + len])))
			return true;
	return false;
}

int natural_cmp(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			size_t na, nb;
			int c;

			while (*a == '0')
				a++;
			while (*b == '0')
				b++;
			na = strspn(a, "0123456789");
			nb = strspn(b, "0123456789");
			if (na != nb)
				return na < nb ? -1 : 1;
			c = memcmp(a, b, na);
			if (c)
				return c;
			a += na;
			b += nb;
		} else if (*a != *b) {
			break;
		} else {
			a++;
			b++;
		}
	}
	return (unsigned char)*a - (unsigned char)*b;
}

const char *printable(const char *text, char *buf, size_t size)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		buf[i] = isprint((unsigned char)text[i]) && text[i] != '"' ? text[i] : '?';
	buf[i] = '\0';
	if (text[i] && size > 4)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

int name_index(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}
