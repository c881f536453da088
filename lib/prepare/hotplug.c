// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the udev rule of persist.c has done for a dax device that appears: while
 * automatic binding on the dax bus is off, somebody has to choose its driver.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/target.h"
#include "lib/prepare/prepare.h"
#include "util/parse.h"

enum { PROBES = 5 };

/* Is any memory device of @r one of @serials?  One that cannot be told may be: then nobody else gets it. */
static int is_kept(const struct cxl_region *r, char **serials, bool *ret, struct err *err)
{
	*ret = false;
	for (; *serials; serials++) {
		char shown[48];
		uint64_t serial;

		if (parse_u64(*serials, &serial))
			return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a serial number: use a number such as 0x1001", printable(*serials, shown, sizeof(shown)));
		for (size_t i = 0; r && i < r->n_targets; i++)
			*ret |= !r->targets[i] || !r->targets[i]->serial.known || r->targets[i]->serial.v == serial;
	}
	return 0;
}

/* Is whoever changes this host at the moment making @d, or changing it? */
static bool is_others_work(const struct prepare *p, const struct cxl_dax *d)
{
	const struct cxl_region *r = d->region;
	bool is = host_lock_is_about(&p->holder, d->name);

	for (size_t i = 0; r && i < r->n_root_ports; i++)
		is |= host_lock_is_about(&p->holder, r->root_ports[i]->name);
	return is;
}

/*
 * As at probe, were it automatic: device_attach().  Linux 7.2 takes the name of a
 * device that has only just appeared and binds nothing (see step_bind), which looks
 * as where no driver wants it.
 */
static int probe(struct prepare *p, const struct cxl_dax *d)
{
	uint64_t wait = 0;
	char driver[128];
	int rc = 0;

	snprintf(driver, sizeof(driver), "sys/bus/dax/devices/%.60s/driver", d->name);
	for (int i = 0; i < PROBES && !sysfs_exists(p->host->fs, driver); i++) {
		if (i)
			step_pause(&wait);
		rc = sysfs_write(p->host->fs, "sys/bus/dax/drivers_probe", d->name);
		if (rc && rc != -ENODEV)
			break;
	}
	return rc;
}

static int give_to_kernel(struct prepare *p, const struct cxl_dax *d, struct err *err)
{
	int rc;

	if (d->unbinding)	/* a probe would wait, too */
		return err_set(err, EXIT_NEGATIVE, EBUSY, "%s is left alone: %s", d->name, dax_unbinding_text(d, &p->arena));
	rc = d->driver ? 0 : probe(p, d);
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
	if (!p->jobs || target_set_init(p->host, &p->arena, false, &set))
		return err_no_memory(err, ", nothing was written");
	rc = target_add(p->host, dax, TARGET_DAX, &set, err);
	for (size_t i = 0; !rc && i < p->host->n_dax; i++) {
		bool is_others;

		if (!set.dax[i])
			continue;
		rc = is_kept(p->host->dax[i].region, serials, &kept, err);
		if (rc)
			return rc;
		is_others = is_others_work(p, &p->host->dax[i]);
		kept &= !is_others;
		if (is_others)
			message_add(p->messages, SEV_INFO, "HOTPLUG", dax, "%s is left to '%s' (process %d), which is working on it", dax,
				    p->holder.command, (int)p->holder.pid);
		p->jobs[p->n_jobs++] = (struct prepare_job){
			.before = &p->view.v[i],
			.is_named = kept,
			.result = kept ? OUTCOME_NONE : OUTCOME_ALREADY,
		};
		if (!kept && !is_others && !p->dry_run)
			rc = give_to_kernel(p, &p->host->dax[i], err);
	}
	return rc;
}
