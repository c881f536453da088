// SPDX-License-Identifier: GPL-2.0-only
/* The checks of what this machine, its policy and the recoveries before have to say, on hand-made snapshots. */
#include "test/unit/check_fixture.h"

static void a_platform_that_cannot_recover_limits_until_it_did(void **state)
{
	struct fixture *f = *state;
	struct platform *p = &f->host.platform;
	struct check_result r;

	p->cpu_vendor = "AuthenticAMD";
	p->cpu_name = "AMD EPYC 9654 96-Core Processor";
	p->is_emulated = TRI_NO;
	assert_int_equal(run(f).n, 0);	/* proven */
	f->rps[0].kept.proof = PROOF_NONE;
	r = run(f);
	assert_int_equal(r.n, 2);
	assert_non_null(strstr(find(&r, "ISO-PLATFORM")->remedy, "cxl recover-port --force-healthy 0000:0c:00.0"));
	assert_non_null(find(&r, "ISO-UNPROVEN"));
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
	/* another kernel: to be tried again, and no reason to doubt the platform */
	f->rps[0].kept = (struct port_kept){ .proof = PROOF_OTHER_KERNEL, .proof_date = "2026-01-01T00:00:00Z", .proof_kernel = "6.12.1" };
	r = run(f);
	only(&r, "ISO-UNPROVEN");
	says(&r, "6.12.1");
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
	/* the administrator's word */
	f->rps[0].kept = (struct port_kept){ .platform_recovery = "isolation.conf:3" };
	r = run(f);
	only(&r, "ISO-UNPROVEN");
	/* what cannot be told passes, and is noted as never tried */
	f->rps[0].kept = (struct port_kept){ 0 };
	p->cpu_vendor = NULL;
	r = run(f);
	assert_int_equal(find(&r, "ISO-PLATFORM")->answer, ANSWER_UNTOLD);
	assert_false(finding_counts(find(&r, "ISO-PLATFORM")));
	assert_non_null(find(&r, "ISO-UNPROVEN"));
	assert_int_equal(enabled_of(r), CONTAINMENT_RECOVER);
}

static void the_policy_has_a_say_in_what_is_promised(void **state)
{
	struct fixture *f = *state;
	struct check_result r;

	f->rps[0].kept.recover_never = "isolation.conf:7";
	r = run(f);
	limits(&r, "ISO-POLICY", CONTAINMENT_CONTAIN);
	says(&r, "isolation.conf:7");
	f->rps[0].kept.recover_never = NULL;
	f->rps[0].kept.policy_error = "isolation.conf:2: unknown key";
	r = run(f);
	only(&r, "ISO-POLICY");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
	assert_int_equal(enabled_of(r), CONTAINMENT_CONTAIN);
}

static void a_recovery_that_did_not_end_limits_what_it_ties(void **state)
{
	struct fixture *f = *state;
	const char *tied[] = { "0000:de:00.0", "0000:0c:00.0" };
	struct kept_journal j = { .root_port = "0000:de:00.0", .is_readable = true, .root_ports = tied, .n_root_ports = 2 };
	struct check_result r;

	f->host.kept.journals = &j;
	f->host.kept.n_journals = 1;
	r = run(f);
	limits(&r, "ISO-JOURNAL", CONTAINMENT_CONTAIN);
	says(&r, "cxl recover-port --resume 0000:de:00.0");
	j.n_root_ports = 1;
	assert_int_equal(run(f).n, 0);
	f->host.kept.n_journals = 0;
	f->host.kept.state_error = "it cannot be listed";
	r = run(f);
	only(&r, "ISO-JOURNAL");
	assert_int_equal(r.v[0].answer, ANSWER_UNTOLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_platform_that_cannot_recover_limits_until_it_did),
		TEST(the_policy_has_a_say_in_what_is_promised),
		TEST(a_recovery_that_did_not_end_limits_what_it_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
