// SPDX-License-Identifier: GPL-2.0-only
/* One view of a root port's isolation from all back-ends: see isolation.h. */
#include "cxl/lib/isolation.h"

#include <errno.h>
#include <string.h>

#include "cxl/lib/host.h"

static const struct iso_backend *const backends[] = { &iso_backend_kernel_v1, &iso_backend_registers };

/* The kernel and the hardware it drives should say the same. */
static void compare(struct cxl_host *host, const struct cxl_root_port *rp)
{
	const struct iso_control *k = &rp->iso.kernel.control;
	uint32_t ctrl = rp->iso.regs.ctrl;

	if (!rp->iso.kernel.present || !rp->iso.regs.capable)
		return;
	if ((k->isolation != TRI_UNKNOWN && k->isolation != tri_of(ctrl & ISO_CTRL_MEM_ISOLATION)) ||
	    (k->timeout != TRI_UNKNOWN && k->timeout != tri_of(ctrl & ISO_CTRL_MEM_TIMEOUT)))
		message_add(&host->messages, SEV_WARNING, "MISMATCH", rp->name,
			    "%s: the kernel's attributes and the control register (0x%08x) disagree; the attributes are shown",
			    rp->name, ctrl);
}

int iso_refresh(struct cxl_host *host, struct cxl_root_port *rp)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		int rc = backends[i]->read(host, rp);

		if (rc)
			return rc;
	}
	return 0;
}

/* One message for all ports that miss the same, however many they are. */
static int explain_registers(struct cxl_host *host)
{
	enum { NAMED = 4 };
	bool *said = arena_alloc(&host->arena, host->n_root_ports, sizeof(*said));

	if (!said)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_root_ports; i++) {
		const char *reason = host->root_ports[i].iso.regs.reason, *names = "";
		size_t n = 0;

		if (!reason || said[i])
			continue;
		for (size_t k = i; k < host->n_root_ports; k++) {
			const struct cxl_root_port *rp = &host->root_ports[k];

			if (!rp->iso.regs.reason || strcmp(rp->iso.regs.reason, reason))
				continue;
			said[k] = true;
			if (n++ < NAMED)
				names = arena_printf(&host->arena, "%s%s%s", names, *names ? ", " : "", rp->name);
			if (!names)
				return -ENOMEM;
		}
		if (n > NAMED)
			names = arena_printf(&host->arena, "%s and %zu more", names, n - NAMED);
		message_add(&host->messages, SEV_INFO, "REGISTERS", n == 1 ? host->root_ports[i].name : NULL,
			    "%s: capability, status and what else only the registers tell is unknown: %s",
			    names ? names : host->root_ports[i].name, reason);
	}
	return 0;
}

int iso_read(struct cxl_host *host, struct err *err)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		if (iso_refresh(host, &host->root_ports[i]))
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
		compare(host, &host->root_ports[i]);
	}
	if (explain_registers(host))
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	return 0;
}

struct iso_control iso_control(const struct iso_state *iso)
{
	if (iso->kernel.present)
		return iso->kernel.control;
	if (iso->regs.capable)
		return (struct iso_control){
			.isolation = tri_of(iso->regs.ctrl & ISO_CTRL_MEM_ISOLATION),
			.timeout = tri_of(iso->regs.ctrl & ISO_CTRL_MEM_TIMEOUT),
			.range = ISO_CTRL_MEM_RANGE(iso->regs.ctrl),
		};
	return (struct iso_control){ TRI_UNKNOWN, TRI_UNKNOWN, -1 };
}

enum tri iso_isolated(const struct iso_state *iso)
{
	if (!iso->regs.capable)
		return iso->regs.valid ? TRI_NO : TRI_UNKNOWN;
	return tri_of(iso->regs.status & (ISO_STATUS_MEM_ISOLATION | ISO_STATUS_CACHE_ISOLATION));
}

bool iso_control_equal(const struct iso_control *a, const struct iso_control *b)
{
	return a->isolation == b->isolation && a->timeout == b->timeout && a->range == b->range;
}
