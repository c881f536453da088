// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing trace_line_parse() and trace_line_lost(). */
#include <ctype.h>

#include "lib/read/trace_line.h"
#include "test/fuzz/fuzz.h"
#include "util/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *line = calloc(1, n + 1);
	struct trace_event e;
	unsigned int number;

	if (line && n)
		memcpy(line, data, n);
	if (line && trace_line_parse(line, &e)) {
		PROMISE(e.source >= trace_sources && e.source < trace_sources + n_trace_sources);
		PROMISE((int)e.severity < N_TRACE_SEVERITIES);
		PROMISE((int)e.source->kind < N_TRACE_KINDS);
		PROMISE(!e.source->severity || e.severity == e.source->severity);
		PROMISE(!*e.function || is_pci_address(e.function));
		PROMISE(!*e.memdev || parse_name(e.memdev, "mem", &number));
		for (const char *c = e.text; *c; c++)
			PROMISE(isprint((unsigned char)*c) && *c != '"');
		PROMISE(!trace_line_lost(line));
	}
	if (line)
		PROMISE(trace_line_lost(line) <= 999999999);
	free(line);
	return 0;
}
