// SPDX-License-Identifier: GPL-2.0-only
/* Names for TARGET: see target_names.h. */
#include "lib/read/target_names.h"

#include <stdio.h>
#include <string.h>

#include "lib/model/target.h"
#include "lib/read/host_read.h"
#include "lib/read/reader.h"

/* Also without its domain, once that is how it is typed ("0c:"). */
static void offer_address(const struct complete *c, const char *name, const char *help)
{
	static const char domain[] = "0000:";

	complete_offer(c, name, help);
	if (strchr(c->value, ':') && !strncmp(name, domain, strlen(domain)))
		complete_offer(c, name + strlen(domain), help);
}

static void offer_root_ports(const struct complete *c, const struct cxl_host *h)
{
	for (size_t i = 0; i < h->n_root_ports; i++) {
		const struct cxl_root_port *rp = &h->root_ports[i];
		char help[80];
		int n = snprintf(help, sizeof(help), "root port%s", rp->n_memdevs ? " of" : "");

		for (size_t k = 0; k < rp->n_memdevs && n < (int)sizeof(help); k++)
			n += snprintf(help + n, sizeof(help) - (size_t)n, " %s", rp->memdevs[k]->name);
		offer_address(c, rp->name, help);
	}
}

static void offer_cxl(const struct complete *c, const struct cxl_host *h, unsigned int kinds)
{
	if (kinds & TARGET_PCI)
		offer_root_ports(c, h);
	if (kinds & TARGET_BUS)
		complete_offer(c, "all", "all of this host");
	for (size_t i = 0; kinds & TARGET_BUS && i < h->n_buses; i++)
		complete_offer(c, h->buses[i].name, "all of this bus");
	for (size_t i = 0; kinds & TARGET_PORT && i < h->n_ports; i++)
		complete_offer(c, h->ports[i].name, h->ports[i].parent ? "port of a switch" : "host bridge");
	for (size_t i = 0; kinds & TARGET_MEMDEV && i < h->n_memdevs; i++)
		complete_offer(c, h->memdevs[i].name, "memory device");
	for (size_t i = 0; kinds & TARGET_REGION && i < h->n_regions; i++)
		complete_offer(c, h->regions[i].name, "region");
}

static void offer_dax(const struct complete *c, struct host_reading *reading)
{
	struct sysfs_names names;

	if (sysfs_list(&reading->fs, &reading->arena, "sys/bus/dax/devices", is_dax_name, &names))
		return;
	sysfs_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		complete_offer(c, names.v[i], "dax device");
}

void target_drivers_complete(const struct complete *c)
{
	struct arena arena = { 0 };
	struct sysfs_names names;
	struct sysfs fs;
	struct err err;

	if (sysfs_init(&fs, NULL, &err))
		return;
	if (!sysfs_list(&fs, &arena, "sys/bus/pci/drivers", NULL, &names))
		for (size_t i = 0; i < names.n; i++)
			complete_offer(c, names.v[i], NULL);
	sysfs_exit(&fs);
	arena_free(&arena);
}

void target_names_complete(const struct complete *c, unsigned int kinds)
{
	struct host_reading reading;
	struct err err;

	host_reading_init(&reading);
	if (!sysfs_init(&reading.fs, complete_option(c, "sysroot"), &err)) {
		if (kinds & ~(unsigned int)TARGET_DAX && !topology_read(&reading.host, &err))
			offer_cxl(c, &reading.host, kinds);
		if (kinds & TARGET_DAX)
			offer_dax(c, &reading);
	}
	host_free(&reading);
}
