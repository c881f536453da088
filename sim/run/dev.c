// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private /dev: see dev.h.  Memory devices are plain files since nothing
 * answers their ioctls; dax devices are sparse ones of the device's size, which
 * can be mapped, while device_dax has them.  Otherwise nothing answers: a socket's
 * file, whose open() says ENXIO as well.
 */
#include "sim/run/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sim/models/dax.h"
#include "sim/run/event.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
static const char *const dirs[] = { "pts", "shm", "mqueue" };

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int make_file(int dirfd, const char *name, mode_t mode, uint64_t size)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, mode) || (size && ftruncate(fd, (off_t)size)))
		return -errno;
	return 0;
}

static int make_dir(int dirfd, const char *name)
{
	return mkdirat(dirfd, name, 0755) && errno != EEXIST ? -errno : 0;
}

/* What the machine does not have, the run does not have. */
static int bind_from_machine(const char *dir, const char *name)
{
	char from[256], to[256];
	struct stat st;
	int rc, fd;

	snprintf(from, sizeof(from), "/dev/%s", name);
	if ((size_t)snprintf(to, sizeof(to), "%s/%s", dir, name) >= sizeof(to))
		return -ENAMETOOLONG;
	if (stat(from, &st))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		rc = mkdir(to, 0755) ? -errno : 0;
	} else {
		fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		rc = fd < 0 ? -errno : 0;
		if (fd >= 0)
			close(fd);
	}
	if (!rc && mount(from, to, NULL, MS_BIND | MS_REC, NULL))
		rc = -errno;
	return rc;
}

/*
 * It finds its terminals beside itself (devpts_mntget() in fs/devpts/inode.c), so a bind of
 * the machine's does not do.  Who may make no node takes that of devpts, whose mode may
 * forbid it.
 */
static int add_ptmx(int dirfd)
{
	if (!mknodat(dirfd, "ptmx", S_IFCHR, makedev(5, 2)))
		return fchmodat(dirfd, "ptmx", 0666, 0) ? -errno : 0;
	return symlinkat("pts/ptmx", dirfd, "ptmx") ? -errno : 0;
}

static int add_memdevs(int dirfd, const struct tree *tree)
{
	const struct node *devices = tree_dir(tree, "/sys/bus/cxl/devices");
	int rc = devices ? make_dir(dirfd, "cxl") : 0;

	for (size_t i = 0; !rc && devices && i < devices->n_children; i++) {
		char path[64];
		unsigned int number;

		if (!parse_name(devices->children[i]->name, "mem", &number))
			continue;
		snprintf(path, sizeof(path), "cxl/mem%u", number);
		rc = make_file(dirfd, path, 0600, 0);
	}
	return rc;
}

static int add_dax(int dirfd, const struct tree *tree)
{
	const struct node *devices = tree_dir(tree, "/sys/bus/dax/devices");
	int rc = 0;

	for (size_t i = 0; !rc && devices && i < devices->n_children; i++) {
		struct node *link = devices->children[i];
		const struct node *dax = link->kind == NODE_LINK
						 ? tree_resolve(tree, link->parent, link->data)
						 : NULL;
		const char *driver = dax ? dev_driver(dax) : NULL;
		uint64_t size = 0;
		char text[64];

		if (!dax || fnmatch("dax[0-9]*.[0-9]*", link->name, 0))
			continue;
		if (!tree_text(dax, "size", text, sizeof(text)) || parse_u64(text, &size) || size > INT64_MAX)
			size = 0;
		if (dax_driver_answers(driver))
			rc = make_file(dirfd, link->name, 0600, size);
		else
			rc = mknodat(dirfd, link->name, S_IFSOCK | 0600, 0) ? -errno : 0;
	}
	return rc;
}

static int add_ndctl(int dirfd, const struct tree *tree)
{
	const struct node *devices = tree_dir(tree, "/sys/class/nd");
	unsigned int number;
	int rc = 0;

	for (size_t i = 0; !rc && devices && i < devices->n_children; i++)
		if (parse_name(devices->children[i]->name, "ndctl", &number))
			rc = make_file(dirfd, devices->children[i]->name, 0600, 0);
	return rc;
}

int dev_populate(const char *dir, const struct sim *sim)
{
	_cleanup_close_ int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dirfd < 0 ? -errno : 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(nodes); i++)
		rc = bind_from_machine(dir, nodes[i]);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(dirs); i++)
		rc = bind_from_machine(dir, dirs[i]);
	rc = rc ? rc : add_ptmx(dirfd);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(links); i++)
		rc = symlinkat(links[i].target, dirfd, links[i].name) ? -errno : 0;
	rc = rc ? rc : make_file(dirfd, "kmsg", 0600, 0);
	rc = rc ? rc : make_dir(dirfd, "cxl-sim");
	if (rc || !sim)
		return rc;
	rc = add_memdevs(dirfd, &sim->tree);
	rc = rc ? rc : add_dax(dirfd, &sim->tree);
	rc = rc ? rc : add_ndctl(dirfd, &sim->tree);
	return rc ? rc : make_file(dirfd, EVENT_NAME, 0666, 0);
}
