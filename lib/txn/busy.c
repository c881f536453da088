// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's log says of a busy memory block: see busy.h. */
#include "lib/txn/busy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_LOG = 1 << 20, MAX_RECORD = 8192,	/* of one read: PRINTKRB_RECORD_MAX is smaller */
	MAX_PAGES = 64,
};
/* The kernel says no more of it within this time of what it said before: DEFAULT_RATELIMIT_INTERVAL. */
#define SILENCE_US 5000000
/* Who holds a page for so long does not let go of it by itself soon. */
#define HELD_US 1000000

const char *const busy_cause_texts[] = {
	[BUSY_UNKNOWN] = "something in it is pinned, which time does not help, or in use all the time (hot), which it may",
	[BUSY_PINNED] = "a page in it is pinned: a device or a process holds it, which more time does not help",
	[BUSY_HOT] = "its pages are in use all the time (hot), or many, and none is seen to be pinned: more time may help",
	[BUSY_KERNEL] = "it holds memory of the kernel's own, which cannot be moved before the next boot",
};

/* A page of the block that was dumped since it could not be moved. */
struct failed_page {
	uint64_t pfn, first_us;
};

/* __dump_page() of mm/debug.c, line by line. */
struct dump {
	uint64_t pfn;
	long refcount, mapcount;
};

/* "6,339,51762410,-;text": when, and the text; NULL for what continues a record. */
static const char *split_record(const char *line, uint64_t *ret_us)
{
	unsigned int priority;
	uint64_t number;
	const char *text = strchr(line, ';'), *end = strchr(line, '\n');

	if (!text || (end && text > end) || sscanf(line, "%u,%" SCNu64 ",%" SCNu64, &priority, &number, ret_us) != 3)
		return NULL;
	return text + 1;
}

/* Taken off its list it has one reference more than mappings, when nobody holds it. */
static bool is_held(const struct dump *d)
{
	return d->refcount > d->mapcount + 1;
}

/* Was it held a good while ago, too? */
static bool is_held_for_long(struct failed_page *pages, size_t *n, uint64_t pfn, uint64_t now_us)
{
	for (size_t i = 0; i < *n; i++)
		if (pages[i].pfn == pfn)
			return now_us - pages[i].first_us >= HELD_US;
	if (*n < MAX_PAGES)
		pages[(*n)++] = (struct failed_page){ pfn, now_us };
	return false;
}

enum busy_cause busy_cause_of(const char *log, uint64_t first_pfn, uint64_t end_pfn,
			      uint64_t tried_us)
{
	struct failed_page pages[MAX_PAGES];
	struct dump d = { .pfn = UINT64_MAX };
	size_t n = 0;

	for (const char *line = log; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		static const char page[] = "page: refcount:", head[] = "head: order:", why[] = "page dumped because: ";
		uint64_t now_us;
		const char *text = split_record(line, &now_us), *pfn;

		if (!text)
			continue;
		if (!strncmp(text, page, sizeof(page) - 1)) {
			pfn = strstr(text, "pfn:0x");
			d = (struct dump){ .pfn = UINT64_MAX };
			if (sscanf(text + sizeof(page) - 1, "%ld mapcount:%ld", &d.refcount, &d.mapcount) == 2 && pfn)
				d.pfn = strtoull(pfn + strlen("pfn:"), NULL, 16);
		} else if (!strncmp(text, head, sizeof(head) - 1)) {
			sscanf(text + sizeof(head) - 1, "%*u mapcount:%ld", &d.mapcount);	/* of all of it */
		} else if (!strncmp(text, why, sizeof(why) - 1) && d.pfn >= first_pfn &&
			   d.pfn < end_pfn) {
			text += sizeof(why) - 1;
			if (!strncmp(text, "unmovable page", strlen("unmovable page")))
				return BUSY_KERNEL;
			if (!strncmp(text, "migration failure", strlen("migration failure")) && is_held(&d) &&
			    is_held_for_long(pages, &n, d.pfn, now_us))
				return BUSY_PINNED;
		}
	}
	/* what is held would have been named by now */
	return log && !n && tried_us > SILENCE_US + HELD_US ? BUSY_HOT : BUSY_UNKNOWN;
}

/* --- the log ------------------------------------------------------------------------ */

void kernel_log_begin(struct sysfs *fs, struct kernel_log *ret)
{
	*ret = (struct kernel_log){ .fd = sysfs_open(fs, "dev/kmsg", O_RDONLY | O_NONBLOCK) };
	if (ret->fd >= 0 && lseek(ret->fd, 0, SEEK_END) < 0) {
		close(ret->fd);
		ret->fd = -1;
	}
}

/* A record a read; EPIPE: some were lost, the next one is there. */
const char *kernel_log_text(struct kernel_log *log, struct arena *a)
{
	if (log->fd < 0)
		return NULL;
	if (!log->text)
		log->text = arena_alloc(a, MAX_LOG, 1);
	while (log->text && log->n + MAX_RECORD < MAX_LOG) {
		ssize_t n = read(log->fd, log->text + log->n, MAX_RECORD);

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		log->n += (size_t)n;
	}
	if (log->text)
		log->text[log->n] = '\0';
	return log->text;
}

void kernel_log_end(struct kernel_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}
