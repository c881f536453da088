// SPDX-License-Identifier: GPL-2.0-only
/* What a driver's consent does not reach: see consent.h. */
#include "lib/model/consent.h"

#include <inttypes.h>
#include <string.h>

#include "lib/model/host.h"
#include "util/arena.h"

bool consent_is_driver_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t n = strlen(name);

	return n && n < 64 && *name != '-' && strspn(name, letters) == n;
}

const struct cxl_region *accelerator_region(const struct cxl_root_port *rp,
					    const struct cxl_accelerator *acc)
{
	for (size_t i = 0; acc->memdev && i < rp->n_regions; i++)
		if (region_accelerator(rp->regions[i]) == acc->memdev)
			return rp->regions[i];
	return NULL;
}

bool consent_has_function(const struct cxl_root_port *rp, const char *name)
{
	for (size_t i = 0; i < rp->n_device_functions; i++)
		if (!strcmp(rp->device_functions[i].name, name))
			return true;
	return false;
}

bool driver_is_vfio(const char *driver)
{
	return driver && strstr(driver, "vfio");
}

const char *function_text(const struct device_function *f, struct arena *a)
{
	return f->driver ? arena_printf(a, "%s (%s)", f->name, f->driver) : f->name;
}

/* What is below and is none of the device's: how much, and by name (from @a; NULL where nobody wants it). */
static size_t others_of(const struct cxl_root_port *rp, struct arena *a, const char **ret_names)
{
	size_t n = 0;

	*ret_names = "";
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (!consent_has_function(rp, rp->accelerators[i].name) && ++n)
			*ret_names = arena_join(a, *ret_names, ", ", rp->accelerators[i].name);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i] != rp->accelerators->memdev && ++n)
			*ret_names = arena_join(a, *ret_names, ", ", rp->memdevs[i]->name);
	for (size_t i = 0; i < rp->n_pci_functions; i++)
		if (!consent_has_function(rp, rp->pci_functions[i].name) && ++n)
			*ret_names = arena_join(a, *ret_names, ", ", rp->pci_functions[i].name);
	return n;
}

/* There is an obstacle; @text may be NULL, where nobody wants it or there is no memory. */
static bool hinders(const char *text, const char **ret_why)
{
	*ret_why = text ? text : "there is no memory left to tell why";
	return true;
}

/* How many virtual functions of @physical there are. */
static size_t count_virtual(const struct cxl_root_port *rp, const char *physical)
{
	size_t n = 0;

	for (size_t i = 0; i < rp->n_device_functions; i++) {
		const struct device_function *f = &rp->device_functions[i];

		n += f->physical && !strcmp(f->physical, physical);
	}
	return n;
}

bool device_has_virtual(const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_device_functions; i++) {
		const struct device_function *f = &rp->device_functions[i];

		if (f->physical || !f->numvfs.known || f->numvfs.v)
			return true;
	}
	return false;
}

bool accelerator_is_detached(const struct cxl_root_port *rp)
{
	return rp->n_accelerators && !rp->accelerators->driver &&
	       (iso_isolated(&rp->iso) == TRI_YES || rp->link.up == TRI_NO);
}

/* Of a function that has others' drivers, or none: what it had cannot be given back by name. */
static bool physical_hinders(const struct cxl_root_port *rp, const struct device_function *f,
			     const char *driver, struct arena *a, const char **ret_why)
{
	bool is_its_own = !strcmp(f->name, rp->accelerators->name);

	if (!f->driver && !(is_its_own && accelerator_is_detached(rp)))
		return hinders(arena_printf(a, "%s has no driver now, so that nothing tells whether it will have one afterwards", f->name), ret_why);
	if (driver_is_vfio(f->driver))
		return hinders(arena_printf(a, "%s gives %s to a guest, or to a process", f->driver, f->name), ret_why);
	if (!is_its_own && strcmp(f->driver, driver))
		return hinders(arena_printf(a, "%s, a function of the same device, is bound to %s, and what was consented to is %s", f->name, f->driver, driver), ret_why);
	if (!f->override_known || f->override)
		return hinders(arena_printf(a, "%s may have its driver by driver_override, which is lost when the device is removed", f->name), ret_why);
	if (!f->numvfs.known)
		return hinders(arena_printf(a, "whether %s has virtual functions cannot be told: its sriov_numvfs cannot be read", f->name), ret_why);
	if (f->numvfs.v != count_virtual(rp, f->name))
		return hinders(arena_printf(a, "%s has %" PRIu64 " virtual functions by its sriov_numvfs, and %zu are there", f->name, f->numvfs.v,
					    count_virtual(rp, f->name)), ret_why);
	if (f->vf_autoprobe < (f->numvfs.v ? 0 : -1))
		return hinders(arena_printf(a, "how the virtual functions of %s get their drivers cannot be told: its sriov_drivers_autoprobe cannot be read", f->name), ret_why);
	return false;
}

/* Virtual functions that somebody has by VFIO? */
static bool vfio_hinders(const struct cxl_root_port *rp, struct arena *a, const char **ret_why)
{
	const char *given = "";
	size_t n = 0;

	for (size_t i = 0; i < rp->n_device_functions; i++) {
		const struct device_function *f = &rp->device_functions[i];

		if (f->physical && driver_is_vfio(f->driver) && ++n)
			given = arena_join(a, given, ", ", f->name);
	}
	return n && hinders(given ? arena_printf(a, "VFIO gives virtual functions to guests, or to processes: %s; with --users=terminate, or users = terminate in the policy file, those are ended", given) : NULL, ret_why);
}

/* Of a virtual function: what cannot be told, or be given back by name. */
static bool virtual_hinders(const struct device_function *f, struct arena *a, const char **ret_why)
{
	if (!f->override_known)
		return hinders(arena_printf(a, "which driver %s is to have cannot be told: its driver_override cannot be read", f->name), ret_why);
	if (f->driver && !consent_is_driver_name(f->driver))
		return hinders(arena_printf(a, "%s is bound to '%s', which no journal takes for a driver's name", f->name, f->driver), ret_why);
	if (f->override && !consent_is_driver_name(f->override))
		return hinders(arena_printf(a, "%s has the driver_override '%s', which is no driver's name", f->name, f->override), ret_why);
	return false;
}

/* Something of the device's functions? */
static bool functions_hinder(const struct cxl_root_port *rp, const char *driver, struct arena *a,
			     const char **ret_why)
{
	for (size_t i = 0; i < rp->n_device_functions; i++) {
		const struct device_function *f = &rp->device_functions[i];

		if (f->physical && virtual_hinders(f, a, ret_why))
			return true;
		if (!f->physical && physical_hinders(rp, f, driver, a, ret_why))
			return true;
	}
	return false;
}

static bool device_hinders(const struct cxl_root_port *rp, struct arena *a, const char **ret_why)
{
	const char *names;

	if (!consent_has_function(rp, rp->accelerators->name))
		return hinders(arena_printf(a, "which functions the device of %s has cannot be read", rp->accelerators->name), ret_why);
	if (others_of(rp, a, &names))
		return hinders(names ? arena_printf(a, "it reaches one device alone, and below %s there is more: %s", rp->name, names) : NULL, ret_why);
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
	if (r->lock == LOCK_REGION || r->lock == LOCK_UNKNOWN)
		return hinders(arena_printf(a, "%s is %s: the decoders above the device may keep it until a reboot, so that its driver could not make it again", r->name,
					    r->lock == LOCK_REGION ? "locked by the kernel" : "locked, or may be"), ret_why);
	if (r->n_dax)
		return hinders(arena_printf(a, "%s is not the driver's alone: its memory is %s, too", r->name, r->dax[0]->name), ret_why);
	return false;
}

static bool driver_hinders(const struct cxl_root_port *rp, const char *driver, struct arena *a,
			   const char **ret_why)
{
	const struct cxl_accelerator *acc = rp->accelerators;

	if (driver_is_vfio(driver))
		return hinders(arena_printf(a, "%s gives %s to a guest, or to a process", driver, acc->name), ret_why);
	if (accelerator_is_detached(rp))
		return false;
	if (!acc->driver)
		return hinders(arena_printf(a, "%s has no driver now, so that nothing tells whether %s is the one it had", acc->name, driver), ret_why);
	if (strcmp(acc->driver, driver))
		return hinders(arena_printf(a, "%s is bound to %s, and what was consented to is %s", acc->name, acc->driver, driver), ret_why);
	return false;
}

bool consent_reaches(const struct cxl_root_port *rp, const char *driver, bool ends_users,
		     struct arena *a, const char **ret_why)
{
	*ret_why = NULL;
	if (!rp->n_accelerators)
		return !hinders("the device that a region shares with it is below another root port", ret_why);
	if (iso_has_quirk(&rp->iso, ISO_QUIRK_PANICS))
		return !hinders("this kernel panics on an isolation while the device has no driver, as it has not when its link is taken down",
				ret_why);
	return !driver_hinders(rp, driver, a, ret_why) &&
	       !device_hinders(rp, a, ret_why) &&
	       !functions_hinder(rp, driver, a, ret_why) &&
	       (ends_users || !vfio_hinders(rp, a, ret_why)) && !regions_hinder(rp, a, ret_why);
}
