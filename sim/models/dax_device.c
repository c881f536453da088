// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of a dax device: size, mapping, align and memmap_on_memory, with the
 * answers of drivers/dax/bus.c of Linux 6.12, which are those of 7.2.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/dax.h"
#include "sim/models/dax_range.h"
#include "sim/models/pinned.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"

static bool is_kmem(const char *driver)
{
	return driver && !strcmp(driver, "kmem");
}

static ssize_t memmap_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct node *parameters = tree_dir(&op->sim->tree, "/sys/module/memory_hotplug/parameters");
	struct node *dax = node->parent;
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on && (!parameters || dev_is(parameters, "memmap_on_memory", "N")))
		return -EOPNOTSUPP;
	if (!dev_is(dax, "memmap_on_memory", on ? "1" : "0") && is_kmem(dev_driver(dax)))
		return -EBUSY;
	return dev_set(op->sim, dax, "memmap_on_memory", "%d", on) ? -ENOMEM : (ssize_t)len;
}

/* dev_dax_validate_align(): their lengths alone, not where they start */
static bool are_ranges_aligned(const struct node *dax, uint64_t align)
{
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (r.size % align)
			return false;
	return true;
}

/* Which alignments there are depends on the page sizes. */
static ssize_t align_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	uint64_t v;

	if (kstr_number(buf, ULONG_MAX, &v))
		return -ENXIO;
	if (v != 4ull << 10 && v != 2ull << 20 && v != 1ull << 30)
		return -EINVAL;
	if (dev_driver(dax))
		return -EBUSY;
	if (!are_ranges_aligned(dax, v > DAX_SUBSECTION ? v : DAX_SUBSECTION))
		return -EINVAL;
	return dev_set(op->sim, dax, "align", "%" PRIu64, v) ? -ENOMEM : (ssize_t)len;
}

static ssize_t size_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	uint64_t v;
	int rc = kstr_number(buf, UINT64_MAX, &v);

	if (rc)
		return rc;
	if (v % dax_alignment(dax))
		return -EINVAL;
	if (pinned_waits(op, dax, false))
		return SIM_AGAIN;
	if (dev_driver(dax))
		return -EBUSY;
	rc = dax_resize(op->sim, dax, v);
	return rc ? rc : (ssize_t)len;
}

/* range_parse(): "START-END" */
static int parse_range(const char *buf, uint64_t *start, uint64_t *end)
{
	_cleanup_free_ char *text = strdup(buf);
	char *dash = text ? strchr(text, '-') : NULL;
	int rc;

	if (!dash)
		return -EINVAL;
	*dash = '\0';
	rc = kstr_hex(text, UINT64_MAX, start);
	return rc ? rc : kstr_hex(dash + 1, UINT64_MAX, end);
}

/*
 * Nothing but the length is looked at: where it starts may be anything, what is no
 * multiple is taken for done, and a device that has a driver gets more memory, too.
 */
static ssize_t mapping_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	uint64_t start, end, size;
	int rc = parse_range(buf, &start, &end);

	if (rc)
		return rc;
	size = end - start + 1;
	if (size % dax_alignment(dax))
		return (ssize_t)len;
	if (!size)
		return dax_ranges_size(dax) ? -EBUSY : (ssize_t)len;
	rc = dax_range_add(op->sim, dax, start, size);
	if (!rc && is_kmem(dev_driver(dax)))
		sim_violation(op->sim, op->path, "%s got a range more while kmem has it, which reads behind its own ranges when it lets go",
			      dax->name);
	return rc ? rc : (ssize_t)len;
}

static const struct attr_ops memmap_ops = { .store = memmap_store };
static const struct attr_ops align_ops = { .store = align_store };
static const struct attr_ops size_ops = { .store = size_store };
static const struct attr_ops mapping_ops = { .store = mapping_store };

void dax_device_attach(struct sim *sim, struct node *dax)
{
	dev_model(sim, dax, "memmap_on_memory", &memmap_ops);
	dev_model(sim, dax, "align", &align_ops);
	dev_model(sim, dax, "size", &size_ops);
	dev_model(sim, dax, "mapping", &mapping_ops);
}
