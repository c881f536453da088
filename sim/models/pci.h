/* SPDX-License-Identifier: GPL-2.0-only */
/* PCI functions that are removed and found again. */
#ifndef SIM_PCI_H
#define SIM_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct sim;

/* How a device that was removed returns. */
struct fate {
	char address[32];		/* of the PCI function */
	bool never;
	unsigned int late_ms;		/* its memory device, after the function */
	uint64_t serial;		/* another serial number, 0: the same */
	unsigned int unbound;		/* so many probes by cxl_pci fail first */
	struct fate *next;
};

int pci_function_attach(struct sim *sim, struct node *function);
void pci_bus_attach(struct sim *sim);

/* The device at this address is there, or was; from now on it returns like this. */
bool pci_knows(const struct sim *sim, const char *address);
int pci_set_fate(struct sim *sim, const struct fate *fate);

/* cxl_pci takes a function that has no driver, and its memory device appears; or lets it go. */
int pci_probe(struct sim *sim, struct node *function, const char *driver);
void pci_unbind(struct sim *sim, struct node *function);
/* The same of an accelerator's driver, with the region that is the driver's (accel.h). */
int pci_accel_probe(struct sim *sim, struct node *function, const char *driver);
void pci_accel_unbind(struct sim *sim, struct node *function);

/* Its function goes, as with its remove file. */
int pci_remove(struct sim *sim, struct node *function);

/* Everything that is missing below @from comes back if it can; NULL: anywhere. */
int pci_rescan(struct sim *sim, const struct node *from);

#endif
