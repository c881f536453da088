// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a recovery's plan that is about an accelerator's device, taken with its driver's
 * consent: its virtual functions end and come back, and all its functions lose and get their
 * drivers.  See recover_build.h.
 */
#include "lib/plan/recover_build.h"

#include <inttypes.h>
#include <string.h>

#include "lib/model/consent.h"

#define CXL "sys/bus/cxl/devices"
#define PCI "sys/bus/pci/devices"
#define PCI_DRIVERS "sys/bus/pci/drivers"

/* Each virtual function's driver goes, or comes, in that one write. */
#define VFS_TIMEOUT_US 15000000ull

const struct cxl_accelerator *build_accelerator_now(const struct cxl_root_port *rp,
						    const struct recipe *recipe)
{
	const char *address = recipe ? recipe->accelerator.address : NULL;

	if (!recipe && rp->n_accelerators)
		return rp->accelerators;
	for (size_t i = 0; address && i < rp->n_accelerators; i++)
		if (!strcmp(rp->accelerators[i].name, address))
			return &rp->accelerators[i];
	return NULL;
}

static const struct recipe_function *in_recipe(const struct recipe *recipe, const char *address)
{
	if (!recipe)
		return NULL;
	for (size_t i = 0; i < recipe->accelerator.n_functions; i++)
		if (!strcmp(recipe->accelerator.functions[i].address, address))
			return &recipe->accelerator.functions[i];
	return NULL;
}

static void add_gone(struct builder *b, const char *name)
{
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait until %s is gone", name),
				     .path = TEXT(b, CXL "/%s", name), .expect_after = STEP_ABSENT });
}

static void add_numvfs(struct builder *b, const char *title, const char *address, uint64_t before,
		       uint64_t after)
{
	build_step(b, (struct step){ .op = &step_write, .title = title, .path = TEXT(b, PCI "/%s/sriov_numvfs", address),
				     .value = TEXT(b, "%" PRIu64, after), .expect_before = TEXT(b, "%" PRIu64, before),
				     .expect_after = TEXT(b, "%" PRIu64, after), .timeout_us = VFS_TIMEOUT_US });
}

bool recover_ends_virtual(const struct step *step)
{
	const char *slash = strrchr(step->path, '/');

	return step->op == &step_write && slash && !strcmp(slash, "/sriov_numvfs") && !strcmp(step->value, "0");
}

/*
 * Virtual functions while their driver can still end them, which it has to before it goes
 * (pci_iov_remove() of drivers/pci/iov.c).  The last function first: the others may depend on
 * the first, with whose driver go the memory device and the region, since it made both.
 */
void build_device_teardown(struct builder *b, const struct cxl_root_port *rp,
			   const struct recipe *recipe)
{
	const struct cxl_accelerator *acc = build_accelerator_now(rp, recipe);
	const struct cxl_region *r = acc ? accelerator_region(rp, acc) : NULL;

	for (size_t i = rp->n_device_functions; acc && i-- > 0;) {
		const struct device_function *f = &rp->device_functions[i];

		if ((!recipe || in_recipe(recipe, f->name)) && f->numvfs.v)
			add_numvfs(b, TEXT(b, "end the virtual functions of %s", f->name), f->name, f->numvfs.v, 0);
	}
	for (size_t i = rp->n_device_functions; acc && i-- > 0;) {
		const struct device_function *f = &rp->device_functions[i];
		const struct recipe_function *was = in_recipe(recipe, f->name);

		if ((!recipe || was) && !f->physical && f->driver)
			build_unbind(b, PCI_DRIVERS, was ? was->driver : f->driver, f->name,
				     f->name);
	}
	if (!acc || !acc->driver)
		return;
	if (r)
		add_gone(b, r->name);
	if (acc->memdev)
		add_gone(b, acc->memdev->name);
}

static void add_function_wait(struct builder *b, const char *address,
			      const struct recover_options *o)
{
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait for %s", address),
				     .path = TEXT(b, PCI "/%s", address), .expect_after = STEP_PRESENT,
				     .timeout_us = o->timeout_us });
}

/* The kernel's own probe at the rescan may have done it. */
void build_device_return(struct builder *b, const struct recipe *recipe,
			 const struct recover_options *o)
{
	for (size_t i = 0; i < recipe->accelerator.n_functions; i++) {
		const struct recipe_function *f = &recipe->accelerator.functions[i];

		if (f->physical)
			continue;
		add_function_wait(b, f->address, o);
		/* before there is a driver, with which others may make them, too */
		if (f->numvfs)
			build_write(b, TEXT(b, "no drivers by themselves below %s", f->address),
				    TEXT(b, PCI "/%s/sriov_drivers_autoprobe", f->address), "0", NULL, "0");
		build_bind(b, PCI_DRIVERS, f->driver, f->address, f->address);
	}
}

static void add_virtual(struct builder *b, const struct recipe_function *f,
			const struct recipe_function *physical, const struct recover_options *o)
{
	add_function_wait(b, f->address, o);
	if (f->override)
		build_write(b, TEXT(b, "driver_override of %s", f->address), TEXT(b, PCI "/%s/driver_override", f->address), f->override, NULL,
			    f->override);
	if (f->driver)
		build_bind(b, PCI_DRIVERS, f->driver, f->address, f->address);
	else if (physical->driver)	/* whoever made it first may have let the kernel choose this one */
		build_unbind(b, PCI_DRIVERS, physical->driver, f->address, f->address);
}

/* They are made without drivers, which the kernel would choose, and given theirs. */
void build_device_virtual(struct builder *b, const struct recipe *recipe,
			  const struct recover_options *o)
{
	const struct recipe_accelerator *acc = &recipe->accelerator;

	for (size_t i = 0; i < acc->n_functions; i++) {
		const struct recipe_function *f = &acc->functions[i];
		const char *probe = TEXT(b, PCI "/%s/sriov_drivers_autoprobe", f->address);

		if (f->numvfs) {
			add_numvfs(b, TEXT(b, "virtual functions of %s", f->address), f->address, 0, f->numvfs);
			build_write(b, TEXT(b, "drivers below %s again", f->address), probe, "1", NULL, "1");
		}
		for (size_t k = 0; k < acc->n_functions; k++) {
			const char *physical = acc->functions[k].physical;

			if (physical && !strcmp(physical, f->address))
				add_virtual(b, &acc->functions[k], f, o);
		}
		if (!f->vf_autoprobe)
			build_write(b, TEXT(b, "no drivers by themselves below %s, as before", f->address), probe, "0", NULL, "0");
	}
}
