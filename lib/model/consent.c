// SPDX-License-Identifier: GPL-2.0-only
/* What a driver's consent does not reach: see consent.h. */
#include "lib/model/consent.h"

#include <string.h>

#include "lib/model/host.h"
#include "util/arena.h"

bool consent_is_driver_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t n = strlen(name);

	return n && n < 64 && strspn(name, letters) == n;
}

const struct cxl_region *accelerator_region(const struct cxl_root_port *rp,
					    const struct cxl_accelerator *acc)
{
	for (size_t i = 0; acc->memdev && i < rp->n_regions; i++)
		if (region_accelerator(rp->regions[i]) == acc->memdev)
			return rp->regions[i];
	return NULL;
}

static const char *join(struct arena *a, const char *names, const char *name)
{
	return names ? arena_printf(a, "%s%s%s", names, *names ? ", " : "", name) : NULL;
}

/* Everything else that would end with the accelerator, by name. */
static const char *others_of(const struct cxl_root_port *rp, struct arena *a)
{
	const char *names = "";

	for (size_t i = 1; i < rp->n_accelerators; i++)
		names = join(a, names, rp->accelerators[i].name);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (!rp->memdevs[i]->is_accelerator)
			names = join(a, names, rp->memdevs[i]->name);
	for (size_t i = 0; i < rp->n_pci_functions; i++)
		names = join(a, names, rp->pci_functions[i].name);
	return names ? names : "";
}

/* There is an obstacle; @text may be NULL, where nobody wants it or there is no memory. */
static bool hinders(const char *text, const char **ret_why)
{
	*ret_why = text ? text : "there is no memory left to tell why";
	return true;
}

/* The device, or something of its functions? */
static bool device_hinders(const struct cxl_root_port *rp, struct arena *a, const char **ret_why)
{
	const struct cxl_accelerator *acc = rp->accelerators;

	if (rp->n_accelerators + rp->n_pci_functions > 1 || rp->n_memdevs > 1 ||
	    (rp->n_memdevs && rp->memdevs[0] != acc->memdev))
		return hinders(arena_printf(a, "it reaches a single function alone, and below %s there is more: %s", rp->name, others_of(rp, a)), ret_why);
	if (!acc->is_direct)
		return hinders(arena_printf(a, "%s is behind a switch", acc->name), ret_why);
	if (!acc->numvfs.known)
		return hinders(arena_printf(a, "whether %s has virtual functions cannot be told: its sriov_numvfs cannot be read", acc->name), ret_why);
	if (acc->numvfs.v)
		return hinders(arena_printf(a, "%s has virtual functions (its sriov_numvfs is not 0), which end with it", acc->name), ret_why);
	if (acc->is_overridden)
		return hinders(arena_printf(a, "%s may have its driver by driver_override, which is lost when the device is removed", acc->name), ret_why);
	return false;
}

/* A region at most, in which nobody has a part but the driver? */
static bool regions_hinder(const struct cxl_root_port *rp, struct arena *a, const char **ret_why)
{
	const struct cxl_region *r = rp->n_regions ? rp->regions[0] : NULL;

	if (rp->may_have_more)
		return hinders("which devices a region is made of cannot be read", ret_why);
	if (rp->n_regions > 1)
		return hinders(arena_printf(a, "%s has several regions, and which is which when it came back cannot be told", rp->accelerators->name), ret_why);
	if (!r)
		return false;
	if (!region_accelerator(r) || r->n_targets != 1 || r->n_root_ports != 1)
		return hinders(arena_printf(a, "%s is not the driver's alone", r->name), ret_why);
	if (!r->size_bytes.known || !r->size_bytes.v)
		return hinders(arena_printf(a, "the size of %s cannot be read", r->name), ret_why);
	if (r->n_dax)
		return hinders(arena_printf(a, "%s is not the driver's alone: its memory is %s, too", r->name, r->dax[0]->name), ret_why);
	return false;
}

bool accelerator_is_detached(const struct cxl_root_port *rp)
{
	return rp->n_accelerators && !rp->accelerators->driver &&
	       (iso_isolated(&rp->iso) == TRI_YES || rp->link.up == TRI_NO);
}

static bool driver_hinders(const struct cxl_root_port *rp, const char *driver, struct arena *a,
			   const char **ret_why)
{
	const struct cxl_accelerator *acc = rp->accelerators;

	if (strstr(driver, "vfio"))
		return hinders(arena_printf(a, "%s gives %s to a guest, or to a process", driver, acc->name), ret_why);
	if (accelerator_is_detached(rp))
		return false;
	if (!acc->driver)
		return hinders(arena_printf(a, "%s has no driver now, so that nothing tells whether %s is the one it had", acc->name, driver), ret_why);
	if (strcmp(acc->driver, driver))
		return hinders(arena_printf(a, "%s is bound to %s, and what was consented to is %s", acc->name, acc->driver, driver), ret_why);
	return false;
}

bool consent_reaches(const struct cxl_root_port *rp, const char *driver, struct arena *a,
		     const char **ret_why)
{
	*ret_why = NULL;
	if (!rp->n_accelerators)
		return !hinders("the device that a region shares with it is below another root port", ret_why);
	if (iso_has_quirk(&rp->iso, ISO_QUIRK_PANICS))
		return !hinders("this kernel panics on an isolation while the device has no driver, as it has not when its link is taken down",
				ret_why);
	return !driver_hinders(rp, driver, a, ret_why) &&
	       !device_hinders(rp, a, ret_why) && !regions_hinder(rp, a, ret_why);
}
