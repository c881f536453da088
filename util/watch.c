// SPDX-License-Identifier: GPL-2.0-only
/* Reads that are compared with the last time: see watch.h. */
#include "util/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/hash.h"

static int64_t read_file(struct watch *w, const struct watch_item *item, char *buf)
{
	ssize_t n;

	if (item->fd < 0)
		return sysfs_read_bytes(w->fs, item->path, (size_t)item->offset, buf, item->size);
	do
		n = pread(item->fd, buf, item->size, (off_t)item->offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * Registers: read(2) where the file knows it, as a simulated host's does, else
 * mapped.  The mapping is made again each time: one that is kept is fatal to
 * touch once the device is gone.
 */
static int64_t read_words(const struct watch_item *item, int fd, uint32_t *words)
{
	uint64_t page = item->offset & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	size_t n = item->size / sizeof(*words), at = (size_t)(item->offset - page);
	void *map;

	for (size_t i = 0; !item->is_mapped && i < n; i++) {
		ssize_t got = pread(fd, &words[i], sizeof(*words),
				    (off_t)(item->offset + i * sizeof(*words)));

		if (got != sizeof(*words))
			return got < 0 ? -errno : -EIO;
	}
	if (!item->is_mapped)
		return (int64_t)item->size;
	map = mmap(NULL, at + item->size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (map == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < n; i++)
		words[i] = ((const volatile uint32_t *)map)[at / sizeof(*words) + i];
	munmap(map, at + item->size);
	return (int64_t)item->size;
}

static int64_t look_at_words(struct watch *w, const struct watch_item *item, uint32_t *words)
{
	int fd = item->fd < 0 ? sysfs_open(w->fs, item->path, O_RDONLY) : item->fd;
	int64_t result = fd < 0 ? fd : read_words(item, fd, words);

	if (item->fd < 0 && fd >= 0)
		close(fd);
	return result;
}

/* Look at @item; true when the answer is another one than before. */
static bool look(struct watch *w, struct watch_item *item)
{
	uint64_t hash = 0;
	alignas(uint32_t) char buf[PATH_MAX];
	int64_t result;
	bool moved;

	switch (item->kind) {
	case WATCH_FILE:
		result = read_file(w, item, buf);
		break;
	case WATCH_LINK:
		result = sysfs_readlink(w->fs, item->path, buf, sizeof(buf));
		break;
	case WATCH_DIR:
		result = sysfs_hash_names(w->fs, item->path, &hash);
		break;
	case WATCH_WORDS:
	default:
		result = look_at_words(w, item, (uint32_t *)(void *)buf);
	}
	if (result > 0)
		hash = hash_bytes(HASH_START, buf, (size_t)result);
	else if (result < 0)
		hash = 0;
	moved = result != item->result || hash != item->hash;
	item->result = result;
	item->hash = hash;
	return moved;
}

void watch_init(struct watch *w, struct sysfs *fs, const char *counter)
{
	*w = (struct watch){ .fs = fs, .counter = { .kind = WATCH_FILE, .path = counter, .size = WATCH_BYTES, .fd = -1 } };
	if (!counter)
		return;
	w->counter.fd = sysfs_open(fs, counter, O_RDONLY);
	look(w, &w->counter);
	if (w->counter.result <= 0)
		w->counter.path = NULL;
}

static struct watch_item *new_item(struct watch *w)
{
	if (w->n == w->capacity) {
		size_t capacity = w->capacity ? 2 * w->capacity : 64;
		struct watch_item *items = arena_alloc(&w->arena, capacity, sizeof(*items));

		if (!items)
			return NULL;
		if (w->n)
			memcpy(items, w->items, w->n * sizeof(*items));
		w->items = items;
		w->capacity = capacity;
	}
	return &w->items[w->n];
}

int watch_add(struct watch *w, const struct watch_item *item)
{
	struct watch_item *new = new_item(w);

	if (!new)
		return -ENOMEM;
	*new = *item;
	new->fd = -1;
	if (!new->size || new->size > WATCH_BYTES)
		new->size = WATCH_BYTES;
	new->path = arena_strdup(&w->arena, item->path);
	if (!new->path)
		return -ENOMEM;
	/* what is read each time is worth a descriptor, while there are some */
	if ((item->kind == WATCH_FILE || item->kind == WATCH_WORDS) && !item->announced)
		new->fd = sysfs_open(w->fs, new->path, O_RDONLY);
	if (new->fd < 0)
		new->fd = -1;
	w->n++;
	look(w, new);
	if (item->kind == WATCH_WORDS && new->result < 0) {
		new->is_mapped = true;
		look(w, new);
	}
	return 0;
}

bool watch_has_moved(struct watch *w)
{
	bool announced = !w->counter.path || look(w, &w->counter), moved = false;

	/* all of them: the answers are compared with the next time */
	for (size_t i = 0; i < w->n; i++)
		if (!w->items[i].announced || announced)
			moved |= look(w, &w->items[i]);
	return moved;
}

void watch_exit(struct watch *w)
{
	if (w->counter.fd >= 0)
		close(w->counter.fd);
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].fd >= 0)
			close(w->items[i].fd);
	arena_free(&w->arena);
	*w = (struct watch){ .counter.fd = -1 };
}
