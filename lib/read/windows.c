// SPDX-License-Identifier: GPL-2.0-only
/*
 * What making a region again takes beside what it is: its window (the root
 * decoder), and what /proc/iomem has in that.  Whether it can be made again is
 * rebuild.c's to judge.
 * Source: Documentation/ABI/testing/sysfs-bus-cxl; kernel/resource.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/firmware/iomem.h"
#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

enum { MAX_IOMEM = 16 << 20 };

/* What cannot be read stays unknown, which is told where it matters. */
static struct opt_u64 number_of(struct cxl_host *host, const char *path, const char *attr)
{
	const char *text = attr_text(host, path, attr);
	struct opt_u64 ret = { 0 };

	ret.known = text && !parse_u64(text, &ret.v);
	return ret;
}

/* --- root decoders ---------------------------------------------------------- */

/* "…/decoder0.0/region0": the directory above is the window's. */
static int find_window(struct cxl_host *host, const struct cxl_region *r, struct cxl_window **ret)
{
	const char *slash = strrchr(r->path, '/');
	size_t n = slash ? (size_t)(slash - r->path) : 0;
	struct cxl_window *w;

	*ret = NULL;
	for (size_t i = 0; i < host->n_windows; i++)
		if (!strncmp(host->windows[i].path, r->path, n) && !host->windows[i].path[n]) {
			*ret = &host->own->windows[i];
			return 0;
		}
	if (!n)
		return 0;
	w = &host->own->windows[host->n_windows];
	*w = (struct cxl_window){ .path = arena_strndup(host->arena, r->path, n), .makes_ram = TRI_UNKNOWN, .makes_pmem = TRI_UNKNOWN };
	if (!w->path)
		return -ENOMEM;
	w->name = strrchr(w->path, '/') ? strrchr(w->path, '/') + 1 : w->path;
	w->start = number_of(host, w->path, "start");
	w->size_bytes = number_of(host, w->path, "size");
	host->n_windows++;
	*ret = w;
	return 0;
}

/* Is create_ram_region (pmem: since 6.0, ram: since 6.3) there for a name to be read from? */
static enum tri makes(struct cxl_host *host, const struct cxl_window *w, const char *mode)
{
	char path[PATH_MAX], name[64];
	ssize_t n = snprintf(path, sizeof(path), "%s/create_%.8s_region", w->path, mode);

	if (n < 0 || (size_t)n >= sizeof(path))
		return TRI_UNKNOWN;
	n = sysfs_read(host->fs, path, name, sizeof(name));
	return n == -ENOENT ? TRI_NO : n < 0 ? TRI_UNKNOWN : TRI_YES;
}

static int read_region(struct cxl_host *host, struct cxl_region *r)
{
	struct cxl_window *w;
	enum tri *can;
	int rc = find_window(host, r, &w);

	if (rc || !w)
		return rc;
	r->window = w;
	r->granularity = number_of(host, r->path, "interleave_granularity");
	if (!r->commit.known)	/* without a driver it is known from judge_region() */
		r->commit = number_of(host, r->path, "commit");
	if (!region_is_committed(r))
		r->mode = attr_text(host, r->path, "mode");
	can = r->mode && !strcmp(r->mode, "pmem") ? &w->makes_pmem : &w->makes_ram;
	if (r->mode && *can == TRI_UNKNOWN)
		*can = makes(host, w, r->mode);
	return 0;
}

/* --- /proc/iomem ------------------------------------------------------------ */

static int by_address(const void *a, const void *b)
{
	const struct window_line *p = a, *q = b;

	if (p->start != q->start)
		return p->start < q->start ? -1 : 1;
	return p->end > q->end ? -1 : p->end < q->end;
}

static bool is_window(const struct iomem_entry *e)
{
	static const char name[] = "CXL Window ";

	return e->n_name > sizeof(name) - 1 && !memcmp(e->name, name, sizeof(name) - 1);
}

/* Which root decoders that window is: its number in iomem says nothing, and the kernel may have trimmed or widened it. */
static void mark_windows(struct cxl_host *host, const struct iomem_entry *e)
{
	for (size_t i = 0; i < host->n_windows; i++) {
		struct cxl_window *w = &host->own->windows[i];

		if (w->start.known && w->size_bytes.v && w->start.v <= e->end &&
		    w->start.v + (w->size_bytes.v - 1) >= e->start)
			w->in_iomem = true;
	}
}

static int add_line(struct cxl_host *host, const struct iomem_entry *e, size_t *capacity)
{
	struct window_line *v = arena_room(host->arena, host->own->window_lines,
					   host->n_window_lines, capacity, sizeof(*v));

	if (!v)
		return -ENOMEM;
	host->window_lines = host->own->window_lines = v;
	v[host->n_window_lines] = (struct window_line){
		.start = e->start,
		.end = e->end,
		.name = arena_strndup(host->arena, e->name, e->n_name < 64 ? e->n_name : 64),
	};
	return host->window_lines[host->n_window_lines++].name ? 0 : -ENOMEM;
}

/* What is nested in a window is what the kernel looks at before it makes a region there. */
static int parse_iomem(struct cxl_host *host, const char *text, size_t n)
{
	const char *p = text, *end = text + n;
	size_t window = SIZE_MAX, capacity = 0, n_bad = 0;	/* @window: the indent of the one we are in */
	bool any_address = false, any_line = false;
	struct iomem_entry e;
	int rc = 0;

	while (!rc && iomem_next(&p, end, &e, &n_bad)) {
		any_line = true;
		any_address |= e.start || e.end;
		if (window != SIZE_MAX && e.indent > window) {
			rc = add_line(host, &e, &capacity);
			continue;
		}
		window = is_window(&e) ? e.indent : SIZE_MAX;
		if (window != SIZE_MAX)
			mark_windows(host, &e);
	}
	if (rc)
		return rc;
	if (any_line && !any_address)
		host->iomem_unknown = "/proc/iomem shows addresses to root only";
	else if (n_bad || !any_line)
		host->iomem_unknown = "/proc/iomem is not as the kernel writes it";
	if (host->n_window_lines)
		qsort(host->own->window_lines, host->n_window_lines, sizeof(*host->window_lines),
		      by_address);
	return 0;
}

static int read_iomem(struct cxl_host *host)
{
	size_t n;
	char *text;
	int rc = sysfs_read_whole(host->fs, host->arena, "proc/iomem", MAX_IOMEM, &text, &n);

	if (rc == -ENOMEM)
		return rc;
	if (!rc)
		return parse_iomem(host, text, n);
	host->iomem_unknown = arena_printf(host->arena, "/proc/iomem %s%s", rc == -ENOENT ? "does not exist" : "cannot be read: ",
					   rc == -ENOENT ? "" : err_text(-rc));
	return host->iomem_unknown ? 0 : -ENOMEM;
}

int windows_read(struct cxl_host *host)
{
	OWN_ALLOC(host, windows, host->n_regions);
	if (!host->windows)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];

		/* a region of nobody's port is torn down by nobody */
		if ((r->n_root_ports || r->state == REGION_HUSK) && read_region(host, r))
			return -ENOMEM;
	}
	return host->n_windows ? read_iomem(host) : 0;
}
