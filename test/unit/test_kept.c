// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/kept/kept_read.c and proof.c, lib/model/kept.c: what the files of
 * a captured or the live host say of its root ports, and what damaged ones do not.
 */
#include "test/unit/tree.h"
#include "test/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/kept/journal.h"
#include "lib/kept/kept_read.h"
#include "lib/kept/proof.h"
#include "lib/read/host_read.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"

static char top[64];
static struct cxl_bus bus = { .name = "root0" }, other_bus = { .name = "root1" };
static struct cxl_port bridge = { .name = "port1", .bus = &bus }, far = { .name = "port9", .bus = &other_bus };

struct fixture {
	struct host_reading reading;
	struct host_own own;
	struct cxl_host *host;	/* of it */
	struct cxl_root_port rps[3];
	const struct cxl_root_port *recovering;
};

static void put(const char *path, const char *text)
{
	char full[300], *slash;
	int fd;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	for (slash = strchr(full + strlen(top) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void put_state(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", &STATE_DIR[1], name);
	put(path, text);
}

static int set_up(void **state)
{
	static const char *const names[] = { "0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0" };
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;

	strcpy(top, "/tmp/test_kept.XXXXXX");
	if (!f || !mkdtemp(top))
		return -1;
	host_reading_init(&f->reading);
	if (sysfs_init(&f->reading.fs, top, &err))
		return -1;
	f->host = &f->reading.host;
	f->own.root_ports = f->rps;
	f->host->own = &f->own;
	f->host->root_ports = f->rps;
	f->host->n_root_ports = 3;
	for (int i = 0; i < 3; i++)
		f->rps[i] = (struct cxl_root_port){ .name = names[i],
						    .key = i == 2 ? 0xde00
								  : 0x0c00 + 8 * (uint64_t)i,
						    .bridge = i == 2 ? &far : &bridge };
	put("proc/cpuinfo", "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nflags\t\t: fpu\n\n");
	put("proc/version", "Linux version 7.2.13-amd64 (x@y) #1\n");
	put("sys/class/dmi/id/sys_vendor", "Maker Inc. \n");
	put("sys/class/dmi/id/product_name", "R1\n");
	put("sys/class/dmi/id/bios_version", "1.2\n");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	host_free(&((struct fixture *)*state)->reading);
	free(*state);
	return remove_tree_below(top);
}

static void read_it(struct fixture *f)
{
	struct err err;

	assert_int_equal(platform_read(f->host), 0);
	if (kept_read(f->host, &err))
		fail_msg("%s", err.text);
}

static bool says(const struct fixture *f, const char *what)
{
	for (size_t i = 0; i < f->reading.messages.n; i++)
		if (f->reading.messages.v[i].severity == SEV_INFO &&
		    strstr(f->reading.messages.v[i].text, what))
			return true;
	return false;
}

/* --- platform ---------------------------------------------------------------------------- */

static void the_platform_is_read_from_the_tree(void **state)
{
	struct fixture *f = *state;
	const struct platform *p = &f->host->platform;

	read_it(f);
	assert_string_equal(p->system_vendor, "Maker Inc.");
	assert_string_equal(p->product, "R1");
	assert_string_equal(p->bios_version, "1.2");
	assert_string_equal(p->kernel, "7.2.13-amd64");
	assert_string_equal(p->cpu_name, "AMD EPYC");
	assert_int_equal(p->is_emulated, TRI_NO);
	assert_non_null(platform_says_no(p));
}

static void what_a_hypervisor_made_is_emulated_without_the_flag_too(void **state)
{
	struct fixture *f = *state;

	put("sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
	read_it(f);
	assert_int_equal(f->host->platform.is_emulated, TRI_YES);
	assert_null(platform_says_no(&f->host->platform));
}

static void a_tree_without_any_of_it_tells_nothing(void **state)
{
	static const char *const files[] = { "proc/cpuinfo", "proc/version", "sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_name",
					     "sys/class/dmi/id/bios_version" };
	struct fixture *f = *state;
	char path[300];

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	read_it(f);
	assert_false(platform_is_known(&f->host->platform));
	assert_null(platform_says_no(&f->host->platform));
	assert_int_equal(f->reading.messages.n, 0);
	assert_int_equal(f->host->kept.n_journals, 0);
	assert_null(f->host->kept.state_error);
}

/* --- proofs ------------------------------------------------------------------------------- */

static void put_proof(const struct fixture *f, int port, const char *bios, const char *kernel,
		      const char *product)
{
	struct proof p = { .root_port = f->rps[port].name, .date = "2026-03-01T12:00:00Z",
			   .platform = { .cpu_vendor = "AuthenticAMD", .cpu_family = { true, 25 }, .cpu_model = { true, 17 },
					 .system_vendor = "Maker Inc.", .product = product, .bios_version = bios, .kernel = kernel } };
	char *text = proof_text(&p), file[96];

	proof_file(p.root_port, file, sizeof(file));
	put_state(file, text);
	free(text);
}

static void a_proof_counts_for_this_machine_and_firmware(void **state)
{
	struct fixture *f = *state;

	put_proof(f, 0, "1.2", "7.2.13-amd64", "R1");
	put_proof(f, 1, "1.2", "6.12.95", "R1");
	read_it(f);
	assert_int_equal(f->rps[0].kept.proof, PROOF_HOLDS);
	assert_string_equal(f->rps[0].kept.proof_date, "2026-03-01T12:00:00Z");
	assert_int_equal(f->rps[1].kept.proof, PROOF_OTHER_KERNEL);
	assert_string_equal(f->rps[1].kept.proof_kernel, "6.12.95");
	assert_int_equal(f->rps[2].kept.proof, PROOF_NONE);
	assert_int_equal(f->reading.messages.n, 0);
	assert_int_equal(f->host->kept.n_journals, 0);
}

static void another_firmware_or_product_makes_it_void(void **state)
{
	struct fixture *f = *state;

	put_proof(f, 0, "1.3", "7.2.13-amd64", "R1");
	put_proof(f, 1, "1.2", "7.2.13-amd64", "R2");
	read_it(f);
	assert_int_equal(f->rps[0].kept.proof, PROOF_NONE);
	assert_null(f->rps[0].kept.proof_date);
	assert_int_equal(f->rps[1].kept.proof, PROOF_NONE);
}

static void on_an_unknown_machine_none_counts(void **state)
{
	struct fixture *f = *state;

	put_proof(f, 0, "1.2", "7.2.13-amd64", "R1");
	put("sys/class/dmi/id/product_name", "\n");
	read_it(f);
	assert_null(f->host->platform.product);
	assert_int_equal(f->rps[0].kept.proof, PROOF_NONE);
}

static void what_is_no_proof_of_that_port_is_ignored_by_name(void **state)
{
	struct fixture *f = *state;
	char from[300], to[300];

	put_proof(f, 0, "1.2", "7.2.13-amd64", "R1");
	snprintf(from, sizeof(from), "%s" STATE_DIR "/proven-0000:0c:00.0.json", top);
	snprintf(to, sizeof(to), "%s" STATE_DIR "/proven-0000:0c:01.0.json", top);
	assert_int_equal(rename(from, to), 0);
	put_state("proven-0000:99:00.0.json", "{}");
	put_state("proven-0000:de:00.0.json", "{\"schema\":\"cxl-proof/1\"");
	put_state("0000:0c:00.0.lock", "1\n");
	put_state("proven-0000:0c:00.0.json.new", "");
	put_state("elsewhere.json", "{}");
	read_it(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f->rps[i].kept.proof, PROOF_NONE);
	assert_int_equal(f->reading.messages.n, 3);
	assert_true(says(f, STATE_DIR "/proven-0000:0c:01.0.json is ignored: it is no proof of a recovery of that port"));
	assert_true(says(f, "proven-0000:99:00.0.json is ignored: it is of a root port that this host has not"));
	assert_true(says(f, "proven-0000:de:00.0.json is ignored"));
	assert_int_equal(f->host->kept.n_journals, 0);
}

static void a_proof_that_was_changed_in_form_is_none(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "cxl-proof/1", "cxl-proof/2" }, { "\"cpu_family\":25", "\"cpu_family\":\"25\"" }, { "\"cpu_family\":25", "\"cpu_family\":null" },
		{ "\"kernel\"", "\"more\":1,\"kernel\"" }, { "\"R1\"", "\"\"" }, { "\"1.2\"", "null" }, { "12:00:00Z", "12:00" },
		{ "2026", "\\u001b26" }, { "\"product\"", "\"serial\"" }, { "}", "} x" }, { "Z\"", "Z-\"" },
	};
	struct proof p = { .root_port = "0000:0c:00.0", .date = "2026-03-01T12:00:00Z",
			   .platform = { .cpu_vendor = "A", .cpu_family = { true, 25 }, .cpu_model = { true, 1 }, .system_vendor = "M",
					 .product = "R1", .bios_version = "1.2", .kernel = "7" } }, again;
	char *text = proof_text(&p), changed[800];
	struct arena a = { 0 };

	(void)state;
	assert_true(proof_parse(text, &a, &again));
	assert_int_equal(proof_judge(&again, &p.platform, "0000:0c:00.0"), PROOF_HOLDS);
	assert_int_equal(proof_judge(&again, &p.platform, "0000:0c:01.0"), PROOF_NONE);
	for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
		const char *at = strstr(text, changes[i].from);

		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, changes[i].to, at + strlen(changes[i].from));
		if (proof_parse(changed, &a, &again))
			fail_msg("accepted: %s", changed);
	}
	memset(changed, ' ', sizeof(changed));
	for (size_t n = 0; n < strlen(text); n++) {
		snprintf(changed, sizeof(changed), "%.*s", (int)n, text);
		assert_false(proof_parse(changed, &a, &again));
	}
	free(text);
	arena_free(&a);
}

static void a_proof_is_written_where_it_is_found_again(void **state)
{
	struct fixture *f = *state;
	struct err err;
	char path[300];
	int dirfd;

	read_it(f);
	put_state("0000:0c:00.0.lock", "");
	snprintf(path, sizeof(path), "%s" STATE_DIR, top);
	dirfd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(proof_write(dirfd, f->host, &f->rps[1], &err), 0);
	f->host->platform.bios_version = NULL;
	assert_int_equal(proof_write(dirfd, f->host, &f->rps[0], &err), -ENODATA);
	assert_non_null(strstr(err.text, "0000:0c:00.0"));
	close(dirfd);
	read_it(f);
	assert_int_equal(f->rps[0].kept.proof, PROOF_NONE);
	assert_int_equal(f->rps[1].kept.proof, PROOF_HOLDS);
	assert_int_equal(proof_write(-1, f->host, &f->rps[1], &err), -EBADF);
	assert_non_null(strstr(err.text, "is recovered, but the proof of it cannot be written"));
}

/* --- the policy file ------------------------------------------------------------------------ */

static void the_policy_says_it_per_root_port_with_its_line(void **state)
{
	struct fixture *f = *state;

	put(&POLICY_FILE[1], "[all]\nplatform-recovery = yes\n[root1]\nplatform-recovery = no\n[0c:01.0]\nrecover = never\n");
	read_it(f);
	assert_null(f->rps[0].kept.recover_never);
	assert_string_equal(f->rps[1].kept.recover_never, POLICY_FILE ":6");
	assert_string_equal(f->rps[0].kept.platform_recovery, POLICY_FILE ":2");
	assert_null(f->rps[2].kept.platform_recovery);
	for (int i = 0; i < 3; i++)
		assert_null(f->rps[i].kept.policy_error);
}

static void without_a_policy_file_nothing_is_asked_for(void **state)
{
	struct fixture *f = *state;

	read_it(f);
	for (int i = 0; i < 3; i++)
		assert_true(!f->rps[i].kept.recover_never && !f->rps[i].kept.platform_recovery &&
			    !f->rps[i].kept.policy_error);
}

static void a_policy_that_cannot_be_used_is_told_to_every_port(void **state)
{
	struct fixture *f = *state;

	put(&POLICY_FILE[1], "[all]\nrecover = perhaps\n");
	read_it(f);
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(f->rps[i].kept.policy_error, POLICY_FILE ":2: 'perhaps' is not a value of recover"));
}

static void a_policy_that_contradicts_itself_is_told_to_the_port_it_is_about(void **state)
{
	struct fixture *f = *state;
	struct cxl_memdev m[2] = { { .name = "mem0", .serial = { true, 1 } }, { .name = "mem1", .serial = { true, 2 } } };
	const struct cxl_memdev *below[] = { &m[0], &m[1] };

	f->rps[0].memdevs = below;
	f->rps[0].n_memdevs = 2;
	put(&POLICY_FILE[1], "[serial 1]\nrecover = never\n[serial 2]\nrecover = manual\n[de:00.0]\nrecover = never\n");
	read_it(f);
	assert_non_null(strstr(f->rps[0].kept.policy_error, "lines 2 and 4"));
	assert_null(f->rps[1].kept.policy_error);
	assert_string_equal(f->rps[2].kept.recover_never, POLICY_FILE ":6");
}

/* --- journals -------------------------------------------------------------------------------- */

static void put_journal(const char *name, const char *root_port, const char *other)
{
	const char *ports[] = { root_port, other };
	struct journal j = { .boot_id = "b00",
			     .tries = 1,
			     .dax_autoprobe = -1,
			     .options = { .timeout_us = 1, .rebuild = true },
			     .recipe = { .root_port = root_port,
					 .root_ports = ports,
					 .n_root_ports = other ? 2 : 1 } };
	char *text = journal_text(&j), file[96];

	journal_file(name, file, sizeof(file));
	put_state(file, text);
	free(text);
}

static const struct kept_journal *journal_of(struct fixture *f, int port)
{
	return kept_journal_of(f->host, &f->rps[port], f->recovering);
}

static void a_journal_concerns_the_ports_that_its_regions_touch(void **state)
{
	struct fixture *f = *state;

	put_journal("0000:0c:00.0", "0000:0c:00.0", "0000:de:00.0");
	read_it(f);
	assert_int_equal(f->host->kept.n_journals, 1);
	assert_string_equal(journal_of(f, 0)->root_port, "0000:0c:00.0");
	assert_true(journal_of(f, 0)->is_readable);
	assert_string_equal(journal_of(f, 2)->root_port, "0000:0c:00.0");
	assert_null(journal_of(f, 1));
}

static void a_port_s_own_journal_comes_first_and_is_left_out_while_it_is_recovered(void **state)
{
	struct fixture *f = *state;

	put_journal("0000:0c:00.0", "0000:0c:00.0", "0000:0c:01.0");
	put_journal("0000:0c:01.0", "0000:0c:01.0", NULL);
	read_it(f);
	assert_string_equal(journal_of(f, 1)->root_port, "0000:0c:01.0");
	f->recovering = &f->rps[1];
	assert_string_equal(journal_of(f, 1)->root_port, "0000:0c:00.0");
	f->recovering = &f->rps[0];
	assert_null(journal_of(f, 0));
	assert_string_equal(journal_of(f, 1)->root_port, "0000:0c:01.0");
}

static void a_damaged_journal_may_concern_every_port_of_its_bus(void **state)
{
	struct fixture *f = *state;

	put_state("0000:0c:00.0.json", "{\"schema\":");
	read_it(f);
	assert_false(journal_of(f, 0)->is_readable);
	assert_false(journal_of(f, 1)->is_readable);
	assert_string_equal(journal_of(f, 1)->root_port, "0000:0c:00.0");
	assert_null(journal_of(f, 2));
	f->rps[2].bridge = NULL;
	assert_non_null(journal_of(f, 2));
}

static void a_journal_in_another_port_s_place_is_not_readable(void **state)
{
	struct fixture *f = *state;

	put_journal("0000:99:00.0", "0000:0c:00.0", "0000:0c:01.0");
	read_it(f);
	assert_string_equal(journal_of(f, 1)->root_port, "0000:99:00.0");
	assert_false(journal_of(f, 1)->is_readable);
	assert_int_equal(journal_of(f, 1)->n_root_ports, 0);
}

static void a_state_directory_that_cannot_be_read_is_said(void **state)
{
	struct fixture *f = *state;

	put(&STATE_DIR[1], "no directory");
	read_it(f);
	assert_non_null(strstr(f->host->kept.state_error, STATE_DIR " cannot be read: Not a directory"));
}

/* --- live ------------------------------------------------------------------------------------- */

static void of_a_capture_this_machine_s_files_never_count(void **state)
{
	struct fixture *f = *state;
	char path[300];

	put_journal("0000:0c:00.0", "0000:0c:00.0", NULL);
	snprintf(path, sizeof(path), "%s/mine", top);
	assert_int_equal(mkdir(path, 0700), 0);
	setenv("CXL_STATE_DIR", path, 1);
	read_it(f);
	assert_non_null(journal_of(f, 0));

	/* the live host's are where CXL_STATE_DIR says */
	f->reading.fs.is_capture = false;
	f->host->kept = (struct kept){ 0 };
	read_it(f);
	assert_null(journal_of(f, 0));
	snprintf(path, sizeof(path), "%s" STATE_DIR, top);
	setenv("CXL_STATE_DIR", path, 1);
	read_it(f);
	unsetenv("CXL_STATE_DIR");
	assert_non_null(journal_of(f, 0));
	assert_true(journal_of(f, 0)->is_readable);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_platform_is_read_from_the_tree),
		TEST(what_a_hypervisor_made_is_emulated_without_the_flag_too),
		TEST(a_tree_without_any_of_it_tells_nothing),
		TEST(a_proof_counts_for_this_machine_and_firmware),
		TEST(another_firmware_or_product_makes_it_void),
		TEST(on_an_unknown_machine_none_counts),
		TEST(what_is_no_proof_of_that_port_is_ignored_by_name),
		TEST(a_proof_that_was_changed_in_form_is_none),
		TEST(a_proof_is_written_where_it_is_found_again),
		TEST(the_policy_says_it_per_root_port_with_its_line),
		TEST(without_a_policy_file_nothing_is_asked_for),
		TEST(a_policy_that_cannot_be_used_is_told_to_every_port),
		TEST(a_policy_that_contradicts_itself_is_told_to_the_port_it_is_about),
		TEST(a_journal_concerns_the_ports_that_its_regions_touch),
		TEST(a_port_s_own_journal_comes_first_and_is_left_out_while_it_is_recovered),
		TEST(a_damaged_journal_may_concern_every_port_of_its_bus),
		TEST(a_journal_in_another_port_s_place_is_not_readable),
		TEST(a_state_directory_that_cannot_be_read_is_said),
		TEST(of_a_capture_this_machine_s_files_never_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
