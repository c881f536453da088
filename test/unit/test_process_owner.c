// SPDX-License-Identifier: GPL-2.0-only
/* lib/model/process_owner.c: what command lines and control groups tell of a process. */
#include "test/unit/unit.h"

#include "lib/model/process_owner.h"

struct guess {
	const char *of, *is;	/* NULL: nothing can be told */
};

static void same(const char *found, const char *is)
{
	if (is)
		assert_non_null(found);
	if (is)
		assert_string_equal(found, is);
	else
		assert_null(found);
}

/* @line: arguments with '|' between them. */
static const char *guest(const char *line, char *buf, size_t size)
{
	char args[256];
	size_t n = strlen(line) + 1;

	memcpy(args, line, n);
	for (size_t i = 0; i < n; i++)
		args[i] = args[i] == '|' ? '\0' : args[i];
	return owner_guest_of_args(args, n, buf, size);
}

static void the_guest_is_named_by_the_command_line(void **state)
{
	static const struct guess guesses[] = {
		{ "/usr/bin/qemu-system-x86_64|-name|guest=vm1,debug-threads=on|-S", "vm1" },
		{ "/usr/libexec/qemu-kvm|-S|-name|debug-threads=on,guest=vm 2", "vm 2" },
		{ "/usr/bin/kvm|-id|100|-name|web,debug-threads=on", "web" },
		{ "qemu-system-x86_64|--name|vm1", "vm1" },
		{ "qemu-system-x86_64|-name|guest=a,,b=c,process=x", "a,b=c" },
		{ "qemu-system-x86_64|-name|a,,b", "a,b" },
		{ "qemu-system-x86_64|-name|process=x", NULL },
		{ "qemu-system-x86_64|-name|guest=", NULL },
		{ "qemu-system-x86_64|-name|", NULL },
		{ "qemu-system-x86_64|-name", NULL },
		{ "qemu-system-x86_64|-name|guest=of-a-name-that-is-too-long-for-it", NULL },
		{ "qemu-system-x86_64|-m|4G", NULL },
		{ "find|/|-name|core", NULL },
		{ "", NULL },
	};
	char buf[24];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(guesses); i++)
		same(guest(guesses[i].of, buf, sizeof(buf)), guesses[i].is);
	same(owner_guest_of_args("", 0, buf, sizeof(buf)), NULL);
	same(owner_guest_of_args("qemu\0-name\0vm1", 14, buf, sizeof(buf)), NULL);	/* no NUL at its end */
}

static void the_cgroup_is_the_unified_one_or_systemds(void **state)
{
	static const struct guess guesses[] = {
		{ "0::/system.slice/db.service\n", "/system.slice/db.service" },
		{ "12:cpu:/x\n1:name=systemd:/a.service\n0::/\n", "/a.service" },
		{ "1:name=systemd:/a.service\n0::/b.service\n", "/b.service" },
		{ "12:cpu:/x\n1:name=systemd:/a.service", "/a.service" },
		{ "0::/\n", "/" },
		{ "4:memory:/x\n", NULL },
		{ "0::relative\n", NULL }, { "0:", NULL }, { "::", NULL }, { "\n\n", NULL }, { "", NULL },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(guesses); i++)
		same(owner_cgroup_of(guesses[i].of, buf, sizeof(buf)), guesses[i].is);
}

#define LIBVIRT "machine-qemu\\x2d12\\x2dvm\\x2d1.scope"

static void the_unit_is_the_innermost_one(void **state)
{
	static const struct guess guesses[] = {
		{ "/machine.slice/" LIBVIRT "/libvirt/emulator", LIBVIRT },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/vm.service", "vm.service" },
		{ "/user.slice/user-0.slice/session-3.scope", "session-3.scope" },
		{ "/system.slice/db.service/", "db.service" },
		{ "/system.slice", NULL }, { "/x/.scope/y", NULL }, { "/", NULL }, { "", NULL },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(guesses); i++)
		same(owner_unit_of(guesses[i].of, buf, sizeof(buf)), guesses[i].is);
}

static void a_machine_has_its_name_in_its_unit(void **state)
{
	static const struct guess guesses[] = {
		{ LIBVIRT, "qemu-12-vm-1" }, { "systemd-nspawn@deb\\x2d13.service", "deb-13" },
		{ "machine-a\\x2.scope", "a\\x2" }, { "machine-a\\xzz.scope", "a\\xzz" },
		{ "machine-.scope", NULL }, { "machine-a.service", NULL }, { "db.service", NULL }, { "machine-", NULL }, { "", NULL },
	};
	static const struct guess guests[] = {
		{ "qemu-12-vm-1", "vm-1" }, { "qemu-1-", NULL }, { "qemu-vm1", NULL }, { "lxc-12-vm1", NULL }, { "", NULL },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(guesses); i++)
		same(owner_machine_of(guesses[i].of, buf, sizeof(buf)), guesses[i].is);
	for (size_t i = 0; i < N_ELEMENTS(guests); i++)
		same(owner_guest_of_machine(guests[i].of, buf, sizeof(buf)), guests[i].is);
}

static void in_words_it_says_what_is_new(void **state)
{
	static const struct {
		struct process_owner owner;
		const char *text;
	} cases[] = {
		{ { .cgroup = "/" }, "" },
		{ { .unit = "ssh.service", .is_own_unit = true }, "" },
		{ { .unit = "db.service" }, ", unit db.service" },
		{ { .guest = "vm1", .machine = "qemu-1-vm1", .unit = "x.scope" }, ", guest vm1, unit x.scope" },
		{ { .machine = "deb", .unit = "x.service", .is_own_unit = true }, ", machine deb" },
	};
	struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_string_equal(owner_text(&cases[i].owner, &a), cases[i].text);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_is_named_by_the_command_line),
		cmocka_unit_test(the_cgroup_is_the_unified_one_or_systemds),
		cmocka_unit_test(the_unit_is_the_innermost_one),
		cmocka_unit_test(a_machine_has_its_name_in_its_unit),
		cmocka_unit_test(in_words_it_says_what_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
