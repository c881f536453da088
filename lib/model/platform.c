// SPDX-License-Identifier: GPL-2.0-only
/* What vendors say of their machines, and which are the same: see platform.h. */
#include "lib/model/platform.h"

#include <string.h>

#include "util/array.h"

static const char *const no_amd_servers[] = { "Ryzen", "Athlon", NULL };

/*
 * Servers are meant, by their processors.  Of AMD's only servers are known to have
 * CXL root ports, and engineering samples and later brands have names that nobody
 * here knows: so every one counts, unless its name is that of another line.
 */
static const struct platform_row platform_rows[] = {
	{ "AuthenticAMD", "AMD servers",
	  "AMD servers contain a failure and cannot recover from it: the root port stays isolated until the host is rebooted",
	  "linux-cxl@vger.kernel.org, 2026-02-02", no_amd_servers },
};
enum { N_ROWS = ARRAY_SIZE(platform_rows) };

static bool is_meant(const struct platform_row *row, const struct platform *p)
{
	if (!p->cpu_vendor || strcmp(p->cpu_vendor, row->cpu_vendor))
		return false;
	for (size_t i = 0; p->cpu_name && row->others[i]; i++)
		if (strcasestr(p->cpu_name, row->others[i]))
			return false;
	return true;
}

const struct platform_row *platform_says_no(const struct platform *p)
{
	for (size_t i = 0; p->is_emulated != TRI_YES && i < N_ROWS; i++)
		if (is_meant(&platform_rows[i], p))
			return &platform_rows[i];
	return NULL;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool is_same_number(const struct opt_u64 *a, const struct opt_u64 *b)
{
	return a->known && b->known && a->v == b->v;
}

bool platform_is_same(const struct platform *a, const struct platform *b)
{
	return is_same_text(a->cpu_vendor, b->cpu_vendor) &&
	       is_same_number(&a->cpu_family, &b->cpu_family) &&
	       is_same_number(&a->cpu_model, &b->cpu_model) &&
	       is_same_text(a->system_vendor, b->system_vendor) &&
	       is_same_text(a->product, b->product);
}

bool platform_is_known(const struct platform *p)
{
	return platform_is_same(p, p) && p->bios_version && p->kernel;
}
