// SPDX-License-Identifier: GPL-2.0-only
/* Questions to dax devices: see dax.h. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/dax_facts.h"

const char *const dax_mode_names[] = {
	[DAX_DEVDAX] = "devdax", [DAX_SYSTEM_RAM] = "system-ram", [DAX_FAMFS] = "famfs",
	[DAX_UNBOUND] = "unbound", [DAX_OTHER] = "devdax", [DAX_HMEM] = "hmem",
};
const char *const dax_mode_drivers[] = {
	[DAX_DEVDAX] = DAX_DEVICE_DAX_NAME, [DAX_SYSTEM_RAM] = DAX_KMEM_NAME,
	[DAX_FAMFS] = DAX_FSDEV_NAME, [DAX_UNBOUND] = NULL,
};

const char *const users_end_names[] = {
	[USERS_REFUSE] = "refuse", [USERS_TERMINATE] = "terminate", [USERS_KILL] = "kill", [N_USERS_ENDS] = NULL,
};

enum dax_mode dax_mode_of(const char *driver)
{
	enum dax_mode mode = DAX_DEVDAX;

	if (!driver)
		return DAX_UNBOUND;
	while (mode < DAX_UNBOUND && strcmp(driver, dax_mode_drivers[mode]))
		mode++;
	return mode < DAX_UNBOUND ? mode : DAX_OTHER;
}

enum dax_mode dax_mode(const struct cxl_dax *d)
{
	return dax_is_hmem(d) ? DAX_HMEM : dax_mode_of(d->driver);
}

/* A device of a pmem namespace is below the nvdimm bus, one of hmem's below its platform device, wherever that is. */
bool dax_is_hmem(const struct cxl_dax *d)
{
	return !d->region && !strstr(d->path, "/ndbus");
}

bool dax_number(const char *name, uint64_t *ret)
{
	unsigned int region, number;
	int n = 0;

	if (sscanf(name, "dax%u.%u%n", &region, &number, &n) != 2 || name[n] || region > INT32_MAX)
		return false;
	*ret = (uint64_t)region << 32 | number;
	return true;
}

const char *dax_unbinding_text(const struct cxl_dax *d, struct arena *a)
{
	const char *who = d->unbinding > 0 ? arena_printf(a, "pid %d", (int)d->unbinding) : "a process of another namespace";
	const char *text = arena_printf(a, "the kernel is taking %s from its driver since an earlier command, where %s waits, as for pages of the memory that are pinned (VFIO, RDMA, io_uring)",
					d->name, who ? who : "a process");

	return text ? text : "the kernel is taking a dax device from its driver";
}

bool dax_is_empty(const struct cxl_dax *d)
{
	return d->size_bytes.known && !d->size_bytes.v;
}

bool dax_touches(const struct cxl_dax *d, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < d->n_ranges; i++)
		if (first <= d->ranges[i].last && last >= d->ranges[i].first)
			return true;
	return false;
}

const struct mem_block *dax_next_block(const struct cxl_host *host, const struct cxl_dax *d,
				       const struct mem_block *from)
{
	const struct mem_block *end = host->blocks + host->n_blocks;
	uint64_t first = UINT64_MAX, last = 0;

	for (size_t i = 0; i < d->n_ranges; i++) {
		first = d->ranges[i].first < first ? d->ranges[i].first : first;
		last = d->ranges[i].last > last ? d->ranges[i].last : last;
	}
	if (!d->n_ranges || !host->n_blocks)
		return NULL;
	if (!from) {	/* the first whose end is not before the device */
		size_t lo = 0, hi = host->n_blocks;

		while (lo < hi) {
			size_t mid = (lo + hi) / 2;

			if (host->blocks[mid].number < first / host->block_bytes)
				lo = mid + 1;
			else
				hi = mid;
		}
		from = host->blocks + lo;
	} else {
		from++;
	}
	for (; from < end && from->number <= last / host->block_bytes; from++)
		if (dax_touches(d, from->number * host->block_bytes,
				from->number * host->block_bytes + (host->block_bytes - 1)))
			return from;
	return NULL;
}

const char *const online_kind_names[] = {
	[ONLINE_AUTO] = "auto-online-blocks", [ONLINE_KMEM] = "kmem",
	[ONLINE_UDEV] = "udev-rule", [ONLINE_PARAMETER] = "kernel-parameter",
};

bool dax_is_left_behind(const struct dax_facts *f)
{
	return !f->dax->driver && f->blocks_total;
}

/* Memory outside of Movable may have pages of the kernel's, which only some of the blocks give back. */
static bool is_all_movable(const struct dax_facts *f)
{
	return f->n_zones == 1 && f->zones[0].zone && !strcmp(f->zones[0].zone, "Movable");
}

const char *dax_no_unplug(const struct dax_facts *f)
{
	if (!f->state)
		return "kmem's devices have no file state that can be read here, as on kernels before 7.3";
	if (f->blocks_unknown)
		return "not every memory block of it can be read";
	if (f->blocks_online != f->blocks_total)
		return "only some of its memory blocks are online, and its file state would bring back all";
	return is_all_movable(f) ? NULL : "not all of it is in the zone Movable, so it may not go as a whole";
}

const char *dax_user_text(const struct dax_user *u, struct arena *a)
{
	const char *text = arena_printf(a, "pid %d (%s%s)", (int)u->pid, u->command, owner_text(&u->owner, a));

	return text ? text : u->command;
}
