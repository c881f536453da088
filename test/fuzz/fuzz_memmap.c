// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing memmap_parse() (three lines: start, end, type) and cmdline_parse() (all of it). */
#include "lib/firmware/memmap.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct messages messages = { 0 };
	struct arena a = { 0 };
	struct memmap_entry entry;
	struct cmdline cmdline;
	char *text = arena_strndup(&a, n ? (const char *)data : "", n), *line[3], *rest = text;

	if (!text)
		return 0;
	if (!cmdline_parse(text, &a, &messages, &cmdline))
		for (size_t i = 0; i < cmdline.soft.n; i++) {
			PROMISE(cmdline.soft.v[i].end >= cmdline.soft.v[i].start &&
				cmdline.edits_map);
			PROMISE(!i || cmdline.soft.v[i].start > cmdline.soft.v[i - 1].end + 1);
		}
	for (size_t i = 0; i < 3; i++) {
		line[i] = rest ? strsep(&rest, "\n") : NULL;
		line[i] = line[i] ? line[i] : text + n;
	}
	if (!memmap_parse(line[0], line[1], line[2], &entry))
		PROMISE(entry.end >= entry.start && entry.type <= MEMMAP_OTHER);
	messages_free(&messages);
	arena_free(&a);
	return 0;
}
