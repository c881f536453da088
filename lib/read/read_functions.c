// SPDX-License-Identifier: GPL-2.0-only
/* What hangs below a root port, whatever type it is: see read_functions.h. */
#include "lib/read/read_functions.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/consent.h"
#include "lib/read/process.h"
#include "lib/read/reader.h"
#include "util/parse.h"

#define BLOCKS "sys/class/block"
enum { MAX_DEPTH = 5, MAX_FUNCTIONS = 4096, MAX_BLOCKS = 8192, MAX_FDS = 65536 };

struct reading {
	const struct cxl_host *host;
	struct function_uses *ret;
	size_t capacity;
	struct arena scratch;
};

static bool has(const struct reading *r, const char *dir, const char *name)
{
	char path[PATH_MAX];

	return !sysfs_join(path, sizeof(path), dir, name) && sysfs_exists(r->host->fs, path);
}

/* --- the functions ---------------------------------------------------------------------- */

static const char *link_name(const struct reading *r, const char *dir, const char *attr)
{
	char path[PATH_MAX], link[PATH_MAX];
	const char *slash;

	if (sysfs_join(path, sizeof(path), dir, attr) ||
	    sysfs_readlink(r->host->fs, path, link, sizeof(link)) <= 0)
		return NULL;
	slash = strrchr(link, '/');
	return arena_strdup(r->host->arena, slash ? slash + 1 : link);
}

static struct function_use *room_for(struct reading *r)
{
	struct function_uses *all = r->ret;
	struct function_use *v = arena_room(r->host->arena, all->v, all->n, &r->capacity,
					    sizeof(*v));

	if (!v)
		return NULL;
	all->v = v;
	return &v[all->n++];
}

static int add_function(struct reading *r, const char *path, const char *name)
{
	struct function_use *f = r->ret->n < MAX_FUNCTIONS ? room_for(r) : NULL;
	struct sysfs_names names;
	char net[PATH_MAX];

	if (!f)
		return r->ret->n < MAX_FUNCTIONS ? -ENOMEM : 0;
	*f = (struct function_use){ .name = name,
				    .path = path,
				    .driver = link_name(r, path, "driver"),
				    .physical = link_name(r, path, "physfn"),
				    .iommu_group = link_name(r, path, "iommu_group") };
	if (sysfs_join(net, sizeof(net), path, "net") ||
	    sysfs_list(r->host->fs, r->host->arena, net, NULL, &names))
		return 0;
	sysfs_sort(&names);
	f->netdevs = (const char *const *)names.v;
	f->n_netdevs = names.n;
	return 0;
}

static int scan(struct reading *r, const char *path, unsigned int depth)
{
	struct sysfs_names names;
	int rc = sysfs_list(r->host->fs, r->host->arena, path, is_pci_address, &names);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	sysfs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		const char *child = arena_printf(r->host->arena, "%s/%s", path, names.v[i]);

		if (!child)
			return -ENOMEM;
		if (has(r, child, "pci_bus"))	/* a bridge, whether anything is behind it or not */
			rc = depth ? scan(r, child, depth - 1) : 0;
		else
			rc = add_function(r, child, names.v[i]);
	}
	return rc;
}

/* --- block devices ---------------------------------------------------------------------- */

/* The function that @link, "../../devices/pci.../0000:0d:00.0/.../sda", leads through last. */
static struct function_use *owner_of(const struct reading *r, const char *link)
{
	struct function_use *found = NULL;
	char part[64];

	for (size_t i = 0; i < r->ret->n; i++) {
		snprintf(part, sizeof(part), "/%.60s/", r->ret->v[i].name);
		if (strstr(link, part))
			found = &r->ret->v[i];
	}
	return found;
}

static int add_block(const struct reading *r, struct function_use *f, const char *name)
{
	const char **more = arena_alloc(r->host->arena, f->n_blocks + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (f->n_blocks)
		memcpy(more, f->blocks, f->n_blocks * sizeof(*more));
	more[f->n_blocks++] = name;
	f->blocks = more;
	return 0;
}

static int read_blocks(struct reading *r)
{
	char path[PATH_MAX], link[PATH_MAX];
	struct sysfs_names names;
	int rc = sysfs_list(r->host->fs, r->host->arena, BLOCKS, NULL, &names);
	bool is_whole = !rc && names.n <= MAX_BLOCKS;

	if (rc == -ENOMEM)
		return rc;
	for (size_t i = 0; i < r->ret->n; i++)
		r->ret->v[i].blocks_unknown = !is_whole;
	if (!is_whole)
		return 0;
	sysfs_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct function_use *f;

		if (sysfs_join(path, sizeof(path), BLOCKS, names.v[i]) ||
		    sysfs_readlink(r->host->fs, path, link, sizeof(link)) <= 0)
			continue;
		f = owner_of(r, link);
		if (f && !has(r, path, "partition") && add_block(r, f, names.v[i]))
			return -ENOMEM;
	}
	return 0;
}

/* --- who has it through VFIO ---------------------------------------------------------------- */

/* "/dev/vfio/12", and of Linux 6.6 and newer "/dev/vfio/devices/vfio0"; one of them may be "". */
struct vfio_nodes {
	char group[64], device[96];
};

/* Has it any?  Only a driver of VFIO gives them to it. */
static bool nodes_of(struct reading *r, const struct function_use *f, struct vfio_nodes *ret)
{
	struct sysfs_names names;
	char dir[PATH_MAX];

	*ret = (struct vfio_nodes){ 0 };
	if (!driver_is_vfio(f->driver))
		return false;
	if (f->iommu_group)
		snprintf(ret->group, sizeof(ret->group), "/dev/vfio/%.40s", f->iommu_group);
	if (!sysfs_join(dir, sizeof(dir), f->path, "vfio-dev") &&
	    !sysfs_list(r->host->fs, &r->scratch, dir, NULL, &names) && names.n)
		snprintf(ret->device, sizeof(ret->device), "/dev/vfio/devices/%.60s", names.v[0]);
	return true;
}

static int add_user(const struct reading *r, struct function_use *f, const char *pid)
{
	struct dax_user *more, *u;
	uint64_t number;

	if (parse_u64(pid, &number) ||
	    (f->n_users && f->users[f->n_users - 1].pid == (pid_t)number))
		return 0;
	more = arena_alloc(r->host->arena, f->n_users + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (f->n_users)
		memcpy(more, f->users, f->n_users * sizeof(*more));
	u = &more[f->n_users++];
	f->users = more;
	*u = (struct dax_user){ .pid = (pid_t)number, .command = process_command(r->host, pid) };
	return !u->command || process_owner(r->host, pid, &u->owner) ? -ENOMEM : 0;
}

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

/* -EACCES: it does not let us. */
static int look_into(struct reading *r, const char *pid, const struct vfio_nodes *nodes)
{
	char path[128], link[128];
	struct sysfs_names fds;
	int rc;

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	rc = sysfs_list(r->host->fs, &r->scratch, path, is_number, &fds);
	for (size_t i = 0; !rc && i < fds.n && i < MAX_FDS; i++) {
		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, fds.v[i]);
		if (sysfs_readlink(r->host->fs, path, link, sizeof(link)) <= 0)
			continue;
		for (size_t k = 0; !rc && k < r->ret->n; k++)
			if (!strcmp(link, nodes[k].group) || !strcmp(link, nodes[k].device))
				rc = add_user(r, &r->ret->v[k], pid);
	}
	return rc;
}

static int read_users(struct reading *r)
{
	struct vfio_nodes *nodes = arena_alloc(&r->scratch, r->ret->n, sizeof(*nodes));
	bool any = false, is_hidden = r->host->fs->is_capture;
	struct sysfs_names pids = { 0 };
	int rc = nodes ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < r->ret->n; i++)
		any |= nodes_of(r, &r->ret->v[i], &nodes[i]);
	if (rc || !any)
		return rc;
	if (!is_hidden)
		rc = process_list(r->host, &r->scratch, &pids);
	is_hidden |= rc || !process_list_is_whole(&pids);
	for (size_t i = 0; rc != -ENOMEM && i < pids.n; i++) {
		rc = look_into(r, pids.v[i], nodes);
		is_hidden |= rc == -EACCES || rc == -EPERM;
	}
	for (size_t i = 0; i < r->ret->n; i++)
		r->ret->v[i].users_unknown = is_hidden && (*nodes[i].group || *nodes[i].device);
	return rc == -ENOMEM ? rc : 0;
}

int functions_read(const struct cxl_host *host, size_t at, struct function_uses *ret)
{
	struct reading r = { .host = host, .ret = ret };
	int rc;

	*ret = (struct function_uses){ 0 };
	rc = host->root_ports[at].present ? scan(&r, host->root_ports[at].path, MAX_DEPTH) : 0;
	if (!rc && ret->n)
		rc = read_blocks(&r);
	if (!rc && ret->n)
		rc = read_users(&r);
	arena_free(&r.scratch);
	return rc;
}
