// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing srat_parse(). */
#include "lib/firmware/srat.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct messages messages = { 0 };
	struct arena a = { 0 };
	struct srat srat;

	if (!srat_parse(data, n, &a, &messages, &srat))
		for (size_t i = 0; i < srat.n_memory; i++)
			PROMISE(srat.memory[i].end >= srat.memory[i].start);
	PROMISE(messages.n <= 8 && (!srat.damaged || messages.n));
	messages_free(&messages);
	arena_free(&a);
	return 0;
}
