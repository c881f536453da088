// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has the dax devices open or mapped: one walk of /proc for all of them.
 *
 * A mapping outlives its descriptor, so both are looked for.  A device is
 * known by its number, whatever its node is called, and by its node in /dev
 * (a simulated host has plain files there).  Nothing is walked when no dax
 * device is bound to device_dax, or when the kernel says that none is open.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/model/host.h"
#include "lib/read/process.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* A file as /proc/PID/maps names it: device of its file system, and inode. */
struct file_id {
	dev_t dev;
	uint64_t ino;
};

/* A dax device that processes can map. */
struct watched {
	struct cxl_dax *dax;
	struct dax_user *users;	/* of it, to be filled in */
	bool has_number, has_node;
	dev_t number;		/* of the character device */
	struct file_id node;	/* of /dev/daxX.Y */
	char path[64];
	struct dax_user now;	/* what the process at hand does with it */
	bool is_used;
};

struct walk {
	struct cxl_host *host;
	struct watched *watched;
	size_t n;
	struct arena scratch;
	/* the last other file that was found shared, and what it is: many
	 * processes map the same ones */
	struct file_id other;
	struct watched *other_is;
};

static bool same_file(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static dev_t statx_number(const struct statx *st)
{
	return makedev(st->stx_rdev_major, st->stx_rdev_minor);
}

static struct file_id statx_id(const struct statx *st)
{
	return (struct file_id){ makedev(st->stx_dev_major, st->stx_dev_minor), st->stx_ino };
}

/* --- which devices, and is any of them open at all? ----------------------- */

static void read_number(struct cxl_host *host, struct watched *w)
{
	char path[PATH_MAX], text[32];
	unsigned int major, minor;

	if (!sysfs_join(path, sizeof(path), w->dax->path, "dev") &&
	    sysfs_read(host->fs, path, text, sizeof(text)) > 0 && sscanf(text, "%9u:%9u", &major, &minor) == 2) {
		w->number = makedev(major, minor);
		w->has_number = true;
	}
}

/*
 * An open dax device holds its driver's module: chrdev_open() and cdev_get()
 * with the owner that drivers/dax/device.c sets.  So a count of 0 means that
 * nobody has one open or mapped, and needs neither a walk nor root.  A plain
 * file in place of a node holds nothing.
 */
static bool is_surely_unused(struct cxl_host *host, bool real_nodes, const char *driver)
{
	char path[64], text[32];
	uint64_t count;

	snprintf(path, sizeof(path), "sys/module/%.30s/refcnt", driver);
	if (!real_nodes || sysfs_read(host->fs, path, text, sizeof(text)) <= 0 ||
	    parse_u64(text, &count))
		return false;
	host->dax_in_use |= count > 0;
	return !count;
}

/* Fill walk->watched; true when there is something to look for. */
static bool watch(struct walk *walk)
{
	struct cxl_host *host = walk->host;
	bool real_nodes = true, has_fsdev = false, is_unused;

	for (size_t i = 0; i < host->n_dax; i++) {
		struct watched *w = &walk->watched[walk->n];
		struct statx st;

		/* with fsdev_dax it can be opened, though not mapped */
		if (!dax_is_device_dax(&host->dax[i]) && !dax_is_fsdev(&host->dax[i]))
			continue;
		has_fsdev |= dax_is_fsdev(&host->dax[i]);
		*w = (struct watched){ .dax = &host->own->dax[i] };
		snprintf(w->path, sizeof(w->path), "dev/%.32s", w->dax->name);
		w->has_node = !sysfs_stat(host->fs, w->path, &st);
		if (w->has_node)
			w->node = statx_id(&st);
		if (w->has_node && S_ISCHR(st.stx_mode)) {
			w->number = statx_number(&st);
			w->has_number = true;
		} else {
			real_nodes &= !w->has_node;
			read_number(host, w);
		}
		walk->n++;
	}
	is_unused = is_surely_unused(host, real_nodes, DAX_DEVICE_DAX_NAME);
	if (has_fsdev)
		is_unused &= is_surely_unused(host, real_nodes, DAX_FSDEV_NAME);
	return walk->n && !is_unused;
}

/* --- one process ------------------------------------------------------------ */

static struct watched *by_number(struct walk *walk, const struct statx *st)
{
	for (size_t i = 0; S_ISCHR(st->stx_mode) && i < walk->n; i++)
		if (walk->watched[i].has_number && walk->watched[i].number == statx_number(st))
			return &walk->watched[i];
	return NULL;
}

static struct watched *by_node(struct walk *walk, const struct file_id *id)
{
	for (size_t i = 0; i < walk->n; i++)
		if (walk->watched[i].has_node && same_file(&walk->watched[i].node, id))
			return &walk->watched[i];
	return NULL;
}

static struct watched *by_path(struct walk *walk, const char *path)
{
	for (size_t i = 0; *path == '/' && i < walk->n; i++)
		if (!strcmp(path + 1, walk->watched[i].path))
			return &walk->watched[i];
	return NULL;
}

/* What a mapping of any other file maps: a node of another name has the number. */
static struct watched *by_mapping(struct walk *walk, const char *pid, const char *range,
				  const struct file_id *id)
{
	char path[128];
	struct statx st;

	if (same_file(&walk->other, id))
		return walk->other_is;
	snprintf(path, sizeof(path), "proc/%s/map_files/%s", pid, range);
	if (sysfs_stat(walk->host->fs, path, &st))	/* needs CAP_CHECKPOINT_RESTORE */
		return NULL;
	walk->other = *id;
	walk->other_is = by_number(walk, &st);
	return walk->other_is;
}

/* "7f00-7f08 rw-s 00000000 00:06 440   /dev/dax0.0": proc(5).  device_dax
 * refuses private mappings, so only shared ones are looked at. */
static void take_mapping(struct walk *walk, const char *pid, char *line)
{
	char *range = line, *perms = strchr(line, ' '), *at, *end;
	struct file_id id;
	struct watched *w;
	uint64_t from, to;
	unsigned long major, minor;

	if (!perms || strlen(perms) < 6 || perms[4] != 's')
		return;
	*perms = '\0';
	from = strtoull(range, &end, 16);
	if (*end != '-')
		return;
	to = strtoull(end + 1, &end, 16);
	at = strchr(perms + 6, ' ');	/* behind the offset */
	if (*end || !at || to < from)
		return;
	major = strtoul(at + 1, &end, 16);
	if (*end != ':')
		return;
	minor = strtoul(end + 1, &end, 16);
	id = (struct file_id){ makedev((unsigned int)major, (unsigned int)minor),
			       strtoull(end, &end, 10) };
	if (!id.ino)
		return;
	w = by_node(walk, &id);
	if (!w)
		w = by_path(walk, end + strspn(end, " "));
	if (!w)
		w = by_mapping(walk, pid, range, &id);
	if (!w)
		return;
	w->is_used = true;
	w->now.maps = true;
	w->now.mapped_bytes += to - from;
}

/* The kernel hands out maps in pieces of at most a page, in whole lines or not. */
static int read_maps(struct walk *walk, const char *pid, bool *ret_has_memory)
{
	char path[64], buf[16384];
	_cleanup_close_ int fd = -1;
	size_t kept = 0;

	*ret_has_memory = false;
	snprintf(path, sizeof(path), "proc/%s/maps", pid);
	fd = sysfs_open(walk->host->fs, path, O_RDONLY);
	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, buf + kept, sizeof(buf) - 1 - kept);
		char *line = buf, *nl;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		*ret_has_memory = true;
		buf[kept + (size_t)n] = '\0';
		for (; (nl = strchr(line, '\n')); line = nl + 1) {
			*nl = '\0';
			take_mapping(walk, pid, line);
		}
		kept = strlen(line);
		if (kept == sizeof(buf) - 1)	/* no line is that long */
			kept = 0;
		memmove(buf, line, kept);
	}
}

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

static int read_descriptors(struct walk *walk, const char *pid)
{
	struct sysfs_names names;
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	rc = sysfs_list(walk->host->fs, &walk->scratch, path, is_number, &names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		struct watched *w;
		struct file_id id;
		struct statx st;

		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, names.v[i]);
		if (sysfs_stat(walk->host->fs, path, &st))
			continue;	/* closed since */
		id = statx_id(&st);
		w = by_node(walk, &id);
		if (!w)
			w = by_number(walk, &st);
		if (w)
			w->is_used = true;
	}
	return rc;
}

static int add_user(struct walk *walk, struct watched *w, const char *pid)
{
	struct cxl_dax *d = w->dax;

	if (!(d->n_users & (d->n_users - 1))) {	/* full at each power of two */
		struct dax_user *more = arena_alloc(walk->host->arena,
						    d->n_users ? 2 * d->n_users : 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (d->n_users)
			memcpy(more, d->users, d->n_users * sizeof(*more));
		d->users = w->users = more;
	}
	w->now.pid = (pid_t)strtol(pid, NULL, 10);
	w->now.command = process_command(walk->host, pid);
	if (!w->now.command || process_owner(walk->host, pid, &w->now.owner))
		return -ENOMEM;
	w->users[d->n_users++] = w->now;
	return 0;
}

static int read_process(struct walk *walk, const char *pid)
{
	bool has_memory;
	int rc = read_maps(walk, pid, &has_memory);

	if (!rc && has_memory)	/* a kernel thread has none, nor files */
		rc = read_descriptors(walk, pid);
	if (rc == -EACCES || rc == -EPERM)
		walk->host->n_hidden_processes++;
	if (rc == -ENOMEM)
		return rc;
	for (size_t i = 0; i < walk->n; i++) {
		struct watched *w = &walk->watched[i];

		if (w->is_used && add_user(walk, w, pid))
			return -ENOMEM;
		w->is_used = false;
		w->now = (struct dax_user){ 0 };
	}
	return 0;
}

/* --- all of them ------------------------------------------------------------ */

/* Without a fair look at everybody there may be more users than those found. */
static void report_unknown(struct walk *walk, bool is_walked)
{
	struct cxl_host *host = walk->host;
	bool found = false;

	for (size_t i = 0; i < walk->n; i++)
		found |= walk->watched[i].dax->n_users;
	if (is_walked && !host->n_hidden_processes && (found || !host->dax_in_use))
		return;
	for (size_t i = 0; i < walk->n; i++)
		walk->watched[i].dax->users_unknown = true;
	message_add(host->messages, SEV_INFO, "USERS", walk->n == 1 ? walk->watched[0].dax->name : NULL,
		    "who uses %s%s is not fully known: %s; run the command as root, outside of a container",
		    walk->watched[0].dax->name, walk->n == 1 ? "" : " and the other dax devices",
		    !is_walked ? "/proc cannot be listed" :
		    host->n_hidden_processes ? "some processes cannot be looked into" :
		    "the kernel counts a user that no visible process is");
}

static int walk_processes(struct walk *walk)
{
	struct cxl_host *host = walk->host;
	struct sysfs_names pids;
	int rc = process_list(host, &walk->scratch, &pids);

	if (rc && rc != -ENOMEM)
		report_unknown(walk, false);
	if (rc)
		return rc;
	if (!process_list_is_whole(&pids))
		host->n_hidden_processes++;
	for (size_t i = 0; !rc && i < pids.n; i++)
		rc = read_process(walk, pids.v[i]);
	if (!rc)
		report_unknown(walk, true);
	return rc;
}

int users_read(struct cxl_host *host, struct err *err)
{
	struct walk walk = { .host = host };
	int rc = 0;

	host->n_hidden_processes = 0;
	host->dax_in_use = false;
	for (size_t i = 0; i < host->n_dax; i++) {	/* read again: who was found before */
		host->own->dax[i].users = NULL;
		host->own->dax[i].n_users = 0;
		host->own->dax[i].users_unknown = false;
	}
	unbinding_read(host);
	if (host->fs->is_capture) {	/* processes are not in it */
		for (size_t i = 0; i < host->n_dax; i++)
			host->own->dax[i].users_unknown = true;
		return 0;
	}
	walk.watched = arena_alloc(&walk.scratch, host->n_dax, sizeof(*walk.watched));
	if (!walk.watched)
		rc = -ENOMEM;
	else if (watch(&walk))
		rc = walk_processes(&walk);
	host->users_read = !rc;
	arena_free(&walk.scratch);
	return rc == -ENOMEM ? err_no_memory(err, " while looking for users of the dax devices") : 0;
}
