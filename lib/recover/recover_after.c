// SPDX-License-Identifier: GPL-2.0-only
/* What is told at the end of a recovery that did everything: what is not as it was.  See recover.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/recover/recover_names.h"
#include "util/parse.h"

/* What the rebuilt regions did not get back. */
static void compare_addresses(struct recover *r)
{
	for (size_t i = 0; i < r->journal.recipe.n_regions; i++) {
		const struct recipe_region *region = &r->journal.recipe.regions[i];
		const char *now = recover_name_of(&r->journal, region->name);
		char path[128], text[32];
		bool is_planned;
		uint64_t at;

		if (!now)
			continue;
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.60s/resource", now);
		if (sysfs_read(r->host->fs, path, text, sizeof(text)) < 0)
			continue;
		is_planned = !parse_u64(text, &at) && at == region->place;
		if (at == region->address && is_planned)
			continue;
		/* who resumes need not have seen what was announced */
		message_add(r->messages, is_planned && r->request.task != RECOVER_RESUME ? SEV_INFO : SEV_WARNING, "ADDRESS", now, "%s is at %s now%s, %s was at 0x%" PRIx64, now, text,
			    is_planned ? " as announced" : ", where it was not expected", region->name, region->address);
	}
}

/* What was taken for the port's device on the word of its place alone. */
static void report_unknown_serials(struct recover *r)
{
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++) {
		const struct recipe_device *d = &r->journal.recipe.devices[i];
		char now[64];
		struct err err;

		if (d->below && !d->serial.known &&
		    !recover_resolve(&r->run, d->name, now, sizeof(now), &err))
			message_add(r->messages, r->request.task == RECOVER_RESUME ? SEV_WARNING : SEV_INFO, "SERIAL", now,
				    "%s is taken for %s since it is %s%s: a serial number of its own was never known", now, d->name,
				    d->address ? "at " : "below ", d->address ? d->address : r->rp->name);
	}
}

/* The driver has its device again, and nothing of what was on it. */
static void report_file_systems(struct recover *r)
{
	for (size_t i = 0; i < r->journal.recipe.n_regions; i++) {
		const struct recipe_region *region = &r->journal.recipe.regions[i];

		for (size_t k = 0; k < region->n_dax; k++) {
			const struct recipe_dax *d = &region->dax[k];
			char now[64];

			if (!strcmp(d->driver, DAX_FSDEV_NAME) &&
			    recover_dax_now(r, region, k, now, sizeof(now)))
				message_add(r->messages, SEV_WARNING, "FILE-SYSTEM", now, "%s is bound to " DAX_FSDEV_NAME " again, but empty: the file system that was on %s is lost with its memory; make it again before it is mounted (famfs: mkfs.famfs /dev/%s)",
					    now, d->name, now);
		}
	}
}

void recover_report_after(struct recover *r)
{
	compare_addresses(r);
	report_unknown_serials(r);
	report_file_systems(r);
}
