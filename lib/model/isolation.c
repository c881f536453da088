// SPDX-License-Identifier: GPL-2.0-only
/* Questions to the state of isolation: see isolation.h. */
#include "lib/model/isolation.h"

#include <string.h>

#include "lib/model/isolation_regs.h"
#include "lib/model/timeout.h"

const struct iso_field_desc iso_fields[N_ISO_FIELDS] = {
	[ISO_MEM_RANGE] = { "the timeout range", "range", "a CXL.mem timeout",
		0xf, 0, ISO_CAP_MEM_TIMEOUT, true, "mem.timeout.range" },
	[ISO_MEM_TIMEOUT] = { "the timeout enable", "timeout", "a CXL.mem timeout",
		ISO_CTRL_MEM_TIMEOUT, 4, ISO_CAP_MEM_TIMEOUT, false, "mem.timeout.enabled" },
	[ISO_MEM_ISOLATION] = { "the isolation enable", "isolation", "CXL.mem isolation",
		ISO_CTRL_MEM_ISOLATION, 16, ISO_CAP_MEM_ISOLATION, false, "mem.isolation" },
	[ISO_MEM_LINK_DOWN] = { "the forced link-down", "forced link-down", "forcing the link down",
		ISO_CTRL_MEM_LINK_DOWN, 17, ISO_CAP_MEM_LINK_DOWN, false, "mem.link_down" },
	[ISO_CACHE_RANGE] = { "the CXL.cache timeout range", "CXL.cache range", "a CXL.cache timeout",
		0xf00, 8, ISO_CAP_CACHE_TIMEOUT, true, "cache.timeout.range" },
	[ISO_CACHE_TIMEOUT] = { "the CXL.cache timeout enable", "CXL.cache timeout", "a CXL.cache timeout",
		ISO_CTRL_CACHE_TIMEOUT, 12, ISO_CAP_CACHE_TIMEOUT, false, "cache.timeout.enabled" },
	[ISO_CACHE_ISOLATION] = { "the CXL.cache isolation enable", "CXL.cache isolation", "CXL.cache isolation",
		ISO_CTRL_CACHE_ISOLATION, 18, ISO_CAP_CACHE_ISOLATION, false, "cache.isolation" },
	[ISO_CACHE_LINK_DOWN] = { "the CXL.cache forced link-down", "CXL.cache forced link-down", "forcing the link down for CXL.cache",
		ISO_CTRL_CACHE_LINK_DOWN, 19, ISO_CAP_CACHE_LINK_DOWN, false, "cache.link_down" },
	[ISO_ERR_COR] = { "the ERR_COR enable", "ERR_COR", "ERR_COR signalling",
		ISO_CTRL_ERR_COR, 25, ISO_CAP_ERR_COR, false, "err_cor" },
	[ISO_INTERRUPT] = { "the interrupt enable", "interrupt", "an interrupt",
		ISO_CTRL_INTERRUPT, 26, ISO_CAP_INTERRUPT, false, "interrupt" },
};

const struct iso_control iso_control_unknown = { { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 } };

int iso_field_of(uint32_t ctrl, enum iso_field field)
{
	return (int)((ctrl & iso_fields[field].mask) >> iso_fields[field].shift);
}

bool iso_is_reserved(enum iso_field field, int value)
{
	return iso_fields[field].is_range && value >= 0 && !timeout_by_value((unsigned int)value);
}

bool iso_field_by_kernel(const struct iso_state *iso, enum iso_field field)
{
	return iso->kernel.fields & 1u << field;
}

struct iso_control iso_control_of(uint32_t ctrl)
{
	struct iso_control c;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		c.v[f] = iso_field_of(ctrl, (enum iso_field)f);
	return c;
}

struct iso_control iso_merge(const struct iso_state *iso, const struct iso_control *kernel,
			     const struct iso_control *registers)
{
	struct iso_control c;

	for (int f = 0; f < N_ISO_FIELDS; f++)
		c.v[f] = iso_field_by_kernel(iso, (enum iso_field)f) ? kernel->v[f] :
			 registers->v[f];
	return c;
}

struct iso_control iso_settings(const struct iso_state *iso, bool registers)
{
	const struct iso_control regs = registers && iso->regs.capable ?
		iso_control_of(iso->regs.ctrl) : iso_control_unknown;

	return iso_merge(iso, &iso->kernel.control, &regs);
}

struct iso_control iso_control(const struct iso_state *iso)
{
	return iso_settings(iso, true);
}

bool iso_is_timeout(enum iso_field field)
{
	return iso_fields[field].is_range || field == ISO_MEM_TIMEOUT || field == ISO_CACHE_TIMEOUT;
}

uint32_t iso_cap(const struct iso_state *iso, uint32_t *ret_known)
{
	*ret_known = iso->regs.valid ? ~0u : iso->kernel.cap_known;
	if (iso->regs.valid)
		return iso->regs.capable ? iso->regs.cap : 0;
	return iso->kernel.cap;
}

enum tri iso_has_timeout(const struct iso_state *iso)
{
	uint32_t known, cap = iso_cap(iso, &known);

	return known & ISO_CAP_MEM_TIMEOUT ? tri_of(cap & ISO_CAP_MEM_TIMEOUT) :
	       iso->kernel.control.v[ISO_MEM_TIMEOUT] == 1 ? TRI_YES : TRI_UNKNOWN;
}

enum tri iso_isolated(const struct iso_state *iso)
{
	if (!iso->regs.capable)
		return iso->regs.valid ? TRI_NO : TRI_UNKNOWN;
	return tri_of(iso->regs.status & (ISO_STATUS_MEM_ISOLATION | ISO_STATUS_CACHE_ISOLATION));
}

const char *iso_isolated_names(const struct iso_state *iso)
{
	static const char *const names[] = { NULL, "CXL.mem", "CXL.cache", "CXL.mem and CXL.cache" };
	uint32_t status = iso->regs.capable ? iso->regs.status : 0;

	return names[(status & ISO_STATUS_MEM_ISOLATION ? 1 : 0) +
		     (status & ISO_STATUS_CACHE_ISOLATION ? 2 : 0)];
}

bool iso_any_is_on(const struct iso_state *iso)
{
	const struct iso_control now = iso_control(iso);

	return now.v[ISO_MEM_ISOLATION] == 1 || now.v[ISO_CACHE_ISOLATION] == 1;
}

bool iso_cache_could_be_on(const struct iso_state *iso)
{
	return iso->regs.capable && iso->regs.cap & ISO_CAP_CACHE_ISOLATION &&
	       !(iso->regs.ctrl & ISO_CTRL_CACHE_ISOLATION);
}

bool iso_control_equal(const struct iso_control *a, const struct iso_control *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v));
}
