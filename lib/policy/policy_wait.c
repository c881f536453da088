// SPDX-License-Identifier: GPL-2.0-only
/* Look, wait for word of a device, look again: see policy_wait.h. */
#include "lib/policy/policy_wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/read/uevents.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/size.h"
#include "util/stop.h"

/* Devices whose word was not heard (uevents_wait()) are seen within this time. */
enum { LOOK_US = 1000000 };

int policy_wait_parse(const struct opt_optional *option, bool has_policy, struct policy_wait *ret,
		      struct err *err)
{
	const char *value = option->value;
	char shown[48];

	*ret = (struct policy_wait){ .is_asked = option->is_given, .us = POLICY_WAIT_US };
	if (option->is_given && !has_policy)
		return err_set(err, EXIT_USAGE, EINVAL, "--wait waits for what a policy file names, nothing was done; add --policy");
	ret->us = value && !strcmp(value, "0") ? 0 : ret->us;
	if (value && strcmp(value, "0") && duration_parse(value, &ret->us))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a duration: use a number with us, ms or s", printable(value, shown, sizeof(shown)));
	return 0;
}

/* What is awaited: 0 when nothing is, else one of it in @ret_what. */
static size_t look(const struct policy *p, enum policy_parts parts, char *what, size_t size)
{
	struct host_reading reading;
	struct memory_functions functions;
	struct absents sections = { 0 }, layout = { 0 };
	struct layout rest;
	struct err err;
	size_t n = 0;
	int rc = host_read_topology(&reading, &err);

	if (rc == -ENODEV && (p->n || p->layout.n_regions)) {
		snprintf(what, size, "the CXL bus");
		n = 1;
	}
	rc = rc ? rc : memory_functions_read(&reading.fs, &reading.arena, &functions);
	if (!rc && parts & POLICY_SECTIONS)
		rc = absent_for_sections(p, &reading.host, &functions, &reading.arena, &sections);
	if (!rc && parts & POLICY_LAYOUT)
		rc = layout_leave_out(&p->layout, &reading.host, &functions, &reading.arena, &rest,
				      &layout);
	if (!rc)
		n = sections.n + layout.n;
	if (!rc && n)
		snprintf(what, size, "line %u of %.200s: %.200s", (sections.n ? sections.v : layout.v)->line,
			 p->file, (sections.n ? sections.v : layout.v)->what);
	host_free(&reading);
	return n;	/* why else a host cannot be read is said when it is to be changed */
}

int policy_wait(const struct policy *p, enum policy_parts parts, const struct policy_wait *w,
		struct err *err)
{
	uint64_t start = clock_now_us(), waited = 0;
	struct uevents events = { 0 };
	bool is_listening = false;
	char what[500];
	int rc = 0;

	while (w->is_asked && look(p, parts, what, sizeof(what)) && waited < w->us) {
		if (stop_is_requested()) {
			rc = err_set(err, EXIT_RESUMABLE, EINTR, "a signal ended the wait (%s); nothing was changed, run the command again", what);
			break;
		}
		if (is_listening)
			uevents_wait(&events, w->us - waited < LOOK_US ? w->us - waited : LOOK_US);
		else	/* and look again: it may have come before */
			uevents_open(&events);
		is_listening = true;
		waited = clock_now_us() - start;
	}
	uevents_close(&events);
	return rc;
}

int policy_wait_end(const struct policy_wait *w, const struct layout *l,
		    const struct cxl_host *host, struct messages *messages, struct arena *a,
		    struct layout *ret, size_t *ret_n, struct err *err)
{
	struct memory_functions functions;
	struct absents absent;
	char time[32], after[48] = "";

	*ret_n = 0;
	if (!w->is_asked)
		return 0;
	if (memory_functions_read(host->fs, a, &functions) ||
	    layout_leave_out(l, host, &functions, a, ret, &absent))
		return err_no_memory(err, ", nothing was written");
	if (w->us)
		snprintf(after, sizeof(after), " after %s", duration_human(w->us, time, sizeof(time)));
	for (size_t i = 0; messages && i < absent.n; i++)
		message_add(messages, SEV_ERROR, "ABSENT", NULL, "%.200s:%u: %s%s, so what is made of it is left out; 'cxl list --isolation' shows what there is, and once it is there run the command again",
			    l->file, absent.v[i].line, absent.v[i].what, after);
	*ret_n = messages ? absent.n : 0;
	return 0;
}
