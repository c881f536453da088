// SPDX-License-Identifier: GPL-2.0-only
/* PCI functions that are CXL memory devices, whether a driver has them or not: see host_read.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/read/host_read.h"
#include "util/parse.h"

#define PCI_DEVICES "sys/bus/pci/devices"
/* PCI Code and ID Assignment, base class 05h, sub-class 02h, CXL r3.2 sec 8.1.12.1 */
#define MEMORY_CLASS "0x050210"

int memory_functions_read(struct sysfs *fs, struct arena *a, struct memory_functions *ret)
{
	struct sysfs_names names;
	int rc = sysfs_list(fs, a, PCI_DEVICES, is_pci_address, &names);

	*ret = (struct memory_functions){ 0 };
	if (rc)
		return rc == -ENOMEM ? rc : 0;	/* a host without PCI has none */
	ret->v = arena_alloc(a, names.n, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		struct memory_function f = { .address = names.v[i] };
		char path[PATH_MAX], class[16], *at;

		snprintf(path, sizeof(path), PCI_DEVICES "/%.32s/class", f.address);
		if (sysfs_read(fs, path, class, sizeof(class)) < 0 || strcmp(class, MEMORY_CLASS))
			continue;
		*strrchr(path, '/') = '\0';
		rc = sysfs_resolve(fs, a, path, &at);
		if (rc == -ENOMEM)
			return rc;
		f.path = rc ? "" : at;
		ret->v[ret->n++] = f;
	}
	return 0;
}
