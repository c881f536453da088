// SPDX-License-Identifier: GPL-2.0-only
/* lib/txn/busy.c: what the kernel's log tells of a memory block that stays online. */
#include "test/unit/unit.h"

#include "lib/txn/busy.h"

/* A block of 128 MiB, memory146; lines as Linux 6.12 and 7.2 wrote them. */
#define FIRST 0x490000
#define END 0x498000

#define RECORD(us, text) "4,339," us ",-;" text "\n"
#define PAGE(us, refs, maps, pfn) RECORD(us, "page: refcount:" refs " mapcount:" maps " mapping:0000000000000000 index:0x7fb707697 pfn:" pfn)
#define FAILED(us) RECORD(us, "anon flags: 0x5fffffc002091c(referenced|uptodate)") RECORD(us, "page dumped because: migration failure")
#define HUGE(us, pfn) PAGE(us, "514", "0", pfn) RECORD(us, "head: order:9 mapcount:1 entire_mapcount:1 nr_pages_mapped:0 pincount:512") FAILED(us)

static void a_block_is_judged_by_the_pages_that_failed(void **state)
{
	static const struct {
		const char *log;
		uint64_t tried_us;
		enum busy_cause cause;
	} cases[] = {
		{ NULL, 30000000, BUSY_UNKNOWN },
		{ "", 30000000, BUSY_HOT },
		{ "", 3000000, BUSY_UNKNOWN },		/* the kernel may have been silent */
		{ RECORD("100", "Fallback order for Node 0: 0 "), 30000000, BUSY_HOT },
		/* the same page, held by somebody, five seconds later again */
		{ PAGE("51762410", "3", "1", "0x490003") FAILED("51762410") PAGE("56849659", "3", "1", "0x490003") FAILED("56849659"), 8000000, BUSY_PINNED },
		{ HUGE("51762410", "0x490000") HUGE("56849659", "0x490000"), 8000000, BUSY_PINNED },
		/* only at one moment, or not the same one, or by nobody else */
		{ PAGE("51762410", "3", "1", "0x490003") FAILED("51762410") PAGE("51763248", "3", "1", "0x490003") FAILED("51763248"), 8000000, BUSY_UNKNOWN },
		{ PAGE("51762410", "3", "1", "0x490003") FAILED("51762410") PAGE("56849659", "3", "1", "0x490004") FAILED("56849659"), 8000000, BUSY_UNKNOWN },
		{ PAGE("51762410", "2", "1", "0x490003") FAILED("51762410") PAGE("56849659", "2", "1", "0x490003") FAILED("56849659"), 8000000, BUSY_HOT },
		/* of another block */
		{ PAGE("51762410", "3", "1", "0x498000") FAILED("51762410") PAGE("56849659", "3", "1", "0x498000") FAILED("56849659"), 8000000, BUSY_HOT },
		{ PAGE("1", "1", "0", "0x48ffff") RECORD("1", "page dumped because: unmovable page"), 0, BUSY_UNKNOWN },
		{ PAGE("1", "1", "0", "0x497fff") RECORD("1", "page dumped because: unmovable page"), 0, BUSY_KERNEL },
		/* what is no record, and what is cut short */
		{ " SUBSYSTEM=cxl\nno record; page dumped because: unmovable page\n4,1,2,-;page: refcount:x pfn:0x490000\n4,1,2,-;page dumped because: unmovable page\n4,1,2", 0, BUSY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (busy_cause_of(cases[i].log, FIRST, END, cases[i].tried_us) != cases[i].cause)
			fail_msg("case %zu is %d", i, busy_cause_of(cases[i].log, FIRST, END, cases[i].tried_us));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_judged_by_the_pages_that_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
