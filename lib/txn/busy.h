/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a memory block does not go offline, as far as the kernel's log tells: it names pages
 * whose migration failed, at most ten in five seconds (do_migrate_range() and
 * has_unmovable_pages() of Linux, mm/memory_hotplug.c and mm/page_isolation.c).
 */
#ifndef CXL_BUSY_H
#define CXL_BUSY_H

#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/sysfs.h"

enum busy_cause {
	BUSY_UNKNOWN,	/* either of the next two */
	BUSY_PINNED,	/* the same page fails time and again, and somebody holds it */
	BUSY_HOT,	/* its pages are on the move all the time; none fails for long */
	BUSY_KERNEL,	/* memory of the kernel's own, which never moves */
};

/* As the end of a sentence: "a page in it is pinned ...". */
extern const char *const busy_cause_texts[];

/*
 * @log: records of /dev/kmsg, a line each, NULL where there is no log to be read; the block's
 * pages are [@first_pfn, @end_pfn), and it was tried for @tried_us.  Pure.
 */
enum busy_cause busy_cause_of(const char *log, uint64_t first_pfn, uint64_t end_pfn,
			      uint64_t tried_us);

/* What the kernel logs from now on. */
struct kernel_log {
	int fd;
	char *text;	/* NULL: nothing was read yet */
	size_t n;
};
void kernel_log_begin(struct sysfs *fs, struct kernel_log *ret);
/* All of it up to now; NULL: it cannot be read. */
const char *kernel_log_text(struct kernel_log *log, struct arena *a);
void kernel_log_end(struct kernel_log *log);

#endif
