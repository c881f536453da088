// SPDX-License-Identifier: GPL-2.0-only
/* What each way to take a link down needs, as much as must be known of it: see link_ways.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/isolation_regs.h"
#include "lib/model/link_ways.h"
#include "lib/read/host_read.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

#define SLOTS "sys/bus/pci/slots"

static int list_functions(struct cxl_host *host, struct cxl_root_port *rp)
{
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, rp->path, is_pci_address, &names);

	if (rc)
		return rc;
	sysfs_sort(&names);
	rp->functions = (const char **)names.v;
	rp->n_functions = names.n;
	return 0;
}

/* The function directly below the root port that is known without listing; NULL when none is. */
static const char *first_below(const struct cxl_root_port *rp)
{
	if (rp->n_memdevs && rp->memdevs[0]->n_chain >= 2)
		return rp->memdevs[0]->chain[1];
	return rp->n_accelerators ? rp->accelerators[0].name
	       : rp->n_functions  ? rp->functions[0]
				  : NULL;
}

static bool offers_cxl_bus(struct cxl_host *host, const struct cxl_root_port *rp, const char *below)
{
	char path[PATH_MAX], word[16];
	const char *text, *at;

	/* it resets the bus that the device is on: cxl_reset_bus_function() in drivers/pci/pci.c */
	snprintf(path, sizeof(path), "%s/%s", rp->path, below);
	text = attr_text(host, path, "reset_method");
	for (at = text; at && sscanf(at, "%15s", word) == 1; at = strchr(at + strspn(at, " "), ' '))
		if (!strcmp(word, "cxl_bus"))
			return true;
	return false;
}

/* An accelerator's, too, whose driver and with it the memdev may be gone. */
static bool is_own_function(const struct cxl_root_port *rp, const char *below)
{
	return root_port_memdev(rp, below) ||
	       (rp->n_accelerators && rp->accelerators->is_direct &&
		!strcmp(rp->accelerators->name, below));
}

/* Listing what is below costs more than asking the one that is known, which mostly says no. */
static int find_resettable(struct cxl_host *host, struct cxl_root_port *rp)
{
	const char *below = first_below(rp);
	int rc;

	rp->resettable = NULL;
	rp->cxl_bus_reset = false;
	/* a device's own function: behind a switch the bus of a downstream port would be reset */
	if (!below || !is_own_function(rp, below) || !offers_cxl_bus(host, rp, below))
		return 0;
	rc = rp->functions ? 0 : list_functions(host, rp);
	if (!rc && rp->n_functions == 1 && !strcmp(rp->functions[0], below)) {
		rp->resettable = below;
		rp->cxl_bus_reset = true;
	}
	return rc == -ENOMEM ? rc : 0;
}

static void find_subordinate(struct cxl_host *host, struct cxl_root_port *rp)
{
	char path[PATH_MAX];

	rp->subordinate_reset = !sysfs_join(path, sizeof(path), rp->path, "reset_subordinate") && sysfs_exists(host->fs, path);
}

/* --- slots ------------------------------------------------------------------------- */

struct slots {
	bool is_read;
	struct sysfs_names names;
	const char **addresses;
};

/* A slot's address is that of the device in it without the function: "0000:0d:00". */
static int read_slots(struct cxl_host *host, struct slots *s)
{
	int rc = s->is_read ? 0 : sysfs_list(host->fs, host->arena, SLOTS, NULL, &s->names);

	if (s->is_read)
		return 0;
	if (rc)
		s->names.n = 0;
	s->addresses = arena_alloc(host->arena, s->names.n, sizeof(*s->addresses));
	if (rc == -ENOMEM || !s->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < s->names.n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), SLOTS "/%.200s", s->names.v[i]);
		s->addresses[i] = attr_text(host, path, "address");
	}
	s->is_read = true;
	return 0;
}

/* "0000:0d:" of the bus below @rp, also when nothing is on it; "" when it is not known. */
static int bus_below(struct cxl_host *host, const struct cxl_root_port *rp, char *buf, size_t size)
{
	const char *below = first_below(rp);
	struct sysfs_names buses = { 0 };
	char path[PATH_MAX];
	int rc = 0;

	if (!below && !sysfs_join(path, sizeof(path), rp->path, "pci_bus"))
		rc = sysfs_list(host->fs, host->arena, path, NULL, &buses);
	if (below)
		snprintf(buf, size, "%.*s", (int)(strlen(below) - strlen("00.0")), below);
	else
		snprintf(buf, size, "%.20s%s", !rc && buses.n == 1 ? buses.v[0] : "", !rc && buses.n == 1 ? ":" : "");
	return rc == -ENOMEM ? rc : 0;
}

static bool has_power_switch(struct cxl_host *host, const char *slot)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), SLOTS "/%.64s/power", slot);
	return sysfs_read(host->fs, path, text, sizeof(text)) >= 0;
}

static int find_slot(struct cxl_host *host, struct cxl_root_port *rp, struct slots *s)
{
	char bus[32];
	int rc = bus_below(host, rp, bus, sizeof(bus));

	rp->slot = NULL;
	rc = rc || !*bus ? rc : read_slots(host, s);
	for (size_t i = 0; !rc && *bus && !rp->slot && i < s->names.n; i++)
		if (s->addresses[i] && !strncmp(s->addresses[i], bus, strlen(bus)) &&
		    has_power_switch(host, s->names.v[i]))
			rp->slot = s->names.v[i];
	return rc;
}

/* --- all of it ---------------------------------------------------------------------- */

static bool is_known_way(const struct cxl_root_port *rp)
{
	const char *why;

	return link_way_without_unmasking(rp, &why) == TRI_YES;
}

/* What is asked last costs most: only where nothing else takes the link down. */
static int find_one(struct cxl_host *host, struct cxl_root_port *rp, struct slots *s)
{
	int rc = 0;

	if (rp->ext.known && rp->ext.control & PORT_UNMASK_SBR && !is_known_way(rp))
		find_subordinate(host, rp);
	if (!is_known_way(rp))
		rc = find_resettable(host, rp);
	if (!rc && rp->power_controller && !is_known_way(rp))
		rc = find_slot(host, rp, s);
	return rc;
}

int link_ways_find(struct cxl_host *host)
{
	struct slots slots = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		if (first_below(&host->root_ports[i]))
			rc = find_one(host, &host->own->root_ports[i], &slots);
	return rc;
}

int link_ways_read(struct cxl_host *host, struct cxl_root_port *rp)
{
	struct slots slots = { 0 };
	int rc = list_functions(host, rp);

	if (rc)
		return rc;
	find_subordinate(host, rp);
	rc = find_resettable(host, rp);
	return rc || !rp->power_controller ? rc : find_slot(host, rp, &slots);
}
