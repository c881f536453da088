// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading what firmware and the kernel's memory map say: see sources.h.
 * Not here: the CXL and dax objects (soft_objects.c).
 */
#include "lib/soft/sources.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/read/host_read.h"
#include "lib/read/modules.h"
#include "lib/read/reader.h"
#include "util/array.h"
#include "util/parse.h"

#define MEMMAP "sys/firmware/memmap"
#define TABLES "sys/firmware/acpi/tables"

enum { MAX_TABLE = 1 << 17, MAX_IOMEM = 16 << 20, MAX_CMDLINE = 1 << 16 };

static bool is_hidden(int rc)
{
	return rc == -EACCES || rc == -EPERM;
}

/* --- the firmware map ---------------------------------------------------- */

static int read_entry(const struct cxl_host *host, const char *name, struct memmap_entry *ret)
{
	static const char *const attrs[] = { "start", "end", "type" };
	char path[PATH_MAX], text[3][64];

	for (size_t i = 0; i < 3; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), MEMMAP "/%s/%s", name, attrs[i]);
		n = sysfs_read(host->fs, path, text[i], sizeof(text[i]));
		if (n < 0)
			return (int)n;
	}
	return memmap_parse(text[0], text[1], text[2], ret);
}

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

static int read_memmap(const struct cxl_host *host, struct soft_picture *p)
{
	size_t bad = 0;
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, MEMMAP, is_number, &names);

	if (rc == -ENOMEM)
		return rc;
	if (rc || !names.n) {
		soft_source_set(host, p, SOURCE_FIRMWARE_MAP,
				is_hidden(rc) ? SOURCE_HIDDEN : SOURCE_MISSING, SEV_WARNING,
				"/%s %s, so what firmware says of the memory is unknown", MEMMAP,
				rc && rc != -ENOENT ? err_text(-rc)
				: rc		    ? "does not exist"
						    : "is empty");
		return 0;
	}
	sysfs_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct interval_set *set;
		struct memmap_entry e;

		if (read_entry(host, names.v[i], &e)) {
			bad++;
			continue;
		}
		p->sources[SOURCE_FIRMWARE_MAP].entries++;
		set = e.type == MEMMAP_SOFT  ? &p->firmware_soft
		      : e.type == MEMMAP_RAM ? &p->firmware_ram
					     : NULL;
		if (set && interval_add(host->arena, set, e.start, e.end))
			return -ENOMEM;
	}
	interval_normalize(&p->firmware_soft);
	interval_normalize(&p->firmware_ram);
	if (bad)
		soft_source_set(host, p, SOURCE_FIRMWARE_MAP, SOURCE_DAMAGED, SEV_WARNING,
				"%zu of %zu entries of /%s cannot be read, so Soft Reserved ranges may be missing",
				bad, names.n, MEMMAP);
	else if (!p->firmware_soft.n)
		p->sources[SOURCE_FIRMWARE_MAP].state = SOURCE_SILENT;
	return 0;
}

/* --- files that are read whole -------------------------------------------- */

/*
 * @ret is NULL and the source marked when @path cannot be read; a missing one is
 * said with @missing, the consequence.
 */
static int read_file(const struct cxl_host *host, struct soft_picture *p, enum soft_source_id id,
		     const char *path, size_t max, const char *missing, char **ret, size_t *ret_n)
{
	int rc = sysfs_read_whole(host->fs, host->arena, path, max, ret, ret_n);

	if (!rc)
		return 0;
	*ret = NULL;
	*ret_n = 0;
	if (rc == -ENOMEM)
		return rc;
	soft_source_set(host, p, id,
			rc == -ENOENT	? SOURCE_MISSING
			: is_hidden(rc) ? SOURCE_HIDDEN
					: SOURCE_DAMAGED,
			rc == -ENOENT ? SEV_INFO : SEV_WARNING, "/%s %s%s%s", path,
			rc == -ENOENT ? "does not exist" : "cannot be read: ",
			rc == -ENOENT			? ""
			: rc == -EACCES || rc == -EPERM ? "it is for root only"
							: err_text(-rc),
			missing);
	return 0;
}

/* What the command line makes Soft Reserved where it was RAM: all of it when the firmware map does not tell. */
static int soften_ram(const struct cxl_host *host, struct soft_picture *p)
{
	struct interval_set soft = p->cmdline.soft_of_ram;
	int rc = 0;

	if (p->sources[SOURCE_FIRMWARE_MAP].entries)
		rc = interval_intersect(host->arena, &p->cmdline.soft_of_ram, &p->firmware_ram,
					&soft);
	if (!rc)
		rc = interval_add_set(host->arena, &p->cmdline.soft, &soft);
	interval_normalize(&p->cmdline.soft);
	return rc;
}

static int read_cmdline(const struct cxl_host *host, struct soft_picture *p)
{
	size_t n;
	char *text;
	int rc = read_file(host, p, SOURCE_CMDLINE, "proc/cmdline", MAX_CMDLINE,
			   ", so what it changes of the firmware's map is unknown", &text, &n);

	if (rc || !text)
		return rc;
	p->sources[SOURCE_CMDLINE].entries = 1;
	rc = cmdline_parse(text, host->arena, host->messages, &p->cmdline);
	return rc ? rc : soften_ram(host, p);
}

static int sort_iomem(const struct cxl_host *host, struct soft_picture *p)
{
	for (size_t i = 0; i < p->iomem.n; i++) {
		const struct iomem_line *l = &p->iomem.lines[i];
		struct interval_set *set = l->kind == IOMEM_SOFT ? &p->iomem_soft :
			l->kind == IOMEM_RAM ? &p->iomem_ram : NULL;

		if (set && interval_add(host->arena, set, l->start, l->end))
			return -ENOMEM;
	}
	interval_normalize(&p->iomem_soft);
	interval_normalize(&p->iomem_ram);
	return 0;
}

static int read_iomem(const struct cxl_host *host, struct soft_picture *p)
{
	size_t n;
	char *text;
	int rc = read_file(host, p, SOURCE_IOMEM, "proc/iomem", MAX_IOMEM,
			   ", so what the kernel made of the memory is unknown", &text, &n);

	if (rc || !text)
		return rc;
	rc = iomem_parse(text, n, host->arena, host->messages, &p->iomem);
	if (!rc)
		rc = sort_iomem(host, p);
	if (rc)
		return rc;
	p->sources[SOURCE_IOMEM].entries = p->iomem.n_all;
	if (p->iomem.hidden)
		soft_source_set(host, p, SOURCE_IOMEM, SOURCE_HIDDEN, SEV_WARNING,
				"/proc/iomem shows every address as 0 to a reader without CAP_SYS_ADMIN, so what the kernel made of the memory is unknown");
	else if (p->iomem.n_bad || !p->iomem.n_all)
		soft_source_set(host, p, SOURCE_IOMEM, SOURCE_DAMAGED, SEV_WARNING,
				p->iomem.n_all ? "lines of /proc/iomem are damaged, so what the kernel made of the memory is not known for sure" :
				"/proc/iomem is empty, so what the kernel made of the memory is unknown");
	else if (!p->iomem_soft.n)
		p->sources[SOURCE_IOMEM].state = SOURCE_SILENT;
	return 0;
}

static int read_cedt(const struct cxl_host *host, struct soft_picture *p)
{
	size_t n;
	char *data;
	int rc = read_file(host, p, SOURCE_CEDT, TABLES "/CEDT", MAX_TABLE, ", so only root decoders tell CXL windows",
			   &data, &n);

	if (rc || !data)
		return rc;
	rc = cedt_parse(data, n, host->arena, host->messages, &p->cedt);
	p->sources[SOURCE_CEDT].entries = p->cedt.n_windows;
	if (p->cedt.damaged) {
		p->sources[SOURCE_CEDT].state = SOURCE_DAMAGED;
		p->sources[SOURCE_CEDT].text = "parts of the table are not as the specification has them: see the messages";
	}
	return rc;
}

static int read_srat(const struct cxl_host *host, struct soft_picture *p)
{
	size_t n;
	char *data;
	int rc = read_file(host, p, SOURCE_SRAT, TABLES "/SRAT", MAX_TABLE,
			   ", so ranges are not split as the kernel splits them", &data, &n);

	if (rc || !data)
		return rc;
	rc = srat_parse(data, n, host->arena, host->messages, &p->srat);
	p->sources[SOURCE_SRAT].entries = p->srat.n_memory;
	if (p->srat.damaged) {
		p->sources[SOURCE_SRAT].state = SOURCE_DAMAGED;
		p->sources[SOURCE_SRAT].text = "parts of the table are not as the specification has them: see the messages";
	}
	return rc;
}

int soft_read_firmware(const struct cxl_host *host, struct soft_picture *p)
{
	int rc = read_memmap(host, p);

	if (!rc)
		rc = read_cmdline(host, p);
	if (!rc)
		rc = read_iomem(host, p);
	if (!rc)
		rc = read_cedt(host, p);
	return rc ? rc : read_srat(host, p);
}

/* --- modules --------------------------------------------------------------- */

const char *const soft_module_names[] = {
	[SOFT_DAX_HMEM] = "dax_hmem", [SOFT_DAX_CXL] = "dax_cxl", [SOFT_CXL_ACPI] = "cxl_acpi",
};

/* What keeps one out, or that it is not there; a remedy says anyhow to load it. */
static int read_modules(const struct cxl_host *host, struct soft_picture *p)
{
	for (size_t i = 0; i < N_SOFT_MODULES; i++) {
		const char *is = module_state_text(host->fs, host->arena, soft_module_names[i]);

		if (is && *is && strcmp(is, "loaded") != 0)
			is = arena_printf(host->arena, "; it is %s", is);
		if (!is)
			return -ENOMEM;
		p->modules[i] = *is == ';' ? is : NULL;
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

int soft_read(struct soft_host *soft, const char *sysroot, struct err *err)
{
	static int (*const readers[])(const struct cxl_host *, struct soft_picture *) = {
		soft_read_firmware, soft_read_devices, soft_read_windows,
		soft_read_regions,  soft_read_dax,     soft_read_blocks,
		read_modules,
	};
	struct cxl_host *host = &soft->reading.host;
	struct err no_bus;
	int rc;

	*soft = (struct soft_host){ 0 };
	host_reading_init(&soft->reading);
	rc = sysfs_init(host->fs, sysroot, err);
	if (rc)
		return rc;
	if (topology_read(host, &no_bus)) {
		if (no_bus.status != EXIT_PREREQ) {
			*err = no_bus;
			return -ENOMEM;
		}
		message_add(host->messages, SEV_INFO, "NO-CXL", NULL, "%s", no_bus.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (readers[i](host, &soft->picture))
			return err_no_memory(err, " while reading who owns the memory");
	return 0;
}

void soft_free(struct soft_host *soft)
{
	host_free(&soft->reading);
}
