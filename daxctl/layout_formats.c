// SPDX-License-Identifier: GPL-2.0-only
/*
 * Formats "policy", "qemu", "libvirt" and "udev": see layout_formats.h.  What a format cannot
 * say of some memory it says in a comment.
 */
#include "daxctl/layout_formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/dax.h"
#include "lib/policy/layout.h"
#include "lib/report/dot_format.h"
#include "util/array.h"

static const char *text(struct json_object *obj, const char *key)
{
	struct json_object *v = json_object_object_get(obj, key);

	return v ? json_object_get_string(v) : NULL;
}

static bool number(struct json_object *obj, const char *key, uint64_t *ret)
{
	struct json_object *v = json_object_object_get(obj, key);

	*ret = v ? json_object_get_uint64(v) : 0;
	return v;
}

static struct json_object *device_of(struct json_object *dax)
{
	return json_object_object_get(dax, "device");
}

static struct json_object *list_of(struct json_object *record, const char *key, size_t *ret_n)
{
	struct json_object *list = json_object_object_get(record, key);

	*ret_n = render_length(list);
	return list;
}

/* --- policy ------------------------------------------------------------------------- */

static bool is_named(struct json_object *record, const char *name)
{
	size_t n;
	struct json_object *list = list_of(record, "regions", &n);
	const char *other;

	for (size_t i = 0; i < n; i++)
		if ((other = text(json_object_array_get_idx(list, i), "name")) && !strcmp(other, name))
			return true;
	list = list_of(record, "dax", &n);
	for (size_t i = 0; i < n; i++)
		if ((other = text(device_of(json_object_array_get_idx(list, i)), "name")) && !strcmp(other, name))
			return true;
	return false;
}

/* The policy file's name, else one that it does not have: "memory0-1" of dax0.1. */
static const char *name_for(struct json_object *record, const char *name, const char *kernels,
			    char *buf, size_t size)
{
	if (name)
		return name;
	snprintf(buf, size, "memory%.20s", kernels + strcspn(kernels, "0123456789"));
	for (char *p = buf; *p; p++)
		*p = *p == '.' ? '-' : *p;
	while (is_named(record, buf) && strlen(buf) + 1 < size)
		strcat(buf, "x");
	return buf;
}

static void put_region(struct json_object *record, struct json_object *region, FILE *f)
{
	size_t n;
	struct json_object *memdevs = list_of(region, "memdevs", &n);
	uint64_t bytes, ways, granularity;
	char buf[LAYOUT_NAME_MAX + 1];

	fprintf(f, "\n# %s\n[region %s]\nmemdevs = ", text(region, "region"),
		name_for(record, text(region, "name"), text(region, "region"), buf, sizeof(buf)));
	for (size_t i = 0; i < n; i++) {
		struct json_object *m = json_object_array_get_idx(memdevs, i);
		bool by_serial = json_object_get_boolean(json_object_object_get(m, "serial_is_unique"));

		fprintf(f, "%s%s%s", i ? ", " : "", by_serial ? "" : "pci ", text(m, by_serial ? "serial" : "address"));
	}
	number(region, "bytes", &bytes);
	fprintf(f, "\nsize = %" PRIu64 "\n", bytes);
	if (number(region, "ways", &ways) && ways > 1 && number(region, "granularity", &granularity))
		fprintf(f, "granularity = %" PRIu64 "\n", granularity);
	if (json_object_get_boolean(json_object_object_get(region, "decoder_is_needed")))
		fprintf(f, "decoder = %s\n", text(region, "decoder"));
}

static const char *mode_of(struct json_object *dax)
{
	const char *driver = text(dax, "driver");

	for (int i = 0; driver && i < N_LAYOUT_MODES; i++)
		if (!strcmp(driver, layout_mode_drivers[i]))
			return layout_mode_names[i];
	return NULL;
}

/* Why @dax, of which the devices before it take @next bytes, cannot be in a policy; NULL: it can. */
static const char *why_no_dax(struct json_object *dax, uint64_t next)
{
	struct json_object *d = device_of(dax);
	uint64_t offset, align, bytes;

	if (!number(d, "offset", &offset) || !number(dax, "bytes", &bytes))
		return "where it lies cannot be read, or it has several parts";
	if (offset != next)
		return "there is a gap before it";
	if (!number(d, "align", &align) || (align != LAYOUT_DAX_ALIGN && align != 1u << 30))
		return "its alignment is neither 2 MiB nor 1 GiB";
	return next % align ? "it does not begin at a multiple of its alignment" : NULL;
}

static void put_dax(struct json_object *record, struct json_object *dax, const char *region,
		    FILE *f)
{
	static const struct {
		const char *key, *member;
	} file[] = { { "owner", "owner" }, { "group", "group" }, { "file-mode", "file_mode" } };
	struct json_object *d = device_of(dax);
	const char *mode = mode_of(dax);
	char buf[LAYOUT_NAME_MAX + 1];
	uint64_t bytes, align;

	number(dax, "bytes", &bytes);
	number(d, "align", &align);
	fprintf(f, "\n# %s%s\n[dax %s]\nregion = %s\nsize = %" PRIu64 "\nalign = %s\nmode = %s\n", text(dax, "dax"),
		mode ? "" : ", which has another driver, or none",
		name_for(record, text(d, "name"), text(dax, "dax"), buf, sizeof(buf)), region, bytes,
		align == LAYOUT_DAX_ALIGN ? "2MiB" : "1GiB", mode ? mode : layout_mode_names[LAYOUT_DEVDAX]);
	for (size_t i = 0; i < ARRAY_SIZE(file); i++)
		if (text(d, file[i].member))
			fprintf(f, "%s = %s\n", file[i].key, text(d, file[i].member));
}

static int by_offset(const void *a, const void *b)
{
	uint64_t p, q;
	bool has_p = number(device_of(*(struct json_object *const *)a), "offset", &p),
	     has_q = number(device_of(*(struct json_object *const *)b), "offset", &q);

	if (has_p != has_q)
		return has_p ? -1 : 1;
	return p < q ? -1 : p > q;
}

/* In the order of their places; behind what no policy can say of a region, nothing of it can be said. */
static int put_devices(struct json_object *record, struct json_object *region, FILE *f)
{
	size_t n, n_own = 0;
	struct json_object *list = list_of(record, "dax", &n), **own = calloc(n + 1, sizeof(*own));
	char buf[LAYOUT_NAME_MAX + 1];
	const char *name = name_for(record, text(region, "name"), text(region, "region"), buf, sizeof(buf)),
		   *why = NULL;
	uint64_t next = 0, bytes;

	if (!own)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct json_object *dax = json_object_array_get_idx(list, i);
		const char *in = text(dax, "region");

		if (in && !strcmp(in, text(region, "region")) && (!number(dax, "bytes", &bytes) || bytes))
			own[n_own++] = dax;
	}
	qsort(own, n_own, sizeof(*own), by_offset);
	for (size_t i = 0; i < n_own; i++) {
		why = why ? why : why_no_dax(own[i], next);
		if (why)
			fprintf(f, "\n# %s is in no section: %s\n", text(own[i], "dax"), why);
		else
			put_dax(record, own[i], name, f);
		number(own[i], "bytes", &bytes);
		next += bytes;
	}
	free(own);
	return 0;
}

static int write_policy(struct json_object *record, const struct render_table *table,
			const struct render_look *look, FILE *f)
{
	size_t n;
	struct json_object *regions = list_of(record, "regions", &n);
	int rc = 0;

	(void)table;
	(void)look;
	fputs("# The memory of this host as it is, for the policy file: see cxl-isolation.conf(5), MEMORY.\n", f);
	for (size_t i = 0; !rc && i < n; i++) {
		struct json_object *region = json_object_array_get_idx(regions, i);
		const char *why = text(region, "not_in_policy");

		if (why) {
			fprintf(f, "\n# %s is in no section: %s\n", text(region, "region"), why);
			continue;
		}
		put_region(record, region, f);
		rc = put_devices(record, region, f);
	}
	return rc;
}

/* --- virtual machines -------------------------------------------------------------------- */

/* What a machine is given. */
struct backend {
	const char *id, *path;
	uint64_t bytes, align;
};

/* Why none can have @dax; NULL: one can. */
static const char *why_no_backend(struct json_object *dax, struct backend *ret)
{
	struct json_object *d = device_of(dax);
	const char *driver = text(dax, "driver"), *name = text(d, "name");

	*ret = (struct backend){ .id = name ? name : text(dax, "dax"), .path = text(d, "path") };
	if (driver && !strcmp(driver, DAX_FSDEV_NAME))
		return "it is in mode famfs, a file system's, and cannot be mapped";
	if (!driver || strcmp(driver, DAX_DEVICE_DAX_NAME))
		return "it is not in mode devdax";
	if (!number(dax, "bytes", &ret->bytes) || !number(d, "align", &ret->align))
		return "its size or alignment cannot be read";
	return ret->bytes ? NULL : "it has no memory";
}

static void put_object(const struct backend *b, FILE *f)
{
	fprintf(f, "memory-backend-file,id=%s,mem-path=%s,size=%" PRIu64 ",align=%" PRIu64 ",share=on", b->id, b->path, b->bytes, b->align);
}

/* How a format says it of each device, and begins and ends a comment. */
struct machine_format {
	void (*put)(struct json_object *dax, const struct backend *b, FILE *f);
	const char *comment, *comment_end;
};

static int write_backends(struct json_object *record, const struct machine_format *format, FILE *f)
{
	size_t n;
	struct json_object *list = list_of(record, "dax", &n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *dax = json_object_array_get_idx(list, i);
		struct backend b;
		const char *why = why_no_backend(dax, &b);

		if (why)
			fprintf(f, "%s %s is for no virtual machine: %s%s\n", format->comment, text(dax, "dax"), why, format->comment_end);
		else
			format->put(dax, &b, f);
	}
	return 0;
}

static void put_qemu(struct json_object *dax, const struct backend *b, FILE *f)
{
	(void)dax;
	fputs("-object ", f);
	put_object(b, f);
	fputc('\n', f);
}

static int write_qemu(struct json_object *record, const struct render_table *table,
			const struct render_look *look, FILE *f)
{
	static const struct machine_format format = { put_qemu, "#", "" };

	(void)table;
	(void)look;
	return write_backends(record, &format, f);
}

/* libvirt has KiB as its unit; both are multiples of it. */
static void put_libvirt(struct json_object *dax, const struct backend *b, FILE *f)
{
	fprintf(f, "<!-- %s: the guest sees an NVDIMM (/dev/pmem), on node 0 of it -->\n", text(dax, "dax"));
	fprintf(f, "<memory model='nvdimm' access='shared'>\n  <source>\n    <path>%s</path>\n    <alignsize unit='KiB'>%" PRIu64 "</alignsize>\n  </source>\n",
		b->path, b->align >> 10);
	fprintf(f, "  <target>\n    <size unit='KiB'>%" PRIu64 "</size>\n    <node>0</node>\n  </target>\n</memory>\n", b->bytes >> 10);
	fputs("<!-- or as ordinary RAM, in <domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>, with free <maxMemory> slots:\n"
	      "<qemu:commandline>\n  <qemu:arg value='-object'/>\n  <qemu:arg value='", f);
	put_object(b, f);
	fprintf(f, "'/>\n  <qemu:arg value='-device'/>\n  <qemu:arg value='pc-dimm,id=dimm-%s,memdev=%s'/>\n</qemu:commandline>\n", b->id, b->id);
	fprintf(f, "libvirt does not see that file then, and it has to be let in: add \"%s\" to cgroup_device_acl in\n"
		"/etc/libvirt/qemu.conf (beside the defaults there), make QEMU's user its owner, and tell the security driver:\n"
		"AppArmor \"/dev/dax* rw,\" in /etc/apparmor.d/local/abstractions/libvirt-qemu, SELinux type svirt_image_t.\n-->\n", b->path);
}

static int write_libvirt(struct json_object *record, const struct render_table *table,
			const struct render_look *look, FILE *f)
{
	static const struct machine_format format = { put_libvirt, "<!--", " -->" };

	(void)table;
	(void)look;
	return write_backends(record, &format, f);
}

/* --- udev ------------------------------------------------------------------------------------ */

static int write_udev(struct json_object *record, const struct render_table *table,
			const struct render_look *look, FILE *f)
{
	size_t n;
	struct json_object *list = list_of(record, "dax", &n);
	const char *name;

	(void)table;
	(void)look;
	for (size_t i = 0; i < n; i++)
		if ((name = text(device_of(json_object_array_get_idx(list, i)), "name")))
			fprintf(f, "CXL_DAX_NAME=%s\n", name);
	return 0;
}

const struct render_format layout_formats[] = {
	{ "policy", NULL, write_policy },
	{ "qemu", NULL, write_qemu },
	{ "libvirt", NULL, write_libvirt },
	{ "udev", NULL, write_udev },
	DOT_FORMAT,
	{ 0 }
};
