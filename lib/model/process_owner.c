// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process belongs to, from its command line and its control group: see
 * process_owner.h.  Names of units are systemd.unit(5)'s, with "\x2d" for a dash
 * in a part of a name; those of machines are libvirt's (src/util/virsystemd.c).
 */
#include "lib/model/process_owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

static const char *keep(const char *s, size_t n, char *buf, size_t size)
{
	if (!n || n >= size)
		return NULL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return buf;
}

/* --- command lines --------------------------------------------------------------- */

/* "qemu-system-x86_64", "qemu-kvm", "kvm": others may have a -name of their own. */
static bool is_qemu(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	return !strncmp(name, "qemu", 4) || !strcmp(name, "kvm");
}

/* "guest=vm1,debug-threads=on" or "vm1,process=...": a comma in a value is written twice. */
static const char *guest_of_value(const char *value, char *buf, size_t size)
{
	static const char key[] = "guest=";
	size_t n = 0;
	bool is_first = true;

	for (const char *p = value; *p; is_first = false) {
		bool is_guest = !strncmp(p, key, sizeof(key) - 1), is_bare = is_first && p[strcspn(p, "=,")] != '=';

		p += is_guest ? sizeof(key) - 1 : 0;
		for (n = 0; *p && (*p != ',' || p[1] == ','); p += 1 + (*p == ',')) {
			if (n + 1 >= size)
				return NULL;
			buf[n++] = *p;
		}
		buf[n] = '\0';
		if (is_guest || is_bare)
			return n ? buf : NULL;
		p += *p == ',';
	}
	return NULL;
}

const char *owner_guest_of_args(const char *args, size_t n, char *buf, size_t size)
{
	const char *end = args + n, *last = NULL;

	if (!n || end[-1] || !is_qemu(args))	/* cut off, or another program */
		return NULL;
	for (const char *arg = args; arg < end; arg += strlen(arg) + 1) {
		if (last && (!strcmp(last, "-name") || !strcmp(last, "--name")))
			return guest_of_value(arg, buf, size);
		last = arg;
	}
	return NULL;
}

/* --- control groups ---------------------------------------------------------------- */

/* The path of the line that begins with a number and then @what. */
static const char *path_of_line(const char *text, const char *what, char *buf, size_t size)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *colon = strchr(line, ':'), *path;

		if (!colon || strncmp(colon, what, strlen(what)))
			continue;
		path = colon + strlen(what);
		return *path == '/' ? keep(path, strcspn(path, "\n"), buf, size) : NULL;
	}
	return NULL;
}

const char *owner_cgroup_of(const char *text, char *buf, size_t size)
{
	const char *unified = path_of_line(text, "::", buf, size);

	if (unified && strcmp(unified, "/"))
		return unified;
	if (path_of_line(text, ":name=systemd:", buf, size))
		return buf;
	return path_of_line(text, "::", buf, size);
}

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t len = strlen(end);

	return n > len && !strncmp(s + n - len, end, len);
}

const char *owner_unit_of(const char *cgroup, char *buf, size_t size)
{
	const char *unit = NULL;
	size_t unit_n = 0;

	for (const char *p = cgroup; *p;) {
		size_t n = strcspn(p, "/");

		if (ends_with(p, n, ".service") || ends_with(p, n, ".scope")) {
			unit = p;
			unit_n = n;
		}
		p += n + (p[n] == '/');
	}
	return unit ? keep(unit, unit_n, buf, size) : NULL;
}

/* "\x2d" -> "-"; what is no such thing stays. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p;) {
		char digits[3] = "", *end;
		long byte = 0;

		if (!strncmp(p, "\\x", 2)) {
			snprintf(digits, sizeof(digits), "%.2s", p + 2);
			byte = strtol(digits, &end, 16);
			byte = strlen(digits) == 2 && !*end ? byte : 0;
		}
		*to++ = byte ? (char)byte : *p;
		p += byte ? 4 : 1;
	}
	*to = '\0';
}

const char *owner_machine_of(const char *unit, char *buf, size_t size)
{
	static const struct { const char *start, *end; } forms[] = {
		{ "machine-", ".scope" }, { "systemd-nspawn@", ".service" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t start = strlen(forms[i].start), end = strlen(forms[i].end), n = strlen(unit);

		if (strncmp(unit, forms[i].start, start) ||
		    !ends_with(unit + start, n - start, forms[i].end) ||
		    !keep(unit + start, n - start - end, buf, size))
			continue;
		unescape(buf);
		return buf;
	}
	return NULL;
}

const char *owner_guest_of_machine(const char *machine, char *buf, size_t size)
{
	static const char driver[] = "qemu-";
	const char *number = machine + sizeof(driver) - 1;
	const char *name;

	if (strncmp(machine, driver, sizeof(driver) - 1))
		return NULL;
	name = number + strspn(number, "0123456789");
	if (name == number || *name != '-')
		return NULL;
	return keep(name + 1, strlen(name + 1), buf, size);
}

/* --- in words ------------------------------------------------------------------------ */

const char *owner_text(const struct process_owner *o, struct arena *a)
{
	const char *who = o->guest ? o->guest : o->machine, *text;
	bool says_unit = o->unit && !o->is_own_unit;

	if (!who && !says_unit)
		return "";
	text = arena_printf(a, "%s%s%s%s", !who ? "" : o->guest ? ", guest " : ", machine ", who ? who : "",
			    says_unit ? ", unit " : "", says_unit ? o->unit : "");
	return text ? text : "";
}
