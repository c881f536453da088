// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CXL hierarchy out of /sys/bus/cxl: buses, ports, root ports, memdevs,
 * endpoints, and who is connected to whom.  Where a driver is gone
 * and its links with it, the PCI path of a memdev still tells its root port.
 *
 * Not here: regions (region.c), dax devices and memory blocks (memory.c),
 * isolation (isolation.c).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/modules.h"
#include "lib/read/reader.h"
#include "util/parse.h"

#define CXL_DEVICES "sys/bus/cxl/devices"

static int no_bus(struct cxl_host *host, int errnum, struct err *err)
{
	const char *acpi;
	struct sysfs_names names;

	if (errnum == ENOENT && host->fs->is_capture)
		return err_set(err, EXIT_PREREQ, ENODEV,
			       "the tree below --sysroot has no CXL bus: /sys/bus/cxl is missing in it; name the directory into which a capture of a CXL host was unpacked");
	if (errnum && errnum != ENOENT)
		return err_set(err, EXIT_PREREQ, errnum, "/%s cannot be read: %s", CXL_DEVICES, err_text(errnum));
	if (sysfs_list(host->fs, host->arena, "sys/bus/acpi/devices/ACPI0017:00", NULL, &names) &&
	    sysfs_list(host->fs, host->arena, "sys/devices/platform/ACPI0017:00", NULL, &names))
		return err_set(err, EXIT_PREREQ, ENODEV,
			       "this host has no CXL bus: the firmware describes none (no ACPI0017 device); enable CXL in the firmware setup");
	if (!sysfs_list(host->fs, host->arena, "sys/bus/platform/drivers/cxl_acpi", NULL, &names))
		return err_set(err, EXIT_PREREQ, ENODEV,
			       "this host has no CXL bus: firmware describes one (ACPI0017), but its driver is not bound to it; 'echo ACPI0017:00 > /sys/bus/platform/drivers/cxl_acpi/bind', and dmesg says why when that fails");
	acpi = module_text(host->fs, host->arena, "cxl_acpi", false);
	if (!acpi)
		return err_no_memory(err, " while reading the host");
	return err_set(err, EXIT_PREREQ, ENODEV, "this host has no CXL bus: firmware describes one (ACPI0017) but %s; %s",
		       errnum ? "/sys/bus/cxl is missing" : "no rootN is registered", acpi);
}

static const char *provider_of(const char *path)
{
	if (strstr(path, "/ACPI0017:"))
		return "ACPI.CXL";
	if (strstr(path, "/cxl_acpi."))
		return "cxl_test";
	return NULL;
}

static struct cxl_port *port_by_path(struct cxl_host *host, const char *path, size_t len)
{
	for (size_t i = 0; i < host->n_ports; i++)
		if (!strncmp(host->ports[i].path, path, len) && !host->ports[i].path[len])
			return &host->own->ports[i];
	return NULL;
}

static struct cxl_port *port_above(struct cxl_host *host, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? port_by_path(host, path, (size_t)(slash - path)) : NULL;
}

static struct cxl_memdev *memdev_by_name(struct cxl_host *host, const char *name)
{
	for (size_t lo = 0, hi = host->n_memdevs; lo < hi;) {	/* in natural order */
		size_t mid = (lo + hi) / 2;
		int c = natural_cmp(name, host->memdevs[mid].name);

		if (!c)
			return &host->own->memdevs[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/*
 * What hangs below one CXL port: its downstream ports, by the names of the
 * dportN links, and endpoints, whose directories are inside.
 */
static int read_children(struct cxl_host *host, struct cxl_port *port)
{
	struct sysfs_names names;
	char path[PATH_MAX];
	int rc = sysfs_list(host->fs, host->arena, port->path, NULL, &names);

	if (rc) {
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", port->name,
			    "%s: its downstream ports cannot be listed: %s", port->name, err_text(-rc));
		return rc == -ENOMEM ? rc : 0;
	}
	port->dports = arena_alloc(host->arena, names.n + 1, sizeof(*port->dports));
	if (!port->dports)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		const struct cxl_endpoint *found;
		unsigned int id;

		if (parse_name(names.v[i], "dport", &id))
			port->dports[port->n_dports++] = names.v[i];
		if (parse_name(names.v[i], "endpoint", &id) && (found = host_endpoint(host, id))) {
			struct cxl_endpoint *ep = OWN(host, endpoints, found);

			if (sysfs_join(path, sizeof(path), port->path, names.v[i]))
				continue;
			ep->path = arena_strdup(host->arena, path);
			ep->port = port;
			if (!ep->path)
				return -ENOMEM;
		}
	}
	return 0;
}

static int add_port(struct cxl_host *host, struct cxl_port *port)
{
	port->bus = host_bus_above(host, port->path);
	port->parent = port_above(host, port->path);
	port->host = attr_link_name(host, port->name, port->path, "uport");
	if (read_children(host, port))
		return -ENOMEM;
	if (port->parent)
		port_follow_dports(host, port);
	return 0;
}

/* The PCI addresses along @path, "…/pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem0". */
static int pci_chain(struct cxl_host *host, const char *path, const char ***ret, size_t *ret_n)
{
	char part[NAME_MAX + 1];
	size_t n = 0;
	const char **chain;

	for (const char *p = path; (p = strchr(p, ':')); p++)
		n++;
	chain = arena_alloc(host->arena, n + 1, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	*ret_n = 0;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len < sizeof(part)) {
			memcpy(part, path, len);
			part[len] = '\0';
			if (is_pci_address(part)) {
				chain[*ret_n] = arena_strndup(host->arena, part, len);
				if (!chain[*ret_n])
					return -ENOMEM;
				(*ret_n)++;
			}
		}
		path += len + strspn(path + len, "/");
	}
	*ret = chain;
	return 0;
}

/* Where the object's directory is; where its link is broken, the link itself. */
static char *object_path(struct cxl_host *host, const char *name)
{
	char link[PATH_MAX], *path;
	int rc;

	sysfs_join(link, sizeof(link), CXL_DEVICES, name);
	rc = sysfs_resolve(host->fs, host->arena, link, &path);
	if (!rc)
		return path;
	if (rc != -EINVAL)	/* a directory instead of a link */
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", name,
			    "%s: its link cannot be followed: %s", name, err_text(-rc));
	return arena_strdup(host->arena, link);
}

/* cxl_pci registers type-3 memdevs only; any other driver, a type-2 device's (drivers/cxl/core/memdev.c). */
static bool is_accelerator(struct cxl_host *host, const struct cxl_memdev *m)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(m->path, '/'), *driver;

	if (!m->host || !slash || (size_t)(slash - m->path) >= sizeof(parent))
		return false;
	memcpy(parent, m->path, (size_t)(slash - m->path));
	parent[slash - m->path] = '\0';
	driver = attr_link_name(host, m->name, parent, "driver");
	return driver && strcmp(driver, "cxl_pci");
}

static int add_memdev(struct cxl_host *host, struct cxl_memdev *m)
{
	int rc;

	if (!m->path)
		m->path = object_path(host, m->name);
	rc = m->path ? pci_chain(host, m->path, &m->chain, &m->n_chain) : -ENOMEM;
	if (rc)
		return rc;
	if (m->n_chain)
		m->host = m->chain[m->n_chain - 1];
	m->bound = attr_link_name(host, m->name, m->path, "driver");
	m->serial = attr_u64_optional(host, m->name, m->path, "serial");
	m->is_accelerator = !m->serial.known && is_accelerator(host, m);
	if (m->is_accelerator)	/* it has neither, and no need to */
		return 0;
	if (!m->serial.known)
		m->serial = attr_u64(host, m->name, m->path, "serial");
	m->ram_bytes = attr_u64(host, m->name, m->path, "ram/size");
	m->pmem_bytes = attr_u64(host, m->name, m->path, "pmem/size");
	return 0;
}

/* The kinds of object that make up the topology, those after what they belong to.
 * Decoders, nvdimm bridges and dax regions are not needed: a region names its
 * decoders, a decoder its endpoint. */
enum kind { BUS, PORT, ENDPOINT, MEMDEV, REGION, SYSRAM, N_KINDS };

static int new_bus(struct cxl_host *host, const char *name, unsigned int id)
{
	struct cxl_bus *bus = &host->own->buses[host->n_buses++];

	(void)id;
	*bus = (struct cxl_bus){ .name = name, .path = object_path(host, name) };
	if (!bus->path)
		return -ENOMEM;
	bus->provider = provider_of(bus->path);
	return 0;
}

static int new_port(struct cxl_host *host, const char *name, unsigned int id)
{
	struct cxl_port *port = &host->own->ports[host->n_ports++];

	(void)id;
	*port = (struct cxl_port){ .name = name, .path = object_path(host, name) };
	return port->path ? 0 : -ENOMEM;
}

/* Where endpoints and memdevs are is found from their port: one call less each. */
static int new_endpoint(struct cxl_host *host, const char *name, unsigned int id)
{
	host->own->endpoints[host->n_endpoints++] = (struct cxl_endpoint){ .name = name, .id = id };
	return 0;
}

static int new_memdev(struct cxl_host *host, const char *name, unsigned int id)
{
	host->own->memdevs[host->n_memdevs++] = (struct cxl_memdev){ .name = name, .id = id };
	return 0;
}

static int new_region(struct cxl_host *host, const char *name, unsigned int id)
{
	struct cxl_region *r = &host->own->regions[host->n_regions++];

	(void)id;
	*r = (struct cxl_region){ .name = name, .path = object_path(host, name) };
	return r->path ? 0 : -ENOMEM;
}

/* Posted, and not merged: see struct sysram_region. */
static int new_sysram(struct cxl_host *host, const char *name, unsigned int id)
{
	const char *path = object_path(host, name);

	(void)id;
	for (size_t i = 0; path && i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];

		if (path_is_below(path, r->path))
			r->sysram = (struct sysram_region){ .name = name, .path = path };
	}
	return path ? 0 : -ENOMEM;
}

static const struct {
	const char *prefix;
	int (*add)(struct cxl_host *host, const char *name, unsigned int id);
} kinds[N_KINDS] = {
	[BUS] = { "root", new_bus }, [PORT] = { "port", new_port },
	[ENDPOINT] = { "endpoint", new_endpoint }, [MEMDEV] = { "mem", new_memdev },
	[REGION] = { "region", new_region }, [SYSRAM] = { "sysram_region", new_sysram },
};

static int kind_of(const char *name, unsigned int *id)
{
	for (int k = 0; k < N_KINDS; k++)
		if (parse_name(name, kinds[k].prefix, id))
			return k;
	return -1;
}

static bool is_wanted(const char *name)
{
	unsigned int id;

	return kind_of(name, &id) >= 0;
}

static int read_objects(struct cxl_host *host, struct err *err)
{
	size_t count[N_KINDS] = { 0 };
	struct sysfs_names names;
	unsigned int id;
	int rc = sysfs_list(host->fs, host->arena, CXL_DEVICES, is_wanted, &names);

	if (rc == -ENOMEM)
		return err_no_memory(err, " while reading the CXL topology");
	if (rc)
		return no_bus(host, -rc, err);
	sysfs_sort(&names);
	/* counted first, so that the arrays never move and pointers into them hold */
	for (size_t i = 0; i < names.n; i++)
		count[kind_of(names.v[i], &id)]++;
	if (!count[BUS])
		return no_bus(host, 0, err);
	OWN_ALLOC(host, buses, count[BUS]);
	OWN_ALLOC(host, ports, count[PORT]);
	OWN_ALLOC(host, endpoints, count[ENDPOINT]);
	OWN_ALLOC(host, memdevs, count[MEMDEV]);
	OWN_ALLOC(host, regions, count[REGION]);
	if (!host->buses || !host->ports || !host->endpoints || !host->memdevs || !host->regions)
		return err_no_memory(err, " while reading the CXL topology");
	for (size_t i = 0; i < names.n; i++) {
		int kind = kind_of(names.v[i], &id);

		if (kinds[kind].add(host, names.v[i], id))
			return err_no_memory(err, " while reading the CXL topology");
	}
	return 0;
}

static int read_ports(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_ports; i++) {
		int rc = add_port(host, &host->own->ports[i]);

		if (rc)
			return rc;
	}
	return 0;
}

/* An endpoint's uport link leads to its memdev: that is where the memdev is. */
static int read_endpoints(struct cxl_host *host)
{
	char link[PATH_MAX];
	char *path;

	for (size_t i = 0; i < host->n_endpoints; i++) {
		struct cxl_endpoint *ep = &host->own->endpoints[i];
		struct cxl_memdev *m;
		const char *slash;
		int rc;

		if (!ep->path)
			ep->path = object_path(host, ep->name);
		if (!ep->path)
			return -ENOMEM;
		rc = sysfs_join(link, sizeof(link), ep->path, "uport");
		if (!rc)
			rc = sysfs_resolve(host->fs, host->arena, link, &path);
		if (rc == -ENOMEM)
			return rc;
		slash = rc ? NULL : strrchr(path, '/');
		m = slash ? memdev_by_name(host, slash + 1) : NULL;
		ep->memdev = m;
		if (m) {
			m->path = path;
			m->endpoint = ep;
		}
	}
	return 0;
}

/* A switch's port belongs to the root port on its parent's way up. */
static void attach_switches(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_ports; i++) {
		struct cxl_port *port = &host->own->ports[i];
		char link[PATH_MAX];
		const char **chain;
		size_t n_chain;
		char *path;

		if (!port->parent || !port->host)
			continue;
		snprintf(link, sizeof(link), "%s/uport", port->path);
		if (!sysfs_resolve(host->fs, host->arena, link, &path) &&
		    !pci_chain(host, path, &chain, &n_chain) && n_chain)
			port->root_port = host_root_port(host, chain[0]);
	}
}

int topology_read(struct cxl_host *host, struct err *err)
{
	int rc;

	host->own = arena_alloc(host->arena, 1, sizeof(*host->own));
	if (!host->own)
		return err_no_memory(err, " while reading the CXL topology");
	rc = read_objects(host, err);

	if (rc)
		return rc;
	rc = read_ports(host);
	if (!rc)
		rc = read_endpoints(host);
	for (size_t i = 0; !rc && i < host->n_memdevs; i++)
		rc = add_memdev(host, &host->own->memdevs[i]);
	if (!rc)
		rc = root_ports_read(host);
	if (!rc)
		rc = root_ports_attach(host);
	if (rc)
		return err_no_memory(err, " while reading the CXL topology");
	attach_switches(host);
	if (regions_read(host))
		return err_no_memory(err, " while reading the CXL topology");
	if (!host->n_root_ports && !host->n_memdevs && !host->n_regions)
		return err_set(err, EXIT_PREREQ, ENODEV,
			       "this host has a CXL bus (%s) but no CXL root port below it; check the slots and the firmware setup",
			       host->buses[0].name);
	return 0;
}
