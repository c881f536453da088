// SPDX-License-Identifier: GPL-2.0-only
/* lib/model/link_ways.c: is there a way out of isolation that needs no luck? */
#include "test/unit/unit.h"

#include "lib/model/isolation_regs.h"
#include "lib/model/link_ways.h"

static struct cxl_root_port rp;
static const char *why;

/* Everything is masked, and there is no other way. */
static int setup(void **state)
{
	(void)state;
	rp = (struct cxl_root_port){ .name = "0000:0c:00.0", .ext = { .known = true, .control_offset = 0x15c },
				     .link = { .up = TRI_YES, .status_at = 0x52 } };
	rp.iso.regs = (struct iso_registers){ .valid = true, .capable = true };
	return 0;
}

static enum tri way(void)
{
	enum tri answer = link_way_without_unmasking(&rp, &why);

	assert_true(answer == TRI_YES ? !why : why && *why);
	return answer;
}

static void what_is_masked_is_no_way(void **state)
{
	(void)state;
	assert_int_equal(way(), TRI_NO);
	rp.subordinate_reset = true;
	assert_int_equal(way(), TRI_NO);
	rp.link.up = TRI_NO;	/* at the moment */
	assert_int_equal(way(), TRI_NO);
}

static void each_way_that_nothing_masks_will_do(void **state)
{
	(void)state;
	rp.ext.control = PORT_UNMASK_LINK_DISABLE;
	assert_int_equal(way(), TRI_YES);
	rp.ext.control = PORT_UNMASK_SBR;
	assert_int_equal(way(), TRI_NO);
	assert_non_null(strstr(why, "no reset_subordinate"));
	rp.subordinate_reset = true;
	assert_int_equal(way(), TRI_YES);
	setup(NULL);
	rp.cxl_bus_reset = true;
	assert_int_equal(way(), TRI_YES);
	setup(NULL);
	rp.slot = "2";
	assert_int_equal(way(), TRI_NO);	/* its power is not controlled */
	rp.power_controller = true;
	assert_int_equal(way(), TRI_YES);
	setup(NULL);
	rp.iso.regs.ctrl = ISO_CTRL_MEM_LINK_DOWN;
	assert_int_equal(way(), TRI_YES);
}

static void what_cannot_be_read_is_unknown(void **state)
{
	(void)state;
	rp.ext.known = false;
	assert_int_equal(way(), TRI_UNKNOWN);
	rp.iso.regs.reason = "its config space needs root";
	assert_int_equal(way(), TRI_UNKNOWN);
	assert_string_equal(why, "its config space needs root");
	rp.cxl_bus_reset = true;
	assert_int_equal(way(), TRI_YES);
	setup(NULL);
	rp.ext.control = PORT_UNMASK_LINK_DISABLE;
	rp.link.status_at = 0;
	assert_int_equal(way(), TRI_UNKNOWN);
}

static void what_was_tried_in_vain_is_no_method_but_what_is_not_masked_stays_one(void **state)
{
	(void)state;
	rp.subordinate_reset = true;
	assert_null(link_method_why_not(&rp, LINK_SUBORDINATE, false));
	assert_non_null(link_method_why_not(&rp, LINK_SUBORDINATE, true));
	rp.ext.control = PORT_UNMASK_SBR;
	assert_null(link_method_why_not(&rp, LINK_SUBORDINATE, true));
	assert_non_null(link_method_why_not(&rp, LINK_DISABLE, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_masked_is_no_way, setup),
		cmocka_unit_test_setup(each_way_that_nothing_masks_will_do, setup),
		cmocka_unit_test_setup(what_cannot_be_read_is_unknown, setup),
		cmocka_unit_test_setup(
			what_was_tried_in_vain_is_no_method_but_what_is_not_masked_stays_one,
			setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
