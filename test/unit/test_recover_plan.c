// SPDX-License-Identifier: GPL-2.0-only
/* cxl/lib/recover/recover_plan.c: which steps, in which order, from a host that is only data. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "cxl/lib/change/step_port.h"
#include "cxl/lib/recover/recover_plan.h"

#define PORT "sys/devices/pci0000:0c/0000:0c:00.0"

static struct arena arena;
static struct cxl_bus bus = { .name = "root0", .path = "sys/devices/platform/ACPI0017:00/root0" };
static struct cxl_port bridge = { .name = "port1", .bus = &bus };
static const char *chain[] = { "0000:0c:00.0", "0000:0d:00.0" };
static struct cxl_root_port rp;
static struct cxl_memdev memdev;
static struct cxl_memdev *memdevs[] = { &memdev };
static struct cxl_dax dax;
static struct cxl_dax *daxes[] = { &dax };
static struct cxl_root_port *ports[] = { &rp };
static struct cxl_region region;
static struct cxl_host host;
static struct recipe_target target = { 0, "ram", 0x10000000 };
static struct recipe_device device = { "mem0", "0000:0d:00.0", { true, 0x1001 }, true };
static struct recipe_region made;
static struct recipe recipe;
static struct recover_facts facts;
static struct recover_options options;
static const char *functions[] = { "0000:0d:00.0" };

/* One device below one root port whose link is down, its region in device-dax mode. */
static int setup(void **state)
{
	(void)state;
	rp = (struct cxl_root_port){ .name = "0000:0c:00.0", .path = PORT, .bridge = &bridge, .present = true,
				     .link = { .up = TRI_NO, .status_at = 0x52 }, .memdevs = memdevs, .n_memdevs = 1 };
	rp.iso.regs = (struct iso_registers){ .valid = true, .capable = true, .at = 0x1200, .status = ISO_STATUS_MEM_ISOLATION };
	rp.iso.kernel.present = true;
	memdev = (struct cxl_memdev){ .name = "mem0", .host = chain[1], .root_port = &rp, .bus = &bus, .chain = chain, .n_chain = 2,
				      .bound = true };
	dax = (struct cxl_dax){ .name = "dax0.0", .driver = "device_dax", .region = &region };
	region = (struct cxl_region){ .name = "region0", .path = "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0", .bus = &bus,
				      .state = REGION_ENABLED, .targets = memdevs, .n_targets = 1, .root_ports = ports, .n_root_ports = 1,
				      .dax = daxes, .n_dax = 1 };
	host = (struct cxl_host){ .buses = &bus, .n_buses = 1, .root_ports = &rp, .n_root_ports = 1, .memdevs = &memdev, .n_memdevs = 1,
				  .regions = &region, .n_regions = 1 };
	made = (struct recipe_region){ .name = "region0", .decoder = "decoder0.0", .mode = "ram", .size_bytes = 0x10000000,
				       .granularity = 256, .ways = 1, .targets = &target, .enabled = true, .dax_driver = "device_dax",
				       .memmap_on_memory = -1 };
	recipe = (struct recipe){ .root_port = rp.name, .devices = &device, .n_devices = 1, .regions = &made, .n_regions = 1,
				  .settings = { { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } } };
	recipe.settings.v[ISO_MEM_ISOLATION] = 1;
	facts = (struct recover_facts){ .functions = functions, .n_functions = 1, .flush = true, .dax_autoprobe = 1 };
	options = (struct recover_options){ .rebuild = true, .timeout_us = 1000000 };
	return 0;
}

static struct recover_plan plan(enum link_method method)
{
	struct recover_plan p;

	assert_int_equal(recover_plan_make(&host, &rp, &recipe, &facts, &options, method, &arena, &p), 0);
	for (size_t i = 0; i < p.n; i++) {
		assert_non_null(p.steps[i].op);
		assert_true(*p.steps[i].title && *p.steps[i].path && p.steps[i].timeout_us);
		assert_non_null(p.steps[i].value);
		assert_non_null(p.steps[i].expect_after);
		assert_int_equal(p.steps[i].state, STEP_PLANNED);
	}
	return p;
}

/* The step whose path ends in @end; the plan's length when there is none. */
static size_t at(const struct recover_plan *p, const char *end)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t n = strlen(p->steps[i].path), m = strlen(end);

		if (n >= m && !strcmp(p->steps[i].path + n - m, end))
			return i;
	}
	return p->n;
}

static size_t of(const struct recover_plan *p, const struct step_op *op)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].op == op)
			return i;
	return p->n;
}

static void the_order_is_that_which_kernels_survive(void **state)
{
	static const char *const order[] = {
		"device_dax/unbind", "cxl_region/unbind", "region0/commit", "delete_region", "cxl_mem/unbind", "cxl/flush",
		"0000:0d:00.0/remove", "resource0+0x120c", "0000:0c:00.0/rescan", "cxl_mem/bind", "isolation_ctrl", "/dpa_size",
		"create_ram_region", "{region0}/commit", "drivers_autoprobe", "cxl_region/bind", "device_dax/new_id",
	};
	struct recover_plan p = plan(LINK_FORCED);

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(order); i++) {
		assert_true(at(&p, order[i]) < p.n);
		if (i)
			assert_true(at(&p, order[i - 1]) < at(&p, order[i]));
	}
	assert_true(of(&p, &step_busy) < of(&p, &step_status));
	assert_true(of(&p, &step_status) < of(&p, &step_link));
	assert_true(of(&p, &step_link) < of(&p, &step_rescan));
	assert_ptr_equal(p.steps[p.n - 1].op, &step_pattern);
}

static void nothing_is_taken_down_that_is_not_there(void **state)
{
	struct recover_plan p;

	(void)state;
	host.n_regions = 0;
	rp.n_memdevs = 0;
	facts.n_functions = 0;
	p = plan(LINK_FORCED);
	assert_int_equal(of(&p, &step_unbind), at(&p, "kmem/unbind"));
	assert_int_equal(of(&p, &step_remove), p.n);
	assert_int_equal(of(&p, &step_delete), p.n);
	assert_true(of(&p, &step_create) < p.n);
}

static void without_rebuild_no_region_is_made(void **state)
{
	struct recover_plan p;

	(void)state;
	options.rebuild = false;
	p = plan(LINK_FORCED);
	assert_int_equal(of(&p, &step_create), p.n);
	assert_int_equal(of(&p, &step_pattern), p.n);
	assert_true(at(&p, "isolation_ctrl") < p.n);
}

static void a_husk_is_deleted_without_being_decommitted(void **state)
{
	struct recover_plan p;

	(void)state;
	region.state = REGION_HUSK;
	region.n_dax = 0;
	p = plan(LINK_FORCED);
	assert_int_equal(at(&p, "region0/commit"), p.n);
	assert_int_equal(of(&p, &step_delete), 0);
}

static void a_region_that_an_earlier_try_left_is_deleted_whatever_it_touches(void **state)
{
	static const struct journal_name names[] = { { JOURNAL_LEFT, "region7" } };
	struct recover_plan p;

	(void)state;
	region.name = "region7";
	region.n_root_ports = 0;
	region.state = REGION_RESET;
	p = plan(LINK_FORCED);
	assert_int_equal(of(&p, &step_delete), p.n);
	facts.made = names;
	facts.n_made = 1;
	p = plan(LINK_FORCED);
	assert_string_equal(p.steps[of(&p, &step_delete)].value, "region7");
}

static void link_disable_is_unmasked_first_of_all_and_masked_again(void **state)
{
	struct recover_plan p;

	(void)state;
	rp.ext = (struct port_extensions){ .known = true, .control_offset = 0x15c };
	p = plan(LINK_DISABLE);
	assert_string_equal(p.steps[0].path, PORT "/config+0x15c");
	assert_string_equal(p.steps[0].value, "0x0002:0x0002");
	assert_string_equal(p.steps[0].undo, "0x0000:0x0002");
	assert_true(at(&p, "0000:0d:00.0/remove") < at(&p, "config+0x50"));	/* Link Control is ahead of Link Status */
	assert_string_equal(p.steps[at(&p, "config+0x50")].value, "0x0010:0x0010");
	/* firmware left it unmasked: it stays so */
	rp.ext.control = PORT_UNMASK_LINK_DISABLE;
	p = plan(LINK_DISABLE);
	assert_int_equal(at(&p, "config+0x15c"), p.n);
}

static void the_bus_is_reset_between_removal_and_rescan_and_masked_again(void **state)
{
	struct recover_plan p;
	size_t reset;

	(void)state;
	rp.ext = (struct port_extensions){ .known = true, .control_offset = 0x15c };
	rp.link.up = TRI_YES;
	p = plan(LINK_SUBORDINATE);
	reset = at(&p, PORT "/reset_subordinate");
	assert_string_equal(p.steps[0].path, PORT "/config+0x15c");
	assert_string_equal(p.steps[0].value, "0x0001:0x0001");
	assert_true(at(&p, "0000:0d:00.0/remove") < reset);
	assert_string_equal(p.steps[reset + 1].path, PORT "/config+0x15c");
	assert_string_equal(p.steps[reset + 1].value, "0x0000:0x0001");
	assert_true(reset < of(&p, &step_status) && of(&p, &step_status) < of(&p, &step_rescan));
	rp.ext.control = PORT_UNMASK_SBR;
	p = plan(LINK_SUBORDINATE);
	assert_int_equal(at(&p, "config+0x15c"), p.n);
}

static void the_method_is_the_first_that_the_port_offers(void **state)
{
	enum link_method m = LINK_AUTO;

	(void)state;
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_FORCED);
	rp.link.up = TRI_YES;
	assert_non_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_non_null(strstr(recover_link_method(&rp, &facts, LINK_FORCED, &m), "link is up"));
	facts.slot = "2";
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_SLOT_POWER);
	rp.ext.known = true;
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_DISABLE);
	facts.subordinate = true;
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_SUBORDINATE);
	facts.resettable = functions[0];
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_CXL_BUS);
	/* what is asked for is taken, or nothing */
	assert_null(recover_link_method(&rp, &facts, LINK_SLOT_POWER, &m));
	assert_int_equal(m, LINK_SLOT_POWER);
	facts.stays_masked = true;
	assert_non_null(recover_link_method(&rp, &facts, LINK_DISABLE, &m));
	assert_non_null(recover_link_method(&rp, &facts, LINK_SUBORDINATE, &m));
	assert_non_null(recover_link_method(&rp, &facts, LINK_NONE, &m));	/* it is isolated */
	rp.iso.regs.status = 0;
	assert_null(recover_link_method(&rp, &facts, LINK_NONE, &m));
}

static void a_link_that_is_not_reported_is_not_waited_for(void **state)
{
	struct recover_plan p;

	(void)state;
	rp.link.up = TRI_UNKNOWN;
	facts.slot = "2";
	p = plan(LINK_SLOT_POWER);
	assert_int_equal(of(&p, &step_link), p.n);
	assert_true(of(&p, &step_returned) < p.n);
}

static void a_device_is_known_by_its_serial_number_or_where_it_was(void **state)
{
	struct recover_plan p = plan(LINK_FORCED);

	(void)state;
	assert_string_equal(p.steps[of(&p, &step_returned)].value, "0x1001");
	options.accept_replacement = true;
	p = plan(LINK_FORCED);
	assert_string_equal(p.steps[of(&p, &step_returned)].value, "0000:0d:00.0");
}

static void a_port_that_lost_its_root_port_is_bound_anew_only_when_nobody_else_is_below(void **state)
{
	struct cxl_root_port two[2];
	struct recover_plan p;

	(void)state;
	memdev.bound = false;
	p = plan(LINK_FORCED);
	assert_true(at(&p, "cxl_port/unbind") < at(&p, "cxl_port/bind") && at(&p, "cxl_port/bind") < at(&p, "cxl_mem/bind"));
	two[0] = rp;
	two[1] = (struct cxl_root_port){ .name = "0000:0c:01.0", .bridge = &bridge, .n_memdevs = 1 };
	host.root_ports = two;
	host.n_root_ports = 2;
	assert_int_equal(recover_plan_make(&host, &two[0], &recipe, &facts, &options, LINK_FORCED, &arena, &p), 0);
	assert_int_equal(at(&p, "cxl_port/unbind"), p.n);
}

static void fencing_leaves_no_region_and_no_driver_and_removes_nothing(void **state)
{
	struct recover_plan p;

	(void)state;
	assert_int_equal(recover_plan_fence(&host, &rp, &recipe, &facts, &arena, &p), 0);
	assert_true(of(&p, &step_delete) < p.n && at(&p, "cxl_mem/unbind") < p.n);
	assert_int_equal(of(&p, &step_remove), p.n);
	assert_int_equal(of(&p, &step_rescan), p.n);
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_order_is_that_which_kernels_survive, setup),
		cmocka_unit_test_setup(nothing_is_taken_down_that_is_not_there, setup),
		cmocka_unit_test_setup(without_rebuild_no_region_is_made, setup),
		cmocka_unit_test_setup(a_husk_is_deleted_without_being_decommitted, setup),
		cmocka_unit_test_setup(a_region_that_an_earlier_try_left_is_deleted_whatever_it_touches, setup),
		cmocka_unit_test_setup(link_disable_is_unmasked_first_of_all_and_masked_again, setup),
		cmocka_unit_test_setup(the_bus_is_reset_between_removal_and_rescan_and_masked_again, setup),
		cmocka_unit_test_setup(the_method_is_the_first_that_the_port_offers, setup),
		cmocka_unit_test_setup(a_link_that_is_not_reported_is_not_waited_for, setup),
		cmocka_unit_test_setup(a_device_is_known_by_its_serial_number_or_where_it_was, setup),
		cmocka_unit_test_setup(a_port_that_lost_its_root_port_is_bound_anew_only_when_nobody_else_is_below, setup),
		cmocka_unit_test_setup(fencing_leaves_no_region_and_no_driver_and_removes_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
