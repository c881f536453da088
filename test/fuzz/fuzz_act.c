// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing act_state_parse(): what it takes can be written, and says the same again. */
#include <stdlib.h>
#include <string.h>

#include "lib/act/act_state.h"
#include "test/fuzz/fuzz.h"

#define PORT "0000:0c:00.0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = calloc(1, n + 1), *out, *twice;
	struct act_state s = { 0 }, again = { 0 };
	struct arena a = { 0 };

	if (text && n)
		memcpy(text, data, n);
	if (text && act_state_parse(text, PORT, &a, &s)) {
		PROMISE((int)s.phase < N_ACT_PHASES && s.containment >= -1 && s.problems);
		PROMISE(act_times_since(&s.hooks, s.recovered_at, 3600) <= ACT_MAX_TIMES);
		act_times_add(&s.recoveries, s.attempts);
		out = act_state_text(&s, PORT);
		PROMISE(out && act_state_parse(out, PORT, &a, &again));
		twice = act_state_text(&again, PORT);
		PROMISE(twice && !strcmp(out, twice));
		act_state_follow_clock(&again, "5ae2f0a4", 1800000500);
		PROMISE(again.booted_at >= 1800000498 && again.booted_at <= 1800000502);
		free(out);
		free(twice);
	}
	arena_free(&a);
	free(text);
	return 0;
}
