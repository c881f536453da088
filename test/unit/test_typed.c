// SPDX-License-Identifier: GPL-2.0-only
/* Commands in messages, under the names that they have where `cxl` or `daxctl` is somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/typed.h"

static void test_ours_get_the_name_that_works_and_theirs_stay(void **state)
{
	static const struct {
		const char *text;
		bool cxl, daxctl;
		const char *wanted;	/* NULL: as it was */
	} t[] = {
		{ "see 'cxl list --isolation' and 'cxl list -D'", false, false, "see 'cxl-isolation list --isolation' and 'cxl list -D'" },
		{ "cxl recover-port --resume x, cxl enable-region r", false, true, "cxl-isolation recover-port --resume x, cxl enable-region r" },
		{ "daxctl prepare-isolation, then cxl explain", false, false, "daxctl-isolation prepare-isolation, then cxl-isolation explain" },
		{ "daxctl prepare-isolation, then cxl explain", true, false, "daxctl-isolation prepare-isolation, then cxl explain" },
		{ "daxctl reconfigure-device, cxl explained", false, false, NULL },
		{ "/usr/bin/cxl explain, my-cxl explain", false, false, NULL },
		{ "cxl set-timeout", true, true, NULL },
		{ "cxl ", false, false, NULL },
		{ "", false, false, NULL },
		{ NULL, false, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		bool lost = true;
		_cleanup_free_ char *made = typed_text_as(t[i].text, t[i].cxl, t[i].daxctl, &lost);

		assert_false(lost);
		if (t[i].wanted)
			assert_string_equal(made, t[i].wanted);
		else
			assert_null(made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours_get_the_name_that_works_and_theirs_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
