// SPDX-License-Identifier: GPL-2.0-only
/* Planning the use of dax memory: see dax_plan.h. */
#include "cxl/lib/change/dax_plan.h"

#include <errno.h>
#include <string.h>

#include "cxl/lib/change/dax_step.h"

/* Modules may have to be loaded, memory to be added or taken away. */
#define MODE_TIMEOUT_US 10000000
#define ATTR_TIMEOUT_US 1000000

int dax_plan_add(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, struct step step)
{
	if (!step.title || !step.path)
		return -ENOMEM;
	if (plan->n == plan->capacity) {
		size_t capacity = plan->capacity ? 2 * plan->capacity : 32;
		struct step *steps = arena_alloc(a, capacity, sizeof(*steps));
		const struct dax_facts **owner = arena_alloc(a, capacity, sizeof(*owner));

		if (!steps || !owner)
			return -ENOMEM;
		if (plan->n) {
			memcpy(steps, plan->steps, plan->n * sizeof(*steps));
			memcpy(owner, plan->owner, plan->n * sizeof(*owner));
		}
		plan->steps = steps;
		plan->owner = owner;
		plan->capacity = capacity;
	}
	plan->owner[plan->n] = f;
	plan->steps[plan->n++] = step;
	return 0;
}

const char *dax_online_word(const char *zone)
{
	if (!zone)
		return "online";
	return strcmp(zone, "Movable") ? "online_kernel" : "online_movable";
}

int dax_plan_offline(const struct dax_view *view, const struct dax_facts *f, uint64_t timeout_us, struct arena *a,
		     struct dax_plan *plan)
{
	const struct mem_block *b = NULL;
	int rc = 0;

	while (!rc && (b = dax_next_block(view->host, f->dax, b))) {
		if (b->state != BLOCK_ONLINE)
			continue;
		rc = dax_plan_add(plan, a, f, (struct step){
			.op = &step_offline_block,
			.title = arena_printf(a, "take memory%u of %s offline", b->number, f->dax->name),
			.path = arena_printf(a, "sys/devices/system/memory/memory%u/state", b->number), .value = "offline",
			.expect_before = "online", .expect_after = "offline", .undo = dax_online_word(b->zone), .timeout_us = timeout_us,
		});
	}
	return rc;
}

static const char *mode_name(const char *driver)
{
	if (!driver)
		return "unbound";
	return strcmp(driver, "kmem") ? "devdax" : "system-ram";
}

static int add_mode(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, const char *from, const char *mode,
		    const char *driver)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_dax_mode, .title = arena_printf(a, "switch %s to %s", f->dax->name, mode),
		.path = arena_printf(a, "sys/bus/dax/devices/%s/driver", f->dax->name), .value = mode,
		.expect_before = from ? from : STEP_NO_DRIVER, .expect_after = driver, .undo = mode_name(from),
		.timeout_us = MODE_TIMEOUT_US,
	});
}

/*
 * Where the parameter is off the attribute cannot be set to 1, so that taking
 * "0" back is not looked at: memmap_on_memory_store() of drivers/dax/bus.c.
 */
static int add_memmap(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, bool on)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_memmap, .title = arena_printf(a, "switch memmap_on_memory of %s %s", f->dax->name, on ? "on" : "off"),
		.path = arena_printf(a, "%s/memmap_on_memory", f->dax->path), .value = on ? "1" : "0",
		.expect_before = on ? "0" : NULL, .expect_after = on ? "1" : "0", .undo = on ? "0" : "1",
		.timeout_us = ATTR_TIMEOUT_US,
	});
}

int dax_plan_devdax(const struct dax_facts *f, struct arena *a, struct dax_plan *plan)
{
	const char *driver = f->dax->driver;
	int rc = 0;

	if (dax_is_left_behind(f))
		return 0;	/* offline is all that it can be */
	if (!driver || strcmp(driver, "device_dax"))
		rc = add_mode(plan, a, f, driver, "devdax", "device_dax");
	return rc || f->memmap != TRI_YES ? rc : add_memmap(plan, a, f, false);
}

/* The attribute cannot be written while kmem has the device. */
int dax_plan_unbound(const struct dax_facts *f, struct arena *a, struct dax_plan *plan)
{
	int rc = f->dax->driver ? add_mode(plan, a, f, f->dax->driver, "unbound", STEP_NO_DRIVER) : 0;

	return rc || f->memmap != TRI_YES ? rc : add_memmap(plan, a, f, false);
}

static int add_online(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, uint64_t number, const char *word)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_online_block, .title = arena_printf(a, "bring memory%llu of %s online", (unsigned long long)number, f->dax->name),
		.path = arena_printf(a, "sys/devices/system/memory/memory%llu/state", (unsigned long long)number),
		.value = word, .expect_before = "offline", .expect_after = "online", .undo = "offline",
		.timeout_us = ATTR_TIMEOUT_US,
	});
}

/* kmem adds the whole blocks of each range: dax_kmem_range() of drivers/dax/kmem.c. */
static int add_online_all(const struct dax_view *view, const struct dax_facts *f, struct arena *a, struct dax_plan *plan)
{
	uint64_t size = view->host->block_bytes;
	int rc = 0;

	for (size_t i = 0; size && i < f->dax->n_ranges; i++) {
		uint64_t first = (f->dax->ranges[i].first + size - 1) / size;
		uint64_t end = (f->dax->ranges[i].last + 1) / size;

		for (uint64_t n = first; !rc && n < end; n++)
			rc = add_online(plan, a, f, n, "online_movable");
	}
	return rc;
}

static bool may_have_memmap(const struct dax_view *view, const struct dax_facts *f)
{
	return f->memmap == TRI_NO && view->memmap_param && strcmp(view->memmap_param, "N");
}

int dax_plan_system_ram(const struct dax_view *view, const struct dax_facts *f, const char *driver, bool memmap,
			const struct dax_blocks *blocks, struct arena *a, struct dax_plan *plan)
{
	bool is_kmem = driver && !strcmp(driver, "kmem");
	int rc = 0;

	if (!is_kmem && memmap && may_have_memmap(view, f))
		rc = add_memmap(plan, a, f, true);
	if (!rc && !is_kmem)
		rc = add_mode(plan, a, f, driver, "system-ram", "kmem");
	for (size_t i = 0; !rc && blocks && i < blocks->n; i++)
		rc = add_online(plan, a, f, blocks->v[i].number, blocks->v[i].word);
	return rc || blocks ? rc : add_online_all(view, f, a, plan);
}

int dax_plan_back(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode, bool memmap,
		  uint64_t timeout_us, struct arena *a, struct dax_plan *plan)
{
	const char *driver = f->dax->driver;
	int rc = driver && !strcmp(driver, "kmem") ? dax_plan_offline(view, f, timeout_us, a, plan) : 0;

	if (!rc && f->mode != mode)
		rc = add_mode(plan, a, f, driver, dax_mode_names[mode], mode == DAX_DEVDAX ? "device_dax" : STEP_NO_DRIVER);
	return rc || !memmap || !may_have_memmap(view, f) ? rc : add_memmap(plan, a, f, true);
}
