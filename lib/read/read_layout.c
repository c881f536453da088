// SPDX-License-Identifier: GPL-2.0-only
/* What a layout of memory is judged by: see layout_facts.h. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/firmware/iomem.h"
#include "lib/model/layout_facts.h"
#include "lib/read/host_read.h"
#include "lib/read/reader.h"
#include "util/parse.h"

enum { MAX_WAYS = 16, MAX_IOMEM = 16 << 20 };

static bool is_decoder(const char *name)
{
	static const char prefix[] = "decoder";

	return !strncmp(name, prefix, sizeof(prefix) - 1) && strchr(name, '.') &&
	       !name[7 + strspn(name + 7, "0123456789.")];
}

/* What cannot be read stays unknown: whether that matters is known later. */
static struct opt_u64 number_of(const struct cxl_host *host, const char *path, const char *attr)
{
	const char *text = attr_text(host, path, attr);
	struct opt_u64 ret = { 0 };

	ret.known = text && !parse_u64(text, &ret.v);
	return ret;
}

/* --- root decoders ------------------------------------------------------------------ */

/* target_list, "12,222", are dports of the bus: links to the host bridges. */
static int read_bridges(const struct cxl_host *host, struct root_decoder *d)
{
	const char *list = attr_text(host, d->path, "target_list");
	char dport[32];
	unsigned int id;
	int n = 0;

	d->bridges = arena_alloc(host->arena, MAX_WAYS, sizeof(*d->bridges));
	if (!d->bridges)
		return -ENOMEM;
	for (const char *p = list; p && d->n_bridges < MAX_WAYS && sscanf(p, "%u%n", &id, &n) == 1; p += n + (p[n] == ',')) {
		snprintf(dport, sizeof(dport), "dport%u", id);
		d->bridges[d->n_bridges] = attr_link_name(host, d->bus->name, d->bus->path, dport);
		if (!d->bridges[d->n_bridges]) {
			d->n_bridges = 0;
			break;
		}
		d->n_bridges++;
	}
	return 0;
}

static int read_decoder(const struct cxl_host *host, const struct cxl_bus *bus, const char *name,
			struct root_decoder *ret)
{
	char path[PATH_MAX];
	int rc = sysfs_join(path, sizeof(path), bus->path, name);

	if (rc)
		return 0;
	*ret = (struct root_decoder){ .name = name, .bus = bus, .path = arena_strdup(host->arena, path) };
	if (!ret->path)
		return -ENOMEM;
	ret->start = number_of(host, path, "start");
	ret->size_bytes = number_of(host, path, "size");
	ret->granularity = number_of(host, path, "interleave_granularity");
	rc = sysfs_join(path, sizeof(path), ret->path, "create_ram_region");
	ret->makes_ram = rc ? TRI_UNKNOWN : tri_of(sysfs_exists(host->fs, path));
	return read_bridges(host, ret);
}

static int read_decoders(const struct cxl_host *host, struct layout_facts *facts)
{
	struct root_decoder *v = NULL;

	for (size_t b = 0; b < host->n_buses; b++) {
		struct sysfs_names names;
		int rc = sysfs_list(host->fs, host->arena, host->buses[b].path, is_decoder, &names);
		struct root_decoder *more;

		if (rc == -ENOMEM)
			return rc;
		if (rc)
			continue;
		sysfs_sort(&names);
		more = arena_alloc(host->arena, facts->n_decoders + names.n, sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (facts->n_decoders)
			memcpy(more, v, facts->n_decoders * sizeof(*more));
		facts->decoders = v = more;
		for (size_t i = 0; i < names.n; i++)
			if (read_decoder(host, &host->buses[b], names.v[i],
					 &v[facts->n_decoders++]))
				return -ENOMEM;
	}
	return 0;
}

static int count_endpoint_decoders(const struct cxl_host *host, struct layout_facts *facts)
{
	size_t *v = arena_alloc(host->arena, host->n_memdevs, sizeof(*v));

	if (!v)
		return -ENOMEM;
	facts->endpoint_decoders = v;
	for (size_t i = 0; i < host->n_memdevs; i++) {
		const struct cxl_endpoint *ep = host->memdevs[i].endpoint;
		struct sysfs_names names = { 0 };
		int rc = ep ? sysfs_list(host->fs, host->arena, ep->path, is_decoder, &names) : 0;

		if (rc == -ENOMEM)
			return rc;
		v[i] = rc ? 0 : names.n;
	}
	return 0;
}

/* --- what is in the windows ----------------------------------------------------------- */

static bool begins(const struct iomem_entry *e, const char *prefix)
{
	size_t n = strlen(prefix);

	return e->n_name > n && !memcmp(e->name, prefix, n);
}

static int add_taken(const struct cxl_host *host, struct layout_facts *facts, size_t *capacity,
		     struct addr_range **v, const struct iomem_entry *e)
{
	struct addr_range *more = arena_room(host->arena, *v, facts->n_taken, capacity,
					     sizeof(*more));

	if (!more)
		return -ENOMEM;
	facts->taken = *v = more;
	more[facts->n_taken++] = (struct addr_range){ e->start, e->end };
	return 0;
}

static int read_taken(const struct cxl_host *host, struct layout_facts *facts)
{
	size_t n, n_bad = 0, window = SIZE_MAX, inner = SIZE_MAX, capacity = 0;
	struct addr_range *v = NULL;
	struct iomem_entry e;
	const char *p;
	char *text;
	int rc = sysfs_read_whole(host->fs, host->arena, "proc/iomem", MAX_IOMEM, &text, &n);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	for (p = text; !rc && iomem_next(&p, text + n, &e, &n_bad);) {
		if (window == SIZE_MAX || e.indent <= window) {
			window = begins(&e, "CXL Window ") ? e.indent : SIZE_MAX;
			inner = SIZE_MAX;
			continue;
		}
		inner = inner == SIZE_MAX ? e.indent : inner;
		/* regions are known better from their attributes, and what is in one is its own */
		if (e.indent <= inner && !begins(&e, "region") && e.end > e.start)
			rc = add_taken(host, facts, &capacity, &v, &e);
	}
	return rc;
}

/* --- dax devices ------------------------------------------------------------------------ */

/* As the policy file may have it; others are told by number. */
static bool is_plain(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 32 && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] &&
	       !strchr("0123456789.-", *name);
}

static const char *user_name(const struct cxl_host *host, uid_t uid)
{
	const struct passwd *p = getpwuid(uid);

	return p && is_plain(p->pw_name) ? arena_strdup(host->arena, p->pw_name) : arena_printf(host->arena, "%u", (unsigned int)uid);
}

static const char *group_name(const struct cxl_host *host, gid_t gid)
{
	const struct group *g = getgrgid(gid);

	return g && is_plain(g->gr_name) ? arena_strdup(host->arena, g->gr_name) : arena_printf(host->arena, "%u", (unsigned int)gid);
}

static int read_dax_file(const struct cxl_host *host, const struct cxl_dax *d, struct dax_file *ret)
{
	char path[64];
	struct statx st;

	*ret = (struct dax_file){ .align = number_of(host, d->path, "align") };
	ret->start = d->n_ranges ? (struct opt_u64){ true, d->ranges[0].first } :
				   number_of(host, d->path, "resource");
	snprintf(path, sizeof(path), "dev/%.40s", d->name);
	/* whoever unpacked a capture owns what is in it */
	if (host->fs->is_capture || sysfs_stat(host->fs, path, &st))
		return 0;
	ret->is_known = true;
	ret->uid = st.stx_uid;
	ret->gid = st.stx_gid;
	ret->mode = st.stx_mode & 07777;
	ret->owner = user_name(host, st.stx_uid);
	ret->group = group_name(host, st.stx_gid);
	return ret->owner && ret->group ? 0 : -ENOMEM;
}

static int read_dax_files(const struct cxl_host *host, struct layout_facts *facts)
{
	struct dax_file *v = arena_alloc(host->arena, host->n_dax, sizeof(*v));
	int rc = v ? 0 : -ENOMEM;

	facts->dax = v;
	for (size_t i = 0; !rc && i < host->n_dax; i++)
		rc = read_dax_file(host, &host->dax[i], &v[i]);
	return rc;
}

int layout_facts_read(const struct cxl_host *host, struct layout_facts *ret, struct err *err)
{
	*ret = (struct layout_facts){ .host = host };
	if (read_decoders(host, ret) || count_endpoint_decoders(host, ret) ||
	    read_taken(host, ret) || read_dax_files(host, ret) || host->arena->is_exhausted)
		return err_no_memory(err, " while reading the root decoders");
	return 0;
}
