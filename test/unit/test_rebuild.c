// SPDX-License-Identifier: GPL-2.0-only
/* lib/model/rebuild.c, rebuild_set.c: what can be made again, and where, from a host that is only data. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/model/rebuild.h"

#define MIB256 0x10000000ull
#define WINDOW 0x400000000ull

/* One host bridge with two root ports, one memdev and one region each; another bridge with a third. */
enum { N = 3 };
static struct arena arena;
static struct cxl_bus bus;
static struct cxl_port bridges[2];
static struct cxl_root_port rps[N];
static const struct cxl_root_port *on[N][2];
static struct cxl_memdev memdevs[N];
static const struct cxl_memdev *below[N][1], *targets[N][2];
static struct cxl_region regions[N];
static struct cxl_dax dax[N + 1];
static const struct cxl_dax *daxes[N][2];
static struct addr_range whole[N], parts[DAX_MOST_RANGES + 1];
static struct cxl_window window;
static struct window_line lines[8];
static struct dax_user user = { .pid = 77, .command = "db" };
static struct cxl_host host;

static int setup(void **state)
{
	static const char *const names[] = { "region0", "region1", "region2" };

	(void)state;
	bus = (struct cxl_bus){ .name = "root0" };
	window = (struct cxl_window){ .name = "decoder0.0",
				      .start = { true, WINDOW },
				      .size_bytes = { true, 8 * MIB256 },
				      .makes_ram = TRI_YES,
				      .makes_pmem = TRI_NO,
				      .in_iomem = true };
	host = (struct cxl_host){ .root_ports = rps,
				  .n_root_ports = N,
				  .memdevs = memdevs,
				  .n_memdevs = N,
				  .regions = regions,
				  .n_regions = N,
				  .windows = &window,
				  .n_windows = 1,
				  .window_lines = lines,
				  .n_window_lines = N };
	for (size_t i = 0; i < N; i++) {
		uint64_t at = WINDOW + i * MIB256;

		bridges[i / 2] = (struct cxl_port){ .name = i / 2 ? "port2" : "port1", .bus = &bus };
		memdevs[i] = (struct cxl_memdev){ .name = "mem",
						  .root_port = &rps[i],
						  .bus = &bus,
						  .ram_bytes = { true, 1ull << 40 },
						  .pmem_bytes = { true, 1ull << 40 } };
		below[i][0] = &memdevs[i];
		targets[i][0] = &memdevs[i];
		on[i][0] = &rps[i];
		rps[i] = (struct cxl_root_port){ .name = "0000:0c:00.0", .bridge = &bridges[i / 2], .memdevs = below[i], .n_memdevs = 1,
						 .link = { .up = TRI_YES } };
		dax[i] = (struct cxl_dax){ .name = "dax0.0", .driver = "device_dax", .region = &regions[i], .size_bytes = { true, MIB256 },
					  .align = { true, 2 << 20 },
					  .ranges = &whole[i], .n_ranges = 1 };
		whole[i] = (struct addr_range){ at, at + MIB256 - 1 };
		daxes[i][0] = &dax[i];
		regions[i] = (struct cxl_region){
			.name = names[i],
			.bus = &bus,
			.state = REGION_ENABLED,
			.resource = { true, at },
			.size_bytes = { true, MIB256 },
			.ways = { true, 1 },
			.granularity = { true, 256 },
			.commit = { true, 1 },
			.mode = "ram",
			.window = &window,
			.targets = targets[i],
			.n_targets = 1,
			.root_ports = on[i],
			.n_root_ports = 1,
			.dax = daxes[i],
			.n_dax = 1,
		};
		lines[i] = (struct window_line){ at, at + MIB256 - 1, names[i] };
	}
	return 0;
}

static struct rebuild_obstacle asked;

static enum tri ask(size_t i, enum rebuild_reason reason)
{
	enum tri answer = rebuild_ask(&host, &rps[i], &regions[i], reason, &arena, &asked), terse;
	const char *text = rebuild_text(&asked, &arena);
	struct rebuild_obstacle o;

	terse = rebuild_ask(&host, &rps[i], &regions[i], reason, NULL, &o);
	assert_int_equal(answer, terse);
	assert_null(rebuild_text(&asked, NULL));
	assert_true(answer == TRI_NO || (text && *text));
	return answer;
}

static void says(const char *words)
{
	const char *text = rebuild_text(&asked, &arena);

	if (!strstr(text, words))
		fail_msg("'%s' is not in '%s'", words, text);
}

/* Of all reasons that one alone. */
static void only(size_t i, enum rebuild_reason reason, enum tri answer)
{
	for (int k = 0; k < N_REBUILD_REASONS; k++)
		if (ask(i, (enum rebuild_reason)k) != (k == (int)reason ? answer : TRI_NO))
			fail_msg("reason %d: %d", k, asked.answer);
	ask(i, reason);
}

static void what_is_highest_and_whole_can_be_made_again(void **state)
{
	(void)state;
	for (int k = 0; k < N_REBUILD_REASONS; k++) {
		assert_int_equal(ask(1, (enum rebuild_reason)k), TRI_NO);
		assert_int_equal(ask(2, (enum rebuild_reason)k), TRI_NO);
	}
}

static void a_part_that_cannot_be_read_or_was_never_set_is_named(void **state)
{
	(void)state;
	regions[1].granularity = (struct opt_u64){ 0 };
	only(1, REBUILD_PARTS, TRI_UNKNOWN);
	says("interleave_granularity cannot be read");
	regions[1].granularity = (struct opt_u64){ true, 0 };
	only(1, REBUILD_PARTS, TRI_YES);
	says("interleave_granularity was never set");
	regions[1].granularity.v = 256;
	regions[1].mode = NULL;
	assert_int_equal(ask(1, REBUILD_PARTS), TRI_UNKNOWN);
	says("mode");
}

static void a_device_must_have_the_capacity_that_the_region_takes(void **state)
{
	struct rebuild_obstacle o;

	(void)state;
	memdevs[0].ram_bytes.known = false;
	assert_int_equal(rebuild_ask(&host, &rps[0], &regions[0], REBUILD_PARTS, &arena, &o),
			 TRI_UNKNOWN);
	assert_non_null(strstr(rebuild_text(&o, &arena), "ram/size cannot be read"));
	memdevs[0].ram_bytes = (struct opt_u64){ true, regions[0].size_bytes.v / 2 };
	assert_int_equal(rebuild_ask(&host, &rps[0], &regions[0], REBUILD_PARTS, &arena, &o),
			 TRI_YES);
	assert_non_null(strstr(rebuild_text(&o, &arena), "less memory"));
}

static void unreadable_targets_are_unknown(void **state)
{
	(void)state;
	regions[1].targets_unknown = true;
	only(1, REBUILD_TARGETS, TRI_UNKNOWN);
}

static void only_firmware_makes_an_extended_linear_cache(void **state)
{
	(void)state;
	regions[1].linear_cache_bytes = MIB256;
	only(1, REBUILD_CACHE, TRI_YES);
}

static void a_kernel_that_makes_no_such_region_is_told_from_one_that_may(void **state)
{
	(void)state;
	window.makes_ram = TRI_NO;
	only(1, REBUILD_KERNEL, TRI_YES);
	says("create_ram_region");
	window.makes_ram = TRI_UNKNOWN;
	only(1, REBUILD_KERNEL, TRI_UNKNOWN);
}

static void a_husk_is_made_again_when_there_is_one_answer(void **state)
{
	(void)state;
	regions[1].state = REGION_HUSK;
	regions[1].n_dax = 0;
	regions[1].n_root_ports = 0;
	targets[1][0] = NULL;	/* mem1 came back and is in no region */
	only(1, REBUILD_HUSK, TRI_NO);
	/* so is mem0: either of them */
	regions[0].n_targets = 0;
	only(1, REBUILD_HUSK, TRI_YES);
	says("cannot be told any more");
}

static struct addr_range in_region(uint64_t offset, uint64_t bytes)
{
	uint64_t first = regions[1].resource.v + offset;

	return (struct addr_range){ first, first + bytes - 1 };
}

static struct addr_range *cut(uint64_t offset, uint64_t bytes)
{
	parts[0] = in_region(offset, bytes);
	dax[1].ranges = parts;
	dax[1].n_ranges = 1;
	dax[1].size_bytes = (struct opt_u64){ true, bytes };
	return parts;
}

static void dax_devices_of_any_place_and_size_are_made_again(void **state)
{
	(void)state;
	cut(32 << 20, MIB256 / 2);
	assert_int_equal(ask(1, REBUILD_DAX_LAYOUT), TRI_NO);
	/* a seed is no device */
	dax[N] = (struct cxl_dax){ .name = "dax0.1", .region = &regions[1], .size_bytes = { true, 0 } };
	daxes[1][1] = &dax[N];
	regions[1].n_dax = 2;
	assert_int_equal(ask(1, REBUILD_DAX_LAYOUT), TRI_NO);
	/* in two parts, whichever comes first */
	cut(64 << 20, 4 << 20)[1] = in_region(0, 2 << 20);
	dax[1].n_ranges = 2;
	dax[1].size_bytes.v = 6 << 20;
	only(1, REBUILD_DAX_LAYOUT, TRI_NO);
}

static void what_the_kernel_would_not_make_so_is_named(void **state)
{
	(void)state;
	cut(0, 3 << 20);
	only(1, REBUILD_DAX_LAYOUT, TRI_YES);
	says("dax0.0 has a range that is not a multiple of its align");
	cut(0, 4 << 20);
	dax[1].align.v = 1ull << 30;
	only(1, REBUILD_DAX_LAYOUT, TRI_YES);
	dax[1].align.v = 4096;	/* a page map takes no less than 2 MiB */
	only(1, REBUILD_DAX_LAYOUT, TRI_NO);
	for (size_t i = 0; i <= DAX_MOST_RANGES; i++)
		parts[i] = in_region(i * (4 << 20), 2 << 20);
	dax[1].n_ranges = DAX_MOST_RANGES + 1;
	dax[1].size_bytes.v = dax[1].n_ranges * (2 << 20);
	only(1, REBUILD_DAX_LAYOUT, TRI_YES);
	says("more ranges than are made again");
	dax[1].n_ranges--;
	dax[1].size_bytes.v = dax[1].n_ranges * (2 << 20);
	only(1, REBUILD_DAX_LAYOUT, TRI_NO);
}

static void what_cannot_be_read_of_a_dax_device_is_not_known_to_come_back(void **state)
{
	(void)state;
	cut(0, 4 << 20);
	dax[1].align.known = false;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	says("the align of dax0.0 cannot be read");
	dax[1].align.known = true;
	dax[1].size_bytes.known = false;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	says("the size of dax0.0");
	dax[1].size_bytes.known = true;
	dax[1].n_ranges = 0;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	says("where dax0.0 lies cannot be read");
	/* what is read must fit together */
	cut(0, 4 << 20)->last += 2 << 20;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	cut(MIB256 - (2 << 20), 4 << 20);
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	cut(0, 4 << 20)->first = 0;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	/* of another one it is known that it does not */
	dax[N] = dax[1];
	dax[1].n_ranges = 0;
	dax[N].name = "dax0.1";
	parts[1] = in_region(0, 1 << 20);
	dax[N].ranges = &parts[1];
	dax[N].n_ranges = 1;
	daxes[1][1] = &dax[N];
	regions[1].n_dax = 2;
	only(1, REBUILD_DAX_LAYOUT, TRI_YES);
	says("dax0.1 has a range");
	regions[1].n_dax = 0;
	host.dax_unknown = true;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
	says("cannot be listed");
}

/* A huge page needs a place of its own size: elsewhere there may be none. */
static void an_align_that_does_not_hold_elsewhere_is_named(void **state)
{
	struct rebuild_set set;

	(void)state;
	regions[1].resource.v = WINDOW + 4 * MIB256;
	lines[1] = (struct window_line){ WINDOW + 4 * MIB256, WINDOW + 5 * MIB256 - 1, "region1" };
	cut(0, MIB256);
	dax[1].align.v = MIB256;
	assert_int_equal(rebuild_set_make(&host, &rps[1], false, &set), 0);
	assert_int_equal(set.places[0].kind, PLACE_ELSEWHERE);
	set.may_move = true;
	assert_int_equal(rebuild_ask_set(&set, 0, REBUILD_DAX_LAYOUT, &arena, &asked), TRI_NO);
	set.places[0].at += 2 << 20;
	assert_int_equal(rebuild_ask_set(&set, 0, REBUILD_DAX_LAYOUT, &arena, &asked), TRI_YES);
	says("dax0.0 would not begin at a multiple of its align there");
	set.may_move = false;
	assert_int_equal(rebuild_ask_set(&set, 0, REBUILD_DAX_LAYOUT, &arena, &asked), TRI_NO);
	rebuild_set_free(&set);
}

static void of_persistent_memory_only_one_over_all_of_it_comes_back(void **state)
{
	(void)state;
	regions[1].mode = "pmem";
	window.makes_pmem = TRI_YES;
	only(1, REBUILD_DAX_LAYOUT, TRI_NO);
	dax[1].size_bytes.v = MIB256 / 2;
	only(1, REBUILD_DAX_LAYOUT, TRI_YES);
	says("dax0.0 does not cover it");
	dax[1].size_bytes.known = false;
	only(1, REBUILD_DAX_LAYOUT, TRI_UNKNOWN);
}

static void a_dax_driver_that_no_recovery_binds_is_named(void **state)
{
	static const char *const known[] = { "device_dax", "kmem", "fsdev_dax", NULL };

	(void)state;
	dax[1].driver = "other_dax";
	only(1, REBUILD_DAX_DRIVER, TRI_YES);
	says("dax0.0 is bound to other_dax");
	for (size_t i = 0; i < N_ELEMENTS(known); i++) {
		dax[1].driver = known[i];
		assert_int_equal(ask(1, REBUILD_DAX_DRIVER), TRI_NO);
	}
}

static void a_region_above_behind_the_same_bridge_is_in_the_way(void **state)
{
	(void)state;
	only(0, REBUILD_ORDER, TRI_YES);
	assert_ptr_equal(asked.other, &regions[1]);
	assert_int_equal(asked.n_others, 1);
	says("region1 is at a higher address behind the same host bridge");
	regions[1].state = REGION_RESET;	/* committed or not */
	only(0, REBUILD_ORDER, TRI_YES);
	rps[2].bridge = &bridges[0];
	only(0, REBUILD_ORDER, TRI_YES);
	says("region1, region2 are at higher addresses");
	/* it goes with the port */
	rps[2].bridge = &bridges[1];
	on[1][1] = &rps[0];
	regions[1].n_root_ports = 2;
	only(0, REBUILD_ORDER, TRI_NO);
}

static void one_below_that_is_not_committed_holds_a_decoder(void **state)
{
	static const struct cxl_memdev kept = { .name = "mem0" }, *after_loss[] = { NULL, &kept };

	(void)state;
	assert_int_equal(rebuild_ask(&host, &rps[1], &regions[1], REBUILD_HELD, &arena, &asked),
			 TRI_NO);
	regions[0].state = REGION_HUSK;
	regions[0].targets = after_loss;
	regions[0].n_targets = 2;
	assert_int_equal(rebuild_ask(&host, &rps[1], &regions[1], REBUILD_HELD, &arena, &asked),
			 TRI_YES);
	assert_ptr_equal(asked.other, &regions[0]);
	says("region0, which is not committed, holds a decoder of the same host bridge");
	regions[0].n_targets = 1;	/* it lost them all */
	assert_int_equal(rebuild_ask(&host, &rps[1], &regions[1], REBUILD_HELD, &arena, &asked),
			 TRI_NO);
}

static void a_region_that_goes_through_two_bridges_is_in_order_behind_both(void **state)
{
	(void)state;
	on[1][1] = &rps[2];
	regions[1].n_root_ports = 2;
	only(1, REBUILD_ORDER, TRI_YES);
	assert_ptr_equal(asked.other, &regions[2]);
}

static void what_may_be_above_is_no_promise(void **state)
{
	(void)state;
	regions[1].n_root_ports = 0;
	regions[1].targets_unknown = true;
	only(0, REBUILD_ORDER, TRI_UNKNOWN);
	says("may be at a higher address");
	regions[1].targets_unknown = false;
	regions[1].n_root_ports = 1;
	regions[1].resource.known = false;
	only(0, REBUILD_ORDER, TRI_UNKNOWN);
	regions[1].resource.known = true;
	/* what is sure is named alone */
	regions[2].targets_unknown = true;
	only(0, REBUILD_ORDER, TRI_YES);
	says("region1 is at a higher");
}

static void a_lower_gap_that_is_big_enough_is_taken(void **state)
{
	(void)state;
	lines[0] = lines[1];
	lines[1] = lines[2];
	host.n_window_lines = 2;
	regions[0] = regions[1];
	regions[1] = regions[2];
	host.n_regions = 2;
	assert_int_equal(ask(1, REBUILD_ROOM), TRI_UNKNOWN);	/* not this port's: nothing is known of it */
	assert_int_equal(rebuild_ask(&host, &rps[1], &regions[0], REBUILD_ROOM, &arena, &asked),
			 TRI_YES);
	assert_int_equal(asked.place.kind, PLACE_ELSEWHERE);
	assert_int_equal(asked.place.at, WINDOW);
	assert_null(asked.place.in_the_way);
	assert_int_equal(asked.place.stranded_bytes, 0);
	says("0x400000000, not at 0x410000000: it takes the lowest place");
}

static void a_soft_reserved_line_in_the_region_keeps_its_place(void **state)
{
	(void)state;
	lines[3] = (struct window_line){ regions[2].resource.v, regions[2].resource.v + MIB256 / 2 - 1, "Soft Reserved" };
	host.n_window_lines = 4;
	only(2, REBUILD_ROOM, TRI_YES);
	assert_int_equal(asked.place.kind, PLACE_ELSEWHERE);
	assert_int_equal(asked.place.at, WINDOW + 3 * MIB256);
	assert_string_equal(asked.place.in_the_way, "Soft Reserved");
	assert_int_equal(asked.place.stranded_bytes, MIB256 / 2);
	/* and where the window ends there */
	window.size_bytes.v = 3 * MIB256;
	only(2, REBUILD_ROOM, TRI_YES);
	assert_int_equal(asked.place.kind, PLACE_NOWHERE);
	says("no room");
}

static void its_own_lines_are_not_in_its_way(void **state)
{
	(void)state;
	lines[3] = (struct window_line){ regions[2].resource.v, regions[2].resource.v + MIB256 - 1, "dax0.0" };
	lines[4] = (struct window_line){ regions[2].resource.v, regions[2].resource.v + MIB256 - 1, "System RAM (kmem)" };
	host.n_window_lines = 5;
	assert_int_equal(ask(2, REBUILD_ROOM), TRI_YES);	/* left behind by a kmem that went */
	dax[2].driver = "kmem";
	only(2, REBUILD_ROOM, TRI_NO);
}

static void a_place_that_is_not_aligned_is_never_given_again(void **state)
{
	(void)state;
	regions[2].resource.v += MIB256 / 2;
	lines[2].start += MIB256 / 2;
	lines[2].end += MIB256 / 2;
	assert_int_equal(ask(2, REBUILD_ROOM), TRI_YES);
	assert_int_equal(asked.place.at, WINDOW + 2 * MIB256);
}

static void without_iomem_no_place_is_promised(void **state)
{
	(void)state;
	host.iomem_unknown = "/proc/iomem shows addresses to root only";
	only(2, REBUILD_ROOM, TRI_UNKNOWN);
	says("root only");
	host.iomem_unknown = NULL;
	window.in_iomem = false;
	only(2, REBUILD_ROOM, TRI_UNKNOWN);
	window.in_iomem = true;
	window.start.known = false;
	only(2, REBUILD_ROOM, TRI_UNKNOWN);
}

static void neighbours_are_those_above_and_what_those_need(void **state)
{
	struct rebuild_set set;

	(void)state;
	on[1][1] = &rps[2];	/* the neighbour reaches behind the other bridge */
	regions[1].n_root_ports = 2;
	assert_int_equal(rebuild_set_make(&host, &rps[0], true, &set), 0);
	assert_int_equal(set.n, 3);
	for (size_t i = 0; i < set.n; i++) {
		assert_ptr_equal(set.v[i], &regions[i]);
		assert_int_equal(set.places[i].kind, PLACE_SAME);
		assert_int_equal(rebuild_is_neighbour(&set, set.v[i]), i > 0);
		assert_int_equal(rebuild_ask_set(&set, i, REBUILD_ORDER, &arena, &asked), TRI_NO);
	}
	rebuild_set_free(&set);
	assert_int_equal(rebuild_set_make(&host, &rps[1], true, &set), 0);
	assert_int_equal(set.n, 2);	/* nobody below */
	rebuild_set_free(&set);
}

static void another_place_will_do_where_that_is_accepted(void **state)
{
	struct rebuild_set set;

	(void)state;
	lines[3] = (struct window_line){ regions[2].resource.v, regions[2].resource.v + MIB256 - 1, "Soft Reserved" };
	host.n_window_lines = 4;
	assert_int_equal(rebuild_set_make(&host, &rps[2], false, &set), 0);
	set.may_move = true;
	assert_int_equal(rebuild_ask_set(&set, 0, REBUILD_ROOM, &arena, &asked), TRI_NO);
	rebuild_set_free(&set);
}

static void who_must_not_be_disturbed_is_said(void **state)
{
	(void)state;
	assert_null(region_why_busy(&host, &regions[1], &arena));
	dax[1].users = &user;
	dax[1].n_users = 1;
	assert_non_null(strstr(region_why_busy(&host, &regions[1], &arena), "pid 77 (db) has dax0.0 open"));
	dax[1].n_users = 0;
	dax[1].users_unknown = host.dax_in_use = true;
	assert_non_null(region_why_busy(&host, &regions[1], &arena));
	dax[1].users_unknown = false;
	dax[1].driver = "kmem";
	assert_non_null(strstr(region_why_busy(&host, &regions[1], &arena), "kmem"));
	dax[1].driver = NULL;
	assert_null(region_why_busy(&host, &regions[1], &arena));
	regions[1].blocks_unknown = true;
	assert_non_null(region_why_busy(&host, &regions[1], NULL));
	regions[1].blocks_unknown = false;
	regions[1].lock = LOCK_DECODER;
	regions[1].locked_by = "decoder1.0";
	assert_non_null(region_why_busy(&host, &regions[1], NULL));
	regions[1].lock = LOCK_UNKNOWN;
	assert_non_null(region_why_busy(&host, &regions[1], NULL));
	regions[1].lock = LOCK_NONE;
	regions[1].is_pmem = true;
	assert_non_null(region_why_busy(&host, &regions[1], NULL));
	regions[1].is_pmem = false;
	rps[1].link.up = TRI_NO;
	assert_non_null(region_why_busy(&host, &regions[1], NULL));
}

static void a_region_that_may_be_below_is_found(void **state)
{
	(void)state;
	assert_null(region_next_hidden(&host, &rps[0], NULL));
	regions[1].targets_unknown = true;
	assert_ptr_equal(region_next_hidden(&host, &rps[0], NULL), &regions[1]);
	assert_null(region_next_hidden(&host, &rps[0], &regions[1]));
	assert_ptr_equal(region_next_touching(&host, &rps[1], NULL), &regions[1]);
	assert_null(region_next_touching(&host, &rps[1], &regions[1]));
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_highest_and_whole_can_be_made_again),
		TEST(a_part_that_cannot_be_read_or_was_never_set_is_named),
		TEST(a_device_must_have_the_capacity_that_the_region_takes),
		TEST(unreadable_targets_are_unknown),
		TEST(only_firmware_makes_an_extended_linear_cache),
		TEST(a_kernel_that_makes_no_such_region_is_told_from_one_that_may),
		TEST(a_husk_is_made_again_when_there_is_one_answer),
		TEST(dax_devices_of_any_place_and_size_are_made_again),
		TEST(what_the_kernel_would_not_make_so_is_named),
		TEST(what_cannot_be_read_of_a_dax_device_is_not_known_to_come_back),
		TEST(an_align_that_does_not_hold_elsewhere_is_named),
		TEST(of_persistent_memory_only_one_over_all_of_it_comes_back),
		TEST(a_dax_driver_that_no_recovery_binds_is_named),
		TEST(a_region_above_behind_the_same_bridge_is_in_the_way),
		TEST(a_region_that_goes_through_two_bridges_is_in_order_behind_both),
		TEST(one_below_that_is_not_committed_holds_a_decoder),
		TEST(what_may_be_above_is_no_promise),
		TEST(a_lower_gap_that_is_big_enough_is_taken),
		TEST(a_soft_reserved_line_in_the_region_keeps_its_place),
		TEST(its_own_lines_are_not_in_its_way),
		TEST(a_place_that_is_not_aligned_is_never_given_again),
		TEST(without_iomem_no_place_is_promised),
		TEST(neighbours_are_those_above_and_what_those_need),
		TEST(another_place_will_do_where_that_is_accepted),
		TEST(who_must_not_be_disturbed_is_said),
		TEST(a_region_that_may_be_below_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
