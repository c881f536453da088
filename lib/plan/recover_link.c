// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a recovery's plan that takes the link down and up: the steps of each
 * method.  What a port must offer for it is in link_ways.h.  See recover_build.h.
 */
#include "lib/plan/recover_build.h"

#include <inttypes.h>
#include <string.h>

#include "lib/model/isolation_regs.h"
#include "lib/txn/step_port.h"

/* Measured on Linux 6.12 and 7.2: nothing of this takes more than 1.1 s, most of it less than 0.2 s. */
#define REMOVE_TIMEOUT_US 15000000ull
#define BUSY_TIMEOUT_US 10000000ull

/* PCIe r6.0 sec 7.5.3.7 */
#define LINK_CONTROL_DISABLE (1u << 4)

/* They end before their physical ones are removed. */
static bool is_virtual(const struct cxl_root_port *rp, const char *function)
{
	for (size_t i = 0; i < rp->n_device_functions; i++)
		if (!strcmp(rp->device_functions[i].name, function))
			return rp->device_functions[i].physical;
	return false;
}

static void add_removal(struct builder *b, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_functions; i++) {
		if (is_virtual(rp, rp->functions[i]))
			continue;
		build_step(b, (struct step){
				      .op = &step_remove,
				      .title = TEXT(b, "remove %s", rp->functions[i]),
				      .path = TEXT(b, "%s/%s/remove", rp->path, rp->functions[i]),
				      .value = "1",
				      .expect_before = STEP_PRESENT,
				      .expect_after = STEP_ABSENT,
				      .timeout_us = REMOVE_TIMEOUT_US });
	}
}

static void add_status_clear(struct builder *b, const struct cxl_root_port *rp)
{
	const char *path = build_status_path(b, rp);

	if (!rp->iso.regs.capable)
		return;
	build_step(b, (struct step){ .op = &step_busy, .title = "wait for RP Busy to clear", .path = path, .expect_after = STEP_IDLE,
				     .timeout_us = BUSY_TIMEOUT_US });
	build_step(b, (struct step){ .op = &step_status, .title = "clear the isolation status", .path = path,
				     .value = TEXT(b, "0x%08x", ISO_STATUS_RW1C), .expect_after = STEP_NORMAL });
}

static void add_link_wait(struct builder *b, const struct cxl_root_port *rp, const char *state,
			  uint64_t timeout_us)
{
	/* a port that does not report its link: the devices' return tells */
	if (rp->link.up != TRI_UNKNOWN)
		build_step(b, (struct step){ .op = &step_link, .title = TEXT(b, "link %s", state), .path = rp->path,
					     .expect_after = state, .timeout_us = timeout_us });
}

static void add_forced(struct builder *b, const struct cxl_root_port *rp,
		       const struct recover_options *o)
{
	add_removal(b, rp);
	add_status_clear(b, rp);
	add_link_wait(b, rp, "up", o->timeout_us);
}

/* The reset takes the link down and up again before the device is removed: the
 * kernel unmasks it for that (cxl_reset_bus_function() in drivers/pci/pci.c). */
static void add_cxl_bus(struct builder *b, const struct cxl_root_port *rp,
			const struct recover_options *o)
{
	const char *device = TEXT(b, "%s/%s", rp->path, rp->resettable);

	build_write(b, TEXT(b, "reset of %s: by its CXL bus", rp->resettable), TEXT(b, "%s/reset_method", device), "cxl_bus", NULL,
		    "cxl_bus");
	build_step(b, (struct step){ .op = &step_trigger, .title = TEXT(b, "reset %s", rp->resettable),
				     .path = TEXT(b, "%s/reset", device), .value = "1", .timeout_us = REMOVE_TIMEOUT_US });
	add_link_wait(b, rp, "up", o->timeout_us);
	add_removal(b, rp);
	add_status_clear(b, rp);
}

/* Two bytes ahead of Link Status: PCIe r6.0 sec 7.5.3.7 */
static unsigned int link_control(const struct cxl_root_port *rp)
{
	return rp->link.status_at - 2;
}

static void add_config(struct builder *b, const struct cxl_root_port *rp, const char *title,
		       unsigned int offset, unsigned int mask, bool set)
{
	build_step(b, (struct step){ .op = &step_config, .title = title, .path = TEXT(b, "%s/config+0x%x", rp->path, offset),
				     .value = TEXT(b, "0x%04x:0x%04x", set ? mask : 0, mask),
				     .expect_before = TEXT(b, "0x%04x", set ? 0 : mask), .expect_after = TEXT(b, "0x%04x", set ? mask : 0),
				     .undo = TEXT(b, "0x%04x:0x%04x", set ? 0 : mask, mask) });
}

static void add_unmask(struct builder *b, const struct cxl_root_port *rp, enum link_method method,
		       const char *title, bool set)
{
	/* what firmware left unmasked stays so */
	if (link_method_is_masked(rp, method))
		add_config(b, rp, title, rp->ext.control_offset, link_method_unmask_bit(method),
			   set);
}

/* The kernel's own Secondary Bus Reset of all that is below, switches too:
 * reset_subordinate_store() in drivers/pci/pci-sysfs.c. */
static void add_subordinate(struct builder *b, const struct cxl_root_port *rp,
			    const struct recover_options *o)
{
	add_removal(b, rp);
	build_step(b, (struct step){ .op = &step_trigger, .title = TEXT(b, "reset the bus below %s", rp->name),
				     .path = TEXT(b, "%s/reset_subordinate", rp->path), .value = "1", .timeout_us = REMOVE_TIMEOUT_US });
	add_unmask(b, rp, LINK_SUBORDINATE, "mask Secondary Bus Reset again", false);
	add_link_wait(b, rp, "up", o->timeout_us);
	add_status_clear(b, rp);
}

static void add_link_disable(struct builder *b, const struct cxl_root_port *rp,
			     const struct recover_options *o)
{
	add_removal(b, rp);
	add_config(b, rp, "disable the link", link_control(rp), LINK_CONTROL_DISABLE, true);
	add_link_wait(b, rp, "down", o->timeout_us);
	add_status_clear(b, rp);
	add_config(b, rp, "enable the link", link_control(rp), LINK_CONTROL_DISABLE, false);
	add_unmask(b, rp, LINK_DISABLE, "mask Link Disable again", false);
	add_link_wait(b, rp, "up", o->timeout_us);
}

static void add_slot_power(struct builder *b, const struct cxl_root_port *rp,
			   const struct recover_options *o)
{
	const char *path = TEXT(b, "sys/bus/pci/slots/%s/power", rp->slot);

	add_removal(b, rp);
	build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "slot %s: power off", rp->slot), .path = path, .value = "0",
				     .expect_before = "1", .expect_after = "0", .undo = "1", .timeout_us = REMOVE_TIMEOUT_US });
	add_link_wait(b, rp, "down", o->timeout_us);
	add_status_clear(b, rp);
	build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "slot %s: power on", rp->slot), .path = path, .value = "1",
				     .expect_before = "0", .expect_after = "1", .undo = "0", .timeout_us = REMOVE_TIMEOUT_US });
	add_link_wait(b, rp, "up", o->timeout_us);
}

static void add_none(struct builder *b, const struct cxl_root_port *rp,
		     const struct recover_options *o)
{
	(void)o;
	add_removal(b, rp);
	add_status_clear(b, rp);
}

static const struct {
	void (*add)(struct builder *b, const struct cxl_root_port *rp,
		    const struct recover_options *options);
	const char *unmask;	/* title of the step that does; NULL: nothing masks it */
} methods[N_LINK_METHODS] = {
	[LINK_CXL_BUS] = { add_cxl_bus, NULL },
	[LINK_FORCED] = { add_forced, NULL },
	[LINK_SUBORDINATE] = { add_subordinate, "let Secondary Bus Reset take effect" },
	[LINK_DISABLE] = { add_link_disable, "let Link Disable take effect" },
	[LINK_SLOT_POWER] = { add_slot_power, NULL },
	[LINK_NONE] = { add_none, NULL },
};

const char *recover_link_method(const struct cxl_root_port *rp, const struct recover_facts *facts,
				enum link_method wanted, enum link_method *ret)
{
	for (int m = LINK_AUTO + 1; m < N_LINK_METHODS; m++) {
		const char *why = link_method_why_not(rp, (enum link_method)m, facts->stays_masked);

		if (wanted == (enum link_method)m && why)
			return why;
		if (why || (wanted != LINK_AUTO && wanted != (enum link_method)m))
			continue;
		*ret = (enum link_method)m;
		return NULL;
	}
	return "it has no slot power, no Secondary Bus Reset or Link Disable that can be unmasked, and no device that can reset its bus";
}

void build_link_prepare(struct builder *b, const struct cxl_root_port *rp, enum link_method method)
{
	/* before anything is taken down: a port may not let itself be unmasked */
	add_unmask(b, rp, method, methods[method].unmask, true);
}

void build_link(struct builder *b, const struct cxl_root_port *rp,
		const struct recover_options *options, enum link_method method)
{
	methods[method].add(b, rp, options);
}
