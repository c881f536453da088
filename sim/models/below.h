/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's devices below a root port are, read from the tree. */
#ifndef SIM_BELOW_H
#define SIM_BELOW_H

#include <stdbool.h>
#include <stddef.h>

struct node;
struct port;
struct sim;

/* A memory device of cxl_pci (type 3) bound to cxl_mem: its name, or NULL. */
const char *below_type3(const struct port *port);

/* A PCI function below whose driver is missing, so that nobody handles its errors:
 * its address, or NULL. */
const char *below_unhandled(const struct port *port);

/* The first endpoint below: its address, or NULL. */
const char *below_endpoint(const struct port *port);

/* What the devices below speak: DVSEC_CAP_* of config_space.h. */
unsigned int below_protocols(const struct port *port);

/* The memory below answers no more: whoever maps it dies of SIGBUS at the next access,
 * and the kernel, if it uses the memory, of a machine check. */
void below_fail_memory(const struct port *port);

/* The kernel's part of that, for the memory below a root port, bridge or function. */
void below_fail_kernel(struct sim *sim, const struct node *dir);

/* Another root port of the same host bridge with a device below: its address, or NULL. */
const char *below_sibling(const struct port *port);

/* Does somebody use the memory below?  "dax0.0 is online as System RAM" or the like. */
bool below_in_use(const struct port *port, char *text, size_t size);

/* Does the region touch the port? */
bool below_has_region(const struct port *port, const struct node *region);

#endif
