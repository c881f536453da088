// SPDX-License-Identifier: GPL-2.0-only
/* One view of a root port's isolation from all back-ends: see isolation.h. */
#include "cxl/lib/snapshot/isolation.h"

#include <errno.h>
#include <string.h>

#include "cxl/lib/change/timeout.h"
#include "cxl/lib/snapshot/host.h"

static const struct iso_backend *const backends[] = { &iso_backend_kernel_v1, &iso_backend_registers };

const struct iso_field_desc iso_fields[N_ISO_FIELDS] = {
	[ISO_MEM_RANGE] = { "the timeout range", "range", "a CXL.mem timeout",
		"cxl_isolation/timeout_range", 0xf, 0, ISO_CAP_MEM_TIMEOUT, true },
	[ISO_MEM_TIMEOUT] = { "the timeout enable", "timeout", "a CXL.mem timeout",
		"cxl_isolation/timeout_ctrl", ISO_CTRL_MEM_TIMEOUT, 4, ISO_CAP_MEM_TIMEOUT, false },
	[ISO_MEM_ISOLATION] = { "the isolation enable", "isolation", "CXL.mem isolation",
		"cxl_isolation/isolation_ctrl", ISO_CTRL_MEM_ISOLATION, 16, ISO_CAP_MEM_ISOLATION, false },
	[ISO_MEM_LINK_DOWN] = { "the forced link-down", "forced link-down", "forcing the link down",
		NULL, ISO_CTRL_MEM_LINK_DOWN, 17, ISO_CAP_MEM_LINK_DOWN, false },
	[ISO_CACHE_RANGE] = { "the CXL.cache timeout range", "CXL.cache range", "a CXL.cache timeout",
		NULL, 0xf00, 8, ISO_CAP_CACHE_TIMEOUT, true },
	[ISO_CACHE_TIMEOUT] = { "the CXL.cache timeout enable", "CXL.cache timeout", "a CXL.cache timeout",
		NULL, ISO_CTRL_CACHE_TIMEOUT, 12, ISO_CAP_CACHE_TIMEOUT, false },
	[ISO_CACHE_ISOLATION] = { "the CXL.cache isolation enable", "CXL.cache isolation", "CXL.cache isolation",
		NULL, ISO_CTRL_CACHE_ISOLATION, 18, ISO_CAP_CACHE_ISOLATION, false },
	[ISO_CACHE_LINK_DOWN] = { "the CXL.cache forced link-down", "CXL.cache forced link-down", "forcing the link down for CXL.cache",
		NULL, ISO_CTRL_CACHE_LINK_DOWN, 19, ISO_CAP_CACHE_LINK_DOWN, false },
	[ISO_ERR_COR] = { "the ERR_COR enable", "ERR_COR", "ERR_COR signalling",
		NULL, ISO_CTRL_ERR_COR, 25, ISO_CAP_ERR_COR, false },
	[ISO_INTERRUPT] = { "the interrupt enable", "interrupt", "an interrupt",
		NULL, ISO_CTRL_INTERRUPT, 26, ISO_CAP_INTERRUPT, false },
};

const struct iso_control iso_control_unknown = { { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } };

static int field_of(uint32_t ctrl, enum iso_field field)
{
	return (int)((ctrl & iso_fields[field].mask) >> iso_fields[field].shift);
}

static bool differs(const struct iso_control *k, uint32_t ctrl, enum iso_field field)
{
	return k->v[field] >= 0 && k->v[field] != field_of(ctrl, field);
}

bool iso_is_reserved(enum iso_field field, int value)
{
	return iso_fields[field].is_range && value >= 0 && !timeout_by_value((unsigned int)value);
}

/*
 * The posted v1 answers -ENXIO for the default and for every reserved value
 * alike: only the register tells which it is.
 */
static void refine_range(struct iso_kernel *kernel, uint32_t ctrl)
{
	int range = field_of(ctrl, ISO_MEM_RANGE);

	if (kernel->present && !kernel->control.v[ISO_MEM_RANGE] && iso_is_reserved(ISO_MEM_RANGE, range))
		kernel->control.v[ISO_MEM_RANGE] = range;
}

static void note_reserved(struct cxl_host *host, const struct cxl_root_port *rp)
{
	struct iso_control now = iso_control(&rp->iso);

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (iso_is_reserved((enum iso_field)f, now.v[f]))
			message_add(&host->messages, SEV_WARNING, "RESERVED", rp->name,
				    "%s: %s holds 0x%x, which the specification gives to no range, so it is shown as null; set it with 'cxl set-timeout %s%s default'",
				    rp->name, iso_fields[f].name, (unsigned int)now.v[f],
				    f == ISO_CACHE_RANGE ? "--cache --registers " : "", rp->name);
}

/* The kernel and the hardware it drives should say the same. */
static void compare(struct cxl_host *host, const struct cxl_root_port *rp)
{
	const struct iso_control *k = &rp->iso.kernel.control;
	uint32_t ctrl = rp->iso.regs.ctrl;

	if (!rp->iso.kernel.present || !rp->iso.regs.capable)
		return;
	if (differs(k, ctrl, ISO_MEM_ISOLATION) || differs(k, ctrl, ISO_MEM_TIMEOUT))
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
	if (rp->iso.regs.capable)
		refine_range(&rp->iso.kernel, rp->iso.regs.ctrl);
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
		note_reserved(host, &host->root_ports[i]);
	}
	if (explain_registers(host))
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	return 0;
}

bool iso_field_by_kernel(const struct iso_state *iso, enum iso_field field)
{
	return iso->kernel.present && iso_fields[field].attr;
}

/* @kernel where it has the field, else the register; NULL: not asked. */
static struct iso_control merge(const struct iso_state *iso, const struct iso_control *kernel, const uint32_t *ctrl)
{
	struct iso_control c;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		c.v[f] = iso_field_by_kernel(iso, (enum iso_field)f) ? kernel->v[f] :
			ctrl ? field_of(*ctrl, (enum iso_field)f) : -1;
	return c;
}

struct iso_control iso_settings(const struct iso_state *iso, bool registers)
{
	return merge(iso, &iso->kernel.control, registers && iso->regs.capable ? &iso->regs.ctrl : NULL);
}

struct iso_control iso_control(const struct iso_state *iso)
{
	return iso_settings(iso, true);
}

struct iso_control iso_settings_read(struct cxl_host *host, const struct cxl_root_port *rp, bool registers)
{
	struct iso_kernel kernel = { .control = iso_control_unknown };
	bool has_ctrl = false;
	uint32_t ctrl = 0;

	if (rp->iso.kernel.present)
		iso_kernel_read_control(host, rp, &kernel);
	/* only the register tells the default from a reserved range */
	if (rp->iso.regs.capable && (registers || (kernel.present && !kernel.control.v[ISO_MEM_RANGE])))
		has_ctrl = !registers_read_ctrl(host, rp, &ctrl);
	if (has_ctrl)
		refine_range(&kernel, ctrl);
	return merge(&rp->iso, &kernel.control, registers && has_ctrl ? &ctrl : NULL);
}

enum tri iso_isolated(const struct iso_state *iso)
{
	if (!iso->regs.capable)
		return iso->regs.valid ? TRI_NO : TRI_UNKNOWN;
	return tri_of(iso->regs.status & (ISO_STATUS_MEM_ISOLATION | ISO_STATUS_CACHE_ISOLATION));
}

bool iso_control_equal(const struct iso_control *a, const struct iso_control *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v));
}
