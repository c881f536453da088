// SPDX-License-Identifier: GPL-2.0-only
/* lib/policy/layout_match.c and layout_allow.c: what of a layout is there, what differs, and what may not be made so. */
#include "test/unit/layout_fixture.h"

#define TWO "[region r]\nmemdevs = 1\nsize = 4GiB\n[dax a]\nregion = r\nsize = 1GiB\nowner = qemu\ngroup = 36\nfile-mode = 0660\n" \
	    "[dax b]\nregion = r\nsize = rest\n"

static const struct layout_difference *difference(const struct layout_differences *list,
						  const char *setting)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].setting, setting))
			return &list->v[i];
	return NULL;
}

static bool yes(const struct cxl_region *r, enum layout_claim of, void *data)
{
	(void)of;
	return r == data;
}

static int may_make(struct fixture *f, const struct cxl_region *ours)
{
	return layout_may_make(&f->matches, &f->host, yes, (void *)ours, &f->err);
}

static void nothing_is_there(void **state)
{
	struct fixture *f = *state;

	match(f, TWO);
	assert_int_equal(f->matches.regions[0].state, LAYOUT_MISSING);
	assert_int_equal(f->matches.dax[0].state, LAYOUT_MISSING);
	assert_int_equal(f->matches.dax[1].state, LAYOUT_MISSING);
	assert_null(f->matches.dax[1].is);
	assert_int_equal(f->matches.n_foreign, 0);
	assert_false(layout_is_made(&f->matches));
	assert_int_equal(may_make(f, NULL), 0);
}

static void everything_is_as_wanted_whatever_its_number(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct cxl_dax *b = add_dax(f, r, GIB, 3 * GIB), *a = add_dax(f, r, 0, GIB);

	match(f, TWO);
	assert_true(layout_is_made(&f->matches));
	assert_ptr_equal(f->matches.dax[0].is, a);
	assert_ptr_equal(f->matches.dax[1].is, b);
	assert_int_equal(f->matches.regions[0].differences.n, 0);
	assert_int_equal(f->matches.n_foreign, 0);
	/* in use, and nothing is to be done */
	b->n_users = 1;
	b->users = &(struct dax_user){ .pid = 7, .command = "qemu" };
	assert_int_equal(may_make(f, NULL), 0);
}

static void what_differs_is_said_with_both_values_and_the_line(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct cxl_dax *a = add_dax(f, r, 0, 2 * GIB);
	const struct layout_differences *list;
	const struct layout_difference *d;

	a->driver = "kmem";
	f->files[0].owner = "root";
	f->files[0].gid = 0;
	f->files[0].mode = 0600;
	f->files[0].align.v = GIB;
	match(f, TWO);
	list = &f->matches.dax[0].differences;
	assert_int_equal(f->matches.dax[0].state, LAYOUT_DIFFERENT);
	assert_int_equal(list->n, 6);
	d = difference(list, "size");
	assert_string_equal(d->wanted, "1GiB");
	assert_string_equal(d->is, "2GiB");
	assert_int_equal(d->line, 6);
	assert_int_equal(d->way, WAY_REMAKE);
	d = difference(list, "mode");
	assert_string_equal(d->wanted, "devdax");
	assert_string_equal(d->is, "system-ram");
	assert_int_equal(d->line, 4);
	assert_int_equal(d->way, WAY_DRIVER);
	assert_string_equal(difference(list, "owner")->is, "root");
	assert_string_equal(difference(list, "group")->is, "0");
	assert_string_equal(difference(list, "align")->is, "1GiB");
	d = difference(list, "file-mode");
	assert_string_equal(d->wanted, "0660");
	assert_string_equal(d->is, "0600");
	assert_int_equal(d->line, 9);
	assert_int_equal(d->way, WAY_ATTRIBUTE);
	assert_int_equal(f->matches.dax[1].state, LAYOUT_MISSING);
}

static void what_cannot_be_read_is_no_difference(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct cxl_dax *b;

	add_dax(f, r, 0, GIB);
	b = add_dax(f, r, GIB, 3 * GIB);
	f->files[0].is_known = false;
	b->n_ranges = 0;
	f->files[1].start.known = false;
	match(f, TWO);
	assert_int_equal(f->matches.dax[0].state, LAYOUT_UNTOLD);
	assert_null(difference(&f->matches.dax[0].differences, "owner")->is);
	assert_int_equal(f->matches.dax[1].state, LAYOUT_UNTOLD);
	assert_false(layout_is_made(&f->matches));
}

static void a_region_that_differs_is_another_s_unless_it_is_ours(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.2", 192 * GIB, 2 * GIB, 0, 2, 2);
	struct cxl_dax *d = add_dax(f, r, 0, 2 * GIB);
	const char *text = "[region r]\nmemdevs = 1, 3\nsize = 4GiB\n";

	r->granularity.v = 2048;
	match(f, text);
	assert_int_equal(f->matches.regions[0].state, LAYOUT_DIFFERENT);
	assert_string_equal(difference(&f->matches.regions[0].differences, "size")->is, "2GiB");
	assert_string_equal(difference(&f->matches.regions[0].differences, "granularity")->is, "2048 bytes");
	assert_refused(f, may_make(f, NULL), EXIT_NEGATIVE, 3, "[region r] is region0, which somebody else made, and whose size is 2GiB: it would be destroyed");
	assert_int_equal(may_make(f, r), 0);
	d->mounted_at = "/mnt/famfs";
	assert_refused(f, may_make(f, r), EXIT_NEGATIVE, 3, "dax0.0 has a file system mounted at /mnt/famfs");
	d->mounted_at = NULL;
	d->users_unknown = true;
	assert_refused(f, may_make(f, r), EXIT_NEGATIVE, 3, "dax0.0 may be in use");
	d->users_unknown = false;
	r->blocks_online = 1;
	assert_refused(f, may_make(f, r), EXIT_NEGATIVE, 3, "region0 is online as System RAM");
	r->blocks_online = 0;
	r->lock = LOCK_DECODER;
	assert_refused(f, may_make(f, r), EXIT_NEGATIVE, 3, "and that is locked");
}

static void a_region_without_driver_only_needs_one(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);

	r->state = REGION_DISABLED;
	match(f, "[region r]\nmemdevs = 1\n");
	assert_true(f->wanted.regions[0].stays);
	assert_int_equal(f->matches.regions[0].state, LAYOUT_DIFFERENT);
	assert_string_equal(f->matches.regions[0].differences.v[0].is, "disabled");
	assert_int_equal(may_make(f, NULL), 0);
}

static void the_device_that_came_with_the_region_may_be_divided_unless_used(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct cxl_dax *d = add_dax(f, r, 0, 4 * GIB);
	const struct dax_user user = { .pid = 42, .command = "qemu" };

	match(f, TWO);
	assert_int_equal(may_make(f, NULL), 0);
	d->users = &user;
	d->n_users = 1;
	assert_refused(f, may_make(f, NULL), EXIT_NEGATIVE, 6, "[dax a] is dax0.0, whose size is 4GiB, and dax0.0 is in use by process 42 (qemu)");
	/* the file alone can change under whoever has it open */
	match(f, "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = rest\nowner = root\n");
	assert_int_equal(f->matches.dax[0].state, LAYOUT_DIFFERENT);
	assert_int_equal(may_make(f, NULL), 0);
}

static bool only_devices(const struct cxl_region *r, enum layout_claim of, void *data)
{
	return r == data && of == CLAIM_DEVICES;
}

static void a_device_that_somebody_made_small_is_not_made_otherwise(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);

	add_dax(f, r, 0, GIB);
	match(f, "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 2GiB\n");
	assert_refused(f, may_make(f, NULL), EXIT_NEGATIVE, 5, "[dax a] is dax0.0, which somebody else made, and whose size is 1GiB");
	assert_int_equal(layout_may_make(&f->matches, &f->host, only_devices, r, &f->err), 0);
	/* that its devices are ours does not make the region so */
	match(f, "[region r]\nmemdevs = 1\nsize = 2GiB\n[dax a]\nregion = r\nsize = rest\n");
	assert_refused(f, layout_may_make(&f->matches, &f->host, only_devices, r, &f->err), EXIT_NEGATIVE, 3, "it would be destroyed");
	/* another driver takes nothing from anybody */
	match(f, "[region r]\nmemdevs = 1\n[dax a]\nregion = r\nsize = 1GiB\nmode = system-ram\n");
	assert_int_equal(may_make(f, NULL), 0);
}

static void what_is_in_no_section_is_foreign(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *other = add_region(f, "decoder0.2", 192 * GIB, 2 * GIB, 0, 2, 2);
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 3 * GIB, 0, 1, 1);
	struct cxl_dax *d;

	add_dax(f, r, 0, GIB);
	d = add_dax(f, r, 3 * GIB / 2, 512 * MIB);
	match(f, "[region r]\nmemdevs = 1\nsize = 3GiB\n[dax a]\nregion = r\nsize = 1GiB\n[dax b]\nregion = r\nsize = rest\n");
	assert_int_equal(f->matches.n_foreign, 2);
	assert_ptr_equal(f->matches.foreign[0].region, other);
	assert_ptr_equal(f->matches.foreign[0].beside, &f->wanted.regions[0]);
	assert_ptr_equal(f->matches.foreign[1].dax, d);
	assert_ptr_equal(f->matches.foreign[1].in_the_way_of, &f->wanted.dax[1]);
	assert_refused(f, may_make(f, other), EXIT_NEGATIVE, 7, "[dax b] shall be where dax0.1 of region1 is, which somebody else made");
	assert_int_equal(may_make(f, r), 0);
	d->users_unknown = true;
	assert_refused(f, may_make(f, r), EXIT_NEGATIVE, 7, "[dax b] shall be where dax0.1 is, and that may be in use");
	/* behind all that is wanted it is in nobody's way */
	match(f, "[region r]\nmemdevs = 1\nsize = 3GiB\n[dax a]\nregion = r\nsize = 1GiB\n");
	assert_null(f->matches.foreign[1].in_the_way_of);
	assert_int_equal(may_make(f, NULL), 0);
	/* of a region without devices in the file nothing is said */
	match(f, "[region r]\nmemdevs = 1\nsize = 3GiB\n");
	assert_int_equal(f->matches.n_foreign, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_there),
		TEST(everything_is_as_wanted_whatever_its_number),
		TEST(what_differs_is_said_with_both_values_and_the_line),
		TEST(what_cannot_be_read_is_no_difference),
		TEST(a_region_that_differs_is_another_s_unless_it_is_ours),
		TEST(a_region_without_driver_only_needs_one),
		TEST(the_device_that_came_with_the_region_may_be_divided_unless_used),
		TEST(a_device_that_somebody_made_small_is_not_made_otherwise),
		TEST(what_is_in_no_section_is_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
