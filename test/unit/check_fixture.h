/* SPDX-License-Identifier: GPL-2.0-only */
/* A hand-made snapshot that is fit for isolation, for the tests of the checks to break. */
#ifndef TEST_UNIT_CHECK_FIXTURE_H
#define TEST_UNIT_CHECK_FIXTURE_H

#include "test/unit/unit.h"

#include "lib/check/check.h"
#include "lib/iso/backend.h"
#include "lib/model/isolation_regs.h"
#include "util/arena.h"

/*
 * Two host bridges with a root port and a memdev each, one region across both:
 * everything there for isolation, which is off, the timeout on.  The memory is a dax device.
 */
struct fixture {
	struct arena arena;
	struct cxl_host host;
	struct sysfs fs;
	struct cxl_bus bus;
	struct cxl_port bridges[2];
	struct cxl_root_port rps[2];
	struct cxl_memdev memdevs[2];
	const struct cxl_memdev *below[2];
	struct cxl_region region;
	const struct cxl_region *regions[1];
	const struct cxl_root_port *tied[2];
	const struct cxl_memdev *targets[2];
	struct cxl_window window;
	struct cxl_dax dax;
	struct addr_range range;
	const struct cxl_dax *in_region[1];
	struct check_context ctx;	/* host and enabling are filled in by run() */
	bool enabling[2];
};

/* as iso_kernel_found() fills them in */
#define KERNEL_FIELDS (1u << ISO_MEM_RANGE | 1u << ISO_MEM_TIMEOUT | 1u << ISO_MEM_ISOLATION)

static const struct iso_state capable = {
	.kernel = { .backend = &iso_backend_sysfs_v1, .fields = KERNEL_FIELDS,
		    .control = { { [ISO_MEM_TIMEOUT] = 1 } } },
	.regs = { .valid = true, .capable = true, .ctrl = ISO_CTRL_MEM_TIMEOUT,
		  .cap = ISO_CAP_MEM_ISOLATION | ISO_CAP_MEM_TIMEOUT | ISO_CAP_INTERRUPT | 0xf },
};

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->bus.name = "root0";
	f->region = (struct cxl_region){
		.name = "region0", .path = "r", .bus = &f->bus, .state = REGION_ENABLED,
		.resource = { true, 0x1000000000 }, .size_bytes = { true, 0x20000000 },
		.root_ports = f->tied, .n_root_ports = 2, .targets = f->targets, .n_targets = 2,
		.dax = f->in_region, .n_dax = 1,
		.ways = { true, 2 }, .granularity = { true, 256 }, .commit = { true, 1 }, .mode = "ram", .window = &f->window,
	};
	f->window = (struct cxl_window){
		.name = "decoder0.0", .path = "w", .start = { true, 0x1000000000 }, .size_bytes = { true, 0x40000000 },
		.makes_ram = TRI_YES, .in_iomem = true,
	};
	f->dax = (struct cxl_dax){ .name = "dax0.0", .region = &f->region, .driver = "device_dax", .size_bytes = { true, 0x20000000 },
				  .align = { true, 2 << 20 }, .ranges = &f->range, .n_ranges = 1 };
	f->range = (struct addr_range){ 0x1000000000, 0x101fffffff };
	f->in_region[0] = &f->dax;
	f->regions[0] = &f->region;
	for (int i = 0; i < 2; i++) {
		f->bridges[i] = (struct cxl_port){ .name = i ? "port2" : "port1", .bus = &f->bus, .host = i ? "pci0000:de" : "pci0000:0c",
						      .n_endpoints = 1 };
		f->memdevs[i] = (struct cxl_memdev){ .name = i ? "mem1" : "mem0", .root_port = &f->rps[i], .bound = true, .ram_bytes = { true, 0x10000000 } };
		f->below[i] = &f->memdevs[i];
		f->targets[i] = &f->memdevs[i];
		f->tied[i] = &f->rps[i];
		f->rps[i] = (struct cxl_root_port){
			.name = i ? "0000:de:00.0" : "0000:0c:00.0",
			.path = "sys/devices/x",
			.bridge = &f->bridges[i],
			.present = true,
			.iso = capable,
			.link = { TRI_YES, "32.0 GT/s PCIe", 16 },
			.ext.known = true,
			.cxl_bus_reset = true,
			.kept.proof = PROOF_HOLDS,
			.memdevs = &f->below[i],
			.n_memdevs = 1,
			.regions = f->regions,
			.n_regions = 1,
			.dax = f->in_region,
			.n_dax = 1,
		};
		f->enabling[i] = true;
	}
	f->host = (struct cxl_host){
		.fs = &f->fs, .buses = &f->bus, .n_buses = 1, .ports = f->bridges, .n_ports = 2,
		.root_ports = f->rps, .n_root_ports = 2, .memdevs = f->memdevs, .n_memdevs = 2,
		.regions = &f->region, .n_regions = 1, .dax = &f->dax, .n_dax = 1,
		.windows = &f->window, .n_windows = 1,
		.platform = { .cpu_vendor = "GenuineIntel", .cpu_family = { true, 6 }, .cpu_model = { true, 143 },
			      .system_vendor = "QEMU", .product = "Standard PC", .bios_version = "1", .is_emulated = TRI_YES, .kernel = "6.12.0" },
		.policy = { .auto_online = "offline", .memmap_parameter = "N", .room_bytes = { true, UINT64_MAX } },
	};
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static inline struct check_result run(struct fixture *f)
{
	struct check_context ctx = f->ctx;
	struct check_result r, terse;

	ctx.host = &f->host;
	ctx.enabling = f->enabling;
	assert_int_equal(check_run(&ctx, &f->rps[0], &f->arena, true, &r), 0);
	assert_int_equal(check_run(&ctx, &f->rps[0], &f->arena, false, &terse), 0);
	assert_int_equal(r.n, terse.n);
	assert_true(containment_levels_equal(&r.now, &terse.now));
	assert_true(containment_levels_equal(&r.if_enabled, &terse.if_enabled));
	assert_true(containment_levels_equal(&r.after, &terse.after));
	for (size_t i = 0; i < r.n; i++) {
		assert_ptr_equal(r.v[i].check, terse.v[i].check);
		assert_true(r.v[i].text && *r.v[i].text);
		assert_true(r.v[i].remedy && *r.v[i].remedy);
	}
	return r;
}

static inline enum containment now_of(struct check_result r)
{
	return containment_worst(&r.now);
}

static inline enum containment enabled_of(struct check_result r)
{
	return containment_worst(&r.if_enabled);
}

static inline const struct finding *find(const struct check_result *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].check->id, id))
			return &r->v[i];
	return NULL;
}

static inline void only(const struct check_result *r, const char *id)
{
	if (!find(r, id))
		fail_msg("%s does not fail", id);
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].check->id, id))
			fail_msg("beside %s, %s fails too", id, r->v[i].check->id);
}

/* The second root port below the first one's host bridge, with that many endpoints in all. */
static inline void share_bridge(struct fixture *f, size_t n_endpoints)
{
	f->rps[1].bridge = f->rps[0].bridge;
	f->bridges[0].n_endpoints = n_endpoints;
}

/* The same, of a result that nobody keeps. */
static inline const struct finding *find_in(struct check_result r, const char *id)
{
	return find(&r, id);
}

static inline void limits(const struct check_result *r, const char *id, enum containment level)
{
	only(r, id);
	assert_int_equal(enabled_of(*r), level);
	assert_int_equal(r->v[0].check->kind, CHECK_LIMIT);
}

static inline void says(const struct check_result *r, const char *what)
{
	if (!strstr(r->v[0].text, what) && !strstr(r->v[0].remedy, what))
		fail_msg("\"%s\" is in neither \"%s\" nor \"%s\"", what, r->v[0].text, r->v[0].remedy);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
