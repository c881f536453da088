// SPDX-License-Identifier: GPL-2.0-only
/* lib/plan/plan.c: from what a port has and shall have to the writes, in their order. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/model/isolation_regs.h"
#include "lib/plan/plan.h"

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

	rp.iso.kernel = iso_kernel_found(&iso_backend_sysfs_v1, 0);
	rp.iso.kernel.control.v[ISO_MEM_ISOLATION] = isolation;
	rp.iso.kernel.control.v[ISO_MEM_TIMEOUT] = timeout;
	rp.iso.kernel.control.v[ISO_MEM_RANGE] = range;
	assert_int_equal(plan_make(&rp, &goal, false, &arena, &p), 0);
	assert_int_equal(plan_is_empty(&p), p.n == 0);
	for (size_t i = 0; i < p.n; i++) {
		assert_int_equal(p.steps[i].state, STEP_PLANNED);
		assert_ptr_equal(setting_of(&p.steps[i])->rp, &rp);
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
		const struct step *s = &p->steps[i];
		const char *attr = strrchr(s->path, '/') + 1;

		assert_string_equal(attr, names[setting_of(s)->field]);
		assert_int_equal(strncmp(s->path, rp.path, strlen(rp.path)), 0);
		assert_int_equal(atoi(s->value), setting_of(s)->value);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s=%s%s", i ? " " : "", s->when == STEP_IF_STUCK ? "[" : "",
				      attr, s->value, s->when == STEP_IF_STUCK ? "]" : "");
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
	assert_string_equal(p.steps[p.n - 1].value, "1");
	assert_int_equal(setting_of(&p.steps[p.n - 1])->field, ISO_MEM_ISOLATION);
	for (size_t i = 0; i < p.n; i++)
		assert_int_not_equal(setting_of(&p.steps[i])->field, ISO_MEM_RANGE);
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
		assert_int_not_equal(setting_of(&p.steps[i])->field, ISO_MEM_RANGE);
}

static void ranges_are_written_as_numbers(void **state)
{
	struct iso_control goal;

	(void)state;
	for (size_t i = 0; i < n_timeout_ranges; i++) {
		struct plan p;

		goal = goal_of(TRI_YES, timeout_ranges[i].name);
		p = plan(OFF, OFF, timeout_ranges[i].value ? 0 : 6, goal);
		assert_int_equal(setting_of(&p.steps[0])->field, ISO_MEM_RANGE);
		assert_int_equal(atoi(p.steps[0].value), timeout_ranges[i].value);
		assert_int_equal(strspn(p.steps[0].value, "0123456789"), strlen(p.steps[0].value));
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
	assert_int_equal(setting_of(&p.steps[0])->field, ISO_MEM_ISOLATION);
	assert_string_equal(p.steps[0].value, "0");
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], TRI_YES);
	assert_int_equal(p.goal.v[ISO_MEM_RANGE], 6);
	/* the way around the v1 defect is taken only when the write did not disable */
	for (size_t i = 1; i < p.n; i++)
		if (setting_of(&p.steps[i])->field == ISO_MEM_RANGE)
			assert_true(p.steps[i].when == STEP_IF_STUCK);
}

static void each_step_says_what_is_before_and_after(void **state)
{
	struct iso_control goal;
	char text[256];
	struct plan p;

	(void)state;
	goal = goal_of(TRI_YES, "C");
	p = plan(OFF, OFF, 6, goal);
	assert_int_equal(p.before.v[ISO_MEM_RANGE], 6);
	assert_string_equal(p.steps[0].expect_before, "isolation off, timeout off, range B2");
	setting_control_text(p.shown, &p.before, text, sizeof(text));
	assert_string_equal(p.steps[0].expect_before, text);
	assert_string_equal(p.steps[0].expect_after, "isolation off, timeout off, range C");
	for (size_t i = 1; i < p.n; i++)
		assert_string_equal(p.steps[i].expect_before, p.steps[i - 1].expect_after);
	assert_string_equal(p.steps[p.n - 1].expect_after, "isolation on, timeout on, range C");
	setting_control_text(p.shown, &p.goal, text, sizeof(text));
	assert_string_equal(p.steps[p.n - 1].expect_after, text);
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
	assert_int_equal(setting_of(&p.steps[p.n - 1])->field, ISO_MEM_ISOLATION);
	assert_null(p.steps[p.n - 1].undo);
	/* an unknown range is not written */
	p = plan(OFF, OFF, -1, on);
	for (size_t i = 0; i < p.n; i++)
		assert_int_not_equal(setting_of(&p.steps[i])->field, ISO_MEM_RANGE);
}

/* --- by register ------------------------------------------------------------ */

enum { CTRL_AT = 0x1088 };	/* resource0+0x1080 is the capability */

/* @ctrl in the register; with a kernel its attributes say the same. */
static struct plan plan_with_registers(bool kernel, bool posted_v1, uint32_t ctrl,
				       struct iso_control goal, bool registers)
{
	struct plan p;

	rp.iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	if (kernel)
		rp.iso.kernel = iso_kernel_found(&iso_backend_sysfs_v1, posted_v1 ? ~0u : 0);
	rp.iso.regs = (struct iso_registers){ .valid = true,
					      .capable = true,
					      .cap = 0x1e0f1f1f,
					      .ctrl = ctrl,
					      .at = CTRL_AT - ISO_CTRL_OFFSET };
	for (int f = 0; kernel && f < N_ISO_FIELDS; f++)
		if (iso_backend_sysfs_v1.attrs[f])
			rp.iso.kernel.control.v[f] = (int)((ctrl & iso_fields[f].mask) >>
							   iso_fields[f].shift);
	assert_int_equal(plan_make(&rp, &goal, registers, &arena, &p), 0);
	rp.iso.regs = (struct iso_registers){ 0 };
	return p;
}

/* "timeout_range=6 0x04000000:0x04000000": attributes with their values, registers with bits and mask. */
static const char *steps(const struct plan *p)
{
	static char text[512];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->steps[i];

		assert_int_equal(setting_of(s)->by_register, !strncmp(s->value, "0x", 2));
		if (setting_of(s)->by_register)
			assert_string_equal(s->path, "sys/devices/pci0000:0c/0000:0c:00.0/resource0+0x1088");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s%s", i ? " " : "", setting_of(s)->by_register ? "" : strrchr(s->path, '/') + 1,
				      setting_of(s)->by_register ? "" : "=", s->value);
	}
	return text;
}

static struct iso_control cache_goal(const char *timeout)
{
	struct iso_control goal = iso_control_unknown;
	struct timeout_request request;
	struct err err;

	assert_int_equal(timeout_parse(timeout, &request, &err), 0);
	plan_goal_timeout(&goal, &request, true);
	return goal;
}

static void without_attributes_every_field_is_written_by_register(void **state)
{
	struct iso_control goal = goal_of(TRI_YES, "B2");
	struct plan p;

	(void)state;
	goal.v[ISO_MEM_LINK_DOWN] = 1;
	p = plan_with_registers(false, false, 0, goal, true);
	assert_string_equal(steps(&p), "0x00000006:0x0000000f 0x00000010:0x00000010 0x00020000:0x00020000 0x00010000:0x00010000");
	assert_string_equal(p.steps[0].undo, "0x00000000:0x0000000f");
	p = plan_with_registers(false, false, 0x00030016, goal, true);
	assert_true(plan_is_empty(&p));
}

static void cache_is_written_in_its_own_fields(void **state)
{
	struct plan p;

	(void)state;
	p = plan_with_registers(true, false, 0, cache_goal("D"), true);
	assert_string_equal(steps(&p), "0x00000d00:0x00000f00 0x00001000:0x00001000");
	p = plan_with_registers(true, true, 0x1d00, cache_goal("off"), true);
	assert_string_equal(steps(&p), "0x00000000:0x00001000");
	assert_int_equal(p.goal.v[ISO_CACHE_RANGE], 0xd);
	assert_int_equal(p.goal.v[ISO_MEM_TIMEOUT], 0);
}

static void switching_off_isolation_of_both_comes_first(void **state)
{
	struct iso_control goal = iso_control_unknown;
	struct plan p;

	(void)state;
	goal.v[ISO_MEM_ISOLATION] = goal.v[ISO_CACHE_ISOLATION] = goal.v[ISO_MEM_LINK_DOWN] = 0;
	p = plan_with_registers(false, false, 0x00070000, goal, true);
	assert_string_equal(steps(&p), "0x00000000:0x00010000 0x00000000:0x00040000 0x00000000:0x00020000");
}

static void what_v1_clears_beside_is_put_back_only_with_registers(void **state)
{
	const struct iso_control goal = goal_of(TRI_UNKNOWN, "B2");
	const uint32_t before = 0x04030000 | 1u << 25;	/* interrupt, ERR_COR, isolation, link-down */
	struct plan p;

	(void)state;
	p = plan_with_registers(true, true, before, goal, true);
	assert_string_equal(steps(&p), "timeout_range=6 timeout_ctrl=1 0x02000000:0x02000000 0x04000000:0x04000000 0x00020000:0x00020000 isolation_ctrl=1");
	for (size_t i = 2; i < p.n; i++)
		assert_int_equal(p.steps[i].when, STEP_IF_NEEDED);
	p = plan_with_registers(true, true, before, goal, false);
	assert_string_equal(steps(&p), "timeout_range=6 timeout_ctrl=1 isolation_ctrl=1");
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (!iso_backend_sysfs_v1.attrs[f])
			assert_int_equal(p.goal.v[f], -1);
}

static void a_reserved_range_is_replaced_and_has_no_undo(void **state)
{
	struct plan p;
	char text[256];

	(void)state;
	p = plan_with_registers(true, true, 0xf, goal_of(TRI_UNKNOWN, "A"), false);
	assert_string_equal(steps(&p), "timeout_range=1 timeout_ctrl=1 isolation_ctrl=0");
	assert_null(p.steps[0].undo);
	assert_string_equal(setting_control_text(p.shown, &p.before, text, sizeof(text)), "isolation off, timeout off, range reserved");
	/* what stays is not written again */
	p = plan_with_registers(true, false, 0xf, goal_of(TRI_YES, NULL), false);
	assert_string_equal(steps(&p), "isolation_ctrl=1");
	/* but on v1 a range is what switches isolation off */
	p = plan_with_registers(true, true, 0x1001f, goal_of(TRI_NO, NULL), false);
	assert_string_equal(steps(&p), "isolation_ctrl=0 timeout_range=0 timeout_ctrl=1");
}

/* --- forms of a kernel's attributes ------------------------------------------- */

static void every_form_has_its_name_in_the_output_and_can_be_found_by_path(void **state)
{
	size_t n = 0;

	(void)state;
	for (; iso_kernels[n]; n++) {
		const struct iso_backend *b = iso_kernels[n];
		char place[ISO_PLACE_BYTES];

		assert_string_equal(iso_abi_names[n], b->name);
		assert_true(b->probe && b->read_settings && b->read_field && b->write && b->text &&
			    b->watch);
		for (int f = 0; f < N_ISO_FIELDS; f++)
			if (b->attrs[f])
				assert_int_equal(
					iso_field_at(b->place(&rp, (enum iso_field)f, place)), f);
	}
	assert_string_equal(iso_abi_names[n], "none");
	assert_null(iso_abi_names[n + 1]);
	assert_int_equal(iso_field_at("sys/devices/pci0000:0c/0000:0c:00.0/config"), -1);
}

static void a_form_with_the_range_alone_is_written_in_its_own_numbers(void **state)
{
	struct iso_control goal = iso_control_unknown;
	struct plan p;

	(void)state;
	goal.v[ISO_MEM_RANGE] = 10;
	rp.iso.kernel = iso_kernel_found(&iso_backend_sysfs_rfc, ~0u);
	rp.iso.kernel.control.v[ISO_MEM_RANGE] = 14;
	assert_int_equal(plan_make(&rp, &goal, false, &arena, &p), 0);
	assert_int_equal(p.n, 1);	/* the range disturbs nothing here */
	assert_string_equal(p.steps[0].value, "0xa");
	assert_string_equal(p.steps[0].undo, "0xe");
	assert_string_equal(p.steps[0].path, "sys/devices/pci0000:0c/0000:0c:00.0/0000:0c:00.0:pcie020/timeout_range");
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
		cmocka_unit_test(without_attributes_every_field_is_written_by_register),
		cmocka_unit_test(cache_is_written_in_its_own_fields),
		cmocka_unit_test(switching_off_isolation_of_both_comes_first),
		cmocka_unit_test(what_v1_clears_beside_is_put_back_only_with_registers),
		cmocka_unit_test(a_reserved_range_is_replaced_and_has_no_undo),
		cmocka_unit_test(every_form_has_its_name_in_the_output_and_can_be_found_by_path),
		cmocka_unit_test(a_form_with_the_range_alone_is_written_in_its_own_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, free_arena);
}
