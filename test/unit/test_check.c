// SPDX-License-Identifier: GPL-2.0-only
/* lib/check/check.c and the first checks on hand-made snapshots: which fail, and what they amount to. */
#include "lib/model/isolation_regs.h"
#include "test/unit/check_fixture.h"

static void a_port_that_is_fit_has_no_finding(void **state)
{
	struct check_result r = run(*state);

	assert_int_equal(r.n, 0);
	assert_int_equal(now_of(r), CONTAINMENT_NONE);
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
}

static void containment_counts_only_once_isolation_is_on(void **state)
{
	struct fixture *f = *state;

	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_YES;
	assert_int_equal(now_of(run(f)), CONTAINMENT_RECOVER);
	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_UNKNOWN;
	assert_int_equal(now_of(run(f)), CONTAINMENT_NONE);
}

static void no_capability_makes_enabling_impossible(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs.capable = false;
	f->rps[0].iso.regs.cap = 0;
	r = run(f);
	only(&r, "ISO-CAP");
	assert_int_equal(enabled_of(r), CONTAINMENT_NONE);
	assert_int_equal(r.v[0].check->kind, CHECK_CANNOT);
}

static void a_capability_for_cache_alone_is_none_for_memory(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs.cap = ISO_CAP_CACHE_ISOLATION;
	r = run(f);
	assert_non_null(find(&r, "ISO-CAP"));
}

static void an_unknown_capability_is_not_a_missing_one(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs = (struct iso_registers){ .reason = "lockdown" };
	r = run(f);
	assert_int_equal(find(&r, "ISO-CAP")->answer, ANSWER_UNTOLD);
	assert_int_equal(finding_kind(find(&r, "ISO-CAP")), CHECK_LIMIT);
	assert_int_equal(enabled_of(r), CONTAINMENT_NONE);
	/* what the kernel says is on is there; nobody could bring it back */
	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_YES;
	r = run(f);
	assert_null(find(&r, "ISO-CAP"));
	assert_non_null(find(&r, "ISO-REGISTERS"));
	assert_int_equal(now_of(r), CONTAINMENT_CONTAIN);
}

static void no_kernel_attributes_makes_enabling_impossible(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	r = run(f);
	only(&r, "ISO-ABI");
	assert_int_equal(enabled_of(r), CONTAINMENT_NONE);
}

static void an_isolated_port_is_to_be_recovered_first(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs.status = ISO_STATUS_MEM_ISOLATION;
	r = run(f);
	only(&r, "ISO-ISOLATED");
	assert_true(r.v[0].check->guards_disable);
	f->rps[0].iso.regs.status = ISO_STATUS_CACHE_ISOLATION;
	r = run(f);
	only(&r, "ISO-ISOLATED");
	f->rps[0].iso.regs.status = ISO_STATUS_MEM_TIMEOUT;
	assert_int_equal(run(f).n, 0);
}

static void a_link_that_is_down_blocks_and_an_unknown_one_does_not(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].link.up = TRI_NO;
	r = run(f);
	only(&r, "ISO-LINK");
	f->rps[0].link.up = TRI_UNKNOWN;
	assert_int_equal(run(f).n, 0);
}

static void memory_online_as_system_ram_is_unsafe(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.blocks_total = 4;
	assert_int_equal(run(f).n, 0);
	f->region.blocks_online = 1;
	r = run(f);
	only(&r, "ISO-MEM-ONLINE");
	assert_int_equal(enabled_of(r), CONTAINMENT_DEBUG);
	assert_int_equal(r.v[0].check->kind, CHECK_UNSAFE);
	f->region.blocks_online = 0;
	f->region.blocks_unknown = true;
	r = run(f);
	only(&r, "ISO-MEM-ONLINE");
}

static void an_interleaved_port_left_out_is_unsafe_and_named(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->enabling[1] = false;
	r = run(f);
	only(&r, "ISO-INTERLEAVE");
	assert_non_null(strstr(r.v[0].text, "0000:de:00.0"));
	assert_non_null(strstr(r.v[0].text, "region0"));
	assert_int_equal(enabled_of(r), CONTAINMENT_DEBUG);
	/* already on there */
	f->rps[1].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_YES;
	assert_int_equal(run(f).n, 0);
}

static void a_region_that_is_not_committed_ties_nothing(void **state)
{
	struct fixture *f = *state;

	f->enabling[1] = false;
	f->region.state = REGION_HUSK;
	assert_int_equal(run(f).n, 0);
	f->region.state = REGION_RESET;
	assert_int_equal(run(f).n, 0);
}

static void an_accelerator_below_another_port_keeps_the_whole_region(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->memdevs[1].is_accelerator = true;
	r = run(f);
	limits(&r, "ISO-TYPE2", CONTAINMENT_CONTAIN);
	says(&r, "region0 goes over mem1");
}

static void the_posted_kernel_panics(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.kernel.quirks = iso_backend_sysfs_v1.quirks;
	r = run(f);
	only(&r, "ISO-DRIVER-PANIC");
	assert_int_equal(r.v[0].check->kind, CHECK_LIMIT);
	assert_int_equal(enabled_of(r), CONTAINMENT_DEBUG);
	/* a populated neighbour under the same bridge is enough */
	f->rps[0].n_memdevs = f->bridges[0].n_endpoints = 0;
	assert_null(find_in(run(f), "ISO-DRIVER-PANIC"));
	share_bridge(f, 1);
	r = run(f);
	assert_non_null(find(&r, "ISO-DRIVER-PANIC"));
	assert_non_null(strstr(find(&r, "ISO-DRIVER-PANIC")->text, "0000:de:00.0"));
	f->rps[1].n_memdevs = f->bridges[0].n_endpoints = 0;
	r = run(f);
	assert_null(find(&r, "ISO-DRIVER-PANIC"));
}

static void the_lowest_cap_decides(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.blocks_online = 1;
	f->rps[0].iso.regs.status = ISO_STATUS_MEM_ISOLATION;
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_int_equal(enabled_of(r), CONTAINMENT_NONE);
	assert_string_equal(check_worst_cap(&r)->check->id, "ISO-ISOLATED");
}

static const struct finding *blocker(struct fixture *f, enum require require, const char *override,
				     bool disabling)
{
	const struct opt_list list = { .v = &override, .n = override ? 1 : 0 };
	const struct check_policy policy = { .require = require, .overrides = &list };
	struct check_result r = run(f);

	return check_blocker(&r, &policy, disabling);
}

static void what_is_required_decides_what_blocks(void **state)
{
	struct fixture *f = *state;

	f->region.blocks_online = 1;
	assert_non_null(blocker(f, REQUIRE_SAFE, NULL, false));
	assert_null(blocker(f, REQUIRE_DEBUG, NULL, false));
	assert_non_null(blocker(f, REQUIRE_CONTAIN, NULL, false));
	assert_non_null(blocker(f, REQUIRE_RECOVER, NULL, false));
	assert_null(blocker(f, REQUIRE_SAFE, "ISO-MEM-ONLINE", false));
	assert_non_null(blocker(f, REQUIRE_SAFE, "ISO-INTERLEAVE", false));
	assert_null(blocker(f, REQUIRE_SAFE, NULL, true));
	/* debug accepts what caps at debug, not what ends in a reset */
	f->region.blocks_online = 0;
	f->rps[0].link.up = TRI_NO;
	assert_non_null(blocker(f, REQUIRE_DEBUG, NULL, false));
	/* what cannot be done cannot be overridden */
	f->rps[0].link.up = TRI_YES;
	f->rps[0].iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	assert_non_null(blocker(f, REQUIRE_DEBUG, "ISO-ABI", false));
	assert_non_null(blocker(f, REQUIRE_SAFE, NULL, true));
}

static bool too_low(struct fixture *f, enum require require, const char *override)
{
	const struct opt_list list = { .v = &override, .n = override ? 1 : 0 };
	const struct check_policy policy = { .require = require, .overrides = &list };
	const struct finding *cap = NULL;
	struct check_result r = run(f);
	enum cause cause;
	bool low = check_level_too_low(&r, &policy, &cap, &cause);

	assert_int_equal(low, cap != NULL);
	return low;
}

static void the_level_is_what_would_be_after_the_change(void **state)
{
	struct fixture *f = *state;

	for (int r = REQUIRE_SAFE; r <= REQUIRE_RECOVER; r++)
		assert_false(too_low(f, (enum require)r, NULL));
	f->rps[0].iso.kernel.quirks = iso_backend_sysfs_v1.quirks;
	assert_false(too_low(f, REQUIRE_SAFE, NULL));
	assert_false(too_low(f, REQUIRE_DEBUG, NULL));
	assert_true(too_low(f, REQUIRE_CONTAIN, NULL));
	assert_true(too_low(f, REQUIRE_RECOVER, NULL));
	assert_false(too_low(f, REQUIRE_CONTAIN, "ISO-DRIVER-PANIC"));
}

static void what_nobody_has_said_may_pass_counts_as_failed(void **state)
{
	struct check c = { .untold = UNTOLD_NEVER };

	(void)state;
	assert_int_equal(check_counted(&c, ANSWER_UNTOLD), ANSWER_FAILS);
	assert_int_equal(check_counted(&c, ANSWER_HOLDS), ANSWER_HOLDS);
	for (c.untold = UNTOLD_BLOCKS; c.untold <= UNTOLD_PASSES; c.untold++) {
		assert_int_equal(check_counted(&c, ANSWER_UNTOLD), ANSWER_UNTOLD);
		assert_int_equal(check_counted(&c, ANSWER_FAILS), ANSWER_FAILS);
	}
}

static void ids_are_unique_and_found_in_any_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHECKS; i++) {
		assert_ptr_equal(check_by_id(checks[i].id), &checks[i]);
		assert_int_equal(strncmp(checks[i].id, "ISO-", 4), 0);
		assert_true(*checks[i].title && *checks[i].why && *checks[i].remedy);
		/* what cannot be told passes only with a reason */
		assert_int_equal(checks[i].untold == UNTOLD_PASSES, checks[i].untold_why != NULL);
		/* "cannot" means: nothing is reached */
		if (checks[i].kind == CHECK_CANNOT)
			assert_int_equal(checks[i].caps_at, CONTAINMENT_NONE);
		if (checks[i].kind == CHECK_NOTE)
			assert_int_equal(checks[i].caps_at, CONTAINMENT_RECOVER);
	}
	assert_ptr_equal(check_by_id("iso-cap"), check_by_id("ISO-CAP"));
	assert_null(check_by_id("ISO"));
	assert_null(check_by_id(""));
	assert_int_equal(require_parse("debug"), REQUIRE_DEBUG);
	assert_int_equal(require_parse("deb"), -1);
	assert_int_equal(require_parse(""), -1);
	assert_int_equal(containment_parse("recover"), CONTAINMENT_RECOVER);
	assert_int_equal(containment_parse("all"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_port_that_is_fit_has_no_finding),
		TEST(containment_counts_only_once_isolation_is_on),
		TEST(no_capability_makes_enabling_impossible),
		TEST(a_capability_for_cache_alone_is_none_for_memory),
		TEST(an_unknown_capability_is_not_a_missing_one),
		TEST(no_kernel_attributes_makes_enabling_impossible),
		TEST(an_isolated_port_is_to_be_recovered_first),
		TEST(a_link_that_is_down_blocks_and_an_unknown_one_does_not),
		TEST(memory_online_as_system_ram_is_unsafe),
		TEST(an_interleaved_port_left_out_is_unsafe_and_named),
		TEST(a_region_that_is_not_committed_ties_nothing),
		TEST(an_accelerator_below_another_port_keeps_the_whole_region),
		TEST(the_posted_kernel_panics),
		TEST(the_lowest_cap_decides),
		TEST(what_is_required_decides_what_blocks),
		TEST(the_level_is_what_would_be_after_the_change),
		TEST(what_nobody_has_said_may_pass_counts_as_failed),
		TEST(ids_are_unique_and_found_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
