// SPDX-License-Identifier: GPL-2.0-only
/* /proc/iomem and the plain files in /dev, as devices come and go: see iomem.h. */
#include "sim/state/iomem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/state/sim.h"
#include "util/cleanup.h"

struct range {
	unsigned int indent;
	uint64_t start, end;
	const char *name;
};

static bool parse_line(const char *line, struct range *r)
{
	const char *colon = strstr(line, " : ");

	r->indent = (unsigned int)strspn(line, " ");
	if (!colon || sscanf(line + r->indent, "%" SCNx64 "-%" SCNx64, &r->start, &r->end) != 2)
		return false;
	r->name = colon + 3;
	return true;
}

static const char *next_line(const char *p)
{
	const char *end = strchr(p, '\n');

	return end ? end + 1 : p + strlen(p);
}

static int replace(struct node *n, const char *at, size_t cut, const char *insert)
{
	size_t before = (size_t)(at - n->data), len = strlen(insert);
	_cleanup_free_ char *text = malloc(n->len - cut + len + 1);

	if (!text)
		return -ENOMEM;
	memcpy(text, n->data, before);
	memcpy(text + before, insert, len);
	memcpy(text + before + len, at + cut, n->len - before - cut);
	return node_set_data(n, text, n->len - cut + len);
}

static struct node *iomem(const struct sim *sim)
{
	struct node *n = tree_resolve(&sim->tree, NULL, "/proc/iomem");

	return n && n->data ? n : NULL;
}

int iomem_add(struct sim *sim, uint64_t start, uint64_t size, const char *name)
{
	struct node *n = iomem(sim);
	uint64_t end = start + size - 1;
	const char *at = NULL;
	unsigned int indent = 0;
	struct range r;
	char line[200];

	if (!n)
		return 0;
	for (const char *p = n->data; *p; p = next_line(p)) {
		if (!parse_line(p, &r))
			continue;
		if (r.start <= start && r.end >= end) {
			at = next_line(p);
			indent = r.indent + 2;
		} else if (at && r.indent >= indent && r.end < start) {
			at = next_line(p);	/* a sibling before it */
		}
	}
	if (!at)
		return 0;
	snprintf(line, sizeof(line), "%*s%08" PRIx64 "-%08" PRIx64 " : %.100s\n", (int)indent, "", start, end, name);
	return replace(n, at, 0, line);
}

bool iomem_is_taken(const struct sim *sim, uint64_t start, uint64_t size, uint64_t *ret_end)
{
	const struct node *n = iomem(sim);
	unsigned int window = UINT_MAX;		/* indent of the one that the lines are in */
	struct range r;

	for (const char *p = n ? n->data : ""; *p; p = next_line(p)) {
		if (!parse_line(p, &r))
			continue;
		if (r.indent <= window)
			window = !strncmp(r.name, "CXL Window", 10) ? r.indent : UINT_MAX;
		else if (window != UINT_MAX && r.start < start + size && start <= r.end)
			return *ret_end = r.end, true;
	}
	return false;
}

/* The line of exactly this range and name; NULL when there is none. */
static const char *find_line(const struct node *n, uint64_t start, uint64_t size, const char *name,
			     struct range *ret)
{
	for (const char *p = n ? n->data : ""; *p; p = next_line(p))
		if (parse_line(p, ret) && ret->start == start && ret->end == start + size - 1 &&
		    !strncmp(ret->name, name, strlen(name)) && ret->name[strlen(name)] == '\n')
			return p;
	return NULL;
}

bool iomem_has(const struct sim *sim, uint64_t start, uint64_t size, const char *name)
{
	struct range r;

	return find_line(iomem(sim), start, size, name, &r);
}

bool iomem_has_ram(const struct sim *sim, uint64_t start, uint64_t size)
{
	const struct node *n = iomem(sim);
	struct range r;

	for (const char *p = n ? n->data : ""; *p; p = next_line(p))
		if (parse_line(p, &r) && r.start < start + size && start <= r.end && !strncmp(r.name, "System RAM", 10))
			return true;
	return false;
}

void iomem_remove(struct sim *sim, uint64_t start, uint64_t size, const char *name)
{
	struct range r, below;
	const char *p = find_line(iomem(sim), start, size, name, &r);

	if (p && (!parse_line(next_line(p), &below) || below.indent <= r.indent))
		replace(iomem(sim), p, (size_t)(next_line(p) - p), "");
}

void iomem_remove_above(struct sim *sim, uint64_t start, uint64_t size, const char *name)
{
	struct node *n = iomem(sim);
	struct range r, below;
	const char *p = find_line(n, start, size, name, &r);
	size_t at = p ? (size_t)(p - n->data) : 0;

	if (!p || replace(n, p, (size_t)(next_line(p) - p), ""))
		return;
	while (parse_line(n->data + at, &below) && below.indent > r.indent && !replace(n, n->data + at, 2, ""))
		at = (size_t)(next_line(n->data + at) - n->data);
}

/* --- /dev: a tmpfs of the run, which the server sees ---------------------- */

void devnode_add(struct sim *sim, const char *name, uint64_t size)
{
	char path[128];
	int fd;

	if (!sim->running)
		return;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (size && size <= INT64_MAX && ftruncate(fd, (off_t)size))
		unlink(path);
	close(fd);
}

void devnode_fail(struct sim *sim, const char *name)
{
	char path[128];

	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (sim->running && !stat(path, &st) && S_ISREG(st.st_mode) && truncate(path, 0) &&
	    errno != ENOENT)
		fprintf(stderr, "cxl-sim: cannot empty %s: %s\n", path, strerror(errno));
}

void devnode_lose(struct sim *sim, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!sim->running || stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return;
	/* mappings that exist see zeros; new ones are of memory that nobody shares */
	if (truncate(path, 0) || truncate(path, st.st_size) || mount("/dev/zero", path, NULL, MS_BIND, NULL))
		fprintf(stderr, "cxl-sim: cannot put zeros behind %s: %s\n", path, strerror(errno));
}

/* Also revokes mappings, as unregistering a device does. */
void devnode_remove(struct sim *sim, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!sim->running)
		return;
	umount2(path, MNT_DETACH);	/* of devnode_lose() */
	devnode_fail(sim, name);
	unlink(path);
}

void devnode_answer(struct sim *sim, const char *name, uint64_t size)
{
	char path[128];
	struct stat st;
	bool known;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!sim->running)
		return;
	known = !lstat(path, &st);
	devnode_remove(sim, name);
	if (size)
		devnode_add(sim, name, size);
	else if (mknod(path, S_IFSOCK | 0600, 0))
		fprintf(stderr, "cxl-sim: cannot make %s: %s\n", path, strerror(errno));
	if (known && (lchown(path, st.st_uid, st.st_gid) || chmod(path, st.st_mode & 07777)))
		fprintf(stderr, "cxl-sim: cannot give %s its permissions back: %s\n", path, strerror(errno));
}
