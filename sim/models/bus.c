// SPDX-License-Identifier: GPL-2.0-only
/* The files bind and unbind of drivers, with the answers of drivers/base/bus.c. */
#include "sim/models/bus.h"

#include <errno.h>
#include <string.h>

#include "sim/models/models.h"
#include "sim/models/pinned.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"

bool model_is(const struct sim *sim, const struct model *model, const struct node *device)
{
	if (model->is)
		return model->is(sim, device, model->driver);
	return !model->attribute || dev_is(device, model->attribute, model->value);
}

static const struct model *model_of(const struct node *attribute, const struct op *op)
{
	const struct model *model = op->sim->models->table;

	while (!model->driver || strcmp(model->driver, attribute->parent->name))
		model++;
	return model;
}

static ssize_t bind_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct model *model = model_of(node, op);
	char word[128];
	struct node *d = dev_find(op->sim, model->bus, dev_word(buf, word, sizeof(word)));
	int rc;

	if (!d || !model_is(op->sim, model, d))
		return -ENODEV;
	if (pinned_waits(op, d, false))
		return SIM_AGAIN;
	if (dev_driver(d))
		return -EBUSY;
	rc = model->probe(op->sim, d, model->driver);
	return rc ? rc : (ssize_t)len;
}

static ssize_t unbind_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct model *model = model_of(node, op);
	char word[128];
	struct node *d = dev_find(op->sim, model->bus, dev_word(buf, word, sizeof(word)));

	if (!d)
		return -ENODEV;
	/* a driver that is on its way out still counts as the device's for who wants it to go, too */
	if (dev_driver(d) ? !strcmp(dev_driver(d), model->driver) : model_is(op->sim, model, d)) {
		if (pinned_waits(op, d, true))
			return SIM_AGAIN;
		if (op->tries && !dev_driver(d))
			return (ssize_t)len;
	}
	if (!dev_driver(d) || strcmp(dev_driver(d), model->driver))
		return -ENODEV;
	model->unbind(op->sim, d);
	return (ssize_t)len;
}

void driver_release(struct sim *sim, struct node *device)
{
	const struct model *model = sim->models->table;
	const char *driver = dev_driver(device);

	while (driver && model->bus && (!model->driver || strcmp(model->driver, driver)))
		model++;
	if (driver && model->bus)
		model->unbind(sim, device);
}

static const struct attr_ops bind_ops = { .store = bind_store };
static const struct attr_ops unbind_ops = { .store = unbind_store };

int drivers_attach(struct sim *sim)
{
	for (const struct model *model = sim->models->table; model->bus; model++) {
		struct node *d = model->driver ? dev_driver_dir(sim, model->bus, model->driver)
					       : NULL;

		if (!d)
			continue;
		dev_model(sim, d, "bind", &bind_ops);
		dev_model(sim, d, "unbind", &unbind_ops);
	}
	return 0;
}
