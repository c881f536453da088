// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD, in tests only: the n-th allocation of a program fails, whoever
 * makes it (the program, json-c, the C library).  But for one: json-c before
 * 0.18 uses the copy of an object's key that its reader makes without a look at
 * it, and no program can keep it from that.
 *
 * FAILALLOC_PROGRAM names the program (others run as ever), FAILALLOC is "N", or
 * "N+" for that one and all after it.  With FAILALLOC_COUNT, the number of
 * allocations is written to that file at the end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long count, first, last;
static bool armed;

static bool fails(void)
{
	if (!armed || ++count < first || count > last)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

char *strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	Dl_info caller;
	char *copy;

	if (armed && dladdr(__builtin_return_address(0), &caller) && caller.dli_sname &&
	    !strcmp(caller.dli_sname, "json_tokener_parse_ex"))
		copy = __libc_malloc(n);
	else
		copy = malloc(n);
	return copy ? memcpy(copy, s, n) : NULL;
}

__attribute__((constructor)) static void arm(void)
{
	const char *program = getenv("FAILALLOC_PROGRAM"), *at = getenv("FAILALLOC");
	char *end;

	if (!program || strcmp(program, program_invocation_short_name))
		return;
	first = at ? strtoul(at, &end, 10) : (unsigned long)-1;
	last = at && *end ? (unsigned long)-1 : first;
	armed = true;
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = armed ? getenv("FAILALLOC_COUNT") : NULL;
	char text[32];
	int fd, n;

	armed = false;
	fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	n = snprintf(text, sizeof(text), "%lu\n", count);
	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		_exit(99);
}
