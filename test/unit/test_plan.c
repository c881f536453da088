// SPDX-License-Identifier: GPL-2.0-only
/* cxl/lib/plan.c: from what a port has and shall have to the writes, in their order. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "cxl/lib/plan.h"

static struct cxl_root_port rp = { .name = "0000:0c:00.0", .path = "sys/devices/pci0000:0c/0000:0c:00.0" };
static struct arena arena;

#define OFF TRI_NO
#define ON TRI_YES

/* Isolation as said; @timeout as a person asks for it, NULL: leave it. */
static struct iso_control goal_of(enum tri isolation, const char *timeout)
{
	struct timeout_request request = { .kind = TIMEOUT_KEEP };
	struct iso_control goal = iso_control_unknown;
	struct err err;

	goal.v[ISO_MEM_ISOLATION] = isolation;
	if (timeout)
		assert_int_equal(timeout_parse(timeout, &request, &err), 0);
	plan_goal_timeout(&goal, &request, false);
	return goal;
}

static struct plan plan(enum tri isolation, enum tri timeout, int range, struct iso_control goal)
{
	struct plan p;

	rp.iso.kernel = (struct iso_kernel){ .present = true, .control = iso_control_unknown };
	rp.iso.kernel.control.v[ISO_MEM_ISOLATION] = isolation;
	rp.iso.kernel.control.v[ISO_MEM_TIMEOUT] = timeout;
	rp.iso.kernel.control.v[ISO_MEM_RANGE] = range;
	assert_int_equal(plan_make(&rp, &goal, false, &arena, &p), 0);
	assert_int_equal(plan_is_empty(&p), p.n == 0);
	for (size_t i = 0; i < p.n; i++) {
		assert_int_equal(p.steps[i].state, STEP_PLANNED);
		assert_ptr_equal(p.steps[i].rp, &rp);
		assert_true(p.steps[i].timeout_us > 2000000);	/* the kernel may wait 4 x 500 ms */
	}
	return p;
}

/* The writes as "range=6 timeout=1 isolation=1"; those that only work around a defect in brackets. */
static const char *writes(const struct plan *p)
{
	static const char *const names[N_ISO_FIELDS] = {
		[ISO_MEM_RANGE] = "timeout_range", [ISO_MEM_TIMEOUT] = "timeout_ctrl",
		[ISO_MEM_ISOLATION] = "isolation_ctrl",
	};
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_step *s = &p->steps[i];
		const char *attr = strrchr(s->path, '/') + 1;

		assert_string_equal(attr, names[s->field]);
		assert_int_equal(strncmp(s->path, rp.path, strlen(rp.path)), 0);
		assert_int_equal(atoi(s->text), s->value);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s=%s%s", i ? " " : "", s->when == STEP_IF_STUCK ? "[" : "",
				      attr, s->text, s->when == STEP_IF_STUCK ? "]" : "");
	}
	return text;
}

static void nothing_to_do_is_an_empty_plan(void **state)
{
	const struct iso_control on = goal_of(TRI_YES, NULL), off = goal_of(TRI_NO, NULL);
	struct plan p;

	(void)state;
	p = plan(ON, OFF, 0, on);
	assert_string_equal(writes(&p), "");
	p = plan(ON, ON, 6, on);
	assert_string_equal(writes(&p), "");
	p = plan(OFF, ON, 6, off);
	assert_string_equal(writes(&p), "");
}

static void enabling_keeps_the_timeout_as_it_is(void **state)
{
	const struct iso_control on = goal_of(TRI_YES, NULL);
	struct plan p;

	(void)state;
	p = plan(OFF, OFF, 0, on);
	assert_int_equal(p.goal.v[ISO_MEM_ISOLATION], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_NO);
	assert_int_equal(p.goal.v[ISO_MEM_RANGE], 0);
	assert_string_equal(p.steps[p.n - 1].text, "1");
	assert_int_equal(p.steps[p.n - 1].field, ISO_MEM_ISOLATION);
	for (size_t i = 0; i < p.n; i++)
		assert_int_not_equal(p.steps[i].field, ISO_MEM_RANGE);
	p = plan(OFF, ON, 6, on);
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_RANGE], 6);
}

static void the_range_comes_first_then_the_timeout_then_isolation(void **state)
{
	struct iso_control goal;
	struct plan p;

	(void)state;
	goal = goal_of(TRI_YES, "B2");
	p = plan(OFF, OFF, 0, goal);
	assert_string_equal(writes(&p), "timeout_range=6 timeout_ctrl=1 isolation_ctrl=1");
	/* a range that is written may drop the enables: they follow also where they are right */
	p = plan(ON, ON, 1, goal);
	assert_string_equal(writes(&p), "timeout_range=6 timeout_ctrl=1 isolation_ctrl=1");
	p = plan(ON, ON, 6, goal);
	assert_string_equal(writes(&p), "");
	p = plan(OFF, ON, 6, goal);
	for (size_t i = 0; i < p.n; i++)
		assert_int_not_equal(p.steps[i].field, ISO_MEM_RANGE);
}

static void ranges_are_written_as_numbers(void **state)
{
	struct iso_control goal;

	(void)state;
	for (size_t i = 0; i < n_timeout_ranges; i++) {
		struct plan p;

		goal = goal_of(TRI_YES, timeout_ranges[i].name);
		p = plan(OFF, OFF, timeout_ranges[i].value ? 0 : 6, goal);
		assert_int_equal(p.steps[0].field, ISO_MEM_RANGE);
		assert_int_equal(atoi(p.steps[0].text), timeout_ranges[i].value);
		assert_int_equal(strspn(p.steps[0].text, "0123456789"), strlen(p.steps[0].text));
	}
}

static void the_timeout_can_be_switched_alone(void **state)
{
	const struct iso_control off = goal_of(TRI_UNKNOWN, "off");
	const struct iso_control on = goal_of(TRI_UNKNOWN, "on");
	struct plan p;

	(void)state;
	p = plan(ON, ON, 6, off);
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_NO);
	assert_int_equal(p.goal.v[ISO_MEM_ISOLATION], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_RANGE], 6);
	p = plan(OFF, OFF, 6, on);
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_ISOLATION], TRI_NO);
}

static void disabling_touches_isolation_first(void **state)
{
	const struct iso_control off = goal_of(TRI_NO, NULL);
	struct plan p;

	(void)state;
	p = plan(ON, ON, 6, off);
	assert_int_equal(p.steps[0].field, ISO_MEM_ISOLATION);
	assert_string_equal(p.steps[0].text, "0");
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_RANGE], 6);
	/* the way around the v1 defect is taken only when the write did not disable */
	for (size_t i = 1; i < p.n; i++)
		if (p.steps[i].field == ISO_MEM_RANGE)
			assert_true(p.steps[i].when == STEP_IF_STUCK);
}

static void each_step_says_what_is_before_and_after(void **state)
{
	struct iso_control goal;
	struct plan p;

	(void)state;
	goal = goal_of(TRI_YES, "C");
	p = plan(OFF, OFF, 6, goal);
	assert_int_equal(p.before.v[ISO_MEM_RANGE], 6);
	assert_true(iso_control_equal(&p.steps[0].expect_before, &p.before));
	for (size_t i = 0; i < p.n; i++) {
		assert_int_equal(p.steps[i].expect_after.v[p.steps[i].field], p.steps[i].value);
		if (i)
			assert_true(iso_control_equal(&p.steps[i].expect_before, &p.steps[i - 1].expect_after));
	}
	assert_true(iso_control_equal(&p.steps[p.n - 1].expect_after, &p.goal));
	assert_string_equal(p.steps[0].undo, "6");
	assert_string_equal(p.steps[p.n - 1].undo, "0");
}

static void what_is_unknown_has_no_undo(void **state)
{
	const struct iso_control on = goal_of(TRI_YES, NULL);
	struct plan p;

	(void)state;
	p = plan(TRI_UNKNOWN, OFF, 0, on);
	assert_true(p.n > 0);
	assert_int_equal(p.steps[p.n - 1].field, ISO_MEM_ISOLATION);
	assert_string_equal(p.steps[p.n - 1].undo, "");
	/* an unknown range is not written */
	p = plan(OFF, OFF, -1, on);
	for (size_t i = 0; i < p.n; i++)
		assert_int_not_equal(p.steps[i].field, ISO_MEM_RANGE);
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do_is_an_empty_plan),
		cmocka_unit_test(enabling_keeps_the_timeout_as_it_is),
		cmocka_unit_test(the_range_comes_first_then_the_timeout_then_isolation),
		cmocka_unit_test(ranges_are_written_as_numbers),
		cmocka_unit_test(the_timeout_can_be_switched_alone),
		cmocka_unit_test(disabling_touches_isolation_first),
		cmocka_unit_test(each_step_says_what_is_before_and_after),
		cmocka_unit_test(what_is_unknown_has_no_undo),
	};

	return cmocka_run_group_tests(tests, NULL, free_arena);
}
