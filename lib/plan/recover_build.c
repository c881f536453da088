// SPDX-License-Identifier: GPL-2.0-only
/* How steps of a recovery are added: see recover_build.h. */
#include <inttypes.h>

#include "lib/model/isolation_regs.h"
#include "lib/plan/recover_build.h"
#include "lib/txn/step_port.h"
#include "lib/txn/dax_write.h"

/* Measured on Linux 6.12 and 7.2: most of this takes less than 0.2 s. */
#define STORE_TIMEOUT_US 5000000ull

const char *build_keep(struct builder *b, const char *text)
{
	b->no_memory |= !text;
	return text ? text : "";
}

struct step *build_step(struct builder *b, struct step step)
{
	static struct step nowhere;

	if (b->n == b->capacity) {
		b->no_memory = true;
		return &nowhere;
	}
	if (!step.timeout_us && dax_write_is(step.path) &&
	    (step.op == &step_unbind || step.op == &step_bind))
		step.timeout_us = b->unbind_us ? b->unbind_us : DAX_WRITE_TIMEOUT_US;
	if (!step.timeout_us)
		step.timeout_us = STORE_TIMEOUT_US;
	if (!step.value)
		step.value = "";
	if (!step.expect_after)
		step.expect_after = "";
	b->steps[b->n] = step;
	return &b->steps[b->n++];
}

void build_write(struct builder *b, const char *title, const char *path, const char *value,
		 const char *before, const char *after)
{
	build_step(b, (struct step){ .op = &step_write,
				     .title = title,
				     .path = path,
				     .value = value,
				     .expect_before = before,
				     .expect_after = after });
}

const char *build_status_path(struct builder *b, const struct cxl_root_port *rp)
{
	return TEXT(b, "%s/resource%u+0x%" PRIx64, rp->path, rp->iso.regs.bar, rp->iso.regs.at + ISO_STATUS_OFFSET);
}

void build_unbind(struct builder *b, const char *drivers, const char *driver, const char *what,
		  const char *device)
{
	build_step(b, (struct step){ .op = &step_unbind, .title = TEXT(b, "unbind %s from %s", what, driver),
				     .path = TEXT(b, "%s/%s/unbind", drivers, driver), .value = device, .expect_before = driver,
				     .expect_after = STEP_NO_DRIVER, .undo = device });
}

void build_bind(struct builder *b, const char *drivers, const char *driver, const char *what,
		const char *device)
{
	build_step(b, (struct step){ .op = &step_bind,
				     .title = TEXT(b, "bind %s to %s", what, driver),
				     .path = TEXT(b, "%s/%s/bind", drivers, driver),
				     .value = device,
				     .expect_before = STEP_NO_DRIVER,
				     .expect_after = driver,
				     .undo = device });
}
