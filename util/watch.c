// SPDX-License-Identifier: GPL-2.0-only
/* Reads that are compared with the last time: see watch.h. */
#include "util/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/hash.h"

enum { SPARE_FDS = 16 };

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

static int64_t read_words(const struct watch_item *item, int fd, uint32_t *words)
{
	size_t n = item->size / sizeof(*words);

	for (size_t i = 0; i < n; i++) {
		ssize_t got = pread(fd, &words[i], sizeof(*words),
				    (off_t)(item->offset + i * sizeof(*words)));

		if (got != sizeof(*words))
			return got < 0 ? -errno : -EIO;
	}
	return (int64_t)item->size;
}

/* The mapping is kept; once there is nothing behind it any more it is not touched again. */
static int64_t read_mapped(struct watch_item *item, uint32_t *words)
{
	int rc = item->mmio.map ? mmio_read(item->mmio.words, item->size / sizeof(*words), words)
				: -EFAULT;

	if (rc)
		mmio_unmap(&item->mmio);
	return rc ? rc : (int64_t)item->size;
}

static int64_t look_at_words(struct watch *w, struct watch_item *item, uint32_t *words)
{
	int fd = item->fd, rc = 0;
	int64_t result;

	if (item->is_mapped && item->mmio.map)
		return read_mapped(item, words);
	if (fd < 0)
		fd = sysfs_open(w->fs, item->path, O_RDONLY);
	if (fd < 0)
		return fd;
	if (item->is_mapped)
		rc = mmio_map(fd, item->offset, item->size / sizeof(*words), &item->mmio);
	result = rc ? rc : item->is_mapped ? read_mapped(item, words) : read_words(item, fd, words);
	if (item->fd < 0)
		close(fd);
	return result;
}

static bool is_all_ones(const char *buf, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if ((unsigned char)buf[i] != 0xff)
			return false;
	return n > 0;
}

/* Of registers: does one of them not answer?  A file's bytes are one. */
static bool is_no_answer(const struct watch_item *item, const char *buf, int64_t n)
{
	int64_t one = item->kind == WATCH_WORDS ? (int64_t)sizeof(uint32_t) : n;

	for (int64_t i = 0; item->is_register && n > 0 && i + one <= n; i += one)
		if (is_all_ones(buf + i, one))
			return true;
	return false;
}

/* Look at @item; true when the answer is another one than before. */
static bool look(struct watch *w, struct watch_item *item)
{
	uint64_t hash = 0;
	alignas(uint32_t) char buf[PATH_MAX];
	int64_t result;

	item->has_moved = false;
	if (item->paused_by && w->items[item->paused_by - 1].is_paused)
		return false;
	switch (item->kind) {
	case WATCH_FILE:
	case WATCH_PAUSE:
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
	if (item->kind == WATCH_PAUSE) {
		size_t n = strlen(item->pause);
		bool was_paused = item->is_paused;

		item->is_paused = result >= (int64_t)n && !memcmp(buf, item->pause, n);
		item->has_moved = was_paused && !item->is_paused;
		return item->has_moved;
	}
	if (item->result != WATCH_UNSEEN && is_no_answer(item, buf, result))
		return false;
	if (result > 0)
		hash = hash_bytes(HASH_START, buf, (size_t)result);
	else if (result < 0)
		hash = 0;
	item->has_moved = result != item->result || hash != item->hash;
	item->result = result;
	item->hash = hash;
	return item->has_moved;
}

void watch_init(struct watch *w, struct sysfs *fs, const char *counter)
{
	struct rlimit limit;

	*w = (struct watch){ .fs = fs, .counter = { .kind = WATCH_FILE, .path = counter, .size = WATCH_BYTES, .fd = -1 } };
	w->n_fds = INT_MAX;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < INT_MAX)
		w->n_fds = (int)limit.rlim_cur - SPARE_FDS;
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
	new->result = WATCH_UNSEEN;
	/* what is read each time is worth a descriptor, while there are some; a mapping needs none */
	if (item->kind != WATCH_LINK && item->kind != WATCH_DIR && !item->announced)
		new->fd = sysfs_open(w->fs, new->path, O_RDONLY);
	if (new->fd >= w->n_fds)
		close(new->fd);
	if (new->fd < 0 || new->fd >= w->n_fds)
		new->fd = -1;
	new->is_mapped |= new->is_fast;
	w->n++;
	look(w, new);
	if (item->kind == WATCH_WORDS && new->result < 0 && new->result != WATCH_UNSEEN &&
	    new->is_mapped == new->is_fast) {
		/* real registers can be mapped alone, those of a simulated host read alone */
		new->is_mapped = !new->is_mapped;
		look(w, new);
	}
	if (new->is_mapped && new->fd >= 0) {
		close(new->fd);
		new->fd = -1;
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

bool watch_fast_has_moved(struct watch *w)
{
	bool moved = false;

	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].is_fast)
			moved |= look(w, &w->items[i]);
	return moved;
}

bool watch_is_fast(const struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].is_fast && w->items[i].result > 0)
			return true;
	return false;
}

void watch_exit(struct watch *w)
{
	if (w->counter.fd >= 0)
		close(w->counter.fd);
	for (size_t i = 0; i < w->n; i++) {
		mmio_unmap(&w->items[i].mmio);
		if (w->items[i].fd >= 0)
			close(w->items[i].fd);
	}
	arena_free(&w->arena);
	*w = (struct watch){ .counter.fd = -1 };
}
