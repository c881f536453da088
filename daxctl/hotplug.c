// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the udev rule of persist.c has done for a dax device that appears: while
 * automatic binding on the dax bus is off, somebody has to choose its driver.
 */
#include <errno.h>
#include <string.h>

#include "cxl/lib/snapshot/target.h"
#include "daxctl/prepare.h"
#include "util/parse.h"

/* Is any memory device of @r one of @serials?  One that cannot be told may be: then nobody else gets it. */
static int is_kept(const struct cxl_region *r, char **serials, bool *ret, struct err *err)
{
	*ret = false;
	for (; *serials; serials++) {
		char shown[48];
		uint64_t serial;

		if (parse_u64(*serials, &serial))
			return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no serial number: use a number such as 0x1001", printable(*serials, shown, sizeof(shown)));
		for (size_t i = 0; r && i < r->n_targets; i++)
			*ret |= !r->targets[i] || !r->targets[i]->serial.known || r->targets[i]->serial.v == serial;
	}
	return 0;
}

/* As at probe, were it automatic: device_attach(). */
static int give_to_kernel(struct prepare *p, const struct cxl_dax *d, struct err *err)
{
	int rc = d->driver ? 0 : sysfs_write(&p->host.fs, "sys/bus/dax/drivers_probe", d->name);

	message_add(p->messages, SEV_INFO, "HOTPLUG", d->name, "%s is left to the kernel: its memory has none of the serial numbers", d->name);
	if (!rc || rc == -EINVAL)	/* no driver for it is there */
		return 0;
	return err_set(err, rc == -EACCES ? EXIT_PREREQ : EXIT_REFUSED, -rc,
		       "%s has no driver: the kernel refused %s in /sys/bus/dax/drivers_probe: %s", d->name, d->name, strerror(-rc));
}

int prepare_hotplug(struct prepare *p, const char *dax, char **serials, struct err *err)
{
	struct target_set set;
	bool kept;
	int rc = 0;

	p->jobs = arena_alloc(&p->arena, 1, sizeof(*p->jobs));
	if (!p->jobs || target_set_init(&p->host, &p->arena, false, &set))
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
	rc = target_add(&p->host, dax, TARGET_DAX, &set, err);
	for (size_t i = 0; !rc && i < p->host.n_dax; i++) {
		if (!set.dax[i])
			continue;
		rc = is_kept(p->host.dax[i].region, serials, &kept, err);
		if (rc)
			return rc;
		p->jobs[p->n_jobs++] = (struct prepare_job){
			.before = &p->view.v[i], .is_named = kept, .result = kept ? RESULT_NONE : RESULT_ALREADY,
		};
		if (!kept && !p->dry_run)
			rc = give_to_kernel(p, &p->host.dax[i], err);
	}
	return rc;
}
