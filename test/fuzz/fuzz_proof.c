// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing proof_parse(): what it takes for a proof says all that one has to say, and can be written again. */
#include <stdlib.h>
#include <string.h>

#include "lib/kept/proof.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = calloc(1, n + 1), *out;	/* no strndup(): data has no end that it could look for */
	struct proof p, again;
	struct arena a = { 0 };

	if (text && n)
		memcpy(text, data, n);
	if (text && proof_parse(text, &a, &p)) {
		PROMISE(platform_is_known(&p.platform) && *p.root_port && strlen(p.date) == strlen("2026-03-01T12:00:00Z"));
		PROMISE(proof_judge(&p, &p.platform, p.root_port) == PROOF_HOLDS);
		out = proof_text(&p);
		/* escapes can make it longer than one may be */
		PROMISE(out && (strlen(out) > PROOF_MAX_BYTES || proof_parse(out, &a, &again)));
		free(out);
	}
	arena_free(&a);
	free(text);
	return 0;
}
