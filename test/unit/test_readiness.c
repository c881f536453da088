// SPDX-License-Identifier: GPL-2.0-only
/* The checks of how the memory is used and how the port is built, on hand-made snapshots: each raised, and not. */
#include "lib/model/isolation_regs.h"
#include "test/unit/check_fixture.h"

/* --- traffic ------------------------------------------------------------------ */

static void a_process_that_maps_the_memory_is_named(void **state)
{
	struct fixture *f = *state;
	struct dax_user users[] = {
		{ .pid = 123, .command = "qemu", .maps = true, .mapped_bytes = 0x200000 },
		{ .pid = 456, .command = "db", .maps = true, .mapped_bytes = 0x200000 },
	};
	struct check_result r;

	f->dax.users = users;
	f->dax.n_users = 2;
	r = run(f);
	only(&r, "ISO-BUSY");
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
	assert_int_equal(r.v[0].check->kind, CHECK_UNSAFE);
	assert_true(r.v[0].check->guards_disable);
	says(&r, "pid 123 (qemu), pid 456 (db)");
	says(&r, "dax0.0");
	says(&r, "kill 123 456;");
}

static void many_users_are_counted_and_every_pid_is_in_the_remedy(void **state)
{
	struct fixture *f = *state;
	struct dax_user users[6];
	struct check_result r;

	for (int i = 0; i < 6; i++)
		users[i] = (struct dax_user){ .pid = (pid_t)(100 + i), .command = "vm", .maps = true, .mapped_bytes = 4096 };
	f->dax.users = users;
	f->dax.n_users = 6;
	r = run(f);
	says(&r, "pid 103 (vm) and 2 more have dax0.0 mapped, 24.00 KiB");
	says(&r, "kill 100 101 102 103 104 105;");
}

static void a_device_that_is_only_open_is_not_busy(void **state)
{
	struct fixture *f = *state;
	struct dax_user user = { .pid = 123, .command = "idle" };

	f->dax.users = &user;
	f->dax.n_users = 1;
	assert_int_equal(run(f).n, 0);
}

static void a_use_that_the_kernel_counts_and_nobody_sees_is_busy(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->dax.users_unknown = true;	/* a capture, or a user who may not look */
	r = run(f);
	assert_int_equal(r.n, 1);
	assert_int_equal(find(&r, "ISO-BUSY")->answer, ANSWER_UNTOLD);
	assert_false(finding_counts(find(&r, "ISO-BUSY")));
	f->host.dax_in_use = true;
	r = run(f);
	only(&r, "ISO-BUSY");
	says(&r, "fuser -v /dev/dax0.0");
	f->dax.users_unknown = false;	/* some other dax device's */
	assert_int_equal(run(f).n, 0);
}

static void a_file_system_on_the_dax_device_is_busy(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->dax.driver = "fsdev_dax";
	f->dax.fs = "famfs";
	f->dax.mounted_at = f->dax.mount_words = "/mnt/shared";
	r = run(f);
	assert_int_equal(r.n, 1);	/* a recovery gives the device back to that driver */
	assert_string_equal(r.v[0].check->id, "ISO-BUSY");
	says(&r, "famfs is mounted from dax0.0");
	says(&r, "umount /mnt/shared");
}

static void what_memory_is_used_for_follows_from_the_driver(void **state)
{
	static const struct {
		const char *driver, *name;
		enum dax_mode mode;
	} cases[] = {
		{ "device_dax", "devdax", DAX_DEVDAX }, { "kmem", "system-ram", DAX_SYSTEM_RAM }, { NULL, "unbound", DAX_UNBOUND },
		{ "fsdev_dax", "famfs", DAX_FAMFS }, { "other_dax", "devdax", DAX_OTHER }, { "", "devdax", DAX_OTHER },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		f->dax.driver = cases[i].driver;
		assert_int_equal(dax_mode(&f->dax), cases[i].mode);
		assert_int_equal(dax_mode_of(cases[i].driver), cases[i].mode);
		assert_string_equal(dax_mode_names[cases[i].mode], cases[i].name);
	}
	f->dax.driver = "kmem";
	f->dax.region = NULL;
	f->dax.path = "/sys/devices/platform/hmem.0/dax0.0";
	assert_int_equal(dax_mode(&f->dax), DAX_HMEM);
	assert_true(dax_is_kmem(&f->dax));
}

static void memory_may_be_used_where_isolation_is_on_and_stays(void **state)
{
	struct fixture *f = *state;
	struct dax_user user = { .pid = 123, .command = "qemu", .maps = true, .mapped_bytes = 4096 };

	f->dax.users = &user;
	f->dax.n_users = 1;
	f->rps[0].iso.kernel.control.v[ISO_MEM_ISOLATION] = TRI_YES;
	assert_int_equal(run(f).n, 0);
	f->ctx.changing = true;	/* disable-isolation */
	assert_non_null(find_in(run(f), "ISO-BUSY"));
	f->ctx.isolation_stays = true;	/* enable-isolation, the second time */
	assert_int_equal(run(f).n, 0);
}

/* --- System RAM --------------------------------------------------------------- */

static void the_zone_of_online_memory_is_told(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.blocks_total = f->region.blocks_online = 2;
	f->region.zone = "Movable";
	r = run(f);
	only(&r, "ISO-MEM-ONLINE");
	says(&r, "zone Movable, which does not help");
	assert_null(strstr(r.v[0].remedy, "reboot"));
	f->region.zone = "Normal";
	r = run(f);
	says(&r, "may never go offline");
	says(&r, "reboot, after daxctl prepare-isolation --keep-going --persist dax0.0");
	f->host.policy.private_nodes = "2";
	r = run(f);
	says(&r, "private nodes: 2");
}

static void memory_online_without_dax_device_has_a_remedy_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.blocks_total = f->region.blocks_online = 2;
	f->region.n_dax = 0;
	r = run(f);
	only(&r, "ISO-MEM-ONLINE");
	says(&r, "echo offline > /sys/devices/system/memory/memoryN/state");
	assert_null(strstr(r.v[0].remedy, "daxctl"));
}

static void struct_pages_on_the_memory_take_device_and_parameter(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->dax.driver = "kmem";
	f->dax.memmap_on_memory = TRI_YES;
	f->host.policy.memmap_parameter = "N";
	assert_int_equal(run(f).n, 0);
	f->host.policy.memmap_parameter = NULL;	/* a kernel without it */
	assert_int_equal(run(f).n, 0);
	f->host.policy.memmap_unread = true;
	r = run(f);
	only(&r, "ISO-MEMMAP");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	assert_int_equal(enabled_of(r), CONTAINMENT_DEBUG);
	f->host.policy.memmap_unread = false;
	f->host.policy.memmap_parameter = "Y";
	r = run(f);
	only(&r, "ISO-MEMMAP");
	assert_int_equal(r.v[0].check->kind, CHECK_UNSAFE);
	assert_int_equal(enabled_of(r), CONTAINMENT_DEBUG);
	says(&r, "daxctl prepare-isolation dax0.0");
	f->host.policy.memmap_parameter = "force";
	r = run(f);
	only(&r, "ISO-MEMMAP");
	f->dax.memmap_on_memory = TRI_UNKNOWN;
	r = run(f);
	only(&r, "ISO-MEMMAP");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	f->dax.memmap_on_memory = TRI_NO;
	assert_int_equal(run(f).n, 0);
}

static void demotion_matters_while_a_node_of_cxl_memory_is_online(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->host.policy.demotion = TRI_YES;
	assert_int_equal(run(f).n, 0);
	f->region.blocks_total = f->region.blocks_online = 2;
	r = run(f);
	assert_non_null(find(&r, "ISO-DEMOTION"));
	assert_int_equal(find(&r, "ISO-DEMOTION")->check->kind, CHECK_LIMIT);
	assert_int_equal(find(&r, "ISO-DEMOTION")->check->caps_at, CONTAINMENT_DEBUG);
	f->host.policy.demotion = TRI_UNKNOWN;
	assert_int_equal(find_in(run(f), "ISO-DEMOTION")->answer, ANSWER_UNTOLD);
	f->host.policy.demotion = TRI_NO;
	assert_null(find_in(run(f), "ISO-DEMOTION"));
}

static void memory_that_would_go_online_by_itself_is_noted(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->host.policy.auto_online = "offline";
	assert_int_equal(run(f).n, 0);
	f->host.policy.auto_online = "online_movable";
	r = run(f);
	only(&r, "ISO-AUTO-ONLINE");
	assert_int_equal(r.v[0].check->kind, CHECK_NOTE);
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
	says(&r, "online_movable");
	f->memdevs[0].ram_bytes.v = 0;	/* persistent memory does not */
	assert_null(find_in(run(f), "ISO-AUTO-ONLINE"));
}

static void struct_pages_need_room_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	/* the dax device has them already */
	f->host.policy.room_bytes = (struct opt_u64){ true, 0 };
	assert_int_equal(run(f).n, 0);
	f->dax.driver = NULL;
	r = run(f);
	limits(&r, "ISO-MEMMAP-ROOM", CONTAINMENT_CONTAIN);
	says(&r, "256.00 MiB");	/* what is below this port, not the whole region */
	says(&r, "4.00 MiB");
	f->host.policy.room_bytes.v = 4 << 20;
	assert_int_equal(run(f).n, 0);
	f->host.policy.room_bytes.v--;
	r = run(f);
	limits(&r, "ISO-MEMMAP-ROOM", CONTAINMENT_CONTAIN);
	f->host.policy.room_bytes.known = false;
	r = run(f);
	only(&r, "ISO-MEMMAP-ROOM");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

static void struct_pages_on_the_memory_itself_will_need_room(void **state)
{
	struct fixture *f = *state;

	f->host.policy.room_bytes = (struct opt_u64){ true, 0 };
	f->dax.driver = "kmem";
	assert_null(find_in(run(f), "ISO-MEMMAP-ROOM"));
	f->dax.memmap_on_memory = true;
	f->host.policy.memmap_parameter = "Y";
	assert_non_null(find_in(run(f), "ISO-MEMMAP-ROOM"));
	f->host.policy.memmap_parameter = "N";
	assert_null(find_in(run(f), "ISO-MEMMAP-ROOM"));
}

static void persistent_memory_with_a_driver_is_unsafe(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.is_pmem = true;
	f->region.n_dax = f->rps[0].n_dax = 0;
	r = run(f);
	only(&r, "ISO-PMEM");
	assert_int_equal(r.v[0].check->kind, CHECK_UNSAFE);
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
	says(&r, "cxl disable-region region0");
	f->region.mounted_at = f->region.mount_words = "/srv";
	r = run(f);
	says(&r, "mounted at /srv");
	says(&r, "umount /srv; cxl disable-region region0");
	f->region.state = REGION_DISABLED;
	assert_int_equal(run(f).n, 0);
}

/* --- regions -------------------------------------------------------------------- */

static void a_region_that_firmware_made_limits(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.path = "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0";
	f->region.soft_reserved = true;
	r = run(f);
	limits(&r, "ISO-REGION-AUTO", CONTAINMENT_CONTAIN);
	says(&r, "most likely");
	says(&r, "cxl destroy-region -f region0; cxl create-region -t ram -d decoder0.0 -w 2 -m mem0 mem1");
	f->region.soft_reserved = false;
	f->region.linear_cache_bytes = 4096;
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.v[0].check->id, "ISO-REGION-AUTO");
	assert_null(strstr(r.v[0].text, "likely"));
	assert_non_null(strstr(find(&r, "ISO-REBUILD")->text, "extended linear cache"));
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

static void a_locked_region_is_firmwares_and_cannot_be_torn_down(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.lock = LOCK_DECODER;
	f->region.locked_by = "decoder2.0";
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_non_null(find(&r, "ISO-REGION-AUTO"));
	assert_non_null(strstr(find(&r, "ISO-REGION-LOCKED")->text, "decoder2.0 is locked"));
	assert_null(strstr(find(&r, "ISO-REGION-AUTO")->remedy, "destroy-region"));
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

static void a_lock_that_is_not_firmwares_gets_other_advice(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->region.lock = LOCK_REGION;
	r = run(f);
	limits(&r, "ISO-REGION-LOCKED", CONTAINMENT_CONTAIN);
	says(&r, "translates addresses");
	assert_null(strstr(r.v[0].remedy, "firmware"));
	f->memdevs[0].is_accelerator = true;
	r = run(f);
	assert_ptr_equal(find(&r, "ISO-REGION-LOCKED"), &r.v[0]);
	assert_non_null(find(&r, "ISO-TYPE2"));
	says(&r, "the driver of mem0 keeps it");
	f->memdevs[0].is_accelerator = false;
	f->region.lock = LOCK_UNKNOWN;
	r = run(f);
	only(&r, "ISO-REGION-LOCKED");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

/* --- the port, and what hangs below it -------------------------------------------- */

static void a_port_that_signals_nothing_is_limited(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].iso.regs.cap &= ~ISO_CAP_INTERRUPT;
	r = run(f);
	limits(&r, "ISO-CAP-INT", CONTAINMENT_CONTAIN);
	says(&r, "--monitor 0000:0c:00.0");
	f->rps[0].iso.regs.cap |= ISO_CAP_ERR_COR;
	assert_int_equal(run(f).n, 0);
	/* unread, the kernel has attributes only for ports with an interrupt */
	f->rps[0].iso.regs = (struct iso_registers){ .reason = "lockdown" };
	assert_null(find_in(run(f), "ISO-CAP-INT"));
	f->rps[0].iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	assert_int_equal(find_in(run(f), "ISO-CAP-INT")->answer, ANSWER_UNTOLD);
}

static void one_way_to_take_the_link_down_is_enough(void **state)
{
	struct fixture *f = *state;
	struct cxl_root_port *rp = &f->rps[0];
	struct check_result r;

	rp->cxl_bus_reset = false;
	rp->ext = (struct port_extensions){ .known = true, .control_offset = 0x15c };
	r = run(f);
	limits(&r, "ISO-HOTPLUG", CONTAINMENT_CONTAIN);
	says(&r, "setpci -s 0000:0c:00.0 15c.w=2:2");
	assert_null(strstr(r.v[0].remedy, "--link-down"));
	rp->iso.regs.cap |= ISO_CAP_MEM_LINK_DOWN;
	r = run(f);
	says(&r, "cxl enable-isolation --registers --link-down 0000:0c:00.0");
	rp->ext.control = PORT_UNMASK_SBR;	/* which takes a kernel that resets the bus */
	r = run(f);
	limits(&r, "ISO-HOTPLUG", CONTAINMENT_CONTAIN);
	rp->subordinate_reset = true;
	assert_int_equal(run(f).n, 0);
	rp->ext.control = PORT_UNMASK_LINK_DISABLE;
	rp->link.status_at = 0x52;
	assert_int_equal(run(f).n, 0);
	rp->ext.control = 0;
	rp->slot = "2";
	r = run(f);
	limits(&r, "ISO-HOTPLUG", CONTAINMENT_CONTAIN);
	rp->power_controller = true;
	assert_int_equal(run(f).n, 0);
	rp->slot = NULL;
	rp->cxl_bus_reset = true;
	assert_int_equal(run(f).n, 0);
	rp->cxl_bus_reset = false;
	rp->iso.regs.ctrl |= ISO_CTRL_MEM_LINK_DOWN;
	assert_int_equal(run(f).n, 0);
	rp->iso.regs.ctrl = ISO_CTRL_MEM_TIMEOUT;
	rp->ext.known = false;	/* config space needs root: unknown is not missing, and raises nothing */
	r = run(f);
	only(&r, "ISO-HOTPLUG");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

static void endpoints_that_fail_together_are_named(void **state)
{
	struct fixture *f = *state;
	const struct cxl_memdev *both[] = { &f->memdevs[0], &f->memdevs[1] };
	struct check_result r;

	f->rps[0].memdevs = both;
	f->rps[0].n_memdevs = 2;
	f->rps[1].n_memdevs = 0;
	f->bridges[0].n_endpoints = 2;
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_non_null(find(&r, "ISO-DIRECT"));
	assert_non_null(strstr(find(&r, "ISO-SWITCH")->text, "2 endpoints lie below it and fail together: mem0, mem1"));
	assert_int_equal(find(&r, "ISO-SWITCH")->check->kind, CHECK_NOTE);
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
}

static void a_neighbour_under_the_same_host_bridge_is_noted(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	share_bridge(f, 2);
	r = run(f);
	only(&r, "ISO-DIRECT");
	says(&r, "port1 has 2 endpoints below it, not one: mem0, mem1");
	f->rps[1].n_memdevs = 0;	/* an empty root port is none */
	f->bridges[0].n_endpoints = 1;
	assert_int_equal(run(f).n, 0);
	f->rps[0].bridge = f->rps[1].bridge = NULL;
	f->rps[1].n_memdevs = 1;	/* who knows */
	assert_int_equal(run(f).n, 0);
}

static void an_accelerator_belongs_to_its_driver(void **state)
{
	struct fixture *f = *state;
	struct cxl_accelerator acc = {
		.name = "0000:0d:00.0", .driver = "sfc", .caps = DVSEC_CAP_CACHE | DVSEC_CAP_MEM, .memdev = &f->memdevs[0],
		.reset_method = "sys/devices/x/sw/0000:0d:00.0/reset_method",
	};
	struct check_result r;

	f->rps[0].accelerators = &acc;
	f->rps[0].n_accelerators = 1;
	f->rps[0].iso.regs.cap |= ISO_CAP_CACHE_ISOLATION | ISO_CAP_CACHE_TIMEOUT;
	f->rps[0].iso.regs.ctrl |= ISO_CTRL_CACHE_ISOLATION | ISO_CTRL_CACHE_TIMEOUT;
	r = run(f);
	limits(&r, "ISO-TYPE2", CONTAINMENT_CONTAIN);
	says(&r, "0000:0d:00.0 is a type-2 device of driver sfc");
	says(&r, "lost link; how the device can be reset: cat /sys/devices/x/sw/0000:0d:00.0/reset_method");
	acc.cxl_reset = "sys/devices/x/sw/0000:0d:00.0/cxl_reset";
	r = run(f);
	says(&r, "cat /sys/devices/x/sw/0000:0d:00.0/reset_method; and with its memory, as the driver allows: echo 1 > /sys/devices/x/sw/0000:0d:00.0/cxl_reset");
	acc.reset_method = acc.cxl_reset = NULL;
	r = run(f);
	says(&r, "lost link; the kernel has no way to reset the device alone");
	/* CXL.cache only, and no memdev */
	acc.caps = DVSEC_CAP_CACHE;
	acc.memdev = NULL;
	f->rps[0].n_memdevs = 0;
	r = run(f);
	says(&r, "a type-1 device of driver sfc");
	acc.driver = NULL;
	r = run(f);
	says(&r, "without a driver");
}

static void the_posted_kernel_panics_for_type_3_only(void **state)
{
	struct fixture *f = *state;

	f->rps[0].iso.kernel.quirks = iso_backend_sysfs_v1.quirks;
	assert_non_null(find_in(run(f), "ISO-DRIVER-PANIC"));
	f->memdevs[0].is_accelerator = true;
	assert_null(find_in(run(f), "ISO-DRIVER-PANIC"));
	share_bridge(f, 2);
	assert_non_null(find_in(run(f), "ISO-DRIVER-PANIC"));
}

static void a_modular_core_is_noted_where_the_attributes_are_missing(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->host.core_is_module = true;
	assert_int_equal(run(f).n, 0);
	f->rps[0].iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_int_equal(find(&r, "ISO-KERNEL-CFG")->check->kind, CHECK_NOTE);
	f->host.core_is_module = false;
	assert_null(find_in(run(f), "ISO-KERNEL-CFG"));
}

static void memory_without_a_region_is_interleaved_memory_too(void **state)
{
	struct fixture *f = *state;
	struct loose_memory loose[] = {
		{ "decoder2.0", &f->memdevs[0], { true, 0x490000000 }, 0x20000000 },
		{ "decoder3.0", &f->memdevs[1], { true, 0x490000000 }, 0x20000000 },
	};
	struct check_result r;

	f->host.loose = loose;
	f->host.n_loose = 2;
	f->rps[0].n_regions = 0;
	f->rps[0].has_loose = true;
	f->memdevs[0].root_port = &f->rps[0];
	f->memdevs[1].root_port = &f->rps[1];
	assert_null(find_in(run(f), "ISO-INTERLEAVE"));
	f->enabling[1] = false;
	r = run(f);
	assert_non_null(strstr(find(&r, "ISO-INTERLEAVE")->text, "decoder2.0 of mem0 decodes without a region interleaves over"));
	loose[1].start.v = 0x4b0000000;
	assert_null(find_in(run(f), "ISO-INTERLEAVE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_process_that_maps_the_memory_is_named),
		TEST(many_users_are_counted_and_every_pid_is_in_the_remedy),
		TEST(a_device_that_is_only_open_is_not_busy),
		TEST(a_use_that_the_kernel_counts_and_nobody_sees_is_busy),
		TEST(a_file_system_on_the_dax_device_is_busy),
		TEST(what_memory_is_used_for_follows_from_the_driver),
		TEST(memory_may_be_used_where_isolation_is_on_and_stays),
		TEST(the_zone_of_online_memory_is_told),
		TEST(memory_online_without_dax_device_has_a_remedy_of_its_own),
		TEST(struct_pages_on_the_memory_take_device_and_parameter),
		TEST(demotion_matters_while_a_node_of_cxl_memory_is_online),
		TEST(memory_that_would_go_online_by_itself_is_noted),
		TEST(struct_pages_need_room_elsewhere),
		TEST(struct_pages_on_the_memory_itself_will_need_room),
		TEST(persistent_memory_with_a_driver_is_unsafe),
		TEST(a_region_that_firmware_made_limits),
		TEST(a_locked_region_is_firmwares_and_cannot_be_torn_down),
		TEST(a_lock_that_is_not_firmwares_gets_other_advice),
		TEST(a_port_that_signals_nothing_is_limited),
		TEST(one_way_to_take_the_link_down_is_enough),
		TEST(endpoints_that_fail_together_are_named),
		TEST(a_neighbour_under_the_same_host_bridge_is_noted),
		TEST(an_accelerator_belongs_to_its_driver),
		TEST(the_posted_kernel_panics_for_type_3_only),
		TEST(a_modular_core_is_noted_where_the_attributes_are_missing),
		TEST(memory_without_a_region_is_interleaved_memory_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
