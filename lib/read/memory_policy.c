// SPDX-License-Identifier: GPL-2.0-only
/*
 * How this host treats memory that is added to it, and how much of its other
 * memory is left: what is one for the host and not one for each object.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/array.h"
#include "util/parse.h"

#define NODES "sys/devices/system/node"
#define DEMOTION "sys/kernel/mm/numa/demotion_enabled"
#define MEMMAP_PARAMETER "sys/module/memory_hotplug/parameters/memmap_on_memory"

static bool is_cxl_node(const struct cxl_host *host, unsigned int node)
{
	for (size_t i = 0; i < host->n_dax; i++)
		if (host->dax[i].target_node.known && host->dax[i].target_node.v == node)
			return true;
	return false;
}

/*
 * What a node could give: free pages, and half of what it could drop, which is
 * the part that the kernel's own estimate always counts (si_mem_available() in
 * mm/show_mem.c).
 */
static struct opt_u64 read_node(struct cxl_host *host, const char *name)
{
	static const struct {
		const char *what;
		unsigned int shift;
	} parts[] = {
		{ "MemFree:", 0 }, { "Active(file):", 1 }, { "Inactive(file):", 1 }, { "SReclaimable:", 1 },
	};
	char path[128], text[4096];
	struct opt_u64 ret = { 0 };

	snprintf(path, sizeof(path), NODES "/%.32s/meminfo", name);
	if (sysfs_read(host->fs, path, text, sizeof(text)) < 0)
		return ret;
	for (char *line = text, *end; line && *line; line = end ? end + 1 : NULL) {
		char what[64];
		unsigned long long kib;

		end = strchr(line, '\n');
		if (sscanf(line, "Node %*u %63s %llu kB", what, &kib) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (!strcmp(what, parts[i].what)) {
				ret.known = true;
				ret.v += kib * 1024 >> parts[i].shift;
			}
	}
	return ret;
}

static bool is_node(const char *name)
{
	unsigned int id;

	return parse_name(name, "node", &id);
}

static int read_room(struct cxl_host *host)
{
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, NODES, is_node, &names);

	if (rc)	/* a kernel without NUMA */
		return rc == -ENOMEM ? rc : 0;
	for (size_t i = 0; i < names.n; i++) {
		unsigned int id;
		struct opt_u64 room;

		parse_name(names.v[i], "node", &id);
		if (is_cxl_node(host, id))
			continue;
		room = read_node(host, names.v[i]);
		host->policy.room_bytes.known |= room.known;
		host->policy.room_bytes.v += room.v;
	}
	return 0;
}

static void read_demotion(struct cxl_host *host)
{
	const char *text = attr_text(host, DEMOTION, NULL);

	/* as kstrtobool() and its show function have them: mm/memory-tiers.c */
	host->policy.demotion = !text ? (sysfs_exists(host->fs, DEMOTION) ? TRI_UNKNOWN : TRI_NO) : tri_of(!strcmp(text, "true") || !strcmp(text, "1"));
}

/* Which memory devices the udev rule keeps away from kmem; while the bus binds by itself it does not. */
static int read_kept(struct cxl_host *host)
{
	const char *autoprobe = attr_text(host, DAX_AUTOPROBE, NULL);
	char *text, line[80];
	size_t n;
	int rc;

	if (!autoprobe || strcmp(autoprobe, "0"))
		return 0;
	rc = sysfs_read_whole(host->fs, host->arena, &(UDEV_RULES_DIR "/" DAX_KEPT_FILE)[1], 1 << 20, &text, &n);
	for (size_t i = 0; !rc && i < host->n_memdevs; i++) {
		snprintf(line, sizeof(line), "\n" DAX_KEPT_RULE "%llx\"", (unsigned long long)host->memdevs[i].serial.v);
		host->own->memdevs[i].is_kept_devdax = host->own->memdevs[i].serial.known &&
						  strstr(text, line);
	}
	return rc == -ENOMEM ? rc : 0;
}

int memory_policy_read(struct cxl_host *host)
{
	bool any_ram = false, any_online = false, any_memmap = false, any_missing = false;
	struct memory_policy *p = &host->policy;

	p->demotion = TRI_UNKNOWN;
	for (size_t i = 0; i < host->n_memdevs; i++)
		any_ram |= host->memdevs[i].ram_bytes.v;
	for (size_t i = 0; i < host->n_regions; i++)
		any_online |= host->regions[i].blocks_online;
	for (size_t i = 0; i < host->n_dax; i++)
		any_memmap |= host->dax[i].memmap_on_memory != TRI_NO;
	if (any_ram)
		p->auto_online = attr_text(host, AUTO_ONLINE, NULL);
	if (p->auto_online && strcmp(p->auto_online, "offline") && read_kept(host))
		return -ENOMEM;
	if (any_memmap)
		p->memmap_parameter = attr_text(host, MEMMAP_PARAMETER, NULL);
	p->memmap_unread = any_memmap && !p->memmap_parameter &&
			   sysfs_exists(host->fs, MEMMAP_PARAMETER);
	if (any_online) {
		read_demotion(host);
		p->private_nodes = attr_text(host, NODES "/has_private_memory", NULL);
	}
	/* built in, a module has no such state: kernel/module/sysfs.c */
	host->core_is_module = attr_text(host, "sys/module/cxl_core/initstate", NULL);
	for (size_t i = 0; i < host->n_root_ports; i++)
		any_missing |= memmap_missing_for(host, &host->root_ports[i]);
	return any_missing ? read_room(host) : 0;
}
