// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory devices on the nvdimm bus, and persistent regions: the pmem_region
 * device and the nvdimm bus's region over it with its empty seeds
 * (drivers/cxl/pmem.c, drivers/nvdimm of Linux 6.12).
 * Namespaces cannot be made.
 */
#include "sim/models/nd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/models.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

#define PMEM_RESOURCE "Persistent Memory"
#define SEEDS 4

static const char *const seeds[SEEDS] = { "btt", "dax", "namespace", "pfn" };

/* Attributes that are the same in every region without namespaces; "" is the region itself. */
static const struct {
	const char *dir, *name;
	mode_t mode;
	const char *text;
} attrs[] = {
	{ "", "align", 0644, "0x1000000\n" },
	{ "", "badblocks", 0444, "" },
	{ "", "deep_flush", 0444, "0\n" },
	{ "", "devtype", 0444, "nd_pmem\n" },
	{ "", "init_namespaces", 0444, "1/1\n" },
	{ "", "modalias", 0444, "nd:t2\n" },
	{ "", "nstype", 0444, "5\n" },
	{ "", "numa_node", 0444, "0\n" },
	{ "", "persistence_domain", 0444, "memory_controller\n" },
	{ "", "read_only", 0644, "0\n" },
	{ "", "uevent", 0644, "DEVTYPE=nd_pmem\nMODALIAS=nd:t2\n" },
	{ "btt", "devtype", 0444, "nd_btt\n" },
	{ "btt", "log_zero_flags", 0444, "Y\n" },
	{ "btt", "modalias", 0444, "nd:t5\n" },
	{ "btt", "namespace", 0644, "\n" },
	{ "btt", "numa_node", 0444, "0\n" },
	{ "btt", "sector_size", 0644, "512 520 528 4096 4104 4160 4224 \n" },
	{ "btt", "size", 0444, "" },
	{ "btt", "uevent", 0644, "DEVTYPE=nd_btt\nMODALIAS=nd:t5\n" },
	{ "btt", "uuid", 0644, "\n" },
	{ "dax", "align", 0644, "2097152\n" },
	{ "dax", "devtype", 0444, "nd_dax\n" },
	{ "dax", "modalias", 0444, "nd:t7\n" },
	{ "dax", "mode", 0644, "none\n" },
	{ "dax", "namespace", 0644, "\n" },
	{ "dax", "numa_node", 0444, "0\n" },
	{ "dax", "resource", 0400, "" },
	{ "dax", "size", 0444, "" },
	{ "dax", "supported_alignments", 0444, "4096 2097152 1073741824 \n" },
	{ "dax", "uevent", 0644, "DEVTYPE=nd_dax\nMODALIAS=nd:t7\n" },
	{ "dax", "uuid", 0644, "\n" },
	{ "namespace", "alt_name", 0644, "\n" },
	{ "namespace", "devtype", 0444, "nd_namespace_pmem\n" },
	{ "namespace", "dpa_extents", 0444, "0\n" },
	{ "namespace", "force_raw", 0644, "0\n" },
	{ "namespace", "holder", 0444, "\n" },
	{ "namespace", "holder_class", 0644, "\n" },
	{ "namespace", "modalias", 0444, "nd:t5\n" },
	{ "namespace", "mode", 0444, "raw\n" },
	{ "namespace", "nstype", 0444, "5\n" },
	{ "namespace", "numa_node", 0444, "0\n" },
	{ "namespace", "resource", 0400, "" },
	{ "namespace", "sector_size", 0644, "512 4096 \n" },
	{ "namespace", "size", 0644, "0\n" },
	{ "namespace", "uevent", 0644, "DEVTYPE=nd_namespace_pmem\nMODALIAS=nd:t5\n" },
	{ "namespace", "uuid", 0644, "\n" },
	{ "pfn", "align", 0644, "2097152\n" },
	{ "pfn", "devtype", 0444, "nd_pfn\n" },
	{ "pfn", "modalias", 0444, "nd:t5\n" },
	{ "pfn", "mode", 0644, "none\n" },
	{ "pfn", "namespace", 0644, "\n" },
	{ "pfn", "numa_node", 0444, "0\n" },
	{ "pfn", "resource", 0400, "" },
	{ "pfn", "size", 0444, "" },
	{ "pfn", "supported_alignments", 0444, "4096 2097152 1073741824 \n" },
	{ "pfn", "uevent", 0644, "DEVTYPE=nd_pfn\nMODALIAS=nd:t5\n" },
	{ "pfn", "uuid", 0644, "\n" },
};

/* nd_fletcher64() over {offset, serial number} of each mapping, as 32-bit words */
static uint64_t set_cookie(const struct sim *sim, const struct node *region)
{
	uint32_t low = 0;
	uint64_t high = 0;

	for (unsigned int i = 0; i < region_ways(region) && region_target(sim, region, i); i++) {
		const struct node *target = region_target(sim, region, i);
		const struct node *memdev = tree_resolve(&sim->tree, target->parent, "uport");
		uint64_t words[] = { dev_number(target, "dpa_resource", 0), memdev ? dev_number(memdev, "serial", 0) : 0 };

		for (size_t k = 0; k < 2; k++) {
			low += (uint32_t)words[k];
			high += low;
			low += (uint32_t)(words[k] >> 32);
			high += low;
		}
	}
	return high << 32 | low;
}

/* The nvdimm bus's nmemN of a device: its id is the serial number. */
static struct node *memdev_nmem(const struct sim *sim, const struct node *memdev)
{
	uint64_t serial = dev_number(memdev, "serial", 0);
	struct node *n;

	for (size_t i = 0; (n = dev_next(sim, "nd", &i)); ) {
		const struct node *cxl = tree_child(n, "cxl");

		if (cxl && dev_number(cxl, "id", 0) == serial)
			return n;
	}
	return NULL;
}

static int add_mappings(struct sim *sim, const struct node *region, struct node *nd)
{
	unsigned int i = 0;
	char name[32];

	for (; i < region_ways(region) && region_target(sim, region, i); i++) {
		const struct node *target = region_target(sim, region, i);
		const struct node *memdev = tree_resolve(&sim->tree, target->parent, "uport");
		struct node *nmem = memdev ? memdev_nmem(sim, memdev) : NULL;

		if (!nmem)
			continue;
		snprintf(name, sizeof(name), "mapping%u", i);
		if (dev_set(sim, nd, name, "%s,%" PRIu64 ",%" PRIu64 ",%u", nmem->name,
			    dev_number(target, "dpa_resource", 0), dev_number(target, "dpa_size", 0), i) ||
		    dev_set(sim, nmem, "state", "active"))
			return -ENOMEM;
	}
	return dev_set(sim, nd, "mappings", "%u", i);
}

static int add_own(struct sim *sim, const struct node *region, struct node *nd, unsigned int number)
{
	uint64_t size = dev_number(region, "size", 0);
	char name[64], text[64];

	snprintf(text, sizeof(text), "0x%" PRIx64 "\n", dev_number(region, "resource", 0));
	if (dev_set(sim, nd, "size", "%" PRIu64, size) || dev_set(sim, nd, "available_size", "%" PRIu64, size) ||
	    dev_set(sim, nd, "max_available_extent", "%" PRIu64, size) || dev_add_attr(sim, nd, "resource", 0400, text) ||
	    dev_set(sim, nd, "set_cookie", "0x%" PRIx64, set_cookie(sim, region)) || add_mappings(sim, region, nd) ||
	    dev_set(sim, nd, "target_node", "%u", window_node(sim, region->parent)))
		return -ENOMEM;
	for (size_t i = 0; i < SEEDS; i++) {
		snprintf(name, sizeof(name), "%s_seed", seeds[i]);
		if (dev_set(sim, nd, name, "%s%u.0", seeds[i], number))
			return -ENOMEM;
	}
	return 0;
}

static int add_nd_region(struct sim *sim, const struct node *region, struct node *bus)
{
	static const char *const prefixes[] = { "region", NULL };
	unsigned int number = dev_free_number(sim, "nd", prefixes);
	struct node *nd, *dir;
	char name[64];

	snprintf(name, sizeof(name), "region%u", number);
	nd = tree_add(&sim->tree, bus, name, NODE_DIR, 0755);
	if (!nd || add_own(sim, region, nd, number))
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		dir = nd;
		if (*attrs[i].dir) {
			snprintf(name, sizeof(name), "%s%u.0", attrs[i].dir, number);
			dir = tree_add(&sim->tree, nd, name, NODE_DIR, 0755);
		}
		if (!dir || dev_add_attr(sim, dir, attrs[i].name, attrs[i].mode, attrs[i].text))
			return -ENOMEM;
		/* a seed without a namespace has neither */
		if (!*attrs[i].text && (!strcmp(attrs[i].name, "size") || !strcmp(attrs[i].name, "resource")))
			tree_child(dir, attrs[i].name)->read_errno = ENXIO;
	}
	for (size_t i = 0; i < SEEDS; i++) {
		snprintf(name, sizeof(name), "%s%u.0", seeds[i], number);
		dir = tree_child(nd, name);
		if (!dir || dev_register(sim, dir, "nd") ||
		    dev_set(sim, dir, "target_node", "%u", window_node(sim, region->parent)))
			return -ENOMEM;
	}
	if (dev_register(sim, nd, "nd"))
		return -ENOMEM;
	dev_bind(sim, nd, "nd", "nd_region");	/* when libnvdimm has it */
	return 0;
}

int pmem_region_create(struct sim *sim, struct node *region)
{
	struct node *bus = dev_find(sim, "nd", "ndbus0"), *dir;
	uint64_t start = dev_number(region, "resource", 0), size = dev_number(region, "size", 0);
	char name[80];

	snprintf(name, sizeof(name), "pmem_%.60s", region->name);
	dir = tree_add(&sim->tree, region, name, NODE_DIR, 0755);
	if (!dir || dev_set(sim, dir, "devtype", "cxl_pmem_region") || dev_set(sim, dir, "modalias", "cxl:t7") ||
	    dev_add_attr(sim, dir, "uevent", 0644, "DEVTYPE=cxl_pmem_region\nMODALIAS=cxl:t7\n") ||
	    dev_register(sim, dir, "cxl"))
		return -ENOMEM;
	if (dev_bind(sim, dir, "cxl", "cxl_pmem_region") || !bus)
		return 0;		/* cxl_pmem is not loaded */
	/* insert_resource(): around what is there */
	iomem_remove(sim, start, size, region->name);
	if (iomem_add(sim, start, size, PMEM_RESOURCE) || iomem_add(sim, start, size, region->name))
		return -ENOMEM;
	return add_nd_region(sim, region, bus);
}

static struct node *find_nd_region(const struct sim *sim, const struct node *region)
{
	uint64_t at = dev_number(region, "resource", 0);
	struct node *nd;

	for (size_t i = 0; (nd = dev_next(sim, "nd", &i)); )
		if (dev_is(nd, "devtype", "nd_pmem") && dev_number(nd, "resource", 1) == at)
			return nd;
	return NULL;
}

void pmem_region_remove(struct sim *sim, struct node *region)
{
	uint64_t start = dev_number(region, "resource", 0), size = dev_number(region, "size", 0);
	struct node *dir, *nd;
	char name[80];

	snprintf(name, sizeof(name), "pmem_%.60s", region->name);
	dir = tree_child(region, name);
	if (!dir)
		return;
	nd = find_nd_region(sim, region);
	if (nd) {
		for (unsigned int i = 0; i < dev_number(nd, "mappings", 0) && i < REGION_MAX_WAYS; i++) {
			char mapping[64];
			struct node *nmem;

			snprintf(name, sizeof(name), "mapping%u", i);
			if (!tree_text(nd, name, mapping, sizeof(mapping)))
				continue;
			mapping[strcspn(mapping, ",")] = '\0';
			nmem = dev_find(sim, "nd", mapping);
			if (nmem)
				dev_set(sim, nmem, "state", "idle");
		}
		dev_remove(sim, nd);
		iomem_remove(sim, start, size, region->name);
		iomem_remove(sim, start, size, PMEM_RESOURCE);
		iomem_add(sim, start, size, region->name);
	}
	dev_remove(sim, dir);
}

/* --- memory devices ------------------------------------------------------- */

static struct node *nvdimm_of(const struct node *memdev)
{
	unsigned int number;

	for (size_t i = 0; i < memdev->n_children; i++)
		if (parse_name(memdev->children[i]->name, "pmem", &number) && tree_child(memdev->children[i], "uevent"))
			return memdev->children[i];
	return NULL;
}

void nvdimm_remove(struct sim *sim, struct node *memdev)
{
	struct node *pmem = nvdimm_of(memdev), *nmem = memdev_nmem(sim, memdev);

	if (nmem) {
		dev_park(&sim->models->nmems, nmem);
		dev_remove(sim, nmem);
	}
	if (pmem) {
		dev_park(&sim->models->nmems, pmem);
		dev_remove(sim, pmem);
	}
}

/* Both come back under the numbers that they had. */
void nvdimm_add(struct sim *sim, struct node *memdev)
{
	for (const struct parked *p = sim->models->nmems; p; p = p->next) {
		const struct node *cxl = tree_child(p->gone, "cxl");
		struct node *parent = tree_dir(&sim->tree, p->parent_path), *n;
		bool mine = cxl ? dev_number(cxl, "id", 0) == dev_number(memdev, "serial", 1) : parent == memdev;

		if (!mine || !parent || tree_child(parent, p->gone->name))
			continue;
		n = dev_revive(sim, p->gone, parent, p->gone->name, NULL, "");
		if (n && !dev_register(sim, n, cxl ? "nd" : "cxl") && dev_driver(n))
			dev_bind(sim, n, cxl ? "nd" : "cxl", dev_driver(p->gone));
	}
}
