// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets: reset and reset_method of a function, reset_subordinate of a bridge
 * (drivers/pci/pci.c and pci-sysfs.c of Linux 6.12).
 */
#include "sim/models/reset.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/config_space.h"
#include "sim/models/link.h"
#include "sim/models/lost.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum {
	POLL_MS = 10,
	GIVE_UP_MS = 1000,	/* PCIE_RESET_READY_POLL_MS is 60 s: nobody needs to wait for that here */
};

/* The reset methods that a function has by itself. */
struct methods {
	char *device, *names;
	struct methods *next;
};

/* On a CXL port a secondary bus reset does nothing until it is unmasked (QEMU's resets all the same). */
static bool is_masked(const struct node *bridge)
{
	const struct node *config = tree_child(bridge, "config");
	unsigned int at = config ? config_dvsec(config, DVSEC_PORT) : 0;

	return at && !(config_dword(config, at + DVSEC_PORT_CTRL) & DVSEC_UNMASK_SBR);
}

/*
 * Secondary Bus Reset of @bridge by the kernel, which waits for the link and gives
 * the functions below their base addresses back.  Only root ports have a link here.
 */
static ssize_t bus_reset(const struct node *bridge, struct op *op)
{
	struct port *port = port_of_node(op->sim, bridge);

	if (!port || !port->modelled || port->dir != bridge) {
		lost_below(op->sim, bridge, false);
		return 0;
	}
	if (!op->tries) {
		link_hold(port, HOLD_RESET, true);
		if (sim_is_dead(op->sim))
			return -EIO;
		link_release(port, HOLD_RESET | HOLD_CUT);
	}
	if (port->link_up) {
		lost_below(op->sim, bridge, false);
		return 0;
	}
	if (op->tries * POLL_MS >= GIVE_UP_MS + port->link_up_ms)
		return -ENOTTY;		/* pci_dev_wait() */
	op->wait_ms = POLL_MS;
	return SIM_AGAIN;
}

static struct methods *methods_of(const struct sim *sim, const struct node *function)
{
	_cleanup_free_ char *path = node_path(function);
	struct methods *m = sim->models->methods;

	while (path && m && strcmp(m->device, path))
		m = m->next;
	return path ? m : NULL;
}

static ssize_t method_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct methods *own = methods_of(op->sim, node->parent);
	char text[256], chosen[256] = "", *save = NULL;

	if (!own)
		return -EOPNOTSUPP;
	dev_word(buf, text, sizeof(text));
	if (!strcmp(text, "default"))
		return dev_set(op->sim, node->parent, node->name, "%s", own->names) ? -ENOMEM : (ssize_t)len;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!has_word(own->names, strlen(own->names), word))
			return -EINVAL;
		snprintf(chosen + strlen(chosen), sizeof(chosen) - strlen(chosen), "%s%s", *chosen ? " " : "", word);
	}
	return dev_set(op->sim, node->parent, node->name, "%s", chosen) ? -ENOMEM : (ssize_t)len;
}

static ssize_t reset_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *function = node->parent;
	char methods[256], *save = NULL;
	uint64_t v;
	ssize_t rc;

	if (kstr_number(buf, ULONG_MAX, &v) || v != 1)
		return -EINVAL;
	if (!tree_text(function, "reset_method", methods, sizeof(methods)))
		return -ENOTTY;
	for (char *word = strtok_r(methods, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!strcmp(word, "bus") && is_masked(function->parent))
			continue;		/* the next one is tried */
		if (!strcmp(word, "bus") || !strcmp(word, "cxl_bus")) {
			rc = bus_reset(function->parent, op);
			return rc ? rc : (ssize_t)len;
		}
		return (ssize_t)len;		/* others leave the decoders alone */
	}
	return -ENOTTY;
}

static ssize_t subordinate_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	ssize_t rc = 0;
	uint64_t v;

	if (kstr_number(buf, ULONG_MAX, &v))
		return -EINVAL;
	if (v && !is_masked(node->parent))	/* masked: the bit is written, and nothing happens */
		rc = bus_reset(node->parent, op);
	return rc ? rc : (ssize_t)len;
}

static const struct attr_ops method_ops = { .store = method_store };
static const struct attr_ops reset_ops = { .store = reset_store };
static const struct attr_ops subordinate_ops = { .store = subordinate_store };

int reset_attach(struct sim *sim, struct node *function)
{
	struct methods *m = methods_of(sim, function);
	char text[256];

	dev_model(sim, function, "reset", &reset_ops);
	dev_model(sim, function, "reset_method", &method_ops);
	dev_model(sim, function, "reset_subordinate", &subordinate_ops);
	if (m)		/* it came back: as found */
		return dev_set(sim, function, "reset_method", "%s", m->names);
	if (!tree_text(function, "reset_method", text, sizeof(text)))
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->next = sim->models->methods;
	sim->models->methods = m;
	m->device = node_path(function);
	m->names = strdup(text);
	return m->device && m->names ? 0 : -ENOMEM;
}

void reset_free(struct models *models)
{
	while (models->methods) {
		struct methods *m = models->methods;

		models->methods = m->next;
		free(m->device);
		free(m->names);
		free(m);
	}
}
