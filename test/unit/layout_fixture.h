/* SPDX-License-Identifier: GPL-2.0-only */
/* A hand-made host for layouts: two host bridges with two memory devices each, and windows over one or both. */
#ifndef TEST_UNIT_LAYOUT_FIXTURE_H
#define TEST_UNIT_LAYOUT_FIXTURE_H

#include <errno.h>
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/policy/layout_match.h"
#include "lib/policy/policy.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define GIB (1ull << 30)
#define MIB (1ull << 20)

enum { N_DEVICES = 4, N_REGIONS = 4, N_DAX = 4 };

/*
 * Serial numbers 0x1 to 0x4, 4 GiB each, mem0 and mem1 behind the first bridge.  decoder0.0 is of
 * the first bridge, decoder0.1 of the second, decoder0.2 of both; 16 GiB each, from 64, 128 and
 * 192 GiB on.
 */
struct fixture {
	struct arena arena;
	struct cxl_host host;
	struct layout_facts facts;
	struct cxl_bus bus;
	struct cxl_port bridges[2];
	struct cxl_root_port rps[N_DEVICES];
	const struct cxl_memdev *below[N_DEVICES];
	struct cxl_memdev memdevs[N_DEVICES];
	struct cxl_endpoint endpoints[N_DEVICES];
	size_t endpoint_decoders[N_DEVICES];
	struct root_decoder decoders[3];
	const char *targets[2];
	struct cxl_region regions[N_REGIONS];
	const struct cxl_memdev *positions[N_REGIONS][N_DEVICES];
	const struct cxl_root_port *tied[N_REGIONS][N_DEVICES];
	char paths[N_REGIONS][64];
	const struct cxl_dax *in_region[N_REGIONS][N_DAX];
	struct cxl_dax dax[N_DAX];
	struct addr_range ranges[N_DAX];
	struct dax_file files[N_DAX];
	struct policy policy;
	struct wanted_layout wanted;
	struct layout_matches matches;
	struct err err;
};

static const char *const memdev_names[N_DEVICES] = { "mem0", "mem1", "mem2", "mem3" };
static const char *const rp_names[N_DEVICES] = { "0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0", "0000:de:01.0" };
static const char *const pci_names[N_DEVICES] = { "0000:0d:00.0", "0000:0e:00.0", "0000:df:00.0", "0000:e0:00.0" };
static const char *const region_names[N_REGIONS] = { "region0", "region1", "region2", "region3" };
static const char *const dax_names[N_DAX] = { "dax0.0", "dax0.1", "dax0.2", "dax0.3" };

static inline void add_devices(struct fixture *f)
{
	static const uint64_t keys[N_DEVICES] = { 0x0c00, 0x0c08, 0xde00, 0xde08 };

	for (size_t i = 0; i < N_DEVICES; i++) {
		f->endpoints[i] = (struct cxl_endpoint){ .name = "endpoint", .memdev = &f->memdevs[i] };
		f->endpoint_decoders[i] = 4;
		f->memdevs[i] = (struct cxl_memdev){
			.name = memdev_names[i], .host = pci_names[i],
			.endpoint = &f->endpoints[i], .bus = &f->bus,
			.root_port = &f->rps[i], .bound = true, .serial = { true, i + 1 },
			.ram_bytes = { true, 4 * GIB },
		};
		f->below[i] = &f->memdevs[i];
		f->rps[i] = (struct cxl_root_port){
			.name = rp_names[i], .key = keys[i], .bridge = &f->bridges[i / 2],
			.memdevs = &f->below[i], .n_memdevs = 1,
		};
	}
}

static inline int set_up(void **state)
{
	static const char *const names[] = { "decoder0.0", "decoder0.1", "decoder0.2" };
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->bus.name = "root0";
	f->targets[0] = "pci0000:0c";
	f->targets[1] = "pci0000:de";
	for (size_t i = 0; i < 2; i++)
		f->bridges[i] = (struct cxl_port){ .name = i ? "port2" : "port1", .bus = &f->bus, .host = f->targets[i] };
	add_devices(f);
	for (size_t i = 0; i < 3; i++)
		f->decoders[i] = (struct root_decoder){
			.name = names[i], .path = "p", .bus = &f->bus, .start = { true, (i + 1) * 64 * GIB }, .size_bytes = { true, 16 * GIB },
			.granularity = { true, i == 2 ? 1024 : 256 },
			.bridges = &f->targets[i % 2], .n_bridges = i == 2 ? 2 : 1,
			.makes_ram = TRI_YES,
		};
	f->host = (struct cxl_host){
		.buses = &f->bus, .n_buses = 1, .ports = f->bridges, .n_ports = 2,
		.root_ports = f->rps, .n_root_ports = N_DEVICES,
		.memdevs = f->memdevs, .n_memdevs = N_DEVICES, .regions = f->regions,
		.dax = f->dax, .block_bytes = 128 * MIB,
	};
	f->facts = (struct layout_facts){
		.host = &f->host, .decoders = f->decoders, .n_decoders = 3,
		.endpoint_decoders = f->endpoint_decoders, .dax = f->files,
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

/* A region of @ways memory devices, from mem@first on, @step apart. */
static inline struct cxl_region *add_region(struct fixture *f, const char *decoder, uint64_t start,
					    uint64_t size, size_t first, size_t ways, size_t step)
{
	size_t n = f->host.n_regions++;
	struct cxl_region *r = &f->regions[n];

	snprintf(f->paths[n], sizeof(f->paths[n]), "root0/%s/%s", decoder, region_names[n]);
	*r = (struct cxl_region){
		.name = region_names[n], .path = f->paths[n], .bus = &f->bus,
		.state = REGION_ENABLED, .resource = { true, start },
		.size_bytes = { true, size }, .ways = { true, ways },
		.targets = f->positions[n], .n_targets = ways,
		.root_ports = f->tied[n], .n_root_ports = ways, .dax = f->in_region[n], .mode = "ram",
		.granularity = { true, ways > 1 ? 1024 : 256 }, .commit = { true, 1 },
	};
	for (size_t i = 0; i < ways; i++) {
		f->positions[n][i] = &f->memdevs[first + i * step];
		f->tied[n][i] = &f->rps[first + i * step];
	}
	return r;
}

static inline struct cxl_dax *add_dax(struct fixture *f, struct cxl_region *r, uint64_t offset,
				      uint64_t size)
{
	size_t n = f->host.n_dax++;
	struct cxl_dax *d = &f->dax[n];

	f->ranges[n] = (struct addr_range){ r->resource.v + offset,
					    r->resource.v + offset + size - 1 };
	*d = (struct cxl_dax){
		.name = dax_names[n], .path = "d", .region = r, .driver = "device_dax", .size_bytes = { true, size },
		.ranges = &f->ranges[n], .n_ranges = 1,
	};
	f->files[n] = (struct dax_file){ .start = { true, f->ranges[n].first }, .align = { true, 2 * MIB }, .is_known = true, .owner = "qemu", .group = "kvm", .uid = 107, .gid = 36, .mode = 0660 };
	f->in_region[r - f->regions][r->n_dax++] = d;
	return d;
}

static inline int resolve(struct fixture *f, const char *text)
{
	int rc = policy_parse("f.conf", text, strlen(text), &f->arena, &f->policy, &f->err);

	if (rc)
		fail_msg("%s", f->err.text);
	return layout_resolve(&f->policy.layout, &f->facts, &f->arena, &f->wanted, &f->err);
}

/* It is resolved, and compared. */
static inline void match(struct fixture *f, const char *text)
{
	if (resolve(f, text))
		fail_msg("%s", f->err.text);
	assert_int_equal(layout_match(&f->wanted, &f->facts, &f->arena, &f->matches), 0);
}

/* A sentence with that line, those words, and the state: nothing was written. */
static inline void assert_refused(const struct fixture *f, int rc, enum exit_status status,
				  unsigned int line, const char *says)
{
	char where[32];

	snprintf(where, sizeof(where), "f.conf:%u: ", line);
	if (!rc || f->err.status != status || strncmp(f->err.text, where, strlen(where)) ||
	    !strstr(f->err.text, says) ||
	    !strstr(f->err.text, rc == -ENODEV ? "nothing of the layout" : ", nothing was written"))
		fail_msg("%d, line %u, '%s': %d, %d, %s", status, line, says, rc, f->err.status, rc ? f->err.text : "");
}

#endif
