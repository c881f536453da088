// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing counters_parse(): what it takes can be written again, and says the same then. */
#include <stdlib.h>
#include <string.h>

#include "lib/kept/counters.h"
#include "test/fuzz/fuzz.h"

#define PORT "0000:0c:00.0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = calloc(1, n + 1), *out;
	struct kept_counters c, again;
	struct arena a = { 0 };

	if (text && n)
		memcpy(text, data, n);
	if (text && counters_parse(text, PORT, &a, &c)) {
		out = counters_text(&c, PORT);
		/* escapes can make it longer than one may be */
		if (out && counters_parse(out, PORT, &a, &again)) {
			PROMISE(!memcmp(c.isolations, again.isolations, sizeof(c.isolations)));
			PROMISE(!memcmp(c.recoveries, again.recoveries, sizeof(c.recoveries)));
			PROMISE(c.recovery_us == again.recovery_us && c.since_us == again.since_us);
			PROMISE(c.isolated_us == again.isolated_us && !c.boot_id == !again.boot_id);
			PROMISE(!c.boot_id || !strcmp(c.boot_id, again.boot_id));
		} else {
			PROMISE(out && c.boot_id && strlen(c.boot_id) > 64);
		}
		free(out);
	}
	arena_free(&a);
	free(text);
	return 0;
}
