/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capabilities in a copy of a PCI function's config space: pure, whatever is in
 * it.  libpci, which would find them, ends the process when memory runs out.
 */
#ifndef CXL_PCI_CONFIG_H
#define CXL_PCI_CONFIG_H

#include <stdint.h>

enum { PCI_CONFIG_BYTES = 4096 };

/* Of @config, which holds PCI_CONFIG_BYTES; 0 where @at leads out of it. */
uint16_t pci_config_word(const uint8_t *config, unsigned int at);
uint32_t pci_config_long(const uint8_t *config, unsigned int at);

/* Where capability @id is (PCI r3.0 sec 6.7); 0 when there is none. */
unsigned int pci_config_cap(const uint8_t *config, unsigned int id);

/* Where the extended capability @id behind the one at @from (0: the first) is (PCIe r6.0 sec 7.6.3); 0 when there is none. */
unsigned int pci_config_next_ext(const uint8_t *config, unsigned int id, unsigned int from);

#endif
