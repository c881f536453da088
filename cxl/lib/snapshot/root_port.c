// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root ports: which there are, where they are, and what is connected to them.
 * They are the downstream ports of host bridges, and whatever stands first on a
 * memdev's PCI path (a port without driver shows no downstream ports).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl/lib/snapshot/host.h"
#include "util/parse.h"

struct cxl_root_port *host_root_port(struct cxl_host *host, const char *name)
{
	uint64_t key;

	if (!parse_pci_address(name, &key))
		return NULL;
	for (size_t lo = 0, hi = host->n_root_ports; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (host->root_ports[mid].key == key)
			return &host->root_ports[mid];
		if (key < host->root_ports[mid].key)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static int root_port_cmp(const void *a, const void *b)
{
	const struct cxl_root_port *p = a, *q = b;

	return p->key < q->key ? -1 : p->key > q->key;
}

/* The host bridge's port that hangs below PCI host bridge "pci0000:0c". */
static struct cxl_port *bridge_of_pci(struct cxl_host *host, const char *pci_host)
{
	for (size_t i = 0; i < host->n_ports; i++)
		if (!host->ports[i].parent && host->ports[i].host && !strcmp(host->ports[i].host, pci_host))
			return &host->ports[i];
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

	return p ? arena_strndup(&host->arena, path, (size_t)(p - path) + strlen(name)) : NULL;
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
		struct cxl_memdev *m = &host->memdevs[i];
		const char *pci = pci_host_of(m->path, pci_host, sizeof(pci_host));
		struct cxl_port *bridge = pci ? bridge_of_pci(host, pci) : NULL;

		/* one address alone is a root complex integrated endpoint (CXL 1.1) */
		if (m->n_chain < 2)
			continue;
		rps[n] = (struct cxl_root_port){
			.name = m->chain[0], .bridge = bridge, .path = cut_path(host, m->path, m->chain[0]),
			/* an endpoint hangs below a downstream port of its ancestors */
			.is_dport = bridge && m->endpoint && path_is_below(m->endpoint->path, bridge->path),
		};
		parse_pci_address(rps[n].name, &rps[n].key);
		n++;
	}
	return unique_root_ports(rps, n);
}

/* Those that have no memdev: where a host bridge has more downstream ports. */
static int add_empty_root_ports(struct cxl_host *host, struct cxl_root_port *rps, size_t *n)
{
	size_t *known = arena_alloc(&host->arena, host->n_ports, sizeof(*known)), populated = *n;

	if (!known)
		return -ENOMEM;
	for (size_t i = 0; i < populated; i++)
		if (rps[i].is_dport)
			known[rps[i].bridge - host->ports]++;
	for (size_t i = 0; i < host->n_ports; i++) {
		struct cxl_port *port = &host->ports[i];

		if (port->parent || known[i] == port->n_dports)
			continue;
		port_follow_dports(host, port);
		for (size_t d = 0; d < port->n_dports; d++) {
			rps[*n] = (struct cxl_root_port){ .name = port->dports[d], .bridge = port, .is_dport = true };
			parse_pci_address(rps[*n].name, &rps[*n].key);
			(*n)++;
		}
	}
	*n = unique_root_ports(rps, *n);
	return 0;
}

static int locate_root_port(struct cxl_host *host, struct cxl_root_port *rp)
{
	char link[PATH_MAX], *path = NULL;

	rp->present = rp->path;
	if (rp->present)
		return 0;
	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s", rp->name);
	rp->present = !sysfs_resolve(&host->fs, &host->arena, link, &path);
	rp->path = rp->present ? path : arena_strdup(&host->arena, link);
	if (!rp->present)
		message_add(&host->messages, SEV_WARNING, "PCI", rp->name,
			    "root port %s is known to the CXL bus but its PCI device is gone; bring it back with 'echo 1 > /sys/bus/pci/rescan', then unbind and bind %s in /sys/bus/cxl/drivers/cxl_port, and bind what comes back without driver in cxl_mem",
			    rp->name, rp->bridge ? rp->bridge->name : "its port");
	return rp->path ? 0 : -ENOMEM;
}

int root_ports_read(struct cxl_host *host)
{
	size_t capacity = host->n_memdevs, n;
	struct cxl_root_port *rps;

	for (size_t i = 0; i < host->n_ports; i++)
		capacity += host->ports[i].n_dports;
	rps = arena_alloc(&host->arena, capacity, sizeof(*rps));
	if (!rps)
		return -ENOMEM;
	n = root_ports_of_memdevs(host, rps);
	if (add_empty_root_ports(host, rps, &n))
		return -ENOMEM;
	host->root_ports = rps;
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
			host->memdevs[i].root_port->n_memdevs++;
}

/* Binding the memdev is harmless; its port may have to look again, which takes
 * down whatever else hangs below the same host bridge. */
static void tell_unbound(struct cxl_host *host, const struct cxl_memdev *m)
{
	const struct cxl_port *bridge = m->root_port ? m->root_port->bridge : NULL;
	const char *others = "";

	for (size_t i = 0; bridge && others && i < host->n_memdevs; i++) {
		const struct cxl_memdev *o = &host->memdevs[i];

		if (o != m && o->bound && o->n_chain >= 2 && o->endpoint && path_is_below(o->endpoint->path, bridge->path))
			others = arena_printf(&host->arena, "%s%s%s", others, *others ? ", " : "", o->name);
	}
	if (!bridge || (others && *others))
		message_add(&host->messages, SEV_WARNING, "UNBOUND", m->name,
			    "%s has no driver: it has left the CXL topology and its memory cannot be used; try 'echo %s > /sys/bus/cxl/drivers/cxl_mem/bind'%s%s%s%s",
			    m->name, m->name, bridge ? "; where that is refused only unbinding and binding " : "",
			    bridge ? bridge->name : "", bridge ? " helps, which takes down " : "", bridge && others ? others : "");
	else
		message_add(&host->messages, SEV_WARNING, "UNBOUND", m->name,
			    "%s has no driver: it has left the CXL topology and its memory cannot be used; bring it back with 'cd /sys/bus/cxl/drivers; echo %s > cxl_port/unbind; echo %s > cxl_port/bind; echo %s > cxl_mem/bind'",
			    m->name, bridge->name, bridge->name, m->name);
}

int root_ports_attach(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_memdevs; i++) {
		struct cxl_memdev *m = &host->memdevs[i];

		m->root_port = m->n_chain >= 2 ? host_root_port(host, m->chain[0]) : NULL;
		if (m->root_port && m->root_port->bridge)
			m->bus = m->root_port->bridge->bus;
		if (!m->bus)
			m->bus = &host->buses[0];
		if (!m->bound)
			tell_unbound(host, m);
	}
	count_memdevs(host);
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->root_ports[i];

		rp->memdevs = arena_alloc(&host->arena, rp->n_memdevs, sizeof(*rp->memdevs));
		if (!rp->memdevs)
			return -ENOMEM;
		rp->n_memdevs = 0;
	}
	for (size_t i = 0; i < host->n_memdevs; i++) {
		struct cxl_root_port *rp = host->memdevs[i].root_port;

		if (rp)
			rp->memdevs[rp->n_memdevs++] = &host->memdevs[i];
	}
	return 0;
}
