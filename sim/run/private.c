// SPDX-License-Identifier: GPL-2.0-only
/*
 * See private.h.  A directory above a private one is a tmpfs of links to what the
 * machine has there, since what does not exist yet cannot be mounted over.
 */
#include "sim/run/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/state.h"

/* A directory to cover, where the machine's is kept below /dev, and what is private
 * in it: the machine's is not seen. */
struct cover {
	const char *dir, *kept, *private[5];
	const char *target;	/* what is private is a link to this; NULL: a directory */
};

static const struct cover etc = { "/etc", "cxl-sim/etc", { "udev/rules.d", "cxl", "systemd/system", "modprobe.d" }, NULL };

/* Is @name, or something below it, private? */
static bool holds_private(const struct cover *c, const char *name, bool *ret_itself)
{
	size_t n = strlen(name);

	*ret_itself = false;
	for (const char *const *p = c->private; *p; p++) {
		if (strncmp(*p, name, n) || ((*p)[n] && (*p)[n] != '/'))
			continue;
		*ret_itself = !(*p)[n];
		return true;
	}
	return false;
}

static int make_dirs(int dirfd, const char *path)
{
	char part[256];

	for (size_t n = strcspn(path, "/"); ; n += 1 + strcspn(path + n + 1, "/")) {
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (mkdirat(dirfd, part, 0755) && errno != EEXIST)
			return -errno;
		if (!path[n])
			return 0;
	}
}

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0 ? NULL : path;
}

/* A link to @target, or where @source is one itself, what that is. */
static int link_entry(const char *source, const char *target, int to, const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlink(source, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return symlinkat(n > 0 ? text : target, to, path) ? -errno : 0;
}

/*
 * Links in @to for everything in @from, which will be seen at @seen; what is
 * private is left out.  @below is where @from is, from the covered directory.
 */
static int link_entries(const struct cover *c, const char *from, int to, const char *seen,
			const char *below)
{
	_cleanup_closedir_ DIR *dir = opendir(from);
	struct dirent *d;
	int rc = 0;

	while (dir && !rc && (d = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *source = NULL, *target = NULL;
		bool itself;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		path = join(below, d->d_name);
		source = join(from, d->d_name);
		target = path ? join(seen, path) : NULL;
		if (!source || !target)
			return -ENOMEM;
		if (holds_private(c, path, &itself)) {
			if (!itself && !*below)
				rc = make_dirs(to, path);
			if (!itself && !rc)
				rc = link_entries(c, source, to, seen, path);
			continue;
		}
		rc = link_entry(source, target, to, path);
	}
	return rc;
}

static int cover(const struct cover *c, const char *dev)
{
	_cleanup_close_ int fd = -1;
	char kept[128], seen[128];
	struct stat st;
	int rc;

	if (stat(c->dir, &st))
		return 0;
	snprintf(kept, sizeof(kept), "%s/%s", dev, c->kept);
	snprintf(seen, sizeof(seen), "/dev/%s", c->kept);
	if (mkdir(kept, 0755) || mount(c->dir, kept, NULL, MS_BIND | MS_REC, NULL) ||
	    mount("cxl-sim", c->dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
		return -errno;
	fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -errno : link_entries(c, kept, fd, seen, "");
	for (const char *const *p = c->private; *p && !rc; p++)
		rc = c->target ? (symlinkat(c->target, fd, *p) ? -errno : 0) : make_dirs(fd, *p);
	return rc;
}

/* The host's texts: nodes of the tree outside of /sys and /proc, which nobody else sees. */
static int write_files(const struct node *dir, int at)
{
	int rc = 0;

	for (size_t i = 0; i < dir->n_children && !rc; i++) {
		const struct node *n = dir->children[i];
		_cleanup_close_ int fd = -1;

		if (n->kind == NODE_DIR) {
			rc = make_dirs(at, n->name);
			fd = rc ? -1 : openat(at, n->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			rc = rc ? rc : fd < 0 ? -errno : write_files(n, fd);
			continue;
		}
		fd = openat(at, n->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, n->data, n->len) != (ssize_t)n->len)
			rc = errno ? -errno : -EIO;
	}
	return rc;
}

/*
 * udev's data base and control socket are the machine's.  Of the run's own udev there is
 * what libudev looks for before it waits for what udev has to say.
 */
static int cover_run_udev(const char *dev)
{
	static const struct cover run = { "/run", "cxl-sim/run", { "udev/rules.d" }, NULL };
	_cleanup_close_ int fd = -1;
	struct stat st;
	int rc = 0;

	if (stat("/run/udev", &st))
		rc = cover(&run, dev);
	else if (mount("cxl-sim", "/run/udev", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") || mkdir("/run/udev/rules.d", 0755))
		rc = -errno;
	if (rc || stat("/run/udev", &st))
		return rc;
	fd = open("/run/udev/control", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : 0;
}

/* What the tree holds in @from, into the run's directory @to. */
static int fill(const struct sim *sim, const char *from, const char *to)
{
	const struct node *dir = sim ? tree_dir(&sim->tree, from) : NULL;
	_cleanup_close_ int fd = dir ? open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!dir || (fd < 0 && errno == ENOENT))
		return 0;
	return fd < 0 ? -errno : write_files(dir, fd);
}

/*
 * Journals, records and proofs are of this host: none is seen of the machine's, where
 * programs find the run's as well if they are not told of it.
 */
static int set_up_state(const char *dev, const struct sim *sim)
{
	char parent[] = STATE_DIR, *slash = strrchr(parent, '/'), path[128];
	const struct cover state = { parent, "cxl-sim/state", { slash ? slash + 1 : NULL }, PRIVATE_STATE_DIR };
	int rc;

	snprintf(path, sizeof(path), "%s%s", dev, &PRIVATE_STATE_DIR[strlen("/dev")]);
	if (mkdir(path, 0700))
		return -errno;
	rc = fill(sim, "/" STATE_DIR_CAPTURED, path);
	if (rc || !slash || slash == parent)
		return rc;
	*slash = '\0';
	return cover(&state, dev);
}

int private_set_up(const char *dev, const struct sim *sim)
{
	int rc = cover(&etc, dev);

	rc = rc ? rc : fill(sim, "/etc", "/etc");
	rc = rc ? rc : set_up_state(dev, sim);
	return rc ? rc : cover_run_udev(dev);
}
