/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of the kernel's trace_pipe about an error of PCI or CXL: what of it is used.  No I/O. */
#ifndef CXL_TRACE_LINE_H
#define CXL_TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum trace_kind { TRACE_AER, TRACE_CXL_RAS, TRACE_CXL_EVENT, N_TRACE_KINDS };
extern const char *const trace_kind_names[N_TRACE_KINDS];

/* From the least to the worst. */
enum trace_severity {
	TRACE_UNKNOWN,
	TRACE_INFORMATIONAL, TRACE_CORRECTED, TRACE_WARNING,
	TRACE_UNCORRECTED,	/* the event does not say whether it is fatal */
	TRACE_NONFATAL, TRACE_FAILURE, TRACE_FATAL, N_TRACE_SEVERITIES
};
extern const char *const trace_severity_names[N_TRACE_SEVERITIES];	/* NULL for the first */

/* An event that is listened to; a kernel need not have it. */
struct trace_source {
	const char *system, *name;
	enum trace_kind kind;
	enum trace_severity severity;	/* of every one, TRACE_UNKNOWN: its text says it */
};
extern const struct trace_source trace_sources[];
extern const size_t n_trace_sources;

struct trace_event {
	const struct trace_source *source;
	enum trace_severity severity;
	char function[24];	/* PCI address of whom it is about, "" where it names none */
	char memdev[24];	/* "mem0", or "" */
	char text[512];		/* as the kernel prints it, printable, "..." at the end when it was longer */
};

/* False: @line is about none of these events, or is not as the kernel prints one. */
bool trace_line_parse(const char *line, struct trace_event *ret);

/* How many events the kernel says there that it had no room for; 0: the line is another one. */
size_t trace_line_lost(const char *line);

#endif
