// SPDX-License-Identifier: GPL-2.0-only
/* The control groups and their memory nodes: see read_cgroups.h. */
#include "lib/read/read_cgroups.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/read/reader.h"
#include "util/parse.h"

#define TOP "sys/fs/cgroup"
enum { MAX_CGROUPS = 4096, MAX_DEPTH = 16, MAX_MEMS = 4096 };

/* Without one of these nobody can look after the host, or get onto it. */
static const char *const core[] = {
	"init.scope", "systemd-journald.service", "systemd-udevd.service", "systemd-logind.service",
	"systemd-networkd.service", "systemd-resolved.service", "dbus.service", "dbus-broker.service",
	"NetworkManager.service", "ssh.service", "sshd.service", "multipathd.service", "iscsid.service",
	"chronyd.service", "libvirtd.service", "virtqemud.service",
};

bool cgroup_has_node(const char *mems, unsigned int id)
{
	for (const char *p = mems; *p;) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (end == p)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (id >= first && id <= last)
			return true;
		p = *end == ',' ? end + 1 : "";
	}
	return false;
}

static bool is_core(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
		if (!strcmp(name, core[i]))
			return true;
	return false;
}

static void read_pid1(const struct cxl_host *host, char *buf, size_t size)
{
	char text[MAX_MEMS];

	*buf = '\0';
	if (sysfs_read(host->fs, "proc/1/cgroup", text, sizeof(text)) <= 0 ||
	    !owner_cgroup_of(text, buf, size))
		*buf = '\0';
}

/* Beside the groups there are files, each with its controller's name in front. */
static bool is_group(const char *name)
{
	static const char *const controllers[] = { "cgroup.", "cpu.", "cpuset.", "memory.", "io.", "pids.",
						   "hugetlb.", "rdma.", "misc.", "irq.", "dmem." };
	static const char *const units[] = { ".slice", ".service", ".scope", ".mount", ".socket", ".swap" };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (has_suffix(name, units[i]))
			return true;
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (!strncmp(name, controllers[i], strlen(controllers[i])))
			return false;
	return true;
}

struct reading {
	const struct cxl_host *host;
	struct cgroup_list *ret;
	char pid1[1024];
};

/* *@ret: those of @path, which are @above's where it has no file.  -errno. */
static int read_mems(const struct reading *r, const char *path, const char *above,
		     struct cgroup_mems *ret)
{
	char file[PATH_MAX], text[MAX_MEMS];
	ssize_t n;

	if (sysfs_join(file, sizeof(file), path, "cpuset.mems.effective"))
		return -ENAMETOOLONG;
	n = sysfs_read(r->host->fs, file, text, sizeof(text));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	ret->is_own = n >= 0;
	ret->mems = n < 0 ? above : arena_strdup(r->host->arena, text);
	return ret->mems ? 0 : n < 0 ? -ENOENT : -ENOMEM;
}

static int add(struct reading *r, const char *path, const char *above, unsigned int depth)
{
	struct cgroup_list *all = r->ret;
	struct cgroup_mems *c = &all->v[all->n];
	struct sysfs_names names;
	int rc;

	if (all->n == MAX_CGROUPS || depth > MAX_DEPTH) {
		all->is_whole = false;
		return 0;
	}
	*c = (struct cgroup_mems){ .path = path + strlen(TOP), .depth = depth };
	if (!*c->path)
		c->path = "/";
	rc = read_mems(r, path, above, c);
	if ((rc == -ENOENT || rc == -ENOTDIR || rc == -ENODEV) && depth)	/* it went meanwhile, or is none */
		return 0;
	if (rc)
		return rc;
	c->has_pid1 = depth && !strcmp(c->path, r->pid1);
	c->is_core = c->has_pid1 || is_core(c->path);
	all->n++;
	/* where it has no file nothing below it has one */
	if (!c->is_own && !(depth <= 1))
		return 0;
	rc = sysfs_list(r->host->fs, r->host->arena, path, NULL, &names);
	if (rc)
		return rc == -ENOMEM || !depth ? rc : 0;
	sysfs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		const char *child;

		if (!is_group(names.v[i]))
			continue;
		child = arena_printf(r->host->arena, "%s/%s", path, names.v[i]);
		rc = child ? add(r, child, c->mems, depth + 1) : -ENOMEM;
	}
	return rc;
}

int cgroups_read(const struct cxl_host *host, struct cgroup_list *ret)
{
	struct reading r = { .host = host, .ret = ret };

	*ret = (struct cgroup_list){ .v = arena_alloc(host->arena, MAX_CGROUPS, sizeof(*ret->v)),
				     .is_whole = true };
	if (!ret->v)
		return -ENOMEM;
	if (!sysfs_exists(host->fs, TOP "/cgroup.controllers"))	/* version 1 has none */
		return -ENOENT;
	read_pid1(host, r.pid1, sizeof(r.pid1));
	return add(&r, TOP, NULL, 0);
}
