/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a PCI function asleep?  Asked before its config space is: in D3cold the kernel wakes it
 * for that (pci_config_pm_runtime_get(), drivers/pci/pci.c).
 */
#ifndef CXL_PCI_POWER_H
#define CXL_PCI_POWER_H

#include "util/sysfs.h"

/* The attribute, and what it begins with while the function is asleep. */
#define PCI_POWER_STATE "power_state"
#define PCI_POWER_ASLEEP "D3"

enum pci_power {
	PCI_POWER_AWAKE,	/* or it cannot be told: kernels before 5.12 */
	PCI_POWER_HOT,		/* config space answers, registers do not */
	PCI_POWER_COLD,		/* whatever is asked wakes it */
};

/* Of the function at @path, from what the kernel knows; it is not touched. */
enum pci_power pci_power_read(struct sysfs *fs, const char *path);

#endif
