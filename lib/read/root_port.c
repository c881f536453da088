// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root ports: which there are, where they are, and what is connected to them.
 * They are whatever stands first on a memdev's PCI path, and the root ports with
 * CXL Extensions for Ports (DVSEC 3) below a host bridge of the CXL bus.  The
 * downstream ports that the kernel knows are not enough: from 7.2 on it makes them
 * of ports with a CXL device only, and before that also of plain PCIe root ports.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iso/backend.h"
#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

static int root_port_cmp(const void *a, const void *b)
{
	const struct cxl_root_port *p = a, *q = b;

	return p->key < q->key ? -1 : p->key > q->key;
}

/* The host bridge's port that hangs below PCI host bridge "pci0000:0c". */
static struct cxl_port *bridge_of_pci(struct cxl_host *host, const char *pci_host)
{
	for (size_t i = 0; i < host->n_ports; i++)
		if (!host->ports[i].parent && host->ports[i].host &&
		    !strcmp(host->ports[i].host, pci_host))
			return &host->own->ports[i];
	return NULL;
}

/* "sys/devices/pci0000:0c/…" -> "pci0000:0c" into @buf; NULL when there is none. */
static const char *pci_host_of(const char *path, char *buf, size_t size)
{
	const char *p = strstr(path, "/pci");
	size_t n;

	if (!p)
		return NULL;
	n = strcspn(++p, "/");
	if (n >= size)
		return NULL;
	memcpy(buf, p, n);
	buf[n] = '\0';
	return buf;
}

/* Directory of the PCI device @name on @path, cut right behind its name. */
static const char *cut_path(struct cxl_host *host, const char *path, const char *name)
{
	const char *p = strstr(path, name);

	return p ? arena_strndup(host->arena, path, (size_t)(p - path) + strlen(name)) : NULL;
}

/* Sort, and make one of those with the same address. */
static size_t unique_root_ports(struct cxl_root_port *rps, size_t n)
{
	size_t unique = 0;

	if (n)
		qsort(rps, n, sizeof(*rps), root_port_cmp);
	for (size_t i = 0; i < n; i++) {
		struct cxl_root_port *last = unique ? &rps[unique - 1] : NULL;

		if (!last || last->key != rps[i].key) {
			rps[unique++] = rps[i];
			continue;
		}
		if (!last->path)
			last->path = rps[i].path;
		if (!last->bridge)
			last->bridge = rps[i].bridge;
		last->is_dport |= rps[i].is_dport;
	}
	return unique;
}

/* Those on the memdevs' PCI paths. */
static size_t root_ports_of_memdevs(struct cxl_host *host, struct cxl_root_port *rps)
{
	char pci_host[64];
	size_t n = 0;

	for (size_t i = 0; i < host->n_memdevs; i++) {
		struct cxl_memdev *m = &host->own->memdevs[i];
		const char *pci = pci_host_of(m->path, pci_host, sizeof(pci_host));
		struct cxl_port *bridge = pci ? bridge_of_pci(host, pci) : NULL;

		/* one address alone is a root complex integrated endpoint (CXL 1.1) */
		if (m->n_chain < 2)
			continue;
		rps[n] = (struct cxl_root_port){
			.name = m->chain[0],
			.bridge = bridge,
			.path = cut_path(host, m->path, m->chain[0]),
			/* an endpoint hangs below a downstream port of its ancestors */
			.is_dport = bridge && m->endpoint &&
				    path_is_below(m->endpoint->path, bridge->path),
		};
		parse_pci_address(rps[n].name, &rps[n].key);
		n++;
	}
	return unique_root_ports(rps, n);
}

/* Those that have no memdev: where a host bridge has more downstream ports. */
static int add_dports(struct cxl_host *host, struct cxl_root_port *rps, size_t *n)
{
	size_t *known = arena_alloc(host->arena, host->n_ports, sizeof(*known)), populated = *n;

	if (!known)
		return -ENOMEM;
	for (size_t i = 0; i < populated; i++)
		if (rps[i].is_dport)
			known[rps[i].bridge - host->ports]++;
	for (size_t i = 0; i < host->n_ports; i++) {
		struct cxl_port *port = &host->own->ports[i];

		if (port->parent || known[i] == port->n_dports)
			continue;
		port_follow_dports(host, port);
		for (size_t d = 0; d < port->n_dports; d++) {
			rps[*n] = (struct cxl_root_port){ .name = port->dports[d],
							  .bridge = port,
							  .is_dport = true };
			parse_pci_address(rps[*n].name, &rps[*n].key);
			(*n)++;
		}
	}
	*n = unique_root_ports(rps, *n);
	return 0;
}

/* --- below the PCI host bridges --------------------------------------------------- */

/* The PCI functions on the root bus of @port's host bridge. */
static int list_root_bus(struct cxl_host *host, const struct cxl_port *port,
			 struct sysfs_names *ret)
{
	char path[PATH_MAX];
	int rc;

	*ret = (struct sysfs_names){ 0 };
	if (port->parent || !port->host || strncmp(port->host, "pci", 3))
		return 0;
	snprintf(path, sizeof(path), "sys/devices/%.64s", port->host);
	rc = sysfs_list(host->fs, host->arena, path, is_pci_address, ret);
	if (rc)
		ret->n = 0;
	return rc == -ENOMEM ? rc : 0;
}

/* By its address among the first @n, which are sorted. */
static bool is_known(const struct cxl_root_port *rps, size_t n, const char *name)
{
	struct cxl_root_port key = { 0 };

	parse_pci_address(name, &key.key);
	return n && bsearch(&key, rps, n, sizeof(*rps), root_port_cmp);
}

/* "0000:0c:01.0 and 2 more" of the functions of which it cannot be told what they are. */
struct untold {
	const char *first, *bridge;
	size_t n;
};

/* The first @sorted of them were found otherwise. */
static int add_from_root_bus(struct cxl_host *host, struct cxl_port *port,
			     const struct sysfs_names *names, struct cxl_root_port *rps,
			     size_t sorted, size_t *n, struct untold *untold)
{
	for (size_t i = 0; i < names->n; i++) {
		char *path;
		enum tri is_one;

		if (is_known(rps, sorted, names->v[i]))
			continue;
		path = arena_printf(host->arena, "sys/devices/%s/%s", port->host, names->v[i]);
		if (!path)
			return -ENOMEM;
		is_one = registers_is_cxl_root_port(host, path);
		if (is_one == TRI_UNKNOWN && !untold->n++) {
			untold->first = names->v[i];
			untold->bridge = port->name;
		}
		if (is_one != TRI_YES)
			continue;
		rps[*n] =
			(struct cxl_root_port){ .name = names->v[i], .bridge = port, .path = path };
		parse_pci_address(rps[*n].name, &rps[*n].key);
		(*n)++;
	}
	return 0;
}

static void report_unlisted(struct cxl_host *host, const struct untold *untold)
{
	char more[32] = "";

	if (untold->n > 1)
		snprintf(more, sizeof(more), " and %zu more", untold->n - 1);
	if (untold->n)
		message_add(host->messages, SEV_INFO, "ROOT-PORTS", untold->bridge,
			    "there may be other CXL root ports than these below %s: whether %s%s is one cannot be told, since its config space cannot be read whole; %s",
			    untold->bridge, untold->first, more,
			    host->fs->is_capture ? "a capture made by root has it" : "run the command as root");
}

/* A downstream port of the kernel's that is a plain PCIe root port: no CXL device can be below. */
static bool is_plain(struct cxl_host *host, const struct cxl_root_port *rp)
{
	char link[PATH_MAX];

	if (rp->path)	/* above a memdev, or found by its config space */
		return false;
	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", rp->name);
	return sysfs_exists(host->fs, link) && registers_is_cxl_root_port(host, link) == TRI_NO;
}

static size_t drop_plain(struct cxl_host *host, struct cxl_root_port *rps, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_plain(host, &rps[i]))
			rps[kept++] = rps[i];
	return kept;
}

/* --- all of them --------------------------------------------------------------------- */

static int locate_root_port(struct cxl_host *host, struct cxl_root_port *rp)
{
	char link[PATH_MAX], *path = NULL;

	rp->present = rp->path;
	if (rp->present)
		return 0;
	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", rp->name);
	rp->present = !sysfs_resolve(host->fs, host->arena, link, &path);
	rp->path = rp->present ? path : arena_strdup(host->arena, link);
	if (!rp->present)
		message_add(host->messages, SEV_WARNING, "PCI", rp->name,
			    "root port %s is known to the CXL bus but its PCI device is gone; bring it back with 'echo 1 > /sys/bus/pci/rescan', then unbind and bind %s in /sys/bus/cxl/drivers/cxl_port, and bind what comes back without driver in cxl_mem",
			    rp->name, rp->bridge ? rp->bridge->name : "its port");
	return rp->path ? 0 : -ENOMEM;
}

int root_ports_read(struct cxl_host *host)
{
	struct sysfs_names *below = arena_alloc(host->arena, host->n_ports, sizeof(*below));
	size_t capacity = host->n_memdevs, sorted, n;
	struct untold untold = { 0 };
	struct cxl_root_port *rps;

	for (size_t i = 0; below && i < host->n_ports; i++) {
		if (list_root_bus(host, &host->ports[i], &below[i]))
			return -ENOMEM;
		capacity += host->ports[i].n_dports + below[i].n;
	}
	rps = arena_alloc(host->arena, capacity, sizeof(*rps));
	if (!below || !rps)
		return -ENOMEM;
	n = root_ports_of_memdevs(host, rps);
	if (add_dports(host, rps, &n))
		return -ENOMEM;
	sorted = n;
	for (size_t i = 0; i < host->n_ports; i++)
		if (add_from_root_bus(host, &host->own->ports[i], &below[i], rps, sorted, &n,
				      &untold))
			return -ENOMEM;
	n = unique_root_ports(rps, n);
	n = drop_plain(host, rps, n);	/* last: what is known already is not asked again */
	report_unlisted(host, &untold);
	host->root_ports = host->own->root_ports = rps;
	host->n_root_ports = n;
	for (size_t i = 0; i < n; i++)
		if (locate_root_port(host, &rps[i]))
			return -ENOMEM;
	return 0;
}

static void count_memdevs(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (host->memdevs[i].root_port)
			OWN(host, root_ports, host->memdevs[i].root_port)->n_memdevs++;
}

/* Binding the memdev is harmless; its port may have to look again, which takes
 * down whatever else hangs below the same host bridge. */
static void report_unbound(struct cxl_host *host, const struct cxl_memdev *m)
{
	const struct cxl_port *bridge = m->root_port ? m->root_port->bridge : NULL;
	const char *others = "";

	for (size_t i = 0; bridge && others && i < host->n_memdevs; i++) {
		const struct cxl_memdev *o = &host->memdevs[i];

		if (o != m && o->bound && o->n_chain >= 2 && o->endpoint &&
		    path_is_below(o->endpoint->path, bridge->path))
			others = arena_join(host->arena, others, ", ", o->name);
	}
	if (!bridge || (others && *others))
		message_add(host->messages, SEV_WARNING, "UNBOUND", m->name,
			    "%s has no driver: it has left the CXL topology and its memory cannot be used; try 'echo %s > /sys/bus/cxl/drivers/cxl_mem/bind'%s%s%s%s",
			    m->name, m->name, bridge ? "; where that is refused only unbinding and binding " : "",
			    bridge ? bridge->name : "", bridge ? " helps, which takes down " : "", bridge && others ? others : "");
	else
		message_add(host->messages, SEV_WARNING, "UNBOUND", m->name,
			    "%s has no driver: it has left the CXL topology and its memory cannot be used; bring it back with 'cd /sys/bus/cxl/drivers; echo %s > cxl_port/unbind; echo %s > cxl_port/bind; echo %s > cxl_mem/bind'",
			    m->name, bridge->name, bridge->name, m->name);
}

int root_ports_attach(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_memdevs; i++) {
		struct cxl_memdev *m = &host->own->memdevs[i];

		m->root_port = m->n_chain >= 2 ? host_root_port(host, m->chain[0]) : NULL;
		if (m->root_port && m->root_port->bridge)
			m->bus = m->root_port->bridge->bus;
		if (!m->bus)
			m->bus = &host->buses[0];
		if (!m->bound)
			report_unbound(host, m);
	}
	count_memdevs(host);
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->own->root_ports[i];

		rp->memdevs = arena_alloc(host->arena, rp->n_memdevs, sizeof(*rp->memdevs));
		if (!rp->memdevs)
			return -ENOMEM;
		rp->n_memdevs = 0;
	}
	for (size_t i = 0; i < host->n_memdevs; i++) {
		struct cxl_root_port *rp;

		if (!host->memdevs[i].root_port)
			continue;
		rp = OWN(host, root_ports, host->memdevs[i].root_port);
		rp->memdevs[rp->n_memdevs++] = &host->memdevs[i];
	}
	return 0;
}
