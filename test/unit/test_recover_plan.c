// SPDX-License-Identifier: GPL-2.0-only
/* lib/plan/recover_plan.c: which steps, in which order, from a host that is only data. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/iso/backend.h"
#include "lib/model/isolation_regs.h"
#include "lib/plan/recover_plan.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/step_port.h"

#define PORT "sys/devices/pci0000:0c/0000:0c:00.0"

static struct arena arena;
static struct cxl_bus bus = { .name = "root0", .path = "sys/devices/platform/ACPI0017:00/root0" };
static struct cxl_port bridge = { .name = "port1", .bus = &bus };
static const char *chain[] = { "0000:0c:00.0", "0000:0d:00.0" };
static struct cxl_root_port rp;
static struct cxl_memdev memdev;
static const struct cxl_memdev *memdevs[] = { &memdev };
static struct cxl_dax dax;
static const struct cxl_dax *daxes[] = { &dax };
static const struct cxl_root_port *ports[] = { &rp };
static struct cxl_region region;
static struct cxl_host host;
static struct recipe_target target = { 0, "ram", 0x10000000 };
static struct recipe_device device = { "mem0", "0000:0d:00.0", { true, 0x1001 }, true };
static struct recipe_part parts[4] = { { 0, 0x10000000 } };
static struct recipe_dax cut[3];
static struct recipe_region made;
static struct recipe recipe;
static struct recover_facts facts;
static struct recover_options options;
static const char *functions[] = { "0000:0d:00.0" };

/* One device below one root port whose link is down, its region in device-dax mode. */
static int setup(void **state)
{
	(void)state;
	rp = (struct cxl_root_port){ .name = "0000:0c:00.0",
				     .path = PORT,
				     .bridge = &bridge,
				     .present = true,
				     .link = { .up = TRI_NO, .status_at = 0x52 },
				     .memdevs = memdevs,
				     .n_memdevs = 1,
				     .functions = functions,
				     .n_functions = 1,
				     .power_controller = true };
	rp.iso.regs = (struct iso_registers){
		.valid = true, .capable = true, .at = 0x1200, .status = ISO_STATUS_MEM_ISOLATION
	};
	rp.iso.kernel = iso_kernel_found(&iso_backend_sysfs_v1, 0);
	memdev = (struct cxl_memdev){ .name = "mem0", .host = chain[1], .root_port = &rp, .bus = &bus, .chain = chain, .n_chain = 2,
				      .bound = true };
	dax = (struct cxl_dax){ .name = "dax0.0", .driver = "device_dax", .region = &region };
	region = (struct cxl_region){
		.name = "region0",
		.path = "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0",
		.bus = &bus,
		.state = REGION_ENABLED,
		.driver = CXL_REGION_DRIVER,
		.targets = memdevs,
		.n_targets = 1,
		.root_ports = ports,
		.n_root_ports = 1,
		.dax = daxes,
		.n_dax = 1
	};
	host = (struct cxl_host){ .buses = &bus,
				  .n_buses = 1,
				  .root_ports = &rp,
				  .n_root_ports = 1,
				  .memdevs = &memdev,
				  .n_memdevs = 1,
				  .regions = &region,
				  .n_regions = 1 };
	made = (struct recipe_region){ .name = "region0", .decoder = "decoder0.0", .mode = "ram", .size_bytes = 0x10000000,
				       .granularity = 256, .ways = 1, .targets = &target,
				       .enabled = true,
				       .has_dax = true, .dax = cut, .n_dax = 1 };
	parts[0] = (struct recipe_part){ 0, 0x10000000 };
	cut[0] = (struct recipe_dax){ .name = "dax0.0", .driver = "device_dax", .align = 2 << 20, .memmap_on_memory = -1, .parts = parts, .n_parts = 1 };
	recipe = (struct recipe){ .root_port = rp.name,
				  .devices = &device,
				  .n_devices = 1,
				  .regions = &made,
				  .n_regions = 1,
				  .settings = { { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } } };
	recipe.settings.v[ISO_MEM_ISOLATION] = 1;
	facts = (struct recover_facts){ .flush = true, .dax_autoprobe = 1 };
	options = (struct recover_options){ .rebuild = true, .timeout_us = 1000000 };
	return 0;
}

static struct recover_plan plan(enum link_method method)
{
	struct recover_plan p;

	assert_int_equal(
		recover_plan_make(&host, &rp, &recipe, &facts, &options, method, &arena, &p), 0);
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

/* dax[@k] of the region: @bytes at @offset. */
static struct recipe_dax *part(size_t k, const char *name, uint64_t offset, uint64_t bytes)
{
	parts[k] = (struct recipe_part){ offset, bytes };
	cut[k] = (struct recipe_dax){ .name = name, .driver = "device_dax", .align = 2 << 20, .memmap_on_memory = -1, .parts = &parts[k], .n_parts = 1 };
	made.n_dax = k + 1;
	return &cut[k];
}

/* The steps with @op, as "path=value" */
static const char *steps_of(const struct recover_plan *p, const struct step_op *op,
			    const char *path)
{
	const char *text = "";

	for (size_t i = 0; i < p->n; i++) {
		const char *of = p->steps[i].path, *end = of + strlen(of) - 1;
		const char *last = *end == '}' ? strrchr(of, '{') : strrchr(of, '/') + 1;

		if (p->steps[i].op == op && strstr(of, path))
			text = arena_printf(&arena, "%s%s=%s ", text, last, p->steps[i].value);
	}
	return text;
}

static void a_region_is_cut_again_behind_its_proof(void **state)
{
	struct recover_plan p;

	(void)state;
	part(0, "dax0.0", 0x4000000, 0x4000000);
	part(1, "dax0.2", 0, 0x2000000)->driver = "fsdev_dax";
	part(2, "dax0.3", 0xc000000, 0x4000000)->driver = "none";
	cut[1].memmap_on_memory = 0;
	p = plan(LINK_FORCED);
	assert_string_equal(steps_of(&p, &step_make_dax, ""), "create=region0/dax1 create=region0/dax2 ");
	assert_string_equal(steps_of(&p, &step_ranges, ""), "{region0/dax}=none {region0/dax}={region0/range 4000000+4000000} "
			    "{region0/dax1}={region0/range 0+2000000} {region0/dax2}={region0/range c000000+4000000} ");
	assert_string_equal(steps_of(&p, &step_bind, "drivers/"), "bind={mem0} bind={region0} new_id={region0/dax} new_id={region0/dax} new_id={region0/dax1} ");
	assert_string_equal(steps_of(&p, &step_trigger, "remove_id"), "remove_id=dax0.0 remove_id={region0/dax} remove_id={region0/dax} "
			    "remove_id={region0/dax2} remove_id={region0/dax1} remove_id={region0/dax2} ");
	/* the whole of it is proved, once, before anything is cut off; and no new device has a driver before the end */
	assert_true(of(&p, &step_pattern) < of(&p, &step_ranges));
	assert_string_equal(p.steps[of(&p, &step_pattern)].value, "268435456");
	assert_true(of(&p, &step_ranges) < of(&p, &step_make_dax));
	assert_string_equal(p.steps[p.n - 1].path, "sys/bus/dax/drivers_autoprobe");
	assert_string_equal(p.steps[p.n - 1].value, "1");
}

static void another_align_is_set_where_nothing_has_the_device(void **state)
{
	struct recover_plan p;

	(void)state;
	cut[0].align = 1ull << 30;
	p = plan(LINK_FORCED);
	assert_int_equal(of(&p, &step_ranges), p.n);
	assert_true(of(&p, &step_pattern) < at(&p, "{region0/dax}/align"));
	assert_string_equal(p.steps[at(&p, "{region0/dax}/align")].value, "1073741824");
	/* the driver that proved the memory has let go of it, and gets it again */
	assert_string_equal(steps_of(&p, &step_bind, "device_dax"), "new_id={region0/dax} new_id={region0/dax} ");
	assert_string_equal(steps_of(&p, &step_unbind, "device_dax"), "unbind=dax0.0 unbind={region0/dax} ");
}

static void what_kmem_had_it_gets_again_last(void **state)
{
	struct recover_plan p;
	size_t i;

	(void)state;
	cut[0].driver = "kmem";
	cut[0].memmap_on_memory = 0;
	p = plan(LINK_FORCED);
	i = at(&p, "kmem/bind");
	assert_true(i < p.n && of(&p, &step_pattern) < i && at(&p, "memmap_on_memory") < i);
	assert_int_equal(at(&p, "auto_online_blocks"), p.n);
	/* and it stays offline, whatever the kernel does with new memory */
	facts.auto_online = "online_movable";
	p = plan(LINK_FORCED);
	assert_string_equal(steps_of(&p, &step_write, "auto_online"), "auto_online_blocks=offline auto_online_blocks=online_movable ");
	i = at(&p, "kmem/bind");
	assert_string_equal(p.steps[i - 1].value, "offline");
	assert_string_equal(p.steps[i - 1].undo, "online_movable");
	assert_string_equal(p.steps[i + 1].value, "online_movable");
}

static void what_nobody_had_stays_free(void **state)
{
	struct recover_plan p;

	(void)state;
	made.n_dax = 0;
	p = plan(LINK_FORCED);
	assert_string_equal(steps_of(&p, &step_ranges, ""), "{region0/dax}=none ");
	assert_int_equal(of(&p, &step_make_dax), p.n);
	assert_string_equal(steps_of(&p, &step_bind, "device_dax"), "new_id={region0/dax} ");
	assert_true(of(&p, &step_pattern) < of(&p, &step_ranges));
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
	rp.n_functions = 0;
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
	rp.slot = "2";
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_SLOT_POWER);
	rp.ext.known = true;
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_DISABLE);
	rp.subordinate_reset = true;
	assert_null(recover_link_method(&rp, &facts, LINK_AUTO, &m));
	assert_int_equal(m, LINK_SUBORDINATE);
	rp.resettable = functions[0];
	rp.cxl_bus_reset = true;
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
	rp.slot = "2";
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

static void a_port_that_lost_its_root_port_is_bound_again_only_when_it_is_alone(void **state)
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
	assert_int_equal(recover_plan_make(&host, &two[0], &recipe, &facts, &options, LINK_FORCED,
					   &arena, &p),
			 0);
	assert_int_equal(at(&p, "cxl_port/unbind"), p.n);
}

/* The fixture's region, and a neighbour's above it on another port behind the same bridge. */
static void with_a_neighbour(struct cxl_region *both, struct recipe_region *recipes)
{
	both[0] = region;
	both[0].resource = (struct opt_u64){ true, 0x490000000 };
	both[1] = (struct cxl_region){ .name = "region3", .path = "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region3", .bus = &bus,
				       .state = REGION_ENABLED, .driver = CXL_REGION_DRIVER,
				       .resource = { true, 0x4a0000000 } };
	recipes[0] = made;
	recipes[1] = made;
	recipes[1].name = "region3";
	recipes[1].address = recipes[1].place = 0x4a0000000;
	recipes[1].neighbour = true;
	host.regions = both;
	host.n_regions = 2;
	recipe.regions = recipes;
	recipe.n_regions = 2;
}

static void a_neighbour_goes_first_and_is_made_again_last_also_without_rebuild(void **state)
{
	struct recipe_region recipes[2];
	struct cxl_region both[2];
	struct recover_plan p;
	size_t gone;

	(void)state;
	with_a_neighbour(both, recipes);
	p = plan(LINK_FORCED);
	gone = of(&p, &step_delete);
	assert_string_equal(p.steps[gone].value, "region3");
	assert_true(gone < at(&p, "0000:0d:00.0/remove"));
	assert_true(at(&p, "{region0}/commit") < at(&p, "{region3}/commit"));
	options.rebuild = false;
	p = plan(LINK_FORCED);
	assert_int_equal(at(&p, "{region0}/commit"), p.n);
	assert_true(at(&p, "{region3}/commit") < p.n);
	/* somebody made another one of that name elsewhere */
	both[1].resource.v = 0x590000000;
	p = plan(LINK_FORCED);
	assert_string_equal(p.steps[of(&p, &step_delete)].value, "region0");
}

static void fencing_leaves_whole_neighbours_alone(void **state)
{
	static const struct journal_name names[] = { { "region3", "region3" } };
	struct recipe_region recipes[2];
	struct cxl_region both[2];
	struct recover_plan p;

	(void)state;
	with_a_neighbour(both, recipes);
	facts.made = names;
	facts.n_made = 1;
	assert_int_equal(recover_plan_fence(&host, &rp, &recipe, &facts, &arena, &p), 0);
	assert_string_equal(p.steps[of(&p, &step_delete)].value, "region0");
	both[1].state = REGION_RESET;	/* half made */
	assert_int_equal(recover_plan_fence(&host, &rp, &recipe, &facts, &arena, &p), 0);
	assert_string_equal(p.steps[of(&p, &step_delete)].value, "region3");
}

static void a_region_that_had_no_dax_device_waits_for_none(void **state)
{
	struct recover_plan p;

	(void)state;
	made.has_dax = false;
	p = plan(LINK_FORCED);
	assert_true(at(&p, "cxl_region/bind") < p.n);
	assert_int_equal(of(&p, &step_wait), p.n);
	assert_int_equal(of(&p, &step_pattern), p.n);
	/* what appears all the same is not kmem's */
	assert_string_equal(p.steps[at(&p, "cxl_region/bind") - 1].path, "sys/bus/dax/drivers_autoprobe");
	assert_string_equal(p.steps[at(&p, "cxl_region/bind") - 1].value, "0");
	assert_string_equal(p.steps[at(&p, "cxl_region/bind") + 1].value, "1");
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
		cmocka_unit_test_setup(a_region_is_cut_again_behind_its_proof, setup),
		cmocka_unit_test_setup(another_align_is_set_where_nothing_has_the_device, setup),
		cmocka_unit_test_setup(what_kmem_had_it_gets_again_last, setup),
		cmocka_unit_test_setup(what_nobody_had_stays_free, setup),
		cmocka_unit_test_setup(nothing_is_taken_down_that_is_not_there, setup),
		cmocka_unit_test_setup(without_rebuild_no_region_is_made, setup),
		cmocka_unit_test_setup(a_husk_is_deleted_without_being_decommitted, setup),
		cmocka_unit_test_setup(
			a_region_that_an_earlier_try_left_is_deleted_whatever_it_touches, setup),
		cmocka_unit_test_setup(link_disable_is_unmasked_first_of_all_and_masked_again,
				       setup),
		cmocka_unit_test_setup(the_bus_is_reset_between_removal_and_rescan_and_masked_again,
				       setup),
		cmocka_unit_test_setup(the_method_is_the_first_that_the_port_offers, setup),
		cmocka_unit_test_setup(a_link_that_is_not_reported_is_not_waited_for, setup),
		cmocka_unit_test_setup(a_device_is_known_by_its_serial_number_or_where_it_was,
				       setup),
		cmocka_unit_test_setup(
			a_port_that_lost_its_root_port_is_bound_again_only_when_it_is_alone,
			setup),
		cmocka_unit_test_setup(
			a_neighbour_goes_first_and_is_made_again_last_also_without_rebuild, setup),
		cmocka_unit_test_setup(fencing_leaves_whole_neighbours_alone, setup),
		cmocka_unit_test_setup(a_region_that_had_no_dax_device_waits_for_none, setup),
		cmocka_unit_test_setup(fencing_leaves_no_region_and_no_driver_and_removes_nothing,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
