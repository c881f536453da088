// SPDX-License-Identifier: GPL-2.0-only
/* What has its name only once it is made: see layout_make.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/prepare/layout_make.h"
#include "lib/txn/step_port.h"
#include "util/parse.h"

static struct layout_name *find(const struct layout_names *names, const char *key)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i].key, key))
			return &names->v[i];
	return NULL;
}

const char *layout_name_of(const struct layout_names *names, const char *key)
{
	const struct layout_name *n = find(names, key);

	return n && *n->name ? n->name : NULL;
}

static struct layout_name *add(struct layout_names *names, const char *key)
{
	const char *kept = arena_strdup(names->a, key);

	struct layout_name *v = arena_room(names->a, names->v, names->n, &names->capacity,
					   sizeof(*v));

	if (!kept || !v)
		return NULL;
	names->v = v;
	v[names->n].key = kept;
	return &v[names->n++];
}

int layout_name_put(struct layout_names *names, const char *key, const char *name)
{
	struct layout_name *n = find(names, key);

	if (name && strlen(name) >= sizeof(n->name))
		return -ENAMETOOLONG;
	n = n ? n : name ? add(names, key) : NULL;
	if (!n)
		return name ? -ENOMEM : 0;
	snprintf(n->name, sizeof(n->name), "%s", name ? name : "");
	return 0;
}

static int unknown(const char *what, struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOENT, "nothing is there that could be '%s'", what);
}

/* --- regions -------------------------------------------------------------------- */

/* The name that the root decoder where run->path leads offers; once taken it stays. */
static int new_region(struct step_run *run, const char *section, char *buf, size_t size,
		      struct err *err)
{
	struct layout_run *r = run->data;
	const char *key = arena_printf(r->a, "region %s", section),
		   *known = key ? layout_name_of(r->names, key) : NULL;
	char name[64];
	ssize_t n;

	if (known) {
		snprintf(buf, size, "%s", known);
		return 0;
	}
	n = sysfs_read(run->fs, run->path, name, sizeof(name));
	if (n <= 0 || strchr(name, '/'))
		return err_set(err, EXIT_REFUSED, n < 0 ? (int)-n : EINVAL, "/%.200s offers no name for a region: %s", run->path,
			       n < 0 ? err_text((int)-n) : "it is empty");
	if (!key || layout_name_put(r->names, key, name))
		return err_no_memory(err, " while making a region");
	snprintf(buf, size, "%s", name);
	return 0;
}

static int region_number(const struct layout_run *r, const char *section, const char **ret_name,
			 unsigned int *ret)
{
	char key[80];

	snprintf(key, sizeof(key), "region %s", section);
	*ret_name = layout_name_of(r->names, key);
	return *ret_name && parse_name(*ret_name, "region", ret) ? 0 : -ENOENT;
}

/* A region's dax device has its number: drivers/dax/cxl.c. */
static int first_dax(struct step_run *run, const char *section, char *buf, size_t size,
		     struct err *err)
{
	const char *name;
	unsigned int id;

	if (region_number(run->data, section, &name, &id))
		return unknown(section, err);
	snprintf(buf, size, "dax%u.0", id);
	return 0;
}

/* "OFFSET+SIZE SECTION" in host physical addresses, as a dax device's mapping has them. */
static int range_in(struct step_run *run, const char *what, char *buf, size_t size,
		    struct err *err)
{
	uint64_t offset, bytes, start;
	char section[64], path[PATH_MAX], text[64];
	const char *name;
	unsigned int id;
	ssize_t n;

	if (sscanf(what, "%" SCNx64 "+%" SCNx64 " %63s", &offset, &bytes, section) != 3 ||
	    region_number(run->data, section, &name, &id))
		return unknown(what, err);
	snprintf(path, sizeof(path), LAYOUT_CXL "/%s/resource", name);
	n = sysfs_read(run->fs, path, text, sizeof(text));
	if (n < 0 || parse_u64(text, &start))
		return err_set(err, EXIT_REFUSED, n < 0 ? (int)-n : EINVAL, "where %s lies cannot be read: %s", name,
			       n < 0 ? err_text((int)-n) : "it has no address");
	snprintf(buf, size, "%" PRIx64 "-%" PRIx64, start + offset, start + offset + bytes - 1);
	return 0;
}

/* --- endpoint decoders ------------------------------------------------------------ */

static bool is_free(struct step_run *run, const char *endpoint, const char *decoder)
{
	char path[PATH_MAX], text[64];
	uint64_t bytes;

	snprintf(path, sizeof(path), "%.3000s/%.200s/region", endpoint, decoder);
	if (sysfs_read(run->fs, path, text, sizeof(text)) > 0)
		return false;
	snprintf(path, sizeof(path), "%.3000s/%.200s/dpa_size", endpoint, decoder);
	return sysfs_read(run->fs, path, text, sizeof(text)) <= 0 || parse_u64(text, &bytes) ||
	       !bytes;
}

static const struct wanted_region *region_named(const struct layout_run *r, const char *section)
{
	for (size_t i = 0; i < r->plan->n; i++)
		if (r->plan->regions[i] && !strcmp(r->plan->regions[i]->section->name, section))
			return r->plan->regions[i];
	return NULL;
}

/* Capacity is given out in the order of the decoders: the first one that has none. */
static int target_of(struct step_run *run, const char *key, char *buf, size_t size,
		     struct err *err)
{
	struct layout_run *r = run->data;
	const struct wanted_region *w;
	struct sysfs_names names;
	char section[64], *endpoint;
	unsigned int position;
	const char *memdev;

	if (sscanf(key, "target%u %63s", &position, section) != 2)
		return unknown(key, err);
	w = region_named(r, section);
	if (!w || position >= w->ways)
		return unknown(key, err);
	memdev = w->memdevs[position]->name;
	if (endpoint_of(run->fs, memdev, r->a, &endpoint, &names))
		return err_set(err, EXIT_REFUSED, ENOENT, "%s has no endpoint: its driver is not bound", memdev);
	for (size_t i = 0; i < names.n; i++) {
		if (!is_free(run, endpoint, names.v[i]))
			continue;
		if (layout_name_put(r->names, key, names.v[i]))
			return err_no_memory(err, " while making a region");
		snprintf(buf, size, "%s", names.v[i]);
		return 0;
	}
	return err_set(err, EXIT_REFUSED, ENOSPC, "%s has no free decoder for [region %s]", memdev, section);
}

/* --- all of them -------------------------------------------------------------------- */

static const struct {
	const char *prefix;
	bool has_key;		/* the whole name is one; else what is behind the prefix */
	int (*resolve)(struct step_run *run, const char *what, char *buf, size_t size,
		       struct err *err);
} kinds[] = {
	{ "new ", false, new_region }, { "first ", false, first_dax }, { "range ", false, range_in },
	{ "target", true, target_of },
};

int layout_resolve_name(struct step_run *run, const char *name, char *buf, size_t size,
			struct err *err)
{
	const struct layout_run *r = run->data;
	const char *known = layout_name_of(r->names, name);

	if (known) {
		snprintf(buf, size, "%s", known);
		return 0;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (!strncmp(name, kinds[i].prefix, n))
			return kinds[i].resolve(run, kinds[i].has_key ? name : name + n, buf, size,
						err);
	}
	return unknown(name, err);
}
