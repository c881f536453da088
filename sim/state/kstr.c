// SPDX-License-Identifier: GPL-2.0-only
/* How the kernel reads what is written to an attribute: see kstr.h. */
#include "sim/state/kstr.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>

int kstr_bool(const char *s, bool *ret)
{
	switch (s[0]) {
	case 'y': case 'Y': case 't': case 'T': case '1':
		*ret = true;
		return 0;
	case 'n': case 'N': case 'f': case 'F': case '0':
		*ret = false;
		return 0;
	case 'o': case 'O':
		if (s[1] == 'n' || s[1] == 'N' || s[1] == 'f' || s[1] == 'F') {
			*ret = s[1] == 'n' || s[1] == 'N';
			return 0;
		}
	}
	return -EINVAL;
}

static unsigned int digit_of(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned int)(c - '0');
	return isxdigit((unsigned char)c) ? (unsigned int)(tolower((unsigned char)c) - 'a' + 10)
					  : 16;
}

/* Digits of @base, one newline behind them. */
static int parse(const char *s, unsigned int base, uint64_t max, uint64_t *ret)
{
	bool overflow = false;
	size_t digits = 0;
	uint64_t v = 0;

	for (; digit_of(*s) < base; s++, digits++)
		overflow = __builtin_mul_overflow(v, (uint64_t)base, &v) ||
			   __builtin_add_overflow(v, digit_of(*s), &v) || overflow;
	if (overflow)
		return -ERANGE;		/* said before what follows is looked at */
	if (*s == '\n')
		s++;
	if (!digits || *s)
		return -EINVAL;
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int kstr_number(const char *s, uint64_t max, uint64_t *ret)
{
	unsigned int base = 10;

	s += *s == '+';
	if (s[0] == '0') {
		base = 8;
		if (tolower((unsigned char)s[1]) == 'x' && isxdigit((unsigned char)s[2])) {
			base = 16;
			s += 2;
		}
	}
	return parse(s, base, max, ret);
}

int kstr_hex(const char *s, uint64_t max, uint64_t *ret)
{
	s += *s == '+';
	if (s[0] == '0' && tolower((unsigned char)s[1]) == 'x')
		s += 2;
	return parse(s, 16, max, ret);
}
