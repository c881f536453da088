// SPDX-License-Identifier: GPL-2.0-only
/* Planning the use of dax memory: see dax_plan.h. */
#include "lib/plan/dax_plan.h"

#include <errno.h>
#include <string.h>

#include "lib/txn/dax_state.h"
#include "lib/txn/dax_step.h"

/* Modules may have to be loaded, memory to be added or taken away. */
#define MODE_TIMEOUT_US 10000000
#define ATTR_TIMEOUT_US 1000000

int dax_plan_add(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
		 struct step step)
{
	size_t for_steps = plan->capacity, for_owner = plan->capacity;
	const struct dax_facts **owner;
	struct step *steps;

	if (!step.title || !step.path)
		return -ENOMEM;
	steps = arena_room(a, plan->steps, plan->n, &for_steps, sizeof(*steps));
	owner = arena_room(a, plan->owner, plan->n, &for_owner, sizeof(*owner));
	if (!steps || !owner)
		return -ENOMEM;
	plan->capacity = for_steps;
	plan->owner = owner;
	plan->steps = steps;
	owner[plan->n] = f;
	steps[plan->n++] = step;
	return 0;
}

const char *dax_online_word(const char *zone)
{
	if (!zone)
		return "online";
	return strcmp(zone, "Movable") ? "online_kernel" : "online_movable";
}

/* Online as @wanted says, in its zone? */
static bool is_as_wanted(const struct mem_block *b, const struct dax_block *wanted)
{
	return b->state == BLOCK_ONLINE && b->number == wanted->number &&
		(!b->zone || !strcmp(wanted->word, dax_online_word(b->zone)));
}

/* Both are in the order of their numbers; @*k is where the last one was found. */
static bool is_among(const struct dax_blocks *blocks, const struct mem_block *b, size_t *k)
{
	while (blocks && *k < blocks->n && blocks->v[*k].number < b->number)
		++*k;
	return blocks && *k < blocks->n && is_as_wanted(b, &blocks->v[*k]);
}

int dax_plan_offline(const struct dax_view *view, const struct dax_facts *f,
		     const struct dax_blocks *stay, uint64_t timeout_us, struct arena *a,
		     struct dax_plan *plan)
{
	const struct mem_block *b = NULL;
	size_t k = 0;
	int rc = 0;

	while (!rc && (b = dax_next_block(view->host, f->dax, b))) {
		if (b->state != BLOCK_ONLINE || is_among(stay, b, &k))
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

static int add_state(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
		     const char *title, const char *value, const char *undo, const char *before,
		     uint64_t timeout_us)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_dax_state, .title = title,
		.path = arena_printf(a, "sys/bus/dax/devices/%s/state", f->dax->name), .value = value,
		.expect_before = before, .expect_after = value, .undo = undo,
		.timeout_us = timeout_us,
	});
}

int dax_plan_unplug(const struct dax_facts *f, uint64_t timeout_us, struct arena *a,
		    struct dax_plan *plan)
{
	return add_state(plan, a, f, arena_printf(a, "unplug the memory of %s", f->dax->name),
			 DAX_UNPLUGGED, DAX_ONLINE_MOVABLE, DAX_ONLINE_MOVABLE, timeout_us);
}

static int add_mode(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
		    const char *from, enum dax_mode to)
{
	return dax_plan_add(
		plan, a, f,
		(struct step){
			.op = &step_dax_mode,
			.title = arena_printf(a, "switch %s to %s", f->dax->name, dax_mode_names[to]),
			.path = arena_printf(a, "sys/bus/dax/devices/%s/driver", f->dax->name),
			.value = dax_mode_names[to],
			.expect_before = from ? from : STEP_NO_DRIVER,
			.expect_after = to == DAX_UNBOUND ? STEP_NO_DRIVER : dax_mode_drivers[to],
			.undo = dax_mode_names[dax_mode_of(from)],
			.timeout_us = MODE_TIMEOUT_US,
		});
}

/*
 * Where the parameter is off the attribute comes to nothing (mhp_supports_memmap_on_memory())
 * and cannot be set to 1 again: memmap_on_memory_store() of drivers/dax/bus.c.  It stays as it is
 * then: the parameter cannot change before the next boot, which resets the attribute as well.
 * So it does where the parameter cannot be read, since the way back might be refused.
 */
bool dax_has_memmap_to_clear(const struct dax_view *view, const struct dax_facts *f)
{
	return f->memmap == TRI_YES && view->memmap_param && strcmp(view->memmap_param, "N");
}

static int add_memmap(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, bool on)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_memmap, .title = arena_printf(a, "switch memmap_on_memory of %s %s", f->dax->name, on ? "on" : "off"),
		.path = arena_printf(a, "%s/memmap_on_memory", f->dax->path), .value = on ? "1" : "0",
		.expect_before = on ? "0" : NULL, .expect_after = on ? "1" : "0", .undo = on ? "0" : "1",
		.timeout_us = ATTR_TIMEOUT_US,
	});
}

int dax_plan_devdax(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode,
		    struct arena *a, struct dax_plan *plan)
{
	const char *driver = f->dax->driver;
	int rc = 0;

	if (dax_is_left_behind(f))
		return 0;	/* offline is all that it can be */
	if (dax_mode_of(driver) != mode)
		rc = add_mode(plan, a, f, driver, mode);
	return rc || !dax_has_memmap_to_clear(view, f) ? rc : add_memmap(plan, a, f, false);
}

/* The attribute cannot be written while kmem has the device. */
int dax_plan_unbound(const struct dax_view *view, const struct dax_facts *f, struct arena *a,
		     struct dax_plan *plan)
{
	int rc = f->dax->driver ? add_mode(plan, a, f, f->dax->driver, DAX_UNBOUND) : 0;

	return rc || !dax_has_memmap_to_clear(view, f) ? rc : add_memmap(plan, a, f, false);
}

static int add_online(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
		      uint64_t number, const char *word)
{
	return dax_plan_add(plan, a, f, (struct step){
		.op = &step_online_block, .title = arena_printf(a, "bring memory%llu of %s online", (unsigned long long)number, f->dax->name),
		.path = arena_printf(a, "sys/devices/system/memory/memory%llu/state", (unsigned long long)number),
		.value = word, .expect_before = "offline", .expect_after = "online", .undo = "offline",
		.timeout_us = ATTR_TIMEOUT_US,
	});
}

/* kmem adds the whole blocks of each range: dax_kmem_range() of drivers/dax/kmem.c. */
static int add_online_all(const struct dax_view *view, const struct dax_facts *f, struct arena *a,
			  struct dax_plan *plan)
{
	uint64_t size = view->host->block_bytes;
	int rc = 0;

	for (size_t i = 0; size && i < f->dax->n_ranges; i++) {
		uint64_t first = (f->dax->ranges[i].first + size - 1) / size;
		uint64_t end = (f->dax->ranges[i].last + 1) / size;

		for (uint64_t n = first; !rc && n < end; n++)
			rc = add_online(plan, a, f, n, DAX_ONLINE_MOVABLE);
	}
	return rc;
}

/* Those of @blocks that are not so on @now (NULL: none is). */
static int add_online_those(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
			    const struct dax_blocks *blocks, const struct cxl_host *now)
{
	const struct mem_block *b = now ? dax_next_block(now, f->dax, NULL) : NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < blocks->n; i++) {
		while (b && b->number < blocks->v[i].number)
			b = dax_next_block(now, f->dax, b);
		if (!b || !is_as_wanted(b, &blocks->v[i]))
			rc = add_online(plan, a, f, blocks->v[i].number, blocks->v[i].word);
	}
	return rc;
}

static bool may_have_memmap(const struct dax_view *view, const struct dax_facts *f)
{
	return f->memmap == TRI_NO && view->memmap_param && strcmp(view->memmap_param, "N");
}

int dax_plan_system_ram(const struct dax_view *view, const struct dax_facts *f, const char *driver,
			bool memmap, const struct dax_blocks *blocks, struct arena *a,
			struct dax_plan *plan)
{
	bool is_kmem = dax_mode_of(driver) == DAX_SYSTEM_RAM;
	int rc = 0;

	if (!is_kmem && memmap && may_have_memmap(view, f))
		rc = add_memmap(plan, a, f, true);
	if (!rc && !is_kmem)
		rc = add_mode(plan, a, f, driver, DAX_SYSTEM_RAM);
	return rc	? rc
	       : blocks ? add_online_those(plan, a, f, blocks, NULL)
			: add_online_all(view, f, a, plan);
}

int dax_plan_plug(const struct dax_facts *f, const char *driver, struct arena *a,
		  struct dax_plan *plan)
{
	int rc = dax_mode_of(driver) == DAX_SYSTEM_RAM
			 ? 0
			 : add_mode(plan, a, f, driver, DAX_SYSTEM_RAM);

	return rc ? rc
		  : add_state(plan, a, f, arena_printf(a, "bring the memory of %s online, movable", f->dax->name),
			      DAX_ONLINE_MOVABLE, DAX_UNPLUGGED, DAX_UNPLUGGED, MODE_TIMEOUT_US);
}

int dax_plan_back(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode,
		  bool memmap, const struct dax_blocks *blocks, uint64_t timeout_us,
		  struct arena *a, struct dax_plan *plan)
{
	const char *driver = f->dax->driver;
	bool is_kmem = dax_mode_of(driver) == DAX_SYSTEM_RAM,
	     puts_memmap = memmap && may_have_memmap(view, f);
	bool stays = is_kmem && mode == DAX_SYSTEM_RAM && !puts_memmap;
	int rc = is_kmem ? dax_plan_offline(view, f, stays ? blocks : NULL, timeout_us, a, plan)
			 : 0;

	if (rc || stays)
		return rc ? rc : add_online_those(plan, a, f, blocks, view->host);
	if (mode == DAX_SYSTEM_RAM) {
		rc = is_kmem ? add_mode(plan, a, f, driver, DAX_UNBOUND) : 0;
		return rc ? rc
			  : dax_plan_system_ram(view, f, is_kmem ? NULL : driver, memmap, blocks, a,
						plan);
	}
	if (f->mode != mode)
		rc = add_mode(plan, a, f, driver, mode);
	return rc || !puts_memmap ? rc : add_memmap(plan, a, f, true);
}
