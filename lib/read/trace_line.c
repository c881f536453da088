// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines of trace_pipe: see trace_line.h.
 *
 * Source: trace_print_context() and trace_print_lat_fmt() of kernel/trace/trace_output.c for what stands before an
 * event's text, and the TP_printk() of include/ras/ras_event.h and drivers/cxl/core/trace.h for the texts.  Of those,
 * only names of devices, "severity=" and "log=" are used, wherever they stand: the rest differs from kernel to kernel.
 */
#include "lib/read/trace_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

enum { COMM_COLUMNS = 16 };	/* "%16s-%-7d": a name has 15 bytes at most, whatever they are */

const char *const trace_kind_names[N_TRACE_KINDS] = { "aer", "cxl_ras", "cxl_event" };
const char *const trace_severity_names[N_TRACE_SEVERITIES] = {
	NULL, "informational", "corrected", "warning", "uncorrected", "nonfatal", "failure", "fatal",
};

const struct trace_source trace_sources[] = {
	{ "ras", "aer_event", TRACE_AER, TRACE_UNKNOWN },
	{ "cxl", "cxl_aer_uncorrectable_error", TRACE_CXL_RAS, TRACE_UNCORRECTED },
	{ "cxl", "cxl_aer_correctable_error", TRACE_CXL_RAS, TRACE_CORRECTED },
	{ "cxl", "cxl_port_aer_uncorrectable_error", TRACE_CXL_RAS, TRACE_UNCORRECTED },
	{ "cxl", "cxl_port_aer_correctable_error", TRACE_CXL_RAS, TRACE_CORRECTED },
	{ "cxl", "cxl_general_media", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_dram", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_memory_module", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_memory_sparing", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_generic_event", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_overflow", TRACE_CXL_EVENT, TRACE_UNKNOWN },
	{ "cxl", "cxl_poison", TRACE_CXL_EVENT, TRACE_UNKNOWN },
};
const size_t n_trace_sources = ARRAY_SIZE(trace_sources);

/* What the texts call a severity.  Poison that is listed is there; injected or cleared was asked for. */
static const struct {
	const char *key, *word;
	enum trace_severity severity;
} words[] = {
	{ "severity", "Corrected", TRACE_CORRECTED },
	{ "severity", "Uncorrected", TRACE_NONFATAL },	/* "Uncorrected, non-fatal" */
	{ "severity", "Fatal", TRACE_FATAL },
	{ "log", "Informational", TRACE_INFORMATIONAL },
	{ "log", "Warning", TRACE_WARNING },
	{ "log", "Failure", TRACE_FAILURE },
	{ "log", "Fatal", TRACE_FATAL },
	{ "trace_type", "List", TRACE_WARNING },
	{ "trace_type", "Inject", TRACE_INFORMATIONAL },
	{ "trace_type", "Clear", TRACE_INFORMATIONAL },
};

/* The value of the first " KEY=" in @text, up to a blank or comma; false: there is none, or it does not fit. */
static bool value_of(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key), len;
	const char *at = text;

	while ((at = strstr(at, key)) && (at[n] != '=' || (at != text && at[-1] != ' ')))
		at += n;
	if (!at)
		return false;
	at += n + 1;
	len = strcspn(at, " ,");
	if (!len || len >= size)
		return false;
	memcpy(buf, at, len);
	buf[len] = '\0';
	return true;
}

static enum trace_severity severity_of(const char *text)
{
	char word[32];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (value_of(text, words[i].key, word, sizeof(word)) &&
		    !strcmp(word, words[i].word))
			return words[i].severity;
	return TRACE_UNKNOWN;
}

static void take_function(const char *text, const char *key, struct trace_event *ret)
{
	char word[sizeof(ret->function)];

	if (!*ret->function && value_of(text, key, word, sizeof(word)) && is_pci_address(word))
		snprintf(ret->function, sizeof(ret->function), "%s", word);
}

static void take_names(const char *text, struct trace_event *ret)
{
	/* a port's event has device or dport, and then host is what is above it */
	static const char *const keys[] = { "device", "host", "dport", "port" };
	size_t n = strcspn(text, " ");
	unsigned int number;

	if (ret->source->kind == TRACE_AER) {
		snprintf(ret->function, sizeof(ret->function), "%.*s", n < sizeof(ret->function) ? (int)n : 0, text);
		if (!is_pci_address(ret->function))
			ret->function[0] = '\0';
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		take_function(text, keys[i], ret);
	if (!value_of(text, "memdev", ret->memdev, sizeof(ret->memdev)) ||
	    !parse_name(ret->memdev, "mem", &number))
		ret->memdev[0] = '\0';
}

/* "comm-pid [cpu] flags time: " is left behind, and "(tgid)" if it is there; NULL: it is not so. */
static const char *skip_head(const char *line)
{
	const char *at = line + COMM_COLUMNS;

	if (strnlen(line, COMM_COLUMNS + 1) <= COMM_COLUMNS || *at++ != '-' ||
	    !isdigit((unsigned char)*at))
		return NULL;
	at += strcspn(at, "[");
	if (*at++ != '[' || !isdigit((unsigned char)*at))
		return NULL;
	at += strspn(at, "0123456789");
	if (*at++ != ']')
		return NULL;
	at += strcspn(at, ":");		/* neither flags nor times have one */
	return at[0] == ':' && at[1] == ' ' ? at + 2 : NULL;
}

bool trace_line_parse(const char *line, struct trace_event *ret)
{
	const char *name = skip_head(line), *text;
	char cut[sizeof(ret->text) + 1];
	size_t n;

	*ret = (struct trace_event){ 0 };
	n = name ? strcspn(name, ": ") : 0;
	if (!n || name[n] != ':' || name[n + 1] != ' ')
		return false;
	for (size_t i = 0; i < n_trace_sources; i++)
		if (strlen(trace_sources[i].name) == n && !strncmp(trace_sources[i].name, name, n))
			ret->source = &trace_sources[i];
	if (!ret->source)
		return false;
	text = name + n + 2;
	text += strspn(text, " ");
	ret->severity = ret->source->severity ? ret->source->severity : severity_of(text);
	take_names(text, ret);
	for (n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
		;
	snprintf(cut, sizeof(cut), "%.*s", (int)(n < sizeof(cut) ? n : sizeof(cut) - 1), text);
	printable(cut, ret->text, sizeof(ret->text));
	return true;
}

/* "CPU:1 [LOST 23 EVENTS]", or without a number, of print_trace_line() of kernel/trace/trace.c: that alone. */
size_t trace_line_lost(const char *line)
{
	unsigned long cpu, lost;
	int end = 0;

	if (sscanf(line, "CPU:%9lu [LOST %9lu EVENTS]%n", &cpu, &lost, &end) == 2 && end)
		return line[end] ? 0 : lost;
	return sscanf(line, "CPU:%9lu [LOST EVENTS]%n", &cpu, &end) == 1 && end && !line[end];
}
