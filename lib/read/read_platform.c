// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which machine this is: see platform.h.
 * Source: arch/x86/kernel/cpu/proc.c of the kernel for /proc/cpuinfo,
 * drivers/firmware/dmi-id.c for /sys/class/dmi/id.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/reader.h"
#include "util/array.h"
#include "util/parse.h"

/* Starts of what hypervisors call the machines that they make, in system-vendor and product. */
static const char *const emulators[] = { "QEMU", "VMware", "Xen", "innotek", "Bochs", "Parallels", "BHYVE", "Apple Virtualization" };
static const char *const emulated[] = {
	"Standard PC", "KVM", "Virtual Machine", "VirtualBox", "VMware", "HVM domU", "Bochs", "Parallels", "BHYVE", "OpenStack",
};

static bool begins_as_one(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; text && i < n; i++)
		if (!strncasecmp(text, list[i], strlen(list[i])))
			return true;
	return false;
}

static bool is_made_by_hypervisor(const struct platform *p)
{
	return begins_as_one(p->system_vendor, emulators,
			     ARRAY_SIZE(emulators)) ||
	       begins_as_one(p->product, emulated, ARRAY_SIZE(emulated));
}

/* Without what surrounds it and what cannot be shown; *@ret NULL where nothing is left.  -ENOMEM or 0. */
static int take_text(const char *text, size_t n, struct arena *a, const char **ret)
{
	char shown[128], whole[256];

	*ret = NULL;
	for (; n && isspace((unsigned char)*text); n--)
		text++;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (!n)
		return 0;
	n = n < sizeof(whole) ? n : sizeof(whole) - 1;
	memcpy(whole, text, n);
	whole[n] = '\0';
	*ret = arena_strdup(a, printable(whole, shown, sizeof(shown)));
	return *ret ? 0 : -ENOMEM;
}

static int take_number(const char *text, size_t n, struct arena *a, struct opt_u64 *ret)
{
	const char *digits;
	int rc = take_text(text, n, a, &digits);

	ret->known = !rc && digits && !parse_u64(digits, &ret->v);
	return rc;
}

static bool is_key(const char *line, size_t n, const char *key)
{
	return n == strlen(key) && !strncmp(line, key, n);
}

/* "KEY\t: VALUE"; of the flags only one matters. */
static int take_line(const char *line, const char *end, struct arena *a, struct platform *ret)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *value;
	size_t key, n;

	if (!colon)
		return 0;
	key = (size_t)(colon - line);
	while (key && isspace((unsigned char)line[key - 1]))
		key--;
	value = colon + 1;
	n = (size_t)(end - value);
	if (is_key(line, key, "vendor_id"))
		return take_text(value, n, a, &ret->cpu_vendor);
	if (is_key(line, key, "model name"))
		return take_text(value, n, a, &ret->cpu_name);
	if (is_key(line, key, "cpu family"))
		return take_number(value, n, a, &ret->cpu_family);
	if (is_key(line, key, "model"))
		return take_number(value, n, a, &ret->cpu_model);
	if (is_key(line, key, "flags"))
		ret->is_emulated = tri_of(has_word(value, n, "hypervisor"));
	return 0;
}

/* A line that is cut off says nothing. */
int platform_parse_cpuinfo(const char *text, size_t n, struct arena *a, struct platform *ret)
{
	const char *line = text, *end = text + n, *nl;
	int rc = 0;

	*ret = (struct platform){ .is_emulated = TRI_UNKNOWN };
	for (; !rc && (nl = memchr(line, '\n', (size_t)(end - line))) && nl > line; line = nl + 1)
		rc = take_line(line, nl, a, ret);
	return rc;
}

/* --- reading -------------------------------------------------------------------------- */

/* The first processor's entry is about half of that. */
enum { CPUINFO_BYTES = 4096 };

static int read_cpuinfo(struct cxl_host *host)
{
	char text[CPUINFO_BYTES];
	ssize_t n = sysfs_read_bytes(host->fs, "proc/cpuinfo", 0, text, sizeof(text));

	return platform_parse_cpuinfo(text, n > 0 ? (size_t)n : 0, host->arena, &host->platform);
}

static int read_dmi(struct cxl_host *host, const char *path, const char **ret)
{
	char text[256];
	ssize_t n = sysfs_read(host->fs, path, text, sizeof(text));

	return n > 0 ? take_text(text, (size_t)n, host->arena, ret) : 0;
}

/* "Linux version RELEASE (...": init/version.c */
static int read_kernel(struct cxl_host *host)
{
	static const char before[] = "Linux version ";
	char text[512];
	ssize_t n = sysfs_read_bytes(host->fs, "proc/version", 0, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (strncmp(text, before, sizeof(before) - 1))
		return 0;
	return take_text(text + sizeof(before) - 1, strcspn(text + sizeof(before) - 1, " \n"), host->arena, &host->platform.kernel);
}

int platform_read(struct cxl_host *host)
{
	struct platform *p = &host->platform;
	int rc = read_cpuinfo(host);

	rc = rc ? rc : read_dmi(host, "sys/class/dmi/id/sys_vendor", &p->system_vendor);
	rc = rc ? rc : read_dmi(host, "sys/class/dmi/id/product_name", &p->product);
	rc = rc ? rc : read_dmi(host, "sys/class/dmi/id/bios_version", &p->bios_version);
	rc = rc ? rc : read_kernel(host);
	if (is_made_by_hypervisor(p))
		p->is_emulated = TRI_YES;
	return rc;
}
