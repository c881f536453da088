// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing journal_parse(): the input as it is, and as the body of a journal whose checksum is right. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kept/journal.h"
#include "test/fuzz/fuzz.h"

static const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

static void parse(const char *text)
{
	struct journal j, again;
	struct arena a = { 0 };

	if (!journal_parse(text, &a, &j)) {
		char *out = journal_text(&j);

		PROMISE(j.boot_id && j.tries && j.recipe.root_port && j.recipe.n_root_ports &&
			j.max_names > j.n_names);
		for (size_t i = 0; i < j.n_steps; i++)
			PROMISE(j.steps[i].op && *j.steps[i].path && *j.steps[i].path != '/' && !strstr(j.steps[i].path, ".."));
		for (size_t i = 0; i < j.recipe.n_regions; i++)
			for (size_t k = 0; k < j.recipe.regions[i].ways; k++)
				PROMISE(j.recipe.regions[i].lost ||
					j.recipe.regions[i].targets[k].device < j.recipe.n_devices);
		/* what was understood can be written and understood again */
		PROMISE(out && !journal_parse(out, &a, &again));
		free(out);
	}
	arena_free(&a);
}

static uint64_t checksum(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = calloc(1, n + 1), *whole = NULL;	/* no strndup(): data has no end that it could look for */
	struct json_object *body;
	const char *plain;

	if (!text)
		return 0;
	if (n)
		memcpy(text, data, n);
	body = json_tokener_parse(text);
	plain = body ? json_object_to_json_string_ext(body, flags) : NULL;

	parse(text);
	if (plain && asprintf(&whole, "{\"schema\":\"cxl-recover-journal/6\",\"checksum\":\"0x%llx\",\"journal\":%s}",
			      (unsigned long long)checksum(plain), plain) > 0) {
		parse(whole);
		free(whole);
	}
	json_object_put(body);
	free(text);
	return 0;
}
