// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which files of the machine are recorded, and reading them: see capture.h.
 * The tables below are the whole of it; what is not named is not read.
 */
#include "sim/host/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config.h"
#include "sim/host/load.h"
#include "sim/models/port.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/state.h"
#include "util/sysfs.h"

enum {
	MAX_FILE = 4 << 20,		/* as much as load.c takes: cpuinfo has 2 KiB for each processor */
	MAX_DEPTH = 48,
	CACHEMEM_OFFSET = 0x1000,	/* CXL r3.2 8.2.4: the part of the block that is read */
	CACHEMEM_BYTES = 0x1000,
	BLOCK_BYTES = 0x10000,
	MAX_BAR = MAX_FILE,
};

enum rule { ALL, PCI, SEARCH };

/* A directory and everything in it (ALL), or what is a PCI host bridge's (PCI);
 * SEARCH only looks for ACPI's description of CXL. */
static const struct {
	const char *dir;
	const char *glob;	/* of the entries in @dir; NULL: @dir itself */
	enum rule rule;
} roots[] = {
	{ "sys/bus/cxl", NULL, ALL },
	{ "sys/bus/dax", NULL, ALL },
	{ "sys/bus/nd", NULL, ALL },
	{ "sys/bus/pci/devices", NULL, ALL },
	{ "sys/bus/pci/slots", NULL, ALL },
	{ "sys/bus/pci/drivers/pcieport", NULL, ALL },
	{ "sys/bus/pci/drivers/cxl_pci", NULL, ALL },
	{ "sys/class/dax", NULL, ALL },
	{ "sys/class/nd", NULL, ALL },
	{ "sys/devices", "pci[0-9a-f]*", PCI },
	{ "sys/devices/platform", "ACPI0017*", ALL },
	{ "sys/devices/platform", "hmem*", ALL },
	{ "sys/devices/LNXSYSTM:00", NULL, SEARCH },
	{ "sys/devices/system/memory", NULL, ALL },
	{ "sys/devices/system/node", NULL, ALL },
	{ "sys/devices/virtual/memory_tiering", NULL, ALL },
	{ "sys/firmware/memmap", NULL, ALL },
	{ "sys/kernel/debug/cxl", NULL, ALL },
	{ "sys/kernel/mm/numa", NULL, ALL },
	{ "sys/module", "cxl*", ALL },
	{ "sys/module", "dax*", ALL },
	{ "sys/module", "device_dax", ALL },
	{ "sys/module", "einj*", ALL },
	{ "sys/module", "kmem", ALL },
	{ "sys/module", "libnvdimm", ALL },
	{ "sys/module", "memory_hotplug", ALL },
	{ "sys/module", "memory_tiering", ALL },
	{ "sys/module", "nd_*", ALL },
	{ "sys/module", "pcie*", ALL },
};

static const char *const files[] = {
	"sys/bus/pci/rescan",
	"sys/firmware/acpi/tables/CEDT", "sys/firmware/acpi/tables/HMAT", "sys/firmware/acpi/tables/SRAT",
	"sys/firmware/acpi/tables/SLIT",
	/* which platform: nothing else of DMI, where serial numbers and UUIDs are */
	"sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_name", "sys/class/dmi/id/bios_version",
	/* which handling of protocol errors the kernel has */
	"sys/kernel/tracing/events/cxl/cxl_aer_uncorrectable_error/format",
	"sys/kernel/tracing/events/cxl/cxl_port_aer_uncorrectable_error/format",
	"sys/kernel/debug/tracing/events/cxl/cxl_aer_uncorrectable_error/format",
	"sys/kernel/debug/tracing/events/cxl/cxl_port_aer_uncorrectable_error/format",
	&POLICY_FILE[1],		/* what it forbids and vouches for is a part of the verdict */
};

/* Nowhere: power management, kernel addresses; the device's own contents. */
static const char *const never_dirs[] = { "power", "wakeup*", "sections", "notes", "btf", "msi_irqs" };
static const char *const never_files[] = { "resource[0-9]*", "rom", "vpd", "*_bin" };

/* Directories inside of a PCI function or host bridge that are followed. */
static const char *const pci_dirs[] = {
	"????:??:??.?", "????:??:??.?:pcie*", "mem[0-9]*", "pmu_mem*", "link", "pci_bus", "cxl_isolation",
};

/* Attributes of the PCI core, for functions that are neither CXL's nor a bridge:
 * drivers add others, with serial numbers among them. */
static const char *const pci_files[] = {
	"ari_enabled", "broken_parity_status", "class", "config", "consistent_dma_mask_bits", "current_link_*",
	"d3cold_allowed", "device", "dma_mask_bits", "driver_override", "enable", "irq", "local_cpulist",
	"local_cpus", "max_link_*", "modalias", "msi_bus", "numa_node", "power_state", "remove", "rescan", "reset",
	"reset_method", "resource", "revision", "subsystem_device", "subsystem_vendor", "uevent", "vendor",
};

struct walk {
	struct capture *capture;
	struct sysfs fs;
	struct arena arena;
};

static bool matches(const char *name, const char *const *globs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(globs[i], name, 0))
			return true;
	return false;
}

static int add_error(struct capture *capture, const char *path, const char *what)
{
	_cleanup_free_ char *old = steal_ptr(&capture->errors);
	int n = asprintf(&capture->errors, "%s%s\t%s\n", old ? old : "", path, what);

	if (n < 0) {
		capture->errors = NULL;
		return -ENOMEM;
	}
	capture->errors_len = (size_t)n;
	return 0;
}

static struct node *add_node(struct walk *w, const char *path, enum node_kind kind, mode_t mode)
{
	return tree_add_path(&w->capture->sim->tree, path, kind, mode);
}

static int add_file(struct walk *w, const char *path, mode_t mode)
{
	struct node *n = add_node(w, path, NODE_FILE, mode);
	char why[128], *data = NULL;
	size_t len = 0;
	int rc = 0;

	if (!n)
		return -ENOMEM;
	if (mode & 0444)
		rc = sysfs_read_whole(&w->fs, &w->arena, path, MAX_FILE, &data, &len);
	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		snprintf(why, sizeof(why), "%s: %s", strerrorname_np(-rc) ? strerrorname_np(-rc) : "E?", strerror(-rc));
		if (add_error(w->capture, path, why))
			return -ENOMEM;
	}
	rc = node_set_data(n, data ? data : "", len);
	return rc ? rc : capture_clean(n, path);
}

static int add_link(struct walk *w, const char *path)
{
	char target[PATH_MAX];
	ssize_t len = sysfs_readlink(&w->fs, path, target, sizeof(target));
	struct node *n;

	if (len < 0)
		return len == -ENOENT ? 0 : add_error(w->capture, path, strerror((int)-len));
	n = add_node(w, path, NODE_LINK, 0777);
	return n ? node_set_data(n, target, (size_t)len) : -ENOMEM;
}

static int add_dir(struct walk *w, const char *path, mode_t mode)
{
	struct node *n = add_node(w, path, NODE_DIR, mode);

	if (!n)
		return -ENOMEM;
	n->mode = mode & 07777;
	return 0;
}

static bool is_bridge(const struct node *config)
{
	return config->len > 11 && config->data[11] == 0x06;	/* base class */
}

/* Which names of a directory below a PCI host bridge are taken. */
static bool takes_pci(const struct node *dir, const char *name, bool is_dir)
{
	const struct node *config = tree_child(dir, "config");
	uint64_t key;

	if (is_dir)
		return matches(name, pci_dirs, ARRAY_SIZE(pci_dirs));
	if (!parse_pci_address(dir->name, &key) || matches(name, pci_files, ARRAY_SIZE(pci_files)))
		return true;
	return config && config->data && (capture_is_cxl(config) || is_bridge(config));
}

static int walk_dir(struct walk *w, const char *path, enum rule rule, int depth);

static int add_entry(struct walk *w, const char *dir, const char *name, enum rule rule, int depth)
{
	char path[PATH_MAX];
	const struct node *parent = tree_dir(&w->capture->sim->tree, dir);
	uint64_t key;
	struct stat st;

	if (sysfs_join(path, sizeof(path), dir, name))
		return add_error(w->capture, dir, "a name in it is too long");
	if (fstatat(w->fs.rootfd, path, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : add_error(w->capture, path, strerror(errno));
	if (S_ISDIR(st.st_mode) ? matches(name, never_dirs, ARRAY_SIZE(never_dirs)) :
				  matches(name, never_files, ARRAY_SIZE(never_files)))
		return 0;
	if (rule == SEARCH) {
		if (!S_ISDIR(st.st_mode))
			return 0;
		rule = fnmatch("ACPI001[67]*", name, 0) ? SEARCH : ALL;
		return walk_dir(w, path, rule, depth + 1);
	}
	if (S_ISLNK(st.st_mode))
		return add_link(w, path);
	if (rule == PCI && parent && !takes_pci(parent, name, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISREG(st.st_mode))
		return add_file(w, path, st.st_mode);
	if (!S_ISDIR(st.st_mode))
		return 0;
	/* inside of a function's own parts everything is taken */
	return walk_dir(w, path, rule == PCI && parse_pci_address(name, &key) ? PCI : ALL,
			depth + 1);
}

static int walk_dir(struct walk *w, const char *path, enum rule rule, int depth)
{
	struct sysfs_names names = { 0 };
	struct stat st;
	int rc;

	if (depth > MAX_DEPTH)
		return add_error(w->capture, path, "too deep");
	if (fstatat(w->fs.rootfd, path, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : add_error(w->capture, path, strerror(errno));
	rc = sysfs_list(&w->fs, &w->arena, path, NULL, &names);
	if (rc < 0)
		return rc == -ENOENT || rc == -ENOTDIR ? 0
						       : add_error(w->capture, path, strerror(-rc));
	rc = rule == SEARCH ? 0 : add_dir(w, path, st.st_mode);
	sysfs_sort(&names);
	/* a function's config says which of its other files are taken */
	for (size_t i = 0; !rc && rule == PCI && i < names.n; i++)
		if (!strcmp(names.v[i], "config"))
			rc = add_entry(w, path, names.v[i], rule, depth);
	for (size_t i = 0; !rc && i < names.n; i++)
		if (rule != PCI || strcmp(names.v[i], "config"))
			rc = add_entry(w, path, names.v[i], rule, depth);
	return rc;
}

/* The directories above a root with their modes: debugfs is closed. */
static int add_parents(struct walk *w, const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	struct stat st;
	int rc = 0;

	if (!parent)
		return -ENOMEM;
	for (char *slash; !rc && (slash = strrchr(parent, '/')); ) {
		*slash = '\0';
		if (tree_dir(&w->capture->sim->tree, path) &&
		    !fstatat(w->fs.rootfd, parent, &st, 0))
			rc = add_dir(w, parent, st.st_mode);
	}
	return rc;
}

static int walk_root(struct walk *w, const char *path, enum rule rule)
{
	int rc = walk_dir(w, path, rule, 0);

	return rc ? rc : add_parents(w, path);
}

static int walk_roots(struct walk *w)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(roots); i++) {
		struct sysfs_names names = { 0 };

		if (!roots[i].glob) {
			rc = walk_root(w, roots[i].dir, roots[i].rule);
			continue;
		}
		if (sysfs_list(&w->fs, &w->arena, roots[i].dir, NULL, &names) < 0)
			continue;
		for (size_t k = 0; !rc && k < names.n; k++) {
			char path[PATH_MAX];

			if (!fnmatch(roots[i].glob, names.v[k], 0) &&
			    !sysfs_join(path, sizeof(path), roots[i].dir, names.v[k]))
				rc = walk_root(w, path, roots[i].rule);
		}
	}
	return rc;
}

static int walk_file(struct walk *w, const char *path)
{
	struct stat st;

	if (fstatat(w->fs.rootfd, path, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return 0;
	return add_file(w, path, st.st_mode);
}

static int walk_files(struct walk *w)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(files); i++)
		rc = walk_file(w, files[i]);
	for (const char *const *name = load_proc_files; !rc && *name; name++) {
		char path[64];

		snprintf(path, sizeof(path), "proc/%s", *name);
		rc = walk_file(w, path);
	}
	return rc;
}

/* --- proofs of recoveries, and journals of those that did not end ----------- */

/* What a proof may hold: names of the platform, no more. */
static const char *const proof_members[] = {
	"schema", "root_port", "bios_version", "kernel", "date", "platform",
};

static const char *const platform_members[] = { "cpu_vendor", "cpu_family", "cpu_model", "system_vendor", "product" };

/* Drop every member of @o but these. */
static void keep_members(struct json_object *o, const char *const *names, size_t n)
{
	json_object_object_foreach(o, key, value) {	/* may be deleted meanwhile */
		size_t i = 0;

		(void)value;
		while (i < n && strcmp(key, names[i]))
			i++;
		if (i == n)
			json_object_object_del(o, key);
	}
}

struct proofs {
	struct walk *walk;
	int dirfd;
};

static int add_proof(const char *name, void *data)
{
	struct proofs *proofs = data;
	_cleanup_free_ char *text = NULL;
	struct json_object *o = NULL, *platform;
	char path[PATH_MAX];
	const char *clean;
	struct node *n;
	int rc = 0;

	if (state_read(proofs->dirfd, name, &text))
		return 0;
	snprintf(path, sizeof(path), STATE_DIR_CAPTURED "/%.200s", name);
	if (strncmp(name, "proven-", 7)) {	/* a journal, which says what a root port is tied to */
		n = add_node(proofs->walk, path, NODE_FILE, 0644);
		return n ? node_set_data(n, text, strlen(text)) : -ENOMEM;
	}
	o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return add_error(proofs->walk->capture, path, "EINVAL: it is no proof of a recovery");
	}
	keep_members(o, proof_members, ARRAY_SIZE(proof_members));
	if (json_object_object_get_ex(o, "platform", &platform) && json_object_is_type(platform, json_type_object))
		keep_members(platform, platform_members, ARRAY_SIZE(platform_members));
	clean = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	n = add_node(proofs->walk, path, NODE_FILE, 0644);
	rc = n && clean ? node_set_data(n, clean, strlen(clean)) : -ENOMEM;
	json_object_put(o);
	return rc;
}

/* What this machine keeps of recoveries: which ports came back, and which are on the way. */
static int walk_proofs(struct walk *w)
{
	struct err err;
	_cleanup_close_ int fd = state_open(false, &err);
	struct proofs proofs = { w, fd };

	return fd < 0 ? 0 : state_each(fd, ".json", add_proof, &proofs);
}

/* --- registers ----------------------------------------------------------- */

/* CXL.cachemem by exact double words: mapped as real BARs want it, read where
 * mapping is not offered.  NULL, or why not. */
static const char *read_cachemem(int fd, uint64_t block, unsigned char *to)
{
	const volatile uint32_t *map = mmap(NULL, BLOCK_BYTES, PROT_READ, MAP_SHARED, fd,
					    (off_t)block);
	bool mapped = (const void *)(uintptr_t)map != MAP_FAILED;
	const char *why = NULL;

	if (!mapped && errno != ENODEV)
		return strerror(errno);
	for (size_t at = CACHEMEM_OFFSET; !why && at < CACHEMEM_OFFSET + CACHEMEM_BYTES; at += 4) {
		uint32_t v = mapped ? map[at / 4] : 0;

		errno = 0;
		if (!mapped && pread(fd, &v, 4, (off_t)(block + at)) != 4)
			why = errno ? strerror(errno) : "short read";
		if (at == CACHEMEM_OFFSET && v == UINT32_MAX)
			why = "its registers answer all ones";
		memcpy(to + at, &v, 4);
	}
	if (mapped)
		munmap((void *)(uintptr_t)map, BLOCK_BYTES);
	return why;
}

static int add_registers(struct walk *w, struct port *port)
{
	_cleanup_free_ char *dir = node_path(port->dir);
	_cleanup_free_ unsigned char *data = NULL;
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	const char *why;
	struct node *n;

	if (!dir || snprintf(path, sizeof(path), "%s/resource%u", dir + 1, port->bar) >= (int)sizeof(path))
		return -ENOMEM;
	fd = sysfs_open(&w->fs, path, O_RDONLY);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return add_error(w->capture, path, strerror(-fd));
	if (port->block > MAX_BAR - BLOCK_BYTES)
		return add_error(w->capture, path, "its component registers are too far behind its start");
	data = calloc(1, (size_t)port->block + BLOCK_BYTES);
	if (!data)
		return -ENOMEM;
	why = read_cachemem(fd, port->block, data + port->block);
	if (why)
		return add_error(w->capture, path, why);
	n = add_node(w, path, NODE_FILE, 0600);
	return n ? node_set_data(n, data, (size_t)port->block + BLOCK_BYTES) : -ENOMEM;
}

int capture_collect(struct capture *capture, struct err *err)
{
	struct walk w = { .capture = capture };
	int rc;

	if (geteuid())
		return err_set(err, EXIT_PREREQ, EPERM, "recording a machine needs root: addresses and config space "
			       "are hidden from others; run 'sudo cxl-sim capture -o FILE'");
	rc = sysfs_init(&w.fs, NULL, err);
	if (rc)
		return rc;
	/* high-bandwidth memory is Soft Reserved on hosts without CXL, too */
	capture->no_bus = faccessat(w.fs.rootfd, "sys/bus/cxl/devices", F_OK, 0) != 0;
	rc = walk_roots(&w);
	rc = rc ? rc : walk_files(&w);
	rc = rc ? rc : walk_proofs(&w);
	if (!rc && !ports_discover(capture->sim, err))
		for (size_t i = 0; !rc && i < capture->sim->n_ports; i++)
			rc = add_registers(&w, capture->sim->ports[i]);
	sysfs_exit(&w.fs);
	arena_free(&w.arena);
	return rc ? err_set(err, EXIT_REFUSED, -rc, "this machine cannot be recorded: %s", strerror(-rc)) : 0;
}

void capture_free(struct capture *capture)
{
	free(steal_ptr(&capture->errors));
}
