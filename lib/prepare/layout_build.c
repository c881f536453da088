// SPDX-License-Identifier: GPL-2.0-only
/* How steps of a layout are added, and the one that regions and dax devices share: see layout_make.h.  Pure. */

#include "lib/prepare/layout_make.h"
#include "lib/txn/dax_step.h"
#include "lib/txn/dax_write.h"

#define TEXT(plan, ...) arena_printf((plan)->a, __VA_ARGS__)

/* As for a recovery: most of it takes less than 0.2 s on Linux 6.12 and 7.2. */
enum { STORE_US = 5000000 };

static struct step *no_room(struct layout_plan *plan)
{
	static struct step nowhere;

	plan->no_memory = true;
	return &nowhere;
}

static bool make_room(struct layout_plan *plan)
{
	size_t for_steps = plan->capacity, for_regions = plan->capacity;
	struct step *steps = arena_room(plan->a, plan->steps, plan->n, &for_steps, sizeof(*steps));
	const struct wanted_region **regions = arena_room(plan->a, plan->regions, plan->n,
							  &for_regions, sizeof(*regions));

	if (!steps || !regions)
		return false;
	plan->steps = steps;
	plan->regions = regions;
	plan->capacity = for_steps;
	return true;
}

struct step *layout_plan_add(struct layout_plan *plan, const struct wanted_region *of,
			     struct step step)
{
	if (!step.title || !step.path || !step.value || !make_room(plan))
		return no_room(plan);
	if (!step.timeout_us)
		step.timeout_us = STORE_US;
	if (!step.expect_after)
		step.expect_after = "";
	plan->regions[plan->n] = of;
	plan->steps[plan->n] = step;
	return &plan->steps[plan->n++];
}

void layout_plan_unbind(struct layout_plan *plan, const struct cxl_dax *d, bool comes_back)
{
	bool by_mode = dax_is_kmem(d) || dax_is_device_dax(d);
	const char *title = TEXT(plan, "take %s from %s", d->name, d->driver);

	if (by_mode)
		layout_plan_add(plan, NULL, (struct step){
			.op = &step_dax_mode, .title = title,
			.path = TEXT(plan, DAX_DEVICES "/%s/driver", d->name),
			.value = dax_mode_names[DAX_UNBOUND], .expect_before = d->driver,
			.expect_after = STEP_NO_DRIVER, .timeout_us = DAX_WRITE_TIMEOUT_US,
			.undo = comes_back ? dax_mode_names[dax_mode_of(d->driver)] : NULL });
	else
		layout_plan_add(plan, NULL,
				(struct step){ .op = &step_unbind,
					       .title = title,
					       .path = TEXT(plan, "sys/bus/dax/drivers/%s/unbind",
							    d->driver),
					       .value = d->name,
					       .expect_before = d->driver,
					       .expect_after = STEP_NO_DRIVER,
					       .timeout_us = DAX_WRITE_TIMEOUT_US,
					       .undo = comes_back ? d->driver : NULL });
}
