// SPDX-License-Identifier: GPL-2.0-only
/* The power state of a PCI function: see pci_power.h. */
#include "lib/iso/pci_power.h"

#include <limits.h>
#include <string.h>

enum pci_power pci_power_read(struct sysfs *fs, const char *path)
{
	char file[PATH_MAX], text[16];

	if (sysfs_join(file, sizeof(file), path, PCI_POWER_STATE) ||
	    sysfs_read(fs, file, text, sizeof(text)) <= 0)
		return PCI_POWER_AWAKE;
	if (!strcmp(text, "D3cold"))
		return PCI_POWER_COLD;
	return strcmp(text, "D3hot") ? PCI_POWER_AWAKE : PCI_POWER_HOT;
}
