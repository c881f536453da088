/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kind of machine this is, as far as it decides whether a root port can be
 * brought back, and what vendors say of their machines.  No serial numbers and
 * nothing else that tells one machine from another of its kind.
 */
#ifndef CXL_PLATFORM_H
#define CXL_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/model/opt.h"

struct arena;

struct platform {
	/* of the first processor in /proc/cpuinfo; NULL, unknown where it is not told (not x86, a capture) */
	const char *cpu_vendor;		/* "AuthenticAMD" */
	struct opt_u64 cpu_family, cpu_model;
	const char *cpu_name;		/* "AMD EPYC 9654 96-Core Processor" */
	/* of the firmware's DMI tables; NULL when unknown */
	const char *system_vendor, *product, *bios_version;
	enum tri is_emulated;		/* a virtual machine: a hypervisor's root ports are not the processor's */
	const char *kernel;		/* release; NULL when unknown */
};

/* From the text of /proc/cpuinfo, the first @n bytes of it; -ENOMEM or 0. */
int platform_parse_cpuinfo(const char *text, size_t n, struct arena *a, struct platform *ret);

/* Of which machines a vendor says that a root port cannot be brought back. */
struct platform_row {
	const char *cpu_vendor;
	const char *machines;		/* for sentences: "AMD servers" */
	const char *why;		/* what is said of them, a sentence without its end */
	const char *source;		/* where and when it was said */
	const char *const *others;	/* words of processor names that are none of them, NULL behind the last */
};

/*
 * What is said against recovery on @p; NULL when nothing is, when it is an
 * emulated machine, or when it cannot be told what machine it is.
 */
const struct platform_row *platform_says_no(const struct platform *p);

/* Is all of it known that a proof of recovery is bound to? */
bool platform_is_known(const struct platform *p);

/* The same platform, its firmware's version and the kernel apart?  What is unknown is not the same. */
bool platform_is_same(const struct platform *a, const struct platform *b);

#endif
