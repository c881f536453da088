// SPDX-License-Identifier: GPL-2.0-only
/* Chunked allocation: see arena.h. */
#include "util/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16384, FIRST_ROOM = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	struct arena_chunk *c = a->chunk;
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!c || c->size - c->used < bytes) {
		size_t want = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

		c = calloc(1, sizeof(*c) + want);
		if (!c) {
			a->is_exhausted = true;
			return NULL;
		}
		c->size = want;
		c->next = a->chunk;
		a->chunk = c;
	}
	p = c->data + c->used;
	c->used += bytes;
	return p;
}

void *arena_room(struct arena *a, void *v, size_t n, size_t *capacity, size_t size)
{
	size_t more = *capacity ? 2 * *capacity : FIRST_ROOM;
	void *copy;

	if (n < *capacity)
		return v;
	copy = arena_alloc(a, more, size);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, v, n * size);
	*capacity = more;
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1, 1);

	return p ? memcpy(p, s, n) : NULL;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	if (!a)
		return NULL;
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1, 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

const char *arena_join(struct arena *a, const char *list, const char *sep, const char *name)
{
	return list && name ? arena_printf(a, "%s%s%s", list, *list ? sep : "", name) : NULL;
}

void arena_free(struct arena *a)
{
	while (a->chunk) {
		struct arena_chunk *next = a->chunk->next;

		free(a->chunk);
		a->chunk = next;
	}
}
