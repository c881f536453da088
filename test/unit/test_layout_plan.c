// SPDX-License-Identifier: GPL-2.0-only
/* lib/prepare/layout_plan.c and layout_plan_dax.c: which steps make a host as a layout wants it, and in what order. */
#include "test/unit/layout_fixture.h"

#include "lib/prepare/layout_make.h"
#include "lib/txn/dax_step.h"

#define ONE "[region r]\nmemdevs = 1\nsize = 4GiB\n"
#define THREE ONE "[dax ram]\nregion = r\nsize = 1GiB\nmode = system-ram\n" \
	"[dax fs]\nregion = r\nsize = 25%\nmode = famfs\n[dax vm]\nregion = r\nsize = rest\n"

struct planned {
	struct layout_account accounts[N_DAX];
	struct layout_plan plan;
};

static struct planned plan(struct fixture *f, const char *text, bool autoprobe, bool has_memmap)
{
	static struct planned p;
	struct layout_request q = { &f->matches, &f->facts, p.accounts, autoprobe, has_memmap };

	p = (struct planned){ .plan.a = &f->arena };
	match(f, text);
	assert_int_equal(layout_plan_make(&q, &p.plan), 0);
	return p;
}

/* Where the next step of @op from @from on is that has @title in its title; the end: there is none. */
static size_t next(const struct layout_plan *p, size_t from, const struct step_op *op,
		   const char *title)
{
	while (from < p->n && !(p->steps[from].op == op && strstr(p->steps[from].title, title)))
		from++;
	return from;
}

/* These, in this order, others between them. */
static void in_order(const struct layout_plan *p, const char *const *titles, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++, at++) {
		while (at < p->n && strcmp(p->steps[at].title, titles[i]))
			at++;
		if (at == p->n)
			fail_msg("'%s' is no step behind '%s'", titles[i], i ? titles[i - 1] : "the start");
	}
}

static size_t count(const struct layout_plan *p, const struct step_op *op)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->steps[i].op == op;
	return n;
}

static void a_region_is_made_cut_and_given_drivers_in_that_order(void **state)
{
	static const char *const titles[] = {
		"keep new dax devices without driver", "capacity of mem0 for r: size", "create r", "size of r", "target0 of r", "commit r",
		"give r its driver", "wait for the dax device of r",
		"take the memory from the first device of r", "give ram its memory", "make a dax device for fs", "give fs its memory",
		"make a dax device for vm", "give vm its memory", "switch fs to famfs", "switch vm to devdax",
		"switch memmap_on_memory of ram off", "switch ram to system-ram",
		"let new dax devices have a driver",
	};
	struct planned p = plan(*state, THREE, true, true);

	in_order(&p.plan, titles, N_ELEMENTS(titles));
	/* all that can be is taken back, and read back */
	for (size_t i = 0; i < p.plan.n; i++) {
		const struct step *s = &p.plan.steps[i];

		assert_true(s->op == &step_wait || s->undo);
		assert_true(*s->expect_after || s->op == &step_bind);
		assert_true(s->timeout_us);
	}
	assert_string_equal(p.plan.steps[next(&p.plan, 0, &step_ranges, "give vm its memory")].value, "{range 80000000+80000000 r}");
	assert_string_equal(p.plan.regions[next(&p.plan, 0, &step_make_region, "")]->section->name, "r");
	assert_null(p.plan.regions[next(&p.plan, 0, &step_ranges, "")]);
}

static void nothing_is_done_for_what_is_so(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);

	add_dax(f, r, 0, GIB)->driver = "kmem";
	add_dax(f, r, GIB, GIB)->driver = "fsdev_dax";
	add_dax(f, r, 2 * GIB, 2 * GIB);
	assert_int_equal(plan(f, THREE, true, true).plan.n, 0);
}

static void nothing_is_held_back_where_new_devices_get_no_driver(void **state)
{
	struct planned p = plan(*state, THREE, false, false);

	assert_int_equal(next(&p.plan, 0, &step_write, "driver"), p.plan.n);
	assert_int_equal(count(&p.plan, &step_memmap), 0);
}

static void a_region_that_is_there_is_only_cut(void **state)
{
	static const char *const titles[] = {
		"keep new dax devices without driver", "take dax0.0 from device_dax", "take the memory from dax0.0", "align of ram",
		"give ram its memory", "make a dax device for fs", "align of fs", "give fs its memory", "let new dax devices have a driver",
	};
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct planned p;
	size_t at;

	add_dax(f, r, 0, 4 * GIB);
	p = plan(f, THREE, true, false);
	in_order(&p.plan, titles, N_ELEMENTS(titles));
	assert_int_equal(count(&p.plan, &step_make_region), 0);
	assert_int_equal(count(&p.plan, &step_make_dax), 2);
	/* it gets back what it had: its memory, its align, its driver */
	at = next(&p.plan, 0, &step_ranges, "take the memory from dax0.0");
	assert_string_equal(p.plan.steps[at].undo, "1000000000-10ffffffff");
	assert_string_equal(p.plan.steps[next(&p.plan, 0, &step_write, "align of ram")].undo, "2097152");
	assert_string_equal(p.plan.steps[next(&p.plan, 0, &step_dax_mode, "take dax0.0")].undo, "devdax");
}

static void another_driver_takes_no_memory_away(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct planned p;

	add_dax(f, r, 0, 4 * GIB)->driver = "fsdev_dax";
	p = plan(f, ONE "[dax vm]\nregion = r\nsize = rest\n", true, false);
	assert_int_equal(p.plan.n, 2);
	assert_ptr_equal(p.plan.steps[0].op, &step_unbind);
	assert_string_equal(p.plan.steps[0].undo, "fsdev_dax");
	assert_string_equal(p.plan.steps[1].title, "switch vm to devdax");
}

/* A device in the way serves again, and what nobody needs goes last of all, but for the kernel's own. */
static void devices_in_the_way_are_used_or_dropped_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct planned p;

	for (uint64_t i = 0; i < 4; i++)
		add_dax(f, r, i * GIB, GIB);
	p = plan(f, ONE "[dax a]\nregion = r\nsize = 50%\n[dax b]\nregion = r\nsize = rest\n", true, false);
	assert_int_equal(count(&p.plan, &step_make_dax), 0);
	assert_int_equal(count(&p.plan, &step_drop_dax), 2);
	assert_ptr_equal(p.plan.steps[p.plan.n - 1].op, &step_drop_dax);
	assert_ptr_equal(p.plan.steps[p.plan.n - 2].op, &step_drop_dax);
	assert_string_not_equal(p.plan.steps[p.plan.n - 1].value, p.plan.steps[p.plan.n - 2].value);
	assert_null(p.plan.steps[p.plan.n - 1].undo);
}

static void regions_are_made_in_the_order_of_addresses_and_go_the_other_way(void **state)
{
	static const char *const titles[] = { "delete region1", "delete region0", "create b", "create a" };
	static const char *decoders[] = { "decoder3.0" };
	struct fixture *f = *state;
	struct planned p;

	/* the first that is made gets the lower address: mem1's, as b has a size */
	add_region(f, "decoder0.0", 64 * GIB, 2 * GIB, 1, 1, 1)->decoders = decoders;
	add_region(f, "decoder0.0", 66 * GIB, 2 * GIB, 0, 1, 1)->decoders = decoders;
	p = plan(f, "[region a]\nmemdevs = 1\n[region b]\nmemdevs = 2\nsize = 4GiB\n", true, false);
	in_order(&p.plan, titles, N_ELEMENTS(titles));
	assert_int_equal(count(&p.plan, &step_set_aside), 4);	/* two are freed, two are taken */
}

static void files_alone_are_changed_under_whoever_has_them(void **state)
{
	struct fixture *f = *state;
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 4 * GIB, 0, 1, 1);
	struct planned p;

	add_dax(f, r, 0, 4 * GIB);
	p = plan(f, ONE "[dax vm]\nregion = r\nsize = rest\nfile-mode = 0600\n", true, false);
	assert_int_equal(p.plan.n, 1);
	assert_ptr_equal(p.plan.steps[0].op, &step_file_mode);
	assert_string_equal(p.plan.steps[0].value, "0600");
	assert_string_equal(p.plan.steps[0].undo, "0660");
}

static void a_text_for_which_there_was_no_memory_is_no_step(void **state)
{
	struct fixture *f = *state;
	struct planned p = { .plan.a = &f->arena };
	struct layout_request q = { &f->matches, &f->facts, p.accounts, true, true };

	match(f, THREE);
	layout_plan_add(&p.plan, NULL, (struct step){ .op = &step_write, .title = NULL, .path = "x", .value = "1" });
	assert_int_equal(p.plan.n, 0);
	assert_true(p.plan.no_memory);
	assert_int_equal(layout_plan_make(&q, &p.plan), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_region_is_made_cut_and_given_drivers_in_that_order),
		TEST(nothing_is_done_for_what_is_so),
		TEST(nothing_is_held_back_where_new_devices_get_no_driver),
		TEST(a_region_that_is_there_is_only_cut),
		TEST(another_driver_takes_no_memory_away),
		TEST(devices_in_the_way_are_used_or_dropped_at_the_end),
		TEST(regions_are_made_in_the_order_of_addresses_and_go_the_other_way),
		TEST(files_alone_are_changed_under_whoever_has_them),
		TEST(a_text_for_which_there_was_no_memory_is_no_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
