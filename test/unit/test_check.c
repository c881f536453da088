// SPDX-License-Identifier: GPL-2.0-only
/* cxl/lib/check.c and checks.c on hand-made snapshots: which checks fail, and what they amount to. */
#include "test/unit/unit.h"

#include "cxl/lib/check.h"
#include "util/arena.h"

/*
 * Two root ports below one host bridge, a memdev each, one region across both:
 * everything there for isolation, which is off.
 */
struct fixture {
	struct arena arena;
	struct cxl_host host;
	struct cxl_bus bus;
	struct cxl_port bridge;
	struct cxl_root_port rps[2];
	struct cxl_memdev memdevs[2], *below[2];
	struct cxl_region region, *regions[1];
	struct cxl_root_port *tied[2];
	bool enabling[2];
};

static const struct iso_state capable = {
	.kernel = { .present = true, .control = { { 0 } } },
	.regs = { .valid = true, .capable = true, .cap = ISO_CAP_MEM_ISOLATION | ISO_CAP_MEM_TIMEOUT | ISO_CAP_INTERRUPT | 0xf },
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->bus.name = "root0";
	f->bridge = (struct cxl_port){ .name = "port1", .bus = &f->bus, .host = "pci0000:0c" };
	f->region = (struct cxl_region){
		.name = "region0", .path = "r", .bus = &f->bus, .state = REGION_ENABLED,
		.resource = { true, 0x1000000000 }, .size_bytes = { true, 0x20000000 },
		.root_ports = f->tied, .n_root_ports = 2,
	};
	f->regions[0] = &f->region;
	for (int i = 0; i < 2; i++) {
		f->memdevs[i] = (struct cxl_memdev){ .name = i ? "mem1" : "mem0", .root_port = &f->rps[i], .bound = true };
		f->below[i] = &f->memdevs[i];
		f->tied[i] = &f->rps[i];
		f->rps[i] = (struct cxl_root_port){
			.name = i ? "0000:0c:01.0" : "0000:0c:00.0", .path = "sys/devices/x", .bridge = &f->bridge, .present = true,
			.iso = capable, .link = { TRI_YES, "32.0 GT/s PCIe", 16 },
			.memdevs = &f->below[i], .n_memdevs = 1, .regions = f->regions, .n_regions = 1,
		};
		f->enabling[i] = true;
	}
	f->host = (struct cxl_host){
		.fs.rootfd = -1, .buses = &f->bus, .n_buses = 1, .ports = &f->bridge, .n_ports = 1,
		.root_ports = f->rps, .n_root_ports = 2, .memdevs = f->memdevs, .n_memdevs = 2,
		.regions = &f->region, .n_regions = 1,
	};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static struct check_result run(struct fixture *f)
{
	const struct check_context ctx = { .host = &f->host, .enabling = f->enabling };
	struct check_result r, terse;

	assert_int_equal(check_run(&ctx, &f->rps[0], &f->arena, true, &r), 0);
	assert_int_equal(check_run(&ctx, &f->rps[0], &f->arena, false, &terse), 0);
	assert_int_equal(r.n, terse.n);
	assert_int_equal(r.now, terse.now);
	assert_int_equal(r.if_enabled, terse.if_enabled);
	for (size_t i = 0; i < r.n; i++) {
		assert_ptr_equal(r.v[i].check, terse.v[i].check);
		assert_true(r.v[i].text && *r.v[i].text);
		assert_true(r.v[i].remedy && *r.v[i].remedy);
	}
	return r;
}

static const struct finding *find(const struct check_result *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].check->id, id))
			return &r->v[i];
	return NULL;
}

static void only(const struct check_result *r, const char *id)
{
	if (!find(r, id))
		fail_msg("%s does not fail", id);
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].check->id, id))
			fail_msg("beside %s, %s fails too", id, r->v[i].check->id);
}

static void a_port_that_is_fit_has_no_finding(void **state)
{
	struct check_result r = run(*state);

	assert_int_equal(r.n, 0);
	assert_int_equal(r.now, CONTAINMENT_NONE);
	assert_int_equal(r.if_enabled, CONTAINMENT_RECOVER);
}

static void containment_counts_only_once_isolation_is_on(void **state)
{
	struct fixture *f = *state;

	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_YES;
	assert_int_equal(run(f).now, CONTAINMENT_RECOVER);
	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_UNKNOWN;
	assert_int_equal(run(f).now, CONTAINMENT_NONE);
}

static void no_capability_makes_enabling_impossible(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs.capable = false;
	f->rps[0].iso.regs.cap = 0;
	r = run(f);
	only(&r, "ISO-CAP");
	assert_int_equal(r.if_enabled, CONTAINMENT_NONE);
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
	assert_null(find(&r, "ISO-CAP"));
}

static void no_kernel_attributes_makes_enabling_impossible(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.kernel.present = false;
	r = run(f);
	only(&r, "ISO-ABI");
	assert_int_equal(r.if_enabled, CONTAINMENT_NONE);
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
	assert_int_equal(r.if_enabled, CONTAINMENT_DEBUG);
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
	assert_non_null(strstr(r.v[0].text, "0000:0c:01.0"));
	assert_non_null(strstr(r.v[0].text, "region0"));
	assert_int_equal(r.if_enabled, CONTAINMENT_DEBUG);
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

static void the_posted_kernel_panics(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.kernel.posted_v1 = true;
	r = run(f);
	only(&r, "ISO-DRIVER-PANIC");
	assert_int_equal(r.v[0].check->kind, CHECK_LIMIT);
	assert_int_equal(r.if_enabled, CONTAINMENT_DEBUG);
	/* a populated neighbour under the same bridge is enough */
	f->rps[0].n_memdevs = 0;
	r = run(f);
	assert_non_null(find(&r, "ISO-DRIVER-PANIC"));
	f->rps[1].n_memdevs = 0;
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
	assert_int_equal(r.if_enabled, CONTAINMENT_NONE);
	assert_string_equal(check_worst_cap(&r)->check->id, "ISO-ISOLATED");
}

static const struct finding *blocker(struct fixture *f, enum require require, const char *override, bool disabling)
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
	f->rps[0].iso.kernel.present = false;
	assert_non_null(blocker(f, REQUIRE_DEBUG, "ISO-ABI", false));
	assert_non_null(blocker(f, REQUIRE_SAFE, NULL, true));
}

static bool too_low(struct fixture *f, enum require require, const char *override)
{
	const struct opt_list list = { .v = &override, .n = override ? 1 : 0 };
	const struct check_policy policy = { .require = require, .overrides = &list };
	const struct finding *cap = NULL;
	struct check_result r = run(f);
	bool low = check_level_too_low(&r, &policy, &cap);

	assert_int_equal(low, cap != NULL);
	return low;
}

static void the_level_is_what_would_be_after_the_change(void **state)
{
	struct fixture *f = *state;

	for (int r = REQUIRE_SAFE; r <= REQUIRE_RECOVER; r++)
		assert_false(too_low(f, (enum require)r, NULL));
	f->rps[0].iso.kernel.posted_v1 = true;
	assert_false(too_low(f, REQUIRE_SAFE, NULL));
	assert_false(too_low(f, REQUIRE_DEBUG, NULL));
	assert_true(too_low(f, REQUIRE_CONTAIN, NULL));
	assert_true(too_low(f, REQUIRE_RECOVER, NULL));
	assert_false(too_low(f, REQUIRE_CONTAIN, "ISO-DRIVER-PANIC"));
}

static void ids_are_unique_and_found_by_their_exact_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_checks; i++) {
		assert_ptr_equal(check_by_id(checks[i].id), &checks[i]);
		assert_int_equal(strncmp(checks[i].id, "ISO-", 4), 0);
		assert_true(*checks[i].title && *checks[i].why && *checks[i].remedy);
		/* "cannot" means: nothing is reached */
		if (checks[i].kind == CHECK_CANNOT)
			assert_int_equal(checks[i].caps_at, CONTAINMENT_NONE);
		if (checks[i].kind == CHECK_NOTE)
			assert_int_equal(checks[i].caps_at, CONTAINMENT_RECOVER);
	}
	assert_null(check_by_id("iso-cap"));
	assert_null(check_by_id("ISO"));
	assert_null(check_by_id(""));
	assert_int_equal(require_parse("debug"), REQUIRE_DEBUG);
	assert_int_equal(require_parse("deb"), -1);
	assert_int_equal(require_parse(""), -1);
	assert_int_equal(containment_parse("recover"), CONTAINMENT_RECOVER);
	assert_int_equal(containment_parse("all"), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
		TEST(the_posted_kernel_panics),
		TEST(the_lowest_cap_decides),
		TEST(what_is_required_decides_what_blocks),
		TEST(the_level_is_what_would_be_after_the_change),
		TEST(ids_are_unique_and_found_by_their_exact_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
