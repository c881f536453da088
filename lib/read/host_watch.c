// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a snapshot to what is watched of it: see host_watch.h.
 *
 * Registers, link and isolation attributes change without a word.  Everything
 * else here comes with a uevent (devices and memory blocks that come and go,
 * drivers that bind and unbind), so the kernel's count of them (kernel/ksysfs.c)
 * tells whether to look.
 */
#include "lib/read/host_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lib/iso/backend.h"
#include "lib/iso/pci_power.h"
#include "util/array.h"

#define UEVENTS "sys/kernel/uevent_seqnum"
#define MEMORY "sys/devices/system/memory"

static int add(struct watch *w, enum watch_kind kind, bool announced, const char *dir,
	       const char *name)
{
	char path[PATH_MAX];

	if (name && sysfs_join(path, sizeof(path), dir, name))
		return 0;	/* then it cannot exist either */
	return watch_add(w, &(struct watch_item){ .kind = kind,
						  .announced = announced,
						  .path = name ? path : dir });
}

/* What is read of a port that sleeps would wake it, or is not answered.  *@ret: for .paused_by */
static int add_pause(struct watch *w, const struct cxl_root_port *rp, size_t *ret)
{
	char path[PATH_MAX];
	int rc;

	*ret = 0;
	if (sysfs_join(path, sizeof(path), rp->path, PCI_POWER_STATE) ||
	    !sysfs_exists(w->fs, path))
		return 0;
	rc = watch_add(w, &(struct watch_item){ .kind = WATCH_PAUSE,
						.path = path,
						.pause = PCI_POWER_ASLEEP });
	*ret = w->n;
	return rc;
}

static int add_link(struct watch *w, const struct cxl_root_port *rp, size_t paused_by)
{
	char path[PATH_MAX];
	int rc;

	if (rp->link.status_at && !sysfs_join(path, sizeof(path), rp->path, "config"))
		return watch_add(w, &(struct watch_item){ .kind = WATCH_FILE,
							  .path = path,
							  .is_register = true,
							  .paused_by = paused_by,
							  .offset = rp->link.status_at,
							  .size = 2 });
	rc = add(w, WATCH_FILE, false, rp->path, "current_link_speed");
	return rc ? rc : add(w, WATCH_FILE, false, rp->path, "current_link_width");
}

static int add_place(struct watch *w, const struct cxl_root_port *rp, bool announced,
		     size_t paused_by, const struct iso_watch *place)
{
	char path[PATH_MAX];

	if (sysfs_join(path, sizeof(path), rp->path, place->name))
		return 0;	/* then it cannot exist either */
	return watch_add(w, &(struct watch_item){
		.kind = place->is_words ? WATCH_WORDS : WATCH_FILE, .path = path,
		.owner = rp, .is_fast = place->is_fast, .is_register = place->is_words,
		.paused_by = place->is_words ? paused_by : 0,
		.announced = announced, .offset = place->offset, .size = place->size,
	});
}

static int add_backend(struct watch *w, const struct cxl_root_port *rp, size_t paused_by,
		       const struct iso_backend *b)
{
	struct iso_watch place;
	int rc = 0;

	for (size_t i = 0; !rc && b->watch(rp, i, &place); i++)
		rc = add_place(w, rp, false, paused_by, &place);
	return rc;
}

static int add_root_port(struct watch *w, const struct cxl_root_port *rp)
{
	struct iso_watch place;
	size_t paused_by;
	int rc = add_pause(w, rp, &paused_by);

	if (!rc)
		rc = add_link(w, rp, paused_by);
	if (!rc && rp->iso.kernel.backend)
		rc = add_backend(w, rp, paused_by, rp->iso.kernel.backend);
	/* that the attributes come is announced: the port's driver binds */
	for (size_t i = 0; !rc && !rp->iso.kernel.backend && iso_kernels[i]; i++)
		if (iso_kernels[i]->watch(rp, 0, &place))
			rc = add_place(w, rp, true, paused_by, &place);
	return rc ? rc : add_backend(w, rp, paused_by, &iso_backend_registers);
}

/* State of each block that is somebody's here; the directory tells when one comes. */
static int add_blocks(struct watch *w, const struct cxl_host *host)
{
	char name[48];
	int rc = 0;

	for (size_t i = 0; !rc && i < host->n_blocks; i++) {
		snprintf(name, sizeof(name), "memory%u/state", host->blocks[i].number);
		rc = add(w, WATCH_FILE, true, MEMORY, name);
	}
	return rc;
}

/* What the checks look at and nobody announces, and whether a dax device is open. */
static int add_settings(struct watch *w)
{
	static const char *const files[] = {
		"sys/kernel/mm/numa/demotion_enabled", AUTO_ONLINE,
		MEMMAP_PARAMETER, "sys/module/device_dax/refcnt",
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(files); i++)
		rc = add(w, WATCH_FILE, false, files[i], NULL);
	return rc;
}

static int add_accelerators(struct watch *w, const struct cxl_root_port *rp)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < rp->n_accelerators; i++) {
		char dir[64];

		snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%.32s", rp->accelerators[i].name);
		rc = add(w, WATCH_LINK, true, dir, "driver");
	}
	return rc;
}

static int add_structure(struct watch *w, const struct cxl_host *host)
{
	static const char *const dirs[] = { "sys/bus/cxl/devices", "sys/bus/dax/devices", "sys/bus/pci/devices", MEMORY };
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(dirs); i++)
		rc = add(w, WATCH_DIR, true, dirs[i], NULL);
	for (size_t i = 0; !rc && i < host->n_memdevs; i++)
		rc = add(w, WATCH_LINK, true, host->memdevs[i].path, "driver");
	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		rc = add_accelerators(w, &host->root_ports[i]);
	for (size_t i = 0; !rc && i < host->n_dax; i++) {
		rc = add(w, WATCH_LINK, true, host->dax[i].path, "driver");
		if (!rc)
			rc = add(w, WATCH_FILE, true, host->dax[i].path, "memmap_on_memory");
	}
	for (size_t i = 0; !rc && i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];

		rc = add(w, WATCH_LINK, true, r->path, "driver");
		if (!rc)
			rc = add(w, WATCH_FILE, true, r->path, "commit");
		if (!rc && r->sysram.name)
			rc = add(w, WATCH_FILE, true, r->sysram.path, "online_type");
	}
	return rc ? rc : add_blocks(w, host);
}

int host_watch(const struct cxl_host *host, const bool *wanted, struct watch *ret)
{
	int rc = 0;

	/* a tree of files has no kernel that counts */
	watch_init(ret, host->fs, host->fs->is_capture ? NULL : UEVENTS);
	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		if (wanted[i] && host->root_ports[i].present)
			rc = add_root_port(ret, &host->root_ports[i]);
	if (!rc)
		rc = add_settings(ret);
	return rc ? rc : add_structure(ret, host);
}
