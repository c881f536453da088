// SPDX-License-Identifier: GPL-2.0-only
/* util/ini.c, lib/policy/policy.c and policy_apply.c: what is refused and where, what a policy asks of a port, and drift. */
#include "test/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "lib/iso/backend.h"
#include "lib/policy/policy.h"
#include "util/arena.h"

static int parse(const char *text, struct arena *a, struct policy *ret, struct err *err)
{
	return policy_parse("f.conf", text, strlen(text), a, ret, err);
}

static void everything_that_may_be_said_is_understood(void **state)
{
	static const char text[] =
		"# comment\n; another\n\n[root0] ; mine, see [1]\n require = 'contain' ; why\n\ttimeout=100ms\r\n"
		"[serial 4098]\nmode = devdax\nrecover = never\ncache = yes\nlink-down = no\n"
		"[0c:01.0]\nTimeout = \"off\"\n[ALL]\nrequire=safe\nusers = kill\nusers-grace = 2s";
	struct arena a = { 0 };
	struct policy p;
	struct err err;

	(void)state;
	assert_int_equal(parse(text, &a, &p, &err), 0);
	assert_int_equal(p.n, 4);
	assert_int_equal(p.sections[0].kind, POLICY_BUS);
	assert_int_equal(p.sections[0].line, 4);
	assert_int_equal(p.sections[0].settings[POLICY_REQUIRE].value, REQUIRE_CONTAIN);
	assert_int_equal(p.sections[0].settings[POLICY_REQUIRE].line, 5);
	assert_int_equal(p.sections[0].settings[POLICY_TIMEOUT].timeout.kind, TIMEOUT_RANGE);
	assert_string_equal(p.sections[0].settings[POLICY_TIMEOUT].timeout.range->name, "B2");
	assert_int_equal(p.sections[0].settings[POLICY_MODE].line, 0);
	assert_int_equal(p.sections[1].kind, POLICY_SERIAL);
	assert_int_equal(p.sections[1].key, 0x1002);
	assert_int_equal(p.sections[1].settings[POLICY_CACHE].value, 1);
	assert_int_equal(p.sections[1].settings[POLICY_LINK_DOWN].value, 0);
	assert_int_equal(p.sections[1].settings[POLICY_LINK_DOWN].line, 11);
	assert_int_equal(p.sections[1].settings[POLICY_RECOVER].value, POLICY_NEVER);
	assert_int_equal(p.sections[2].kind, POLICY_PCI);
	assert_int_equal(p.sections[2].settings[POLICY_TIMEOUT].timeout.kind, TIMEOUT_OFF);
	assert_int_equal(p.sections[3].kind, POLICY_ALL);
	assert_int_equal(p.sections[3].settings[POLICY_USERS].value, USERS_KILL);
	assert_int_equal(p.sections[3].settings[POLICY_USERS_GRACE].duration_us, 2000000);
	arena_free(&a);
}

static void what_the_acting_monitor_does_is_understood(void **state)
{
	static const char text[] = "[all]\nrequire = recover, protocol_error:contain\nrecover = automatic\nrecover-limit = 5/7d\n"
		"on-isolated = /etc/cxl/hooks/mail\non-recovered=/a\non-problem = \"/with blank\"\nhook-timeout = 90s\n";
	struct arena a = { 0 };
	struct policy p;
	struct err err;
	const struct policy_setting *s;

	(void)state;
	assert_int_equal(parse(text, &a, &p, &err), 0);
	s = p.sections[0].settings;
	assert_int_equal(s[POLICY_RECOVER].value, POLICY_AUTOMATIC);
	assert_int_equal(s[POLICY_RECOVER_LIMIT].value, 5);
	assert_int_equal(s[POLICY_RECOVER_LIMIT].duration_us, 7ULL * 24 * 3600 * 1000000);
	assert_string_equal(s[POLICY_ON_ISOLATED].text, "/etc/cxl/hooks/mail");
	assert_string_equal(s[POLICY_ON_RECOVERED].text, "/a");
	assert_string_equal(s[POLICY_ON_PROBLEM].text, "/with blank");
	assert_int_equal(s[POLICY_HOOK_TIMEOUT].duration_us, 90000000);
	arena_free(&a);
}

static void levels_for_single_causes_add_up_in_a_section(void **state)
{
	static const char text[] = "[all]\nrequire = mem_timeout:recover\nbest-effort = yes\nplatform-recovery = no\n"
		"require = debug, cache_timeout:none ; more\n[root0]\nrequire = mem_link_down:contain\ntimeout = auto\n"
		"[0c:00.0]\ntimeout = keep\nplatform-recovery = yes\n";
	const struct requirement want = { REQUIRE_DEBUG,
					  { -1, CONTAINMENT_RECOVER, -1, CONTAINMENT_NONE, -1 } };
	const struct requirement one = { -1, { CONTAINMENT_CONTAIN, -1, -1, -1, -1 } };
	struct arena a = { 0 };
	struct policy p;
	struct err err;

	(void)state;
	assert_int_equal(parse(text, &a, &p, &err), 0);
	assert_int_equal(p.sections[0].settings[POLICY_REQUIRE].value, REQUIRE_DEBUG);
	assert_int_equal(p.sections[0].settings[POLICY_REQUIRE].line, 2);
	assert_string_equal(p.sections[0].settings[POLICY_REQUIRE].text, "mem_timeout:recover, debug, cache_timeout:none");
	assert_true(requirement_is_same(&p.sections[0].settings[POLICY_REQUIRE].require, &want));
	assert_int_equal(p.sections[0].settings[POLICY_BEST_EFFORT].value, 1);
	assert_int_equal(p.sections[0].settings[POLICY_PLATFORM_RECOVERY].value, 0);
	assert_int_equal(p.sections[0].settings[POLICY_PLATFORM_RECOVERY].line, 4);
	assert_int_equal(p.sections[1].settings[POLICY_REQUIRE].value, REQUIRE_SAFE);
	assert_true(requirement_is_same(&p.sections[1].settings[POLICY_REQUIRE].require, &one));
	assert_int_equal(p.sections[1].settings[POLICY_TIMEOUT].timeout.kind, TIMEOUT_AUTO);
	assert_int_equal(p.sections[2].settings[POLICY_TIMEOUT].timeout.kind, TIMEOUT_KEEP);
	assert_int_equal(p.sections[2].settings[POLICY_PLATFORM_RECOVERY].value, 1);
	arena_free(&a);
}

static void an_empty_file_asks_for_nothing(void **state)
{
	struct arena a = { 0 };
	struct policy p;
	struct err err;

	(void)state;
	assert_int_equal(parse("", &a, &p, &err), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(parse("# only this", &a, &p, &err), 0);
	assert_int_equal(p.n, 0);
	arena_free(&a);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *says;
	} bad[] = {
		{ "[root0]\ncolour = red\n", 2, "unknown key 'colour'" },
		{ "[root0] # see [1]\n[root1 # see\n", 2, "neither" },
		{ "[root0]\nrequire = \"safe\n", 2, "the quote is not closed at the end of the value; nothing" },
		{ "[root0]\nrequire = \"safe\" it is\n", 2, "the quote is not closed at the end" },
		{ "[root0]\ntimeout = 'B2\n", 2, "the quote is not closed at the end" },
		{ "\n\nrequire = safe\n", 3, "in no section" },
		{ "[root0]\nrequire = brave\n", 2, "safe, debug, contain or recover" },
		{ "[root0]\nrequire =\n", 2, "require: '' is not a level" },
		{ "[root0]\nrequire = protocol_error:recover\n", 2, "contained at best" },
		{ "[root0]\nrequire = mem_timeout:debug, mem_timeout:debug\n", 2, "mem_timeout is given twice" },
		{ "[root0]\nrequire = mem_timeout:debug\n\nrequire = contain mem_timeout:recover\n", 4,
		  "mem_timeout is given twice: keep one of them (require was set in line 2 already)" },
		{ "[root0]\nplatform-recovery = true\n", 2, "'true' is not a value of platform-recovery: use yes or no" },
		{ "[root0]\nbest-effort = 1\n", 2, "'1' is not a value of best-effort: use yes or no" },
		{ "[root0]\nbest-effort = no\nbest-effort = no\n", 3, "set in line 2 already" },
		{ "[root0]\nplatform = yes\n", 2, "driver-consent, on-isolated, on-recovered, on-problem, hook-timeout and recover-limit" },
		{ "[root0]\non-isolated = mail\n", 2, "on-isolated: 'mail' is not the absolute path of a program" },
		{ "[root0]\non-problem = /\n", 2, "on-problem: '/' is not the absolute path" },
		{ "[root0]\non-isolated = /a b\n", 2, "on-isolated: '/a b' has more than a path: arguments are not given" },
		{ "[root0]\non-recovered = /a\tb\n", 2, "a path with a blank stands in quotes" },
		{ "[root0]\nhook-timeout = 0s\n", 2, "hook-timeout: '0s' leaves a program no time at all: use for example 60s" },
		{ "[root0]\nhook-timeout = long\n", 2, "hook-timeout: 'long' is not a duration" },
		{ "[root0]\nrecover-limit = 3\n", 2, "'3' is not how often in what time" },
		{ "[root0]\nrecover-limit = 0/1h\n", 2, "'0/1h' is not how often in what time" },
		{ "[root0]\nrecover-limit = 33/24h\n", 2, "(1 to 32, and a time in s, min, h or d)" },
		{ "[root0]\nrecover-limit = 3/0s\n", 2, "recover-limit" },
		{ "[root0]\nrecover-limit = 3/99999999999h\n", 2, "recover-limit" },
		{ "[root0]\nrecover = always\n", 2, "use never, manual or automatic" },
		{ "[root0]\nrecover = automatic\n", 2, "recover = automatic takes 'require = recover' in the same section; nothing" },
		{ "[all]\nrequire = recover\n[root0]\nrequire = contain\nrecover = automatic\n", 5, "in the same section, which has 'contain' in line 4; nothing" },
		{ "[root0]\nrequire = mem_timeout:recover\nrecover = automatic\n", 3, "which has 'mem_timeout:recover' in line 2" },
		{ "[root0]\nusers = ask\n", 2, "use refuse, terminate or kill" },
		{ "[root0]\nusers-grace = soon\n", 2, "users-grace: 'soon' is not a duration" },
		{ "[root0]\nrequire = Safe\n", 2, "'Safe'" },
		{ "[root0]\ntimeout = 3 parsecs\n", 2, "timeout" },
		{ "[root0]\ncache = 1\n", 2, "yes or no" },
		{ "[root0]\nmode = ram\n", 2, "devdax, system-ram or famfs" },
		{ "[root0]\nrecover = auto\n", 2, "never, manual or automatic" },
		{ "[root0]\nrequire = safe\n\nrequire = safe\n", 4, "set in line 2 already" },
		{ "[root0]\nrequire = safe\n[root0]\n", 3, "[root0] in line 1" },
		{ "[root0]\n[serial 1]\n[ROOT0]\n", 3, "[root0] in line 1" },
		{ "[serial 0x1001]\n[serial 4097]\n", 2, "in line 1" },
		{ "[0000:0c:00.0]\n[0c:00.0]\n", 2, "in line 1" },
		{ "[all]\n[all]\n", 2, "in line 1" },
		{ "[mem0]\n", 1, "change between boots" },
		{ "[region3]\n", 1, "change between boots" },
		{ "[dax0.0]\n", 1, "change between boots" },
		{ "[port1]\n", 1, "change between boots" },
		{ "[rootX]\n", 1, "is not a target" },
		{ "[serial]\n", 1, "is not a target" },
		{ "[serial x]\n", 1, "is not a target" },
		{ "[serial 0x10000000000000000]\n", 1, "is not a target" },
		{ "[]\n", 1, "is not a target" },
		{ "[0000:0c:00.9]\n", 1, "is not a target" },
		{ "[root0\n", 1, "neither" },
		{ "[root0] x\n", 1, "neither" },
		{ "# fine\nrequire\n", 2, "neither" },
		{ "[root0]\n= safe\n", 2, "neither" },
		{ "[root0]\nrequire = safe \\\n", 2, "backslash" },
		{ "[root0]\n\\\n", 2, "backslash" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct arena a = { 0 };
		char where[32];
		struct policy p;
		struct err err = { 0 };

		if (parse(bad[i].text, &a, &p, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i].text);
		snprintf(where, sizeof(where), "f.conf:%u: ", bad[i].line);
		if (strncmp(err.text, where, strlen(where)) || !strstr(err.text, bad[i].says) ||
		    !strstr(err.text, "nothing of the file is used"))
			fail_msg("'%s' says neither '%s' nor '%s'", err.text, where, bad[i].says);
		assert_int_equal(err.status, EXIT_USAGE);
		arena_free(&a);
	}
}

static void bytes_that_are_no_text_and_endless_lines_are_refused(void **state)
{
	static const char nul[] = "[root0]\nrequire\0 = safe\n";
	struct arena a = { 0 };
	struct policy p;
	struct err err;
	char line[2000];

	(void)state;
	assert_int_equal(policy_parse("f", nul, sizeof(nul) - 1, &a, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "f:2: the line holds a NUL byte"));
	memset(line, '#', sizeof(line));
	assert_int_equal(policy_parse("f", line, sizeof(line), &a, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "f:1: the line is too long"));
	arena_free(&a);
}

/* --- applied: two root ports, a memdev and a region each, dax0.0 System RAM ------------- */

struct fixture {
	struct arena arena;
	struct cxl_host host;
	struct cxl_bus bus;
	struct cxl_port bridge;
	struct cxl_root_port rps[2];
	const struct cxl_root_port *of_region[2];
	struct cxl_memdev memdevs[2];
	const struct cxl_memdev *below[2];
	struct cxl_region regions[2];
	const struct cxl_region *touching[2];
	struct cxl_dax dax[2];
	const char *chains[2][2];
	struct check_result results[2];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->bus.name = "root0";
	f->bridge = (struct cxl_port){ .name = "port1", .bus = &f->bus };
	for (int i = 0; i < 2; i++) {
		f->chains[i][0] = i ? "0000:0c:01.0" : "0000:0c:00.0";
		f->chains[i][1] = i ? "0000:0e:00.0" : "0000:0d:00.0";
		f->below[i] = &f->memdevs[i];
		f->of_region[i] = &f->rps[i];
		f->touching[i] = &f->regions[i];
		f->memdevs[i] = (struct cxl_memdev){ .name = i ? "mem1" : "mem0", .root_port = &f->rps[i], .chain = f->chains[i], .n_chain = 2,
						     .serial = { true, 0x1001 + (uint64_t)i } };
		f->rps[i] = (struct cxl_root_port){
			.name = f->chains[i][0],
			.key = i ? 0x0c08 : 0x0c00,
			.bridge = &f->bridge,
			.present = true,
			.iso = { .kernel = { .backend = &iso_backend_sysfs_v1,
					     .fields = 1u << ISO_MEM_RANGE | 1u << ISO_MEM_TIMEOUT |
						       1u << ISO_MEM_ISOLATION } },
			.memdevs = &f->below[i],
			.n_memdevs = 1,
			.regions = &f->touching[i],
			.n_regions = 1
		};
		f->regions[i] = (struct cxl_region){ .name = i ? "region1" : "region0",
						     .path = "r",
						     .targets = &f->below[i],
						     .n_targets = 1,
						     .root_ports = &f->of_region[i],
						     .n_root_ports = 1 };
		f->dax[i] = (struct cxl_dax){ .name = i ? "dax1.0" : "dax0.0", .path = "d", .region = &f->regions[i],
					      .driver = i ? "device_dax" : "kmem" };
		f->results[i].if_enabled = f->results[i].now = f->results[i].after =
			(struct containment_levels){ .v = { CONTAINMENT_RECOVER,
							    CONTAINMENT_RECOVER, -1, -1 } };
	}
	f->host = (struct cxl_host){ .buses = &f->bus,
				     .n_buses = 1,
				     .ports = &f->bridge,
				     .n_ports = 1,
				     .root_ports = f->rps,
				     .n_root_ports = 2,
				     .memdevs = f->memdevs,
				     .n_memdevs = 2,
				     .regions = f->regions,
				     .n_regions = 2,
				     .dax = f->dax,
				     .n_dax = 2 };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static struct policy policy_of(struct fixture *f, const char *text)
{
	struct policy p;
	struct err err;

	if (parse(text, &f->arena, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void the_more_special_section_wins_whatever_their_order(void **state)
{
	static const char *const texts[] = {
		"[all]\ntimeout=A\nrequire=debug\nmode=devdax\n[root0]\ntimeout=B\nrequire=contain\n[0000:0c:00.0]\ntimeout=C\n[serial 0x1001]\ntimeout=D\n",
		"[serial 0x1001]\ntimeout=D\n[0000:0c:00.0]\ntimeout=C\n[root0]\ntimeout=B\nrequire=contain\n[all]\ntimeout=A\nrequire=debug\nmode=devdax\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct policy p = policy_of(f, texts[i]);
		struct policy_wish first, second;
		struct err err;

		assert_int_equal(policy_of_root_port(&p, &f->rps[0], &first, &err), 0);
		assert_int_equal(policy_of_root_port(&p, &f->rps[1], &second, &err), 0);
		assert_true(first.applies && first.is_named && second.applies && !second.is_named);
		assert_string_equal(first.settings[POLICY_TIMEOUT].timeout.range->name, "D");
		assert_string_equal(second.settings[POLICY_TIMEOUT].timeout.range->name, "B");
		assert_int_equal(first.settings[POLICY_REQUIRE].value, REQUIRE_CONTAIN);
		assert_int_equal(first.settings[POLICY_MODE].value, DAX_DEVDAX);
	}
}

static void sections_find_root_ports_by_what_is_below_them(void **state)
{
	static const struct {
		const char *text;
		bool applies[2], there;
	} cases[] = {
		{ "[all]\n", { true, true }, true }, { "[root0]\n", { true, true }, true }, { "[root1]\n", { false, false }, false },
		{ "[0c:01.0]\n", { false, true }, true }, { "[0000:0d:00.0]\n", { true, false }, true }, { "[0f:00.0]\n", { false, false }, false },
		{ "[serial 0x1002]\n", { false, true }, true }, { "[serial 7]\n", { false, false }, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct policy p = policy_of(f, cases[i].text);

		for (int k = 0; k < 2; k++) {
			struct policy_wish wish;
			struct err err;

			assert_int_equal(policy_of_root_port(&p, &f->rps[k], &wish, &err), 0);
			assert_int_equal(wish.applies, cases[i].applies[k]);
			assert_int_equal(policy_of_dax(&p, &f->dax[k], &wish, &err), 0);
			assert_int_equal(wish.applies, cases[i].applies[k]);
		}
		assert_int_equal(policy_section_is_there(&p.sections[0], &f->host), cases[i].there);
	}
}

static void two_serial_numbers_below_one_port_must_not_contradict(void **state)
{
	struct fixture *f = *state;
	struct policy p = policy_of(f, "[serial 0x1001]\ntimeout=A\nrequire=safe\n[serial 0x1002]\nrequire=safe\ntimeout=b\n");
	struct policy_wish wish;
	struct err err;

	f->rps[0].memdevs = f->below;
	f->rps[0].n_memdevs = 2;
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), -EINVAL);
	assert_non_null(strstr(err.text, "lines 2 and 6"));
	p = policy_of(f, "[serial 0x1001]\nrequire=mem_timeout:debug\n[serial 0x1002]\nrequire=mem_timeout:contain\n");
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), -EINVAL);
	assert_non_null(strstr(err.text, "different values of require (mem_timeout:debug and mem_timeout:contain)"));
	p = policy_of(f, "[serial 0x1001]\ntimeout=a\n[serial 0x1002]\ntimeout=A\n");
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), 0);
	p = policy_of(f, "[serial 0x1001]\non-problem=/a\n[serial 0x1002]\non-problem=/b\n");
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), -EINVAL);
	/* less is required of this very port than what makes a recovery without asking right */
	p = policy_of(f, "[all]\nrequire=recover\nrecover=automatic\n[serial 0x1001]\nrequire=contain\n");
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), -EINVAL);
	assert_non_null(strstr(err.text, "line 3 asks for recover = automatic and line 5 for require = contain"));
	p = policy_of(f, "[all]\nrequire=recover\nrecover=automatic\n[serial 0x1001]\nrequire=contain\nrecover=manual\n");
	assert_int_equal(policy_of_root_port(&p, &f->rps[0], &wish, &err), 0);
}

static void drift(struct fixture *f, const char *text, const char *expected)
{
	struct policy p = policy_of(f, text);
	struct policy_drifts d;
	char found[500] = "";
	struct err err;

	if (policy_compare(&p, &f->host, f->results, NULL, &f->arena, &d, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < d.n; i++) {
		size_t n = strlen(found);

		snprintf(found + n, sizeof(found) - n, "%u: %s %s %s->%s\n", d.v[i].line, d.v[i].target, d.v[i].setting, d.v[i].is, d.v[i].wanted);
	}
	assert_string_equal(found, expected);
}

static void drift_names_what_is_and_what_shall_be(void **state)
{
	static const struct check limit = { .id = "ISO-X", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN },
		unsafe = { .id = "ISO-Y", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG },
		busy = { .id = "ISO-BUSY", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_RECOVER };
	struct finding findings[3] = { { .check = &limit, .caps_at = limit.caps_at },
				       { .check = &busy, .caps_at = busy.caps_at },
				       { .check = &unsafe, .caps_at = unsafe.caps_at } };
	struct fixture *f = *state;
	int *v = f->rps[0].iso.kernel.control.v;

	drift(f, "", "");
	/* a timeout that nobody speaks of is to be on, at any range */
	drift(f, "[0c:00.0]\n", "1: 0000:0c:00.0 isolation off->on\n1: 0000:0c:00.0 timeout off->on\n");
	drift(f, "[0c:00.0]\ntimeout=keep\n", "1: 0000:0c:00.0 isolation off->on\n");
	v[ISO_MEM_ISOLATION] = 1;
	drift(f, "[0c:00.0]\ntimeout=auto\n", "2: 0000:0c:00.0 timeout off->on\n");
	drift(f, "[0c:00.0]\ntimeout=keep\n", "");
	drift(f, "[0c:00.0]\ntimeout=B2\n", "2: 0000:0c:00.0 timeout off->on\n2: 0000:0c:00.0 timeout default->B2\n");
	v[ISO_MEM_TIMEOUT] = 1;
	v[ISO_MEM_RANGE] = 6;
	drift(f, "[0c:00.0]\ntimeout=B2\n", "");
	drift(f, "[0c:00.0]\ntimeout=off\n", "2: 0000:0c:00.0 timeout on->off\n");
	v[ISO_MEM_LINK_DOWN] = -1;
	drift(f, "[0c:00.0]\nlink-down=yes\n", "2: 0000:0c:00.0 link-down unknown->on\n");
	drift(f, "[0c:00.0]\ntimeout=auto\n", "");
	v[ISO_MEM_TIMEOUT] = 0;
	drift(f, "[0c:00.0]\ntimeout=auto\n", "2: 0000:0c:00.0 timeout off->on\n");
	f->rps[0].iso.regs.capable = true;	/* without a timeout */
	drift(f, "[0c:00.0]\ntimeout=auto\n", "");
	drift(f, "[0c:00.0]\ntimeout=on\n", "2: 0000:0c:00.0 timeout off->on\n");
	f->rps[0].iso.regs.capable = false;
	v[ISO_MEM_TIMEOUT] = 1;
	drift(f, "[0c:00.0]\n[serial 5]\n", "2: serial 5 target absent->present\n");
	drift(f, "[0c:00.0]\nmode = devdax\n", "2: dax0.0 mode system-ram->devdax\n");
	drift(f, "[0c:00.0]\nmode = system-ram\n", "");
	for (int i = 0; i < 3; i++) {
		findings[i].answer = ANSWER_FAILS;
		findings[i].causes = findings[i].causes_after = CAUSES_ALL;
	}
	f->results[0].v = findings;
	f->results[0].n = 2;
	drift(f, "[0c:00.0]\n", "");
	drift(f, "[0c:00.0]\nrequire=recover\n", "2: 0000:0c:00.0 require ISO-X->recover\n");
	f->results[0].n = 3;
	drift(f, "[0c:00.0]\n", "1: 0000:0c:00.0 require ISO-Y->safe\n");
	drift(f, "[0c:00.0]\nrequire=debug\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_may_be_said_is_understood),
		cmocka_unit_test(what_the_acting_monitor_does_is_understood),
		cmocka_unit_test(levels_for_single_causes_add_up_in_a_section),
		cmocka_unit_test(an_empty_file_asks_for_nothing),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(bytes_that_are_no_text_and_endless_lines_are_refused),
		cmocka_unit_test_setup_teardown(the_more_special_section_wins_whatever_their_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(sections_find_root_ports_by_what_is_below_them,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			two_serial_numbers_below_one_port_must_not_contradict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(drift_names_what_is_and_what_shall_be, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
