// SPDX-License-Identifier: GPL-2.0-only
/* Walking the capabilities of a PCI function: see pci_config.h. */
#include "lib/iso/pci_config.h"

#include <pci/header.h>

enum {
	CAP_FIRST = 0x40, CAP_END = 0x100,	/* capabilities are between the header and these */
	MAX_CAPS = (CAP_END - CAP_FIRST) / 4,	/* more of them only a ring has */
	MAX_EXT_CAPS = (PCI_CONFIG_BYTES - CAP_END) / 4,
};

uint16_t pci_config_word(const uint8_t *config, unsigned int at)
{
	return at + 2 > PCI_CONFIG_BYTES ? 0 : (uint16_t)(config[at] | config[at + 1] << 8);
}

uint32_t pci_config_long(const uint8_t *config, unsigned int at)
{
	return at + 4 > PCI_CONFIG_BYTES ? 0
					 : pci_config_word(config, at) |
						   (uint32_t)pci_config_word(config, at + 2) << 16;
}

unsigned int pci_config_cap(const uint8_t *config, unsigned int id)
{
	unsigned int at = pci_config_word(config, PCI_STATUS) & PCI_STATUS_CAP_LIST
				  ? config[PCI_CAPABILITY_LIST]
				  : 0;

	for (int i = 0; i < MAX_CAPS && (at & 0xfc) >= CAP_FIRST; i++) {
		at &= 0xfc;	/* the lowest bits are reserved */
		if (config[at] == 0xff)
			return 0;
		if (config[at] == id)
			return at;
		at = config[at + PCI_CAP_LIST_NEXT];
	}
	return 0;
}

static unsigned int next_of(uint32_t header)
{
	return header >> 20 & 0xffc;
}

unsigned int pci_config_next_ext(const uint8_t *config, unsigned int id, unsigned int from)
{
	unsigned int at = from ? next_of(pci_config_long(config, from)) : CAP_END;

	/* only PCI Express functions have them */
	if (!pci_config_cap(config, PCI_CAP_ID_EXP))
		return 0;
	for (int i = 0; i < MAX_EXT_CAPS && at >= CAP_END; i++) {
		uint32_t header = pci_config_long(config, at);

		if (!header || header == 0xffffffff)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = next_of(header);
	}
	return 0;
}
