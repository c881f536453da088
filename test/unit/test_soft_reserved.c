// SPDX-License-Identifier: GPL-2.0-only
/* lib/firmware/interval.c and soft_reserved.c: sets of addresses, and what is promised of every judgement. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/soft/soft_reserved.h"

static struct arena a;

static int forget(void **state)
{
	(void)state;
	arena_free(&a);
	a = (struct arena){ 0 };
	return 0;
}

/* --- sets of addresses ----------------------------------------------------- */

static struct interval_set set_of(const struct interval *v, size_t n)
{
	struct interval_set set = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_int_equal(interval_add(&a, &set, v[i].start, v[i].end), 0);
	interval_normalize(&set);
	return set;
}

static void ranges_that_touch_or_overlap_are_one(void **state)
{
	static const struct interval v[] = { { 30, 39 }, { 10, 19 }, { 20, 25 }, { 24, 28 },
					     { 50, 50 }, { 5, 4 },   { 31, 33 } };
	struct interval_set set = set_of(v, N_ELEMENTS(v));

	(void)state;
	assert_int_equal(set.n, 3);
	assert_true(set.v[0].start == 10 && set.v[0].end == 28 && set.v[1].start == 30 &&
		    set.v[2].end == 50);
	assert_true(interval_overlap(&set, 0, UINT64_MAX) == 30);
	assert_true(interval_overlap(&set, 0, 100) == 30 && interval_overlap(&set, 15, 30) == 15);
	assert_true(interval_overlap(&set, 29, 29) == 0 && interval_overlap(&set, 50, 50) == 1 &&
		    interval_overlap(&set, 51, 99) == 0);
	assert_true(interval_covers(&set, 10, 28) && !interval_covers(&set, 10, 30) &&
		    !interval_covers(&set, 29, 29));
}

static void the_end_of_all_addresses_does_not_overflow(void **state)
{
	static const struct interval v[] = { { 0, UINT64_MAX } };
	struct interval_set set = set_of(v, 1), empty = { 0 };

	(void)state;
	assert_true(interval_overlap(&set, 0, UINT64_MAX) == UINT64_MAX);
	assert_true(interval_overlap(&set, UINT64_MAX - 9, UINT64_MAX) == 9);
	assert_int_equal(interval_add(&a, &empty, UINT64_MAX, UINT64_MAX), 0);
	assert_int_equal(empty.n, 0);
	assert_true(interval_overlap(&empty, 0, UINT64_MAX) == 0);
}

static void what_is_in_both_is_found(void **state)
{
	static const struct interval v[] = { { 0, 9 }, { 20, 29 }, { 40, 49 } },
				     w[] = { { 5, 24 }, { 28, 44 }, { 60, 70 } };
	struct interval_set x = set_of(v, 3), y = set_of(w, 3), both;

	(void)state;
	assert_int_equal(interval_intersect(&a, &x, &y, &both), 0);
	assert_int_equal(both.n, 4);
	assert_true(interval_overlap(&both, 0, UINT64_MAX) == 5 + 5 + 2 + 5);
}

/* --- judgements -------------------------------------------------------------- */

static void ready(struct soft_picture *p, const struct interval *soft, size_t n)
{
	*p = (struct soft_picture){ .windows_known = true, .block_bytes = 16 };
	p->sources[SOURCE_FIRMWARE_MAP].entries = 1;
	p->sources[SOURCE_IOMEM].state = SOURCE_SILENT;
	p->firmware_soft = set_of(soft, n);
}

static struct soft_report judge(const struct soft_picture *p, bool strict)
{
	struct soft_policy policy = { .strict = strict };
	struct soft_report report;

	assert_int_equal(soft_judge(p, &policy, &a, &report), 0);
	return report;
}

static void an_empty_map_is_ok_and_no_map_is_not(void **state)
{
	struct soft_picture p;

	(void)state;
	ready(&p, NULL, 0);
	assert_int_equal(judge(&p, false).verdict, VERDICT_OK);
	p.sources[SOURCE_FIRMWARE_MAP] = (struct soft_source){ SOURCE_MISSING, 0, NULL };
	assert_int_equal(judge(&p, false).verdict, VERDICT_INCONCLUSIVE);
	assert_true(judge(&p, false).no_source);
}

static void ram_beside_the_outside_part_is_straddling_it(void **state)
{
	static const struct {
		uint64_t start, end, ram_start, ram_end;
		enum soft_class class;
	} cases[] = {
		{ 50, 199, 0, 49, SOFT_STRADDLE_RAM },
		{ 50, 199, 0, 48, SOFT_STRADDLE_GAP },
		{ 100, 249, 250, 260, SOFT_STRADDLE_RAM },
		{ 100, 249, 251, 260, SOFT_STRADDLE_GAP },
		{ 100, 249, 0, 99, SOFT_STRADDLE_GAP }, /* beside the part that is inside */
		{ 50, 249, 60, 61, SOFT_STRADDLE_RAM },
	};
	struct soft_window window = { .span = { "decoder0.0", 100, 199 } };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct interval soft = { cases[i].start, cases[i].end },
				      ram = { cases[i].ram_start, cases[i].ram_end };
		struct soft_picture p;

		ready(&p, &soft, 1);
		p.windows = &window;
		p.n_windows = 1;
		p.iomem_ram = set_of(&ram, 1);
		assert_int_equal(judge(&p, true).ranges[0].class, cases[i].class);
	}
}

static void what_the_kernel_trims_at_the_ends_is_no_contradiction(void **state)
{
	static const struct interval firmware = { 0x100000, 0x8000fffd };

	(void)state;
	for (uint64_t trim = 0; trim <= 0x4000; trim += 0x800) {
		const struct interval shown = { 0x100000 + trim / 2, 0x8000fffd - trim / 2 };
		struct soft_picture p;

		ready(&p, &firmware, 1);
		p.sources[SOURCE_IOMEM].state = SOURCE_READ;
		p.iomem_soft = set_of(&shown, 1);
		assert_int_equal(judge(&p, false).ranges[0].class,
				 trim <= 2 * 4095 ? SOFT_NOT_CXL_UNCLAIMED : SOFT_INCONCLUSIVE);
	}
}

static void blocks_are_counted_per_device_not_per_union(void **state)
{
	static const struct interval soft = { 0, 63 };
	struct soft_window window = { .span = { "decoder0.0", 0, 63 } };
	struct soft_region regions[] = {
		{ .span = { "region0", 0, 23 }, .is_committed = true, .has_span = true, .has_dax = true },
		{ .span = { "region1", 24, 63 }, .is_committed = true, .has_span = true, .has_dax = true },
	};
	struct soft_picture p;
	struct soft_range r;

	(void)state;
	ready(&p, &soft, 1);
	p.windows = &window;
	p.n_windows = 1;
	p.regions = regions;
	p.n_regions = 2;
	r = judge(&p, true).ranges[0];
	assert_int_equal(r.class, SOFT_CXL_OWNED_TILED);
	assert_true(r.usable_bytes == 16 + 32);	/* blocks 0 and 2, 3: block 1 belongs to both */
	assert_true(r.modifier_bytes[MODIFIER_ALIGN_LOSS] == 16);
}

/* --- what holds of every picture ------------------------------------------------ */

static uint32_t seed = 1;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static struct interval rnd_range(void)
{
	uint64_t start = 8 * rnd(32);

	return (struct interval){ start, start + 8 * (rnd(8) + 1) - 1 };
}

static struct interval_set rnd_set(unsigned int max)
{
	struct interval v[8];
	unsigned int n = rnd(max + 1);

	for (unsigned int i = 0; i < n; i++)
		v[i] = rnd_range();
	return set_of(v, n);
}

enum { MAX = 4 };

struct world {
	struct soft_picture p;
	struct soft_window windows[MAX];
	struct soft_region regions[MAX];
	struct soft_dax dax[MAX];
	struct srat_memory srat[MAX];
};

static void rnd_world(struct world *w)
{
	struct interval_set soft = rnd_set(4);

	ready(&w->p, soft.v, soft.n);
	w->p.iomem_ram = rnd(3) ? (struct interval_set){ 0 } : rnd_set(2);
	w->p.block_bytes = 8u << rnd(3);
	w->p.windows = w->windows;
	w->p.regions = w->regions;
	w->p.dax = w->dax;
	w->p.srat.memory = w->srat;
	w->p.n_windows = rnd(MAX);
	w->p.n_regions = rnd(MAX);
	w->p.n_dax = rnd(MAX);
	w->p.srat.n_memory = rnd(MAX);
	for (size_t i = 0; i < MAX; i++) {
		struct interval r[4] = { rnd_range(), rnd_range(), rnd_range(), rnd_range() };
		bool of_region = w->p.n_regions && rnd(2);

		w->windows[i] = (struct soft_window){ .span = { "decoder0.0", r[0].start, r[0].end } };
		w->regions[i] = (struct soft_region){
			.span = { "region0", r[1].start, r[1].end }, .has_span = true, .is_committed = rnd(4), .has_dax = rnd(3),
		};
		w->dax[i] = (struct soft_dax){
			.name = "dax0.0",
			.owner = of_region ? DAX_OF_REGION : DAX_OF_HMEM,
			.size_bytes = 1,
			.region = of_region ? rnd((unsigned int)w->p.n_regions) : 0,
			.ranges = set_of(&r[2], 1),
		};
		w->srat[i] = (struct srat_memory){ r[3].start, r[3].end, 0 };
	}
}

/* Byte by byte, with no unions and no cleverness. */
static bool has_owner(const struct world *w, uint64_t at)
{
	for (size_t i = 0; i < w->p.n_regions; i++)
		if (w->regions[i].is_committed && w->regions[i].has_dax &&
		    w->regions[i].span.start <= at && at <= w->regions[i].span.end)
			return true;
	for (size_t i = 0; i < w->p.n_dax; i++)
		if (w->dax[i].owner == DAX_OF_HMEM && w->dax[i].ranges.v[0].start <= at &&
		    at <= w->dax[i].ranges.v[0].end)
			return true;
	return interval_overlap(&w->p.iomem_ram, at, at);
}

static void promises_of_a_range(const struct world *w, const struct soft_range *r, bool strict)
{
	uint64_t size = r->end - r->start + 1, owned = 0, next = r->start;
	enum soft_verdict worst = VERDICT_OK;

	for (uint64_t at = r->start; at <= r->end; at++)
		owned += has_owner(w, at);
	assert_true(r->owned_bytes == owned && r->stranded_bytes == size - owned);
	assert_true(r->usable_bytes <= r->owned_bytes);
	for (size_t i = 0; i < r->n_units; i++) {
		assert_true(r->units[i].start == next && r->units[i].end >= next);
		next = r->units[i].end + 1;
		worst = r->units[i].verdict > worst ? r->units[i].verdict : worst;
	}
	assert_true(next == r->end + 1);
	/* nothing without an owner is ever fine */
	if (r->stranded_bytes)
		assert_true(r->verdict >= VERDICT_STRANDED);
	/* and strict is never milder than the units */
	if (strict && worst >= VERDICT_STRANDED)
		assert_true(r->verdict >= VERDICT_STRANDED);
	assert_true(r->text && strlen(r->text) > 10 && !strchr(r->text, '{'));
	assert_true(r->verdict <= VERDICT_INFO || (r->remedy && !strchr(r->remedy, '{')));
}

static void every_judgement_keeps_its_promises(void **state)
{
	size_t seen[N_SOFT_CLASSES] = { 0 };

	(void)state;
	for (int i = 0; i < 30000; i++) {
		struct world w;

		rnd_world(&w);
		for (int strict = 0; strict < 2; strict++) {
			struct soft_report report = judge(&w.p, strict);
			enum soft_verdict worst = VERDICT_OK;

			for (size_t k = 0; k < report.n_ranges; k++) {
				promises_of_a_range(&w, &report.ranges[k], strict);
				seen[report.ranges[k].class]++;
				worst = report.ranges[k].verdict > worst ? report.ranges[k].verdict
									 : worst;
			}
			assert_int_equal(report.verdict, worst);
		}
		forget(NULL);
	}
	/* it was no monotonous world */
	for (size_t i = SOFT_NOT_CXL; i < N_SOFT_CLASSES; i++)
		if (!seen[i])
			fail_msg("class %s was never met", soft_class_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ranges_that_touch_or_overlap_are_one, forget),
		cmocka_unit_test_teardown(the_end_of_all_addresses_does_not_overflow, forget),
		cmocka_unit_test_teardown(what_is_in_both_is_found, forget),
		cmocka_unit_test_teardown(an_empty_map_is_ok_and_no_map_is_not, forget),
		cmocka_unit_test_teardown(ram_beside_the_outside_part_is_straddling_it, forget),
		cmocka_unit_test_teardown(what_the_kernel_trims_at_the_ends_is_no_contradiction,
					  forget),
		cmocka_unit_test_teardown(blocks_are_counted_per_device_not_per_union, forget),
		cmocka_unit_test_teardown(every_judgement_keeps_its_promises, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
