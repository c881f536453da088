// SPDX-License-Identifier: GPL-2.0-only
/* One view of a root port's isolation from all back-ends: see backend.h. */
#include "lib/iso/backend.h"

#include <errno.h>
#include <string.h>

#include "lib/model/timeout.h"

/* One row for each form: here, and its name below, which is not a constant there. */
const struct iso_backend *const iso_kernels[] = {
	&iso_backend_sysfs_v1, &iso_backend_sysfs_rfc, NULL
};
const char *const iso_abi_names[] = { "v1", "rfc", "none", NULL };

const struct iso_backend *iso_kernel_backend(const struct cxl_root_port *rp)
{
	return rp->iso.kernel.backend ? rp->iso.kernel.backend : iso_kernels[0];
}

const struct iso_backend *iso_backend_of(const struct cxl_root_port *rp, enum iso_field field)
{
	return iso_field_by_kernel(&rp->iso, field) ? rp->iso.kernel.backend :
	       &iso_backend_registers;
}

int iso_field_at(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; iso_kernels[i]; i++) {
		for (int f = 0; f < N_ISO_FIELDS; f++) {
			const char *attr = iso_kernels[i]->attrs[f];
			size_t len = attr ? strlen(attr) : n + 1;

			if (len <= n && !strcmp(path + n - len, attr))
				return f;
		}
	}
	return -1;
}

static bool differs(const struct iso_control *k, uint32_t ctrl, enum iso_field field)
{
	return k->v[field] >= 0 && k->v[field] != iso_field_of(ctrl, field);
}

/* Only the register tells which of the ranges it is that read alike. */
static bool is_untold(const struct iso_state *iso, const struct iso_control *kernel)
{
	return iso_has_quirk(iso, ISO_QUIRK_UNTOLD_DEFAULT) && !kernel->v[ISO_MEM_RANGE];
}

static void refine_range(const struct iso_state *iso, struct iso_control *kernel,
			 const struct iso_control *registers)
{
	int range = registers->v[ISO_MEM_RANGE];

	if (is_untold(iso, kernel) && iso_is_reserved(ISO_MEM_RANGE, range))
		kernel->v[ISO_MEM_RANGE] = range;
}

static void note_reserved(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	struct iso_control now = iso_control(&rp->iso);

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (iso_is_reserved((enum iso_field)f, now.v[f]))
			message_add(host->messages, SEV_WARNING, "RESERVED", rp->name,
				    "%s: %s holds 0x%x, which the specification gives to no range, so it is shown as null; set it with 'cxl set-timeout %s%s default'",
				    rp->name, iso_fields[f].name, (unsigned int)now.v[f],
				    f == ISO_CACHE_RANGE ? "--cache --registers " : "", rp->name);
}

/* The kernel and the hardware it drives should say the same. */
static void compare(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	const struct iso_control *k = &rp->iso.kernel.control;
	uint32_t ctrl = rp->iso.regs.ctrl;

	if (!rp->iso.kernel.backend || !rp->iso.regs.capable)
		return;
	if (differs(k, ctrl, ISO_MEM_ISOLATION) || differs(k, ctrl, ISO_MEM_TIMEOUT))
		message_add(host->messages, SEV_WARNING, "MISMATCH", rp->name,
			    "%s: the kernel's attributes and the control register (0x%08x) disagree; the attributes are shown",
			    rp->name, ctrl);
}

static void read_kernel_caps(const struct cxl_host *host, struct cxl_root_port *rp)
{
	struct iso_kernel *kernel = &rp->iso.kernel;

	if (kernel->backend && kernel->backend->read_caps)
		kernel->backend->read_caps(host, rp, &kernel->cap, &kernel->cap_known);
}

int iso_refresh(const struct cxl_host *host, struct cxl_root_port *rp)
{
	struct iso_control registers;
	int rc = 0;

	rp->iso.kernel = (struct iso_kernel){ .control = iso_control_unknown };
	for (size_t i = 0; !rc && iso_kernels[i] && !rp->iso.kernel.backend; i++)
		rc = iso_kernels[i]->probe(host, rp);
	rc = rc ? rc : iso_backend_registers.probe(host, rp);
	if (!rc && rp->iso.regs.capable) {
		registers = iso_control_of(rp->iso.regs.ctrl);
		refine_range(&rp->iso, &rp->iso.kernel.control, &registers);
	}
	/* the registers tell more, so a kernel is asked where they do not */
	if (!rc && !rp->iso.regs.valid)
		read_kernel_caps(host, rp);
	return rc;
}

/* One message for all ports that miss the same, however many they are. */
static int explain_registers(const struct cxl_host *host)
{
	enum { NAMED = 4 };
	bool *said = arena_alloc(host->arena, host->n_root_ports, sizeof(*said));

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
				names = arena_join(host->arena, names, ", ", rp->name);
			if (!names)
				return -ENOMEM;
		}
		if (n > NAMED)
			names = arena_printf(host->arena, "%s and %zu more", names, n - NAMED);
		message_add(host->messages, SEV_INFO, "REGISTERS", n == 1 ? host->root_ports[i].name : NULL,
			    "%s: capability, status and what else only the registers tell is unknown: %s",
			    names ? names : host->root_ports[i].name, reason);
	}
	return 0;
}

int iso_read(const struct cxl_host *host, struct cxl_root_port *root_ports, struct err *err)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		if (iso_refresh(host, &root_ports[i]))
			return err_no_memory(err, "");
		compare(host, &host->root_ports[i]);
		note_reserved(host, &host->root_ports[i]);
	}
	if (explain_registers(host))
		return err_no_memory(err, "");
	return 0;
}

struct iso_control iso_settings_read(const struct cxl_host *host, const struct cxl_root_port *rp,
				     bool registers)
{
	struct iso_control kernel = iso_control_unknown, regs = iso_control_unknown;
	const struct iso_backend *b = rp->iso.kernel.backend;

	if (b && b->read_settings(host, rp, &kernel))
		kernel = iso_control_unknown;
	if (rp->iso.regs.capable && (registers || is_untold(&rp->iso, &kernel)) &&
	    iso_backend_registers.read_settings(host, rp, &regs))
		regs = iso_control_unknown;
	refine_range(&rp->iso, &kernel, &regs);
	return iso_merge(&rp->iso, &kernel, registers ? &regs : &iso_control_unknown);
}

/* No kernel so far tells or clears the status. */
static const struct iso_backend *status_backend(const struct cxl_root_port *rp)
{
	const struct iso_backend *b = rp->iso.kernel.backend;

	return b && b->read_status && b->clear_status ? b : &iso_backend_registers;
}

int iso_read_status(const struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret)
{
	return status_backend(rp)->read_status(host, rp, ret);
}

int iso_clear_status(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	return status_backend(rp)->clear_status(host, rp);
}
