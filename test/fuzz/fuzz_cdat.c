// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing cdat_parse(). */
#include "lib/firmware/cdat.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct messages messages = { 0 };
	struct arena a = { 0 };
	struct cdat cdat;

	if (!cdat_parse(data, n, "endpoint2", &a, &messages, &cdat))
		for (size_t i = 0; i < cdat.n_types; i++)
			PROMISE(cdat.types[i].dpa_end >= cdat.types[i].dpa_start);
	PROMISE(messages.n <= 8 && (!cdat.damaged || messages.n));
	messages_free(&messages);
	arena_free(&a);
	return 0;
}
