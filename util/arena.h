/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that lives and dies with one object (a snapshot, a plan): allocate
 * piecemeal, free at once.  All memory is zeroed.  Not thread safe.
 */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk;	/* newest first */
	bool is_exhausted;	/* something was not to be had: what was read or said may lack it */
};

/* NULL when memory is exhausted or n * size overflows. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
/*
 * The array @v of @n elements, for which there is room for *@capacity: itself, or where it is
 * full a copy with twice the room.  NULL, and all as it was, when memory is exhausted.
 */
void *arena_room(struct arena *a, void *v, size_t n, size_t *capacity, size_t size);
char *arena_strdup(struct arena *a, const char *s);
/* The first @n bytes of @s as a string. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* NULL, too, when @a is NULL: nobody wants the text. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* @list, "" at first, with @name behind it, parted by @sep; NULL when one of them or @a is, or memory is exhausted. */
const char *arena_join(struct arena *a, const char *list, const char *sep, const char *name);
void arena_free(struct arena *a);

#endif
