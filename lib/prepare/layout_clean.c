// SPDX-License-Identifier: GPL-2.0-only
/* What is left of regions that a killed command was making, or that are gone since: see layout_make.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/prepare/layout_make.h"
#include "lib/txn/step_port.h"
#include "util/parse.h"

#define TEXT(plan, ...) arena_printf((plan)->a, __VA_ARGS__)

/* One of all its memory devices is gone on with as it is: see enable() of layout_plan.c. */
static bool is_half_made(const struct cxl_region *r)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i])
			return true;
	return !r->n_targets || r->targets_unknown;
}

static void delete(struct layout_plan *plan, const struct cxl_region *r)
{
	char decoder[64];

	region_root_decoder(r, decoder, sizeof(decoder));
	layout_plan_add(plan, NULL, (struct step){
		.op = &step_delete, .title = TEXT(plan, "delete %s, which was left half made", r->name),
		.path = TEXT(plan, LAYOUT_CXL "/%s/delete_region", decoder), .value = r->name,
		.expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT });
}

/* What is as large as was set aside, and what no region but @half has. */
static bool is_left(struct sysfs *fs, const char *endpoint, const char *decoder, uint64_t bytes,
		    const char *half)
{
	char path[PATH_MAX], text[64];
	uint64_t is;

	snprintf(path, sizeof(path), "%.3000s/%.200s/region", endpoint, decoder);
	if (sysfs_read(fs, path, text, sizeof(text)) > 0 && (!half || strcmp(text, half)))
		return false;
	snprintf(path, sizeof(path), "%.3000s/%.200s/dpa_size", endpoint, decoder);
	return sysfs_read(fs, path, text, sizeof(text)) > 0 && !parse_u64(text, &is) && is == bytes;
}

/* The last decoder first, as the kernel wants it. */
static int free_capacity(const struct cxl_host *host, const struct made_region *m,
			 const struct cxl_memdev *memdev, const char *half,
			 struct layout_plan *plan)
{
	struct sysfs_names names;
	char *endpoint;
	int rc = endpoint_of(host->fs, memdev->name, plan->a, &endpoint, &names);

	for (size_t i = rc ? 0 : names.n; i-- > 0;)
		if (is_left(host->fs, endpoint, names.v[i], m->bytes_each, half))
			layout_plan_add(plan, NULL, (struct step){
				.op = &step_set_aside, .title = TEXT(plan, "free the capacity of %s, which was left set aside", names.v[i]),
				.path = TEXT(plan, LAYOUT_CXL "/%s/dpa_size", names.v[i]), .value = "0", .expect_after = "0" });
	return rc == -ENOMEM ? rc : 0;
}

static int clean(const struct cxl_host *host, const struct made_region *m,
		 const struct cxl_region *r, struct layout_plan *plan)
{
	int rc = 0;

	if (r)
		delete(plan, r);
	for (size_t i = 0; !rc && i < m->n_memdevs; i++)
		for (size_t k = 0; !rc && k < host->n_memdevs; k++) {
			const char *text = made_memdev_text(&host->memdevs[k], plan->a);

			if (!text)
				return -ENOMEM;
			if (!strcmp(text, m->memdevs[i]))
				rc = free_capacity(host, m, &host->memdevs[k], r ? r->name : NULL,
						   plan);
		}
	return rc;
}

/*
 * Was it deleted since, by hand, after one of its devices was replugged?  The others keep what was set aside
 * for it.  Not while a device is gone or a recovery has not ended, which may make it again of just that.
 */
static bool is_deleted(const struct cxl_host *host, const struct made_region *m,
		       const struct cxl_region *r, struct arena *a)
{
	size_t there = 0;

	for (size_t i = 0; !r && m->is_whole && i < m->n_memdevs; i++)
		for (size_t k = 0; k < host->n_memdevs; k++) {
			const struct cxl_memdev *d = &host->memdevs[k];
			const char *text = made_memdev_text(d, a);

			there += text && !strcmp(text, m->memdevs[i]) && d->root_port &&
				 !kept_journal_of(host, d->root_port, NULL);
		}
	return there && there == m->n_memdevs;
}

int layout_plan_clean(const struct cxl_host *host, const struct made *made,
		      struct layout_plan *plan)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < made->n; i++) {
		const struct cxl_region *r = made_region_of(host, made, &made->v[i]);

		if ((!made->v[i].is_whole && (!r || is_half_made(r))) ||
		    is_deleted(host, &made->v[i], r, plan->a))
			rc = clean(host, &made->v[i], r, plan);
	}
	if (made->autoprobe_is_held)
		layout_plan_add(plan, NULL, (struct step){
			.op = &step_write, .title = "let new dax devices have a driver again", .path = DAX_AUTOPROBE,
			.value = "1", .expect_before = "0", .expect_after = "1", .when = STEP_IF_NEEDED });
	return rc || plan->no_memory ? -ENOMEM : 0;
}
