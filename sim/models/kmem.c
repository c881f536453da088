// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmem: the memory of a dax device as System RAM, whole memory blocks of each range
 * (drivers/dax/kmem.c of Linux 6.12), and from 7.3 on the device's file state, which
 * takes all of it away and brings it back.
 */
#include <errno.h>
#include <string.h>

#include "sim/models/dax.h"
#include "sim/models/dax_range.h"
#include "sim/models/kernel.h"
#include "sim/models/memory.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"

#define RESOURCE "System RAM (kmem)"
#define UNPLUGGED "unplugged"

/* One of kmem's ranges, as far as it is whole memory blocks. */
static int add_memory(struct sim *sim, struct node *dax, const struct dax_range *r,
		      const char *policy)
{
	unsigned int node = (unsigned int)dev_number(dax, "target_node", 0);
	int rc;

	/* memory that kmem could not take back keeps the range busy until the next boot */
	if (iomem_has_ram(sim, r->start, r->size))
		return -EBUSY;
	rc = memory_add(sim, r->start, r->size, node, policy);
	rc = rc ? rc : iomem_add(sim, r->start, r->size, dax->name);
	return rc ? rc : iomem_add(sim, r->start, r->size, RESOURCE);
}

/* dev_dax_kmem_probe(): what fails behind the first range that was added is left out */
static int add_all_memory(struct sim *sim, struct node *dax, const char *policy)
{
	bool found = false, added = false;
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++) {
		int rc = memory_whole_blocks(sim, &r.start, &r.size) ? 0 : -EINVAL;

		if (rc)
			continue;
		found = true;
		rc = add_memory(sim, dax, &r, policy);
		if (rc && !added)
			return rc;
		added |= !rc;
	}
	return found ? 0 : -EINVAL;
}

/* System RAM was there when this device came, which it could not have. */
static bool is_another_s(const struct sim *sim, const struct node *dax,
			 const struct dax_range *r)
{
	return iomem_has_ram(sim, r->start, r->size) &&
	       !iomem_has(sim, r->start, r->size, dax->name);
}

/* Memory that is online stays, and keeps its lines, until the next boot. */
static void remove_all_memory(struct sim *sim, struct node *dax)
{
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++) {
		if (!memory_whole_blocks(sim, &r.start, &r.size) || is_another_s(sim, dax, &r) ||
		    memory_remove(sim, r.start, r.size))
			continue;
		iomem_remove(sim, r.start, r.size, RESOURCE);
		iomem_remove(sim, r.start, r.size, dax->name);
	}
}

/* --- state ------------------------------------------------------------------ */

/* offline_and_remove_memory_ranges(): all of it, or nothing */
static int unplug(struct sim *sim, struct node *dax)
{
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (memory_whole_blocks(sim, &r.start, &r.size) &&
		    !memory_may_go(sim, r.start, r.size))
			return -EBUSY;
	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (memory_whole_blocks(sim, &r.start, &r.size))
			memory_force_offline(sim, r.start, r.size);
	remove_all_memory(sim, dax);
	return 0;
}

/* It follows neither the blocks nor the policy: what was done by it, or when it was bound. */
static ssize_t state_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	static const char *const states[] = { UNPLUGGED, "online", "online_kernel", "online_movable" };
	struct node *dax = node->parent;
	bool known = false;
	char word[32];
	int rc;

	dev_word(buf, word, sizeof(word));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		known |= !strcmp(word, states[i]);
	if (!known)
		return -EINVAL;
	if (dev_is(dax, "state", word))
		return (ssize_t)len;
	if (!strcmp(word, UNPLUGGED))
		rc = unplug(op->sim, dax);
	else
		rc = dev_is(dax, "state", UNPLUGGED) ? add_all_memory(op->sim, dax, word) : -EBUSY;
	rc = rc ? rc : dev_set(op->sim, dax, "state", "%s", word);
	return rc ? rc : (ssize_t)len;
}

static const struct attr_ops state_ops = { .store = state_store };

/* Of the postings: whose memory it is can be said only while there is none. */
static ssize_t private_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (!dev_is(dax, "state", UNPLUGGED))
		return -EBUSY;
	return dev_set(op->sim, dax, "private", "%d", on) ? -ENOMEM : (ssize_t)len;
}

static const struct attr_ops private_ops = { .store = private_store };


static bool has_state(const struct sim *sim)
{
	return is_kernel_with_kmem_state(sim) || (sim->kernel && sim->kernel->has_kmem_state);
}

static int show_state(struct sim *sim, struct node *dax)
{
	const struct node *memory = tree_dir(&sim->tree, "/sys/devices/system/memory");
	char policy[32] = "offline";

	if (!has_state(sim))
		return 0;
	if (memory)
		tree_text(memory, "auto_online_blocks", policy, sizeof(policy));
	if (dev_add_attr(sim, dax, "state", 0644, "") || dev_set(sim, dax, "state", "%s", policy))
		return -ENOMEM;
	dev_model(sim, dax, "state", &state_ops);
	if (!sim->kernel || !sim->kernel->has_private_nodes)
		return 0;
	if (dev_add_attr(sim, dax, "private", 0644, "0\n"))
		return -ENOMEM;
	dev_model(sim, dax, "private", &private_ops);
	return 0;
}

/* What kmem had when the host was captured, maybe by a kernel before that file. */
int kmem_attach(struct sim *sim, struct node *dax)
{
	const char *driver = dev_driver(dax);

	dev_model(sim, dax, "state", &state_ops);
	return driver && !strcmp(driver, "kmem") && !tree_child(dax, "state") ? show_state(sim, dax) : 0;
}

/* --- the driver ------------------------------------------------------------- */

int kmem_probe(struct sim *sim, struct node *dax, const struct dax_driver *driver)
{
	char type[32];
	int rc = add_all_memory(sim, dax, sysram_online_type(dax, type, sizeof(type)));

	(void)driver;
	return rc ? rc : show_state(sim, dax);
}

void kmem_remove(struct sim *sim, struct node *dax)
{
	static const char *const attrs[] = { "state", "private" };

	remove_all_memory(sim, dax);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (tree_child(dax, attrs[i]))
			tree_remove(&sim->tree, tree_child(dax, attrs[i]));
}
