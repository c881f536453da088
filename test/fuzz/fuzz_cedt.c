// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing cedt_parse(). */
#include "lib/firmware/cedt.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct messages messages = { 0 };
	struct arena a = { 0 };
	struct cedt cedt;

	if (!cedt_parse(data, n, &a, &messages, &cedt))
		for (size_t i = 0; i < cedt.n_windows; i++) {
			const struct cedt_window *w = &cedt.windows[i];

			PROMISE(w->dropped || (w->size && w->base + w->size - 1 >= w->base &&
					       w->ways && w->granularity));
			PROMISE(!w->dropped || messages.n);
		}
	PROMISE(messages.n <= 8);
	messages_free(&messages);
	arena_free(&a);
	return 0;
}
