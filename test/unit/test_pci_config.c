// SPDX-License-Identifier: GPL-2.0-only
/* lib/iso/pci_config.c: capabilities are found, and no list leads out of config space or round and round. */
#include "test/unit/unit.h"

#include <pci/header.h>

#include "lib/iso/pci_config.h"

static uint8_t config[PCI_CONFIG_BYTES];

static void set_long(unsigned int at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		config[at + (unsigned int)i] = (uint8_t)(v >> 8 * i);
}

static void set_cap(unsigned int at, unsigned int id, unsigned int next)
{
	config[at] = (uint8_t)id;
	config[at + 1] = (uint8_t)next;
}

static void set_ext(unsigned int at, unsigned int id, unsigned int next)
{
	set_long(at, id | 1u << 16 | next << 20);
}

static int set_up(void **state)
{
	(void)state;
	memset(config, 0, sizeof(config));
	config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	config[PCI_CAPABILITY_LIST] = 0x40;
	set_cap(0x40, PCI_CAP_ID_PM, 0x50);
	set_cap(0x50, PCI_CAP_ID_EXP, 0);
	set_ext(0x100, PCI_EXT_CAP_ID_AER, 0x200);
	set_ext(0x200, PCI_EXT_CAP_ID_DVSEC, 0x300);
	set_ext(0x300, PCI_EXT_CAP_ID_DVSEC, 0);
	return 0;
}

static void each_is_found(void **state)
{
	(void)state;
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_PM), 0x40);
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_EXP), 0x50);
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_MSI), 0);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_AER, 0), 0x100);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DVSEC, 0), 0x200);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DVSEC, 0x200), 0x300);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DVSEC, 0x300), 0);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DSN, 0), 0);
}

static void the_lowest_bits_of_a_pointer_are_none(void **state)
{
	(void)state;
	config[PCI_CAPABILITY_LIST] = 0x43;
	set_cap(0x40, PCI_CAP_ID_PM, 0x51);
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_EXP), 0x50);
}

static void without_a_list_there_is_nothing(void **state)
{
	(void)state;
	config[PCI_STATUS] = 0;
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_AER, 0), 0);
}

static void a_ring_ends(void **state)
{
	(void)state;
	set_cap(0x50, PCI_CAP_ID_EXP, 0x40);
	set_ext(0x300, PCI_EXT_CAP_ID_DVSEC, 0x100);
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_MSI), 0);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DSN, 0), 0);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DVSEC, 0x300), 0x200);
}

static void nothing_leads_out_of_it(void **state)
{
	(void)state;
	set_cap(0x50, PCI_CAP_ID_EXP, 0xfc);
	set_cap(0xfc, PCI_CAP_ID_VNDR, 0x10);	/* into the header */
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_VNDR), 0xfc);
	assert_int_equal(pci_config_cap(config, PCI_CAP_ID_MSI), 0);
	set_ext(0x300, PCI_EXT_CAP_ID_DVSEC, 0xffc);
	set_ext(0xffc, PCI_EXT_CAP_ID_DSN, 0x40);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_DSN, 0), 0xffc);
	assert_int_equal(pci_config_next_ext(config, PCI_EXT_CAP_ID_PASID, 0), 0);
	assert_int_equal(pci_config_long(config, 0xffd), 0);
	assert_int_equal(pci_config_word(config, 0xfff), 0);
}

static void no_answer_is_no_capability(void **state)
{
	(void)state;
	memset(config, 0xff, sizeof(config));
	assert_int_equal(pci_config_cap(config, 0xff), 0);
	assert_int_equal(pci_config_next_ext(config, 0xffff, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_found),
		TEST(the_lowest_bits_of_a_pointer_are_none),
		TEST(without_a_list_there_is_nothing),
		TEST(a_ring_ends),
		TEST(nothing_leads_out_of_it),
		TEST(no_answer_is_no_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
