// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI functions below a root port: accelerators (type 1 and 2), which
 * belong to drivers of their own, and what can take the link down.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cxl/lib/snapshot/host.h"
#include "util/parse.h"

#define SLOTS "sys/bus/pci/slots"

static bool is_pci(const char *name)
{
	uint64_t key;

	return parse_pci_address(name, &key);
}

static struct cxl_memdev *memdev_on(const struct cxl_root_port *rp, const char *name)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->host && !strcmp(rp->memdevs[i]->host, name))
			return rp->memdevs[i];
	return NULL;
}

/* The path of @attr in @dir, if it is there. */
static const char *if_there(struct cxl_host *host, const char *dir, const char *attr)
{
	char path[PATH_MAX];
	struct statx st;

	return !sysfs_join(path, sizeof(path), dir, attr) && !sysfs_stat(&host->fs, path, &st) ?
		arena_strdup(&host->arena, path) : NULL;
}

static int add_accelerator(struct cxl_host *host, struct cxl_root_port *rp, const char *path, const char *name,
			   const struct cxl_memdev *m, uint16_t caps)
{
	const char *driver = attr_link_name(host, name, path, "driver");
	struct cxl_accelerator *more;

	/* a type-3 device, whose memdev is not there: cxl_pci's, or would be */
	if (!m && (driver ? !strcmp(driver, "cxl_pci") : !(caps & DVSEC_CAP_CACHE)))
		return 0;
	more = arena_alloc(&host->arena, rp->n_accelerators + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (rp->n_accelerators)
		memcpy(more, rp->accelerators, rp->n_accelerators * sizeof(*more));
	more[rp->n_accelerators++] = (struct cxl_accelerator){
		.name = name, .driver = driver, .caps = caps, .memdev = m,
		.reset_method = if_there(host, path, "reset_method"),
		.cxl_reset = m ? if_there(host, m->path, "cxl_reset") : NULL,
	};
	rp->accelerators = more;
	more += rp->n_accelerators - 1;
	if (!more->cxl_reset)
		more->cxl_reset = if_there(host, path, "cxl_reset");
	return 0;
}

/* What hangs below the PCI function at @path, switches walked through. */
static int scan(struct cxl_host *host, struct cxl_root_port *rp, const char *path, unsigned int depth)
{
	struct sysfs_names names;
	int rc = sysfs_list(&host->fs, &host->arena, path, is_pci, &names);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	sysfs_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		const struct cxl_memdev *m = memdev_on(rp, names.v[i]);
		uint16_t caps;
		char *child;

		if (m && !m->is_accelerator)
			continue;
		child = arena_printf(&host->arena, "%s/%s", path, names.v[i]);
		if (!child)
			return -ENOMEM;
		caps = registers_device_caps(host, child, names.v[i]);
		if (m || caps)
			rc = add_accelerator(host, rp, child, names.v[i], m, caps);
		else if (depth)
			rc = scan(host, rp, child, depth - 1);
		if (rc)
			return rc;
	}
	return 0;
}

/* Below a root port with one type-3 memdev and no switch nothing else can be. */
static bool is_simple(const struct cxl_root_port *rp)
{
	return rp->n_memdevs == 1 && rp->memdevs[0]->n_chain == 2 && !rp->memdevs[0]->is_accelerator;
}

/* The function directly below the root port; NULL when none is known. */
static const char *first_below(const struct cxl_root_port *rp)
{
	if (rp->n_memdevs && rp->memdevs[0]->n_chain >= 2)
		return rp->memdevs[0]->chain[1];
	return rp->n_accelerators ? rp->accelerators[0].name : NULL;
}

static bool offers_cxl_bus(struct cxl_host *host, const struct cxl_root_port *rp, const char *below)
{
	char path[PATH_MAX], word[16];
	const char *text, *at;

	/* it resets the bus that the device is on: pci_cxl_reset() in drivers/pci/pci.c */
	snprintf(path, sizeof(path), "%s/%s", rp->path, below);
	text = attr_text(host, path, "reset_method");
	for (at = text; at && sscanf(at, "%15s", word) == 1; at = strchr(at + strspn(at, " "), ' '))
		if (!strcmp(word, "cxl_bus"))
			return true;
	return false;
}

/* A slot's address is that of the device in it without the function: "0000:0d:00". */
static int read_slots(struct cxl_host *host, struct sysfs_names *names, const char ***ret)
{
	int rc = sysfs_list(&host->fs, &host->arena, SLOTS, NULL, names);

	if (rc)
		names->n = 0;
	*ret = arena_alloc(&host->arena, names->n, sizeof(**ret));
	if (rc == -ENOMEM || !*ret)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), SLOTS "/%.200s", names->v[i]);
		(*ret)[i] = attr_text(host, path, "address");
	}
	return 0;
}

/* What is asked last costs most: only where nothing else takes the link down. */
static int read_link_ways(struct cxl_host *host)
{
	const char **addresses = NULL;
	struct sysfs_names slots;

	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->root_ports[i];
		const char *below = first_below(rp);
		size_t n = below ? strlen(below) : 0;

		if (n < 3 || (rp->ext.known && rp->ext.control & (PORT_UNMASK_SBR | PORT_UNMASK_LINK_DISABLE)))
			continue;
		rp->cxl_bus_reset = offers_cxl_bus(host, rp, below);
		if (rp->cxl_bus_reset || !rp->power_controller)
			continue;
		if (!addresses && read_slots(host, &slots, &addresses))
			return -ENOMEM;
		for (size_t k = 0; k < slots.n; k++)
			if (addresses[k] && !strncmp(addresses[k], below, n - 2) && !addresses[k][n - 2])
				rp->slot = slots.v[k];
	}
	return 0;
}

size_t root_port_endpoints(const struct cxl_root_port *rp)
{
	size_t n = rp->n_memdevs;

	for (size_t i = 0; i < rp->n_accelerators; i++)
		n += !rp->accelerators[i].memdev;
	return n;
}

int devices_read(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->root_ports[i];

		if (rp->present && !is_simple(rp) && scan(host, rp, rp->path, 4))
			return -ENOMEM;
		if (rp->bridge)
			rp->bridge->n_endpoints += root_port_endpoints(rp);
	}
	return read_link_ways(host);
}
