// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing iomem_parse(). */
#include "lib/firmware/iomem.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct messages messages = { 0 };
	struct arena a = { 0 };
	struct iomem iomem;

	if (!iomem_parse((const char *)data, n, &a, &messages, &iomem))
		for (size_t i = 0; i < iomem.n; i++)
			PROMISE(iomem.lines[i].end >= iomem.lines[i].start &&
				iomem.lines[i].kind < N_IOMEM_KINDS);
	PROMISE(iomem.n + iomem.n_bad <= iomem.n_all);
	PROMISE(messages.n == (iomem.n_bad != 0));
	messages_free(&messages);
	arena_free(&a);
	return 0;
}
