// SPDX-License-Identifier: GPL-2.0-only
/* Lines of trace_pipe: what is taken from one, and what is none. */
#include <stdio.h>

#include "lib/read/trace_line.h"
#include "test/unit/unit.h"

#define HEAD "   irq/26-aerdrv-105     [000] .....   123.456789: "
#define EVENT "memdev=mem1 host=0000:0e:00.0 serial=5 log="
#define LOG_REST " : time=1 uuid=x len=128 flags='' handle=1 related_handle=0 maint_op_class=0 : dpa=0"

static const struct {
	const char *line;
	enum trace_kind kind;
	enum trace_severity severity;
	const char *function, *memdev;
} events[] = {
	{ HEAD "aer_event: 0000:0d:00.0 PCIe Bus Error: severity=Corrected, Bad TLP, TLP Header=Not available", TRACE_AER, TRACE_CORRECTED, "0000:0d:00.0", "" },
	{ HEAD "aer_event: 0000:0d:00.0 PCIe Bus Error: severity=Fatal, , TLP Header=Not available", TRACE_AER, TRACE_FATAL, "0000:0d:00.0", "" },
	{ HEAD "aer_event: 10000:0d:00.0 CXL Bus Error: severity=Uncorrected, non-fatal, 0x400000", TRACE_AER, TRACE_NONFATAL, "10000:0d:00.0", "" },
	{ HEAD "aer_event: somebody PCIe Bus Error: severity=Grave, ?", TRACE_AER, TRACE_UNKNOWN, "", "" },
	{ HEAD "cxl_aer_uncorrectable_error: memdev=mem0 host=0000:0d:00.0 serial=0: status: 'x' first_error: 'x'", TRACE_CXL_RAS, TRACE_UNCORRECTED, "0000:0d:00.0", "mem0" },
	{ HEAD "cxl_aer_correctable_error: memdev=mem0 host=0000:0d:00.0 serial=0: status: 'x'", TRACE_CXL_RAS, TRACE_CORRECTED, "0000:0d:00.0", "mem0" },
	/* as ports have it, and as one series has it: the names that are there */
	{ HEAD "cxl_port_aer_correctable_error: device=0000:0c:00.0 host=pci0000:0c status='x'", TRACE_CXL_RAS, TRACE_CORRECTED, "0000:0c:00.0", "" },
	{ HEAD "cxl_aer_correctable_error: memdev= host= serial=0 port=port1 dport=0000:0c:00.0 status: 'x'", TRACE_CXL_RAS, TRACE_CORRECTED, "0000:0c:00.0", "" },
	{ HEAD "cxl_general_media: " EVENT "Informational" LOG_REST, TRACE_CXL_EVENT, TRACE_INFORMATIONAL, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_dram: " EVENT "Warning" LOG_REST, TRACE_CXL_EVENT, TRACE_WARNING, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_memory_module: " EVENT "Failure" LOG_REST, TRACE_CXL_EVENT, TRACE_FAILURE, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_memory_sparing: " EVENT "Fatal" LOG_REST, TRACE_CXL_EVENT, TRACE_FATAL, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_generic_event: " EVENT "0x7" LOG_REST, TRACE_CXL_EVENT, TRACE_UNKNOWN, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_overflow: memdev=mem1 host=cxl_mem.1 serial=0: log=Failure : 3 records from 1 to 2", TRACE_CXL_EVENT, TRACE_FAILURE, "", "mem1" },
	{ HEAD "cxl_poison: memdev=mem1 host=0000:0e:00.0 serial=0 trace_type=List region= hpa=0x0", TRACE_CXL_EVENT, TRACE_WARNING, "0000:0e:00.0", "mem1" },
	{ HEAD "cxl_poison: memdev=mem01 host=0000:0e:00.0 serial=0 trace_type=Clear region= hpa=0x0", TRACE_CXL_EVENT, TRACE_INFORMATIONAL, "0000:0e:00.0", "" },
	/* who was interrupted may be called anything */
	{ "a: cxl_dram: [0]-7       (      7) [101] dNh2.     1.000000: aer_event: 0000:0d:00.0 PCIe Bus Error: severity=Corrected, ", TRACE_AER, TRACE_CORRECTED, "0000:0d:00.0", "" },
};

static void what_an_event_says(void **state)
{
	struct trace_event e;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(events); i++) {
		if (!trace_line_parse(events[i].line, &e))
			fail_msg("not taken: %s", events[i].line);
		assert_int_equal(e.source->kind, events[i].kind);
		assert_int_equal(e.severity, events[i].severity);
		assert_string_equal(e.function, events[i].function);
		assert_string_equal(e.memdev, events[i].memdev);
	}
}

static void what_is_none(void **state)
{
	static const char *const lines[] = {
		"", "\n", " ", "aer_event: 0000:0d:00.0 PCIe Bus Error: severity=Fatal", HEAD, HEAD "aer_event:",
		HEAD "mc_event: 1 Corrected error", HEAD "aer_even: x", HEAD "aer_eventx: x", HEAD "tracing_mark_write: " HEAD "aer_event: x",
		"   irq/26-aerdrv+105     [000] .....   123.456789: aer_event: 0000:0d:00.0 x", "   irq/26-aerdrv-105     (000) .....   123.456789: aer_event: 0000:0d:00.0 x",
		"   irq/26-aerdrv-105     [000", "   irq/26-aerdrv-", "   irq/26-aerdrv-105     [000] ..... 123.456789 aer_event", "CPU:1 [LOST 23 EVENTS]",
		"x\n-105     [000] .....   123.456789: aer_event: 0000:0d:00.0 x",
	};
	struct trace_event e;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++)
		if (trace_line_parse(lines[i], &e))
			fail_msg("taken: %s", lines[i]);
}

static void the_text_is_printable_and_bounded(void **state)
{
	char line[4096] = HEAD "aer_event: 0000:0d:00.0 \"x\"\x1b[31m\n";
	struct trace_event e;

	(void)state;
	assert_true(trace_line_parse(line, &e));
	assert_string_equal(e.text, "0000:0d:00.0 ?x??[31m");
	memset(line + strlen(HEAD "aer_event: "), 'y', 2000);
	assert_true(trace_line_parse(line, &e));
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_string_equal(e.text + sizeof(e.text) - 5, "y...");
}

static void what_was_lost_is_counted(void **state)
{
	(void)state;
	assert_int_equal(trace_line_lost("CPU:1 [LOST 23 EVENTS]"), 23);
	assert_int_equal(trace_line_lost("CPU:255 [LOST EVENTS]"), 1);
	assert_int_equal(trace_line_lost("CPU:1 [LOST"), 0);
	assert_int_equal(trace_line_lost(HEAD "aer_event: CPU:1 [LOST 23 EVENTS]"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_event_says), cmocka_unit_test(what_is_none),
		cmocka_unit_test(the_text_is_printable_and_bounded),
		cmocka_unit_test(what_was_lost_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
