// SPDX-License-Identifier: GPL-2.0-only
/* lib/policy/layout_resolve.c, layout_devices.c and layout_place.c: what a layout is on a host, and what does not fit there. */
#include "test/unit/layout_fixture.h"

static void sizes_and_places_follow_from_the_file(void **state)
{
	struct fixture *f = *state;
	const struct wanted_region *w;

	assert_int_equal(resolve(f, "[region both]\nmemdevs = 1, 3\nsize = 2GiB\n[region one]\nmemdevs = pci 0000:0e:00.0\nsize = 1GiB\n"
				 "[region rest]\nmemdevs = all of root port 0000:0c:00.0\n"
				 "[dax a]\nregion = both\nsize = 33%\n[dax c]\nregion = one\nsize = 512MiB\n[dax b]\nregion = both\nsize = rest\n"
				 "[dax d]\nregion = one\nsize = 100%\n"), -EINVAL);
	assert_refused(f, -1, EXIT_NEGATIVE, 20, "take 1536MiB up to here, and it has 1GiB");
	assert_int_equal(resolve(f, "[region both]\nmemdevs = 1, 3\nsize = 2GiB\n[region one]\nmemdevs = pci 0000:0e:00.0\nsize = 1GiB\n"
				 "[region rest]\nmemdevs = all of root port 0000:0c:00.0\n"
				 "[dax a]\nregion = both\nsize = 33%\n[dax c]\nregion = one\nsize = 512MiB\n[dax b]\nregion = both\nsize = rest\n"), 0);
	w = f->wanted.regions;
	assert_string_equal(w[0].decoder->name, "decoder0.2");
	assert_int_equal(w[0].ways, 2);
	assert_ptr_equal(w[0].memdevs[1], &f->memdevs[2]);
	assert_int_equal(w[0].granularity, 1024);
	assert_int_equal(w[0].bytes_each, GIB);
	assert_int_equal(w[0].address.v, 192 * GIB);
	assert_string_equal(w[1].decoder->name, "decoder0.0");
	assert_ptr_equal(w[1].memdevs[0], &f->memdevs[1]);
	assert_int_equal(w[1].granularity, 256);
	assert_int_equal(w[1].address.v, 64 * GIB);
	/* what the first leaves of mem0, behind the second */
	assert_int_equal(w[2].size_bytes, 3 * GIB);
	assert_int_equal(w[2].address.v, 65 * GIB);
	assert_int_equal(f->wanted.n_to_make, 3);
	assert_ptr_equal(f->wanted.to_make[0], &w[1]);
	assert_ptr_equal(f->wanted.to_make[1], &w[2]);
	assert_ptr_equal(f->wanted.to_make[2], &w[0]);
	/* 33% of 2 GiB, rounded down to 2 MiB */
	assert_int_equal(f->wanted.dax[0].size_bytes, 674 * MIB);
	assert_int_equal(f->wanted.dax[0].offset, 0);
	assert_int_equal(f->wanted.dax[1].offset, 0);
	assert_ptr_equal(f->wanted.dax[1].region, &w[1]);
	assert_int_equal(f->wanted.dax[2].offset, 674 * MIB);
	assert_int_equal(f->wanted.dax[2].size_bytes, (2048 - 674) * MIB);
}

static void what_does_not_fit_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		enum exit_status status;
		const char *says;
	} bad[] = {
		{ "[region r]\nmemdevs = 9\n", 2, EXIT_USAGE, "no memory device has serial number 0x9" },
		{ "[region r]\nmemdevs = pci 0000:99:00.0\n", 2, EXIT_USAGE, "no memory device has PCI address 0000:99:00.0" },
		{ "[region r]\nmemdevs = 1, pci 0d:00.0\n", 2, EXIT_USAGE, "names mem0 twice" },
		{ "[region r]\nmemdevs = all of root port 99:00.0\n", 2, EXIT_USAGE, "this host has no such root port" },
		{ "[region r]\nmemdevs = all of root port 0c:00.0\nways = 2\n", 3, EXIT_NEGATIVE, "ways = 2, and 1 memory devices are below 0000:0c:00.0" },
		{ "[region r]\nmemdevs = 3, 1\n", 2, EXIT_NEGATIVE, "no root decoder makes a volatile region of these memory devices in this order" },
		{ "[region r]\nmemdevs = 1, 3\ndecoder = decoder0.0\n", 3, EXIT_NEGATIVE, "decoder0.0 sends these positions to other host bridges" },
		{ "[region r]\nmemdevs = 1\ndecoder = decoder0.2\n", 3, EXIT_NEGATIVE, "decoder0.2 interleaves over another number of host bridges" },
		{ "[region r]\nmemdevs = 1\ndecoder = decoder1.0\n", 3, EXIT_USAGE, "no root decoder decoder1.0" },
		{ "[region r]\nmemdevs = 1, 3\ngranularity = 256\n", 3, EXIT_NEGATIVE, "a granularity of 1024, and so must its regions" },
		{ "[region r]\nmemdevs = 1\nsize = 5GiB\n", 3, EXIT_NEGATIVE, "takes 5GiB of mem0, which has 4GiB of its 4GiB volatile memory left" },
		{ "[region r]\nmemdevs = 1\nsize = 3GiB\n[region s]\nmemdevs = 1, 3\nsize = 4GiB\n", 6, EXIT_NEGATIVE, "takes 2GiB of mem0, which has 1GiB" },
		{ "[region r]\nmemdevs = 1\n[region s]\nmemdevs = 1\n", 3, EXIT_NEGATIVE, "takes 256MiB of mem0, which has 0 bytes" },
		{ "[region a]\nmemdevs=1\nsize=256MiB\n[region b]\nmemdevs=1\nsize=256MiB\n[region c]\nmemdevs=1\nsize=256MiB\n"
		  "[region d]\nmemdevs=1\nsize=256MiB\n[region e]\nmemdevs=1\nsize=256MiB\n", 2, EXIT_NEGATIVE, "5 regions would have memory of mem0, and it has 4 decoders" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 5GiB\n", 5, EXIT_NEGATIVE, "take 5GiB up to here, and it has 4GiB" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 50%\n[dax b]\nregion = r\nsize = 3GiB\n", 8, EXIT_NEGATIVE, "take 5GiB up to here" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 4GiB\n[dax b]\nregion = r\nsize = rest\n", 8, EXIT_NEGATIVE, "nothing of [region r] (4GiB) is left" },
		{ "[region r]\nmemdevs = 1\nsize=256MiB\n[dax a]\nregion = r\nsize = rest\nalign = 1GiB\n", 6, EXIT_NEGATIVE, "nothing of [region r] (256MiB) is left for it at an alignment of 1GiB" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 512MiB\n[dax b]\nregion = r\nsize = rest\nalign = 1GiB\n", 9, EXIT_NEGATIVE, "would begin 512MiB into [region r]" },
		{ "[region q]\nmemdevs = 1\nsize = 256MiB\n[region r]\nmemdevs = 2\n[dax b]\nregion = r\nsize = rest\nalign = 1GiB\n", 9, EXIT_NEGATIVE, "would begin at address 0x1010000000, which is no multiple of its align" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 100MiB\nmode = system-ram\n", 5, EXIT_NEGATIVE, "memory blocks of 128MiB on this host, and does not end with one" },
		{ "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 100MiB\n[dax b]\nregion = r\nsize = 128MiB\nmode = system-ram\n", 8, EXIT_NEGATIVE, "does not begin with one" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_refused(f, resolve(f, bad[i].text), bad[i].status, bad[i].line, bad[i].says);
}

static void a_serial_number_that_is_there_twice_or_is_none_needs_the_address(void **state)
{
	struct fixture *f = *state;

	f->memdevs[1].serial.v = 1;
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\n"), EXIT_USAGE, 2, "mem0 and mem1 (0000:0d:00.0 and 0000:0e:00.0) have the same serial number 0x1");
	assert_int_equal(resolve(f, "[region r]\nmemdevs = pci 0000:0e:00.0\n"), 0);
	assert_true(layout_needs_address(&f->host, &f->memdevs[0]));
	assert_false(layout_needs_address(&f->host, &f->memdevs[2]));
	f->memdevs[2].serial.v = 0;
	assert_true(layout_needs_address(&f->host, &f->memdevs[2]));
	f->memdevs[3].serial.known = false;
	assert_true(layout_needs_address(&f->host, &f->memdevs[3]));
}

static void a_device_of_which_no_region_can_be_made_is_refused(void **state)
{
	struct fixture *f = *state;
	struct cxl_memdev was = f->memdevs[0], *m = &f->memdevs[0];
	const char *text = "[region r]\nmemdevs = 1\n";

	m->ram_bytes.v = 0;
	assert_refused(f, resolve(f, text), EXIT_NEGATIVE, 2, "mem0 has no volatile memory");
	m->ram_bytes.known = false;
	assert_refused(f, resolve(f, text), EXIT_NEGATIVE, 2, "does not tell its capacity");
	*m = was;
	m->bound = false;
	assert_refused(f, resolve(f, text), EXIT_NEGATIVE, 2, "has no driver");
	*m = was;
	m->root_port = NULL;
	assert_refused(f, resolve(f, text), EXIT_NEGATIVE, 2, "below no root port");
	*m = was;
	m->is_accelerator = true;
	assert_refused(f, resolve(f, text), EXIT_NEGATIVE, 2, "belongs to an accelerator");
}

static void all_below_a_switch_are_in_the_order_of_addresses(void **state)
{
	struct fixture *f = *state;
	const struct cxl_memdev *both[] = { &f->memdevs[1], &f->memdevs[0] };

	f->rps[0].memdevs = both;
	f->rps[0].n_memdevs = 2;
	assert_int_equal(resolve(f, "[region r]\nmemdevs = all of root port 0c:00.0\nways = 2\nsize = 512MiB\n"), 0);
	assert_ptr_equal(f->wanted.regions[0].memdevs[0], &f->memdevs[0]);
	assert_ptr_equal(f->wanted.regions[0].memdevs[1], &f->memdevs[1]);
	assert_refused(f, resolve(f, "[region r]\nmemdevs = all of root port 0c:00.0\nsize = 256MiB\n"), EXIT_NEGATIVE, 3, "takes a multiple of 512 MiB");
}

static void of_two_decoders_that_fit_one_must_be_named(void **state)
{
	struct fixture *f = *state;
	const struct root_decoder *first;
	const struct cxl_memdev *m = &f->memdevs[0];

	f->decoders[1].bridges = &f->targets[0];
	assert_int_equal(layout_fitting_decoders(&f->facts, &m, 1, &first), 2);
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\n"), EXIT_USAGE, 1, "can be made of 2 root decoders; say of which, as in decoder = decoder0.0");
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\ndecoder = decoder0.1\n"), 0);
	assert_int_equal(f->wanted.regions[0].address.v, 128 * GIB);
	f->decoders[1].makes_ram = TRI_NO;
	assert_int_equal(layout_fitting_decoders(&f->facts, &m, 1, &first), 1);
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\n"), 0);
}

static void the_window_limits_what_takes_the_rest(void **state)
{
	struct fixture *f = *state;
	struct addr_range soft = { 65 * GIB, 65 * GIB + 256 * MIB - 1 };

	f->decoders[0].size_bytes.v = 2 * GIB;
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\n"), 0);
	assert_int_equal(f->wanted.regions[0].size_bytes, 2 * GIB);
	f->facts.taken = &soft;
	f->facts.n_taken = 1;
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\n"), 0);
	assert_int_equal(f->wanted.regions[0].size_bytes, GIB);
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\nsize = 512MiB\n[region s]\nmemdevs = 2\nsize = 768MiB\n"), 0);
	assert_int_equal(f->wanted.regions[1].address.v, 65 * GIB + 256 * MIB);
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\nsize = 1280MiB\n"), EXIT_NEGATIVE, 3, "decoder0.0, whose window has 2GiB, has no free place for 1280MiB");
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\nsize = 1GiB\n[region s]\nmemdevs = 2\nsize = 768MiB\n[region t]\nmemdevs=1\n"),
		       EXIT_NEGATIVE, 7, "has no free place for 256MiB");
	/* who may not read where the window is still knows how large it is */
	f->decoders[0].start.known = false;
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\nsize = 3GiB\n"), EXIT_NEGATIVE, 3, "no free place for 3GiB");
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\nsize = 1GiB\n"), 0);
	assert_false(f->wanted.regions[0].address.known);
}

static void what_others_have_is_taken(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.2", 192 * GIB, 2 * GIB, 0, 2, 2);
	struct loose_memory loose = { .decoder = "decoder3.0", .memdev = &f->memdevs[3] };

	assert_refused(f, resolve(f, "[region r]\nmemdevs = 3\nsize = 4GiB\n"), EXIT_NEGATIVE, 3,
		       "which has 3GiB of its 4GiB volatile memory left (region0, which is in no [region], has 1GiB)");
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\nsize = 1GiB\n"), EXIT_NEGATIVE, 1,
		       "would begin at 0x1000000000, and region0, behind the same host bridge, is at a higher address");
	r->resource.v = 1 * GIB;
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\n"), 0);
	assert_int_equal(f->wanted.regions[0].size_bytes, 3 * GIB);
	r->state = REGION_RESET;
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 1\n"), EXIT_NEGATIVE, 1, "holds a decoder that is not committed");
	/* persistent capacity is another one */
	r->state = REGION_ENABLED;
	r->mode = "pmem";
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\n"), 0);
	assert_int_equal(f->wanted.regions[0].size_bytes, 4 * GIB);
	f->host.loose = &loose;
	f->host.n_loose = 1;
	assert_refused(f, resolve(f, "[region r]\nmemdevs = 4\n"), EXIT_NEGATIVE, 2, "mem3 has memory that firmware set up without a region (decoder3.0)");
}

static void a_region_that_is_so_stays_where_it_is(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 66 * GIB, GIB, 0, 1, 1), *second;

	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\nsize = 1GiB\n"), 0);
	assert_ptr_equal(f->wanted.regions[0].is, r);
	assert_true(f->wanted.regions[0].stays);
	assert_int_equal(f->wanted.regions[0].address.v, 66 * GIB);
	assert_int_equal(f->wanted.n_to_make, 0);
	/* another size: it goes, and the lowest place is free */
	assert_int_equal(resolve(f, "[region r]\nmemdevs = 1\nsize = 2GiB\n"), 0);
	assert_ptr_equal(f->wanted.regions[0].is, r);
	assert_false(f->wanted.regions[0].stays);
	assert_int_equal(f->wanted.regions[0].address.v, 64 * GIB);
	/* of two regions of one device the one that is as wanted */
	second = add_region(f, "decoder0.0", 67 * GIB, 2 * GIB, 0, 1, 1);
	assert_int_equal(resolve(f, "[region s]\nmemdevs = 1\nsize = 2GiB\n[region r]\nmemdevs = 1\nsize = 1GiB\n"), 0);
	assert_ptr_equal(f->wanted.regions[0].is, second);
	assert_ptr_equal(f->wanted.regions[1].is, r);
	assert_int_equal(f->wanted.n_to_make, 0);
	/* "max" is what is there, when that is all there is */
	assert_refused(f, resolve(f, "[region s]\nmemdevs = 1\nsize = max\n[region r]\nmemdevs = 1\nsize = 2GiB\n"), EXIT_NEGATIVE, 1, "region1, behind the same host bridge");
	assert_ptr_equal(f->wanted.regions[0].is, r);
	r->size_bytes.v = 2 * GIB;
	r->resource.v = 70 * GIB;
	assert_int_equal(resolve(f, "[region s]\nmemdevs = 1\nsize = max\n[region r]\nmemdevs = 1\nsize = 2GiB\n"), 0);
	assert_int_equal(f->wanted.n_to_make, 0);
	/* a persistent one is never taken for it */
	r->mode = "pmem";
	assert_false(layout_can_name(r));
	assert_true(layout_can_name(second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sizes_and_places_follow_from_the_file),
		TEST(what_does_not_fit_is_refused_with_its_line),
		TEST(a_serial_number_that_is_there_twice_or_is_none_needs_the_address),
		TEST(a_device_of_which_no_region_can_be_made_is_refused),
		TEST(all_below_a_switch_are_in_the_order_of_addresses),
		TEST(of_two_decoders_that_fit_one_must_be_named),
		TEST(the_window_limits_what_takes_the_rest),
		TEST(what_others_have_is_taken),
		TEST(a_region_that_is_so_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
