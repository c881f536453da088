// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI functions below a root port: accelerators (type 1 and 2), which
 * belong to drivers of their own.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/iso/backend.h"
#include "lib/model/host.h"
#include "lib/model/link_ways.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

/* The path of @attr in @dir, if it is there. */
static const char *if_there(struct cxl_host *host, const char *dir, const char *attr)
{
	char path[PATH_MAX];
	struct statx st;

	return !sysfs_join(path, sizeof(path), dir, attr) && !sysfs_stat(host->fs, path, &st) ?
		arena_strdup(host->arena, path) : NULL;
}

/* Without the file there are none. */
static struct opt_u64 read_numvfs(struct cxl_host *host, const char *dir)
{
	struct opt_u64 ret = { .known = true };
	char path[PATH_MAX], text[32];
	ssize_t n = sysfs_join(path, sizeof(path), dir, "sriov_numvfs");

	n = n ? n : sysfs_read(host->fs, path, text, sizeof(text));
	if (n != -ENOENT)
		ret.known = n >= 0 && !parse_u64(text, &ret.v);
	return ret;
}

/* "(null)" where nobody wrote to it; kernels that have no such file for PCI are long gone. */
static void read_override(struct cxl_host *host, const char *dir, struct device_function *f)
{
	char path[PATH_MAX], text[64];

	f->override_known = !sysfs_join(path, sizeof(path), dir, "driver_override") &&
			    sysfs_read(host->fs, path, text, sizeof(text)) >= 0;
	if (f->override_known && strcmp(text, "(null)"))
		f->override = arena_strdup(host->arena, text);
	f->override_known &= f->override || !strcmp(text, "(null)");
}

static int read_autoprobe(struct cxl_host *host, const char *dir)
{
	char path[PATH_MAX], text[16];
	ssize_t n = sysfs_join(path, sizeof(path), dir, "sriov_drivers_autoprobe");

	n = n ? n : sysfs_read(host->fs, path, text, sizeof(text));
	if (n == -ENOENT)
		return -1;
	return n == 1 && (*text == '0' || *text == '1') ? *text - '0' : -2;
}

/* What a recovery with its driver's consent has to know of the device: all that is on its bus. */
static int read_device(struct cxl_host *host, struct cxl_root_port *rp, const char *path)
{
	struct device_function *v;
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, path, is_pci_address, &names);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	sysfs_sort(&names);
	v = arena_alloc(host->arena, names.n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		const char *dir = arena_printf(host->arena, "%s/%s", path, names.v[i]);

		if (!dir)
			return -ENOMEM;
		v[i] = (struct device_function){
			.name = names.v[i],
			.driver = attr_link_name(host, names.v[i], dir, "driver"),
			.physical = attr_link_name(host, names.v[i], dir, "physfn"),
			.numvfs = read_numvfs(host, dir), .vf_autoprobe = read_autoprobe(host, dir),
		};
		read_override(host, dir, &v[i]);
	}
	rp->device_functions = v;
	rp->n_device_functions = names.n;
	return 0;
}

static int read_accelerator_device(struct cxl_host *host, struct cxl_root_port *rp)
{
	const char *path = rp->accelerators->path, *slash = strrchr(path, '/');
	const char *bus = arena_strndup(host->arena, path, (size_t)(slash - path));

	return bus ? read_device(host, rp, bus) : -ENOMEM;
}

static bool path_is_directly_below(const char *path, const char *above)
{
	const char *slash = strrchr(path, '/');

	return slash && (size_t)(slash - path) == strlen(above);
}

static int add_accelerator(struct cxl_host *host, struct cxl_root_port *rp, const char *path,
			   const char *name, const struct cxl_memdev *m, uint16_t caps)
{
	const char *driver = attr_link_name(host, name, path, "driver");
	struct cxl_accelerator *more;

	/* a type-3 device, whose memdev is not there: cxl_pci's, or would be */
	if (!m && (driver ? !strcmp(driver, "cxl_pci") : !(caps & DVSEC_CAP_CACHE)))
		return 0;
	more = arena_alloc(host->arena, rp->n_accelerators + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (rp->n_accelerators)
		memcpy(more, rp->accelerators, rp->n_accelerators * sizeof(*more));
	more[rp->n_accelerators++] = (struct cxl_accelerator){
		.name = name, .path = path, .driver = driver, .caps = caps, .memdev = m,
		.reset_method = if_there(host, path, "reset_method"),
		.cxl_reset = m ? if_there(host, m->path, "cxl_reset") : NULL,
	};
	rp->accelerators = more;
	more += rp->n_accelerators - 1;
	if (!more->cxl_reset)
		more->cxl_reset = if_there(host, path, "cxl_reset");
	more->is_direct = path_is_directly_below(path, rp->path);
	return 0;
}

/* A bridge has a bus below it, whether anything is there or not. */
static bool is_bridge(struct cxl_host *host, const char *path)
{
	char bus[PATH_MAX];

	return !sysfs_join(bus, sizeof(bus), path, "pci_bus") && sysfs_exists(host->fs, bus);
}

static int add_function(struct cxl_host *host, struct cxl_root_port *rp, const char *path,
			const char *name)
{
	struct pci_function *more = arena_alloc(host->arena, rp->n_pci_functions + 1,
						sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (rp->n_pci_functions)
		memcpy(more, rp->pci_functions, rp->n_pci_functions * sizeof(*more));
	rp->pci_functions = more;
	more += rp->n_pci_functions++;
	*more = (struct pci_function){ name, attr_link_name(host, name, path, "driver") };
	return 0;
}

/* What DVSEC 0 of the device at @path says, which counts for @rp: as registers_device_caps(). */
static int see_device(struct cxl_host *host, struct cxl_root_port *rp, const char *path)
{
	int caps = registers_device_caps(host, path);

	rp->below_unread |= caps < 0;
	if (caps > 0)
		rp->caps_below |= (uint16_t)caps;
	return caps;
}

/* Behind a link that is down nothing answers; whose driver has it stays known. */
static bool may_be_accelerator(struct cxl_host *host, const char *path, const char *name, int caps)
{
	const char *driver = caps == DEVICE_CAPS_NO_ANSWER ? attr_link_name(host, name, path, "driver") : NULL;

	return driver && strcmp(driver, "cxl_pci");
}

/*
 * A virtual function has no vendor of its own, all ones (PCIe r6.0 sec 9.3.4.1.1), which is
 * not that it does not answer; and no DVSEC, its physical function has that.
 */
static bool is_virtual(struct cxl_host *host, const char *path)
{
	char physical[PATH_MAX], link[PATH_MAX];

	return !sysfs_join(physical, sizeof(physical), path, "physfn") &&
	       sysfs_readlink(host->fs, physical, link, sizeof(link)) > 0;
}

static int scan(struct cxl_host *host, struct cxl_root_port *rp, const char *path,
		unsigned int depth);

static int scan_function(struct cxl_host *host, struct cxl_root_port *rp, const char *path,
			 const char *name, unsigned int depth)
{
	const struct cxl_memdev *m = root_port_memdev(rp, name);
	int caps;

	if (!m && is_bridge(host, path))
		return depth ? scan(host, rp, path, depth - 1) : 0;
	if (!m && is_virtual(host, path))
		return add_function(host, rp, path, name);
	caps = see_device(host, rp, path);
	if (m && !m->is_accelerator)
		return 0;
	if (m || caps > 0 || may_be_accelerator(host, path, name, caps))
		return add_accelerator(host, rp, path, name, m, caps > 0 ? (uint16_t)caps : 0);
	return caps ? 0 : add_function(host, rp, path, name);
}

/* What hangs below the PCI function at @path, switches walked through. */
static int scan(struct cxl_host *host, struct cxl_root_port *rp, const char *path,
		unsigned int depth)
{
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, path, is_pci_address, &names);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	sysfs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		const char *child = arena_printf(host->arena, "%s/%s", path, names.v[i]);

		rc = child ? scan_function(host, rp, child, names.v[i], depth) : -ENOMEM;
	}
	return rc;
}

/* Below a root port with one type-3 memdev and no switch nothing else of CXL can be. */
static bool is_simple(const struct cxl_root_port *rp)
{
	return rp->n_memdevs == 1 && rp->memdevs[0]->n_chain == 2 &&
	       !rp->memdevs[0]->is_accelerator;
}

static int scan_simple(struct cxl_host *host, struct cxl_root_port *rp)
{
	const struct cxl_memdev *m = rp->memdevs[0];
	const char *path = arena_printf(host->arena, "%s/%s", rp->path, m->host);

	if (!path)
		return -ENOMEM;
	see_device(host, rp, path);
	return 0;
}

int devices_read(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->own->root_ports[i];

		if (rp->present &&
		    (is_simple(rp) ? scan_simple(host, rp) : scan(host, rp, rp->path, 4)))
			return -ENOMEM;
		if (rp->n_accelerators && read_accelerator_device(host, rp))
			return -ENOMEM;
		if (rp->bridge)
			OWN(host, ports, rp->bridge)->n_endpoints += root_port_endpoints(rp);
	}
	return link_ways_find(host);
}
