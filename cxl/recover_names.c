// SPDX-License-Identifier: GPL-2.0-only
/*
 * What returned or was made again under which name: numbers of memory devices,
 * endpoints, regions and dax devices change with every rescan.  See recover.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/change/step_port.h"
#include "cxl/recover.h"
#include "util/parse.h"

#define CXL "sys/bus/cxl/devices"

const char *recover_name_of(const struct journal *j, const char *key)
{
	for (size_t i = 0; i < j->n_names; i++)
		if (!strcmp(j->names[i].key, key))
			return j->names[i].name;
	return NULL;
}

const char *recover_created_by(const struct journal *j, const struct step *step)
{
	char key[64];

	return sscanf(step->value, "{new %63[^}]}", key) == 1 ? recover_name_of(j, key) : NULL;
}

static int remember(struct journal *j, const char *key, const char *name)
{
	size_t i = 0;

	while (i < j->n_names && strcmp(j->names[i].key, key))
		i++;
	if (i == j->max_names || strlen(name) >= sizeof(j->names[i].name))
		return -ENOSPC;
	j->names[i].key = key;
	snprintf(j->names[i].name, sizeof(j->names[i].name), "%s", name);
	if (i == j->n_names)
		j->n_names++;
	return 0;
}

static ssize_t read_of(struct sysfs *fs, const char *dir, const char *attr, char *buf, size_t size)
{
	char path[PATH_MAX];
	int rc = sysfs_join(path, sizeof(path), dir, attr);

	return rc ? rc : sysfs_read(fs, path, buf, size);
}

static const struct recipe_region *region_of(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		if (!strcmp(recipe->regions[i].name, name))
			return &recipe->regions[i];
	return NULL;
}

static int unknown(const char *what, struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOENT, "nothing is there that could be '%s'", what);
}

/* --- memory devices ----------------------------------------------------------- */

static bool is_device(const struct recover *r, const struct recipe_device *d, const struct memdev_below *m)
{
	char serial[32], part[80];

	snprintf(serial, sizeof(serial), "0x%" PRIx64, d->serial.v);
	if (d->serial.known && !(d->below && r->journal.options.accept_replacement))
		return step_text_equal(serial, m->serial);
	snprintf(part, sizeof(part), "/%.60s/", d->address ? d->address : "");
	return !d->address || strstr(m->path, part);
}

/* Is @m what another device of the recipe is known to be? */
static bool is_taken(const struct recover *r, const struct recipe_device *d, const struct memdev_below *m)
{
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++) {
		const struct recipe_device *other = &r->journal.recipe.devices[i];

		if (other != d && (other->serial.known || other->address) && is_device(r, other, m))
			return true;
	}
	return false;
}

/* The name that @d has now, in @a. */
static int find_device(struct recover *r, const struct recipe_device *d, struct arena *a, const char **ret, struct err *err)
{
	struct memdev_below *found = NULL;
	size_t n = 0;
	int rc = memdevs_below(r->run.fs, d->below ? r->rp->path : "sys", a, &found, &n);

	*ret = NULL;
	for (size_t i = 0; !rc && !*ret && i < n; i++)
		if (is_device(r, d, &found[i]) && !is_taken(r, d, &found[i]))
			*ret = found[i].name;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "the memory devices cannot be listed: %s", strerror(-rc));
	return *ret ? 0 : unknown(d->name, err);
}

size_t recover_count_devices(const struct recover *r)
{
	struct memdev_below *found;
	struct arena arena = { 0 };
	size_t n = 0;
	int rc = memdevs_below(&r->host->fs, r->rp->path, &arena, &found, &n);

	arena_free(&arena);
	return rc ? 0 : n;
}

static int resolve_device(struct recover *r, const struct recipe_device *d, char *buf, size_t size, struct err *err)
{
	struct arena arena = { 0 };
	const char *name;
	int rc = find_device(r, d, &arena, &name, err);

	if (!rc)
		snprintf(buf, size, "%s", name);
	arena_free(&arena);
	return rc;
}

/* --- endpoint decoders ---------------------------------------------------------- */

struct decoder_state {
	char region[64], mode[32];
	uint64_t bytes;		/* of capacity set aside */
};

/* -errno: what cannot be read now must not be taken for free, or for taken. */
static int read_decoder(struct sysfs *fs, const char *endpoint, const char *name, struct decoder_state *ret)
{
	char dir[PATH_MAX], text[64];
	ssize_t n = sysfs_join(dir, sizeof(dir), endpoint, name);

	if (!n)
		n = read_of(fs, dir, "region", ret->region, sizeof(ret->region));
	if (n >= 0)
		n = read_of(fs, dir, "mode", ret->mode, sizeof(ret->mode));
	if (n >= 0)
		n = read_of(fs, dir, "dpa_size", text, sizeof(text));
	return n < 0 ? (int)n : parse_u64(text, &ret->bytes);
}

/*
 * Which decoder of the endpoint serves @region: the one it has already, one
 * whose capacity is still set aside for it, else the first without any, since
 * capacity is given out in the order of the decoders.  *@ret NULL: none.
 */
static int choose_decoder(struct sysfs *fs, const char *endpoint, const struct sysfs_names *names, const char *region,
			  const struct recipe_target *t, const char **ret)
{
	const char *reserved = NULL, *empty = NULL;

	*ret = NULL;
	for (size_t i = 0; i < names->n; i++) {
		struct decoder_state d;
		int rc = read_decoder(fs, endpoint, names->v[i], &d);

		if (rc)
			return rc;
		if (region && !strcmp(d.region, region)) {
			*ret = names->v[i];
			return 0;
		}
		if (*d.region)
			continue;
		if (d.bytes == t->bytes && !reserved && !strcmp(d.mode, t->mode))
			reserved = names->v[i];
		if (!d.bytes && !empty)
			empty = names->v[i];
	}
	*ret = reserved ? reserved : empty;
	return 0;
}

static int resolve_decoder(struct recover *r, const struct recipe_region *region, size_t position, char *buf, size_t size,
			   struct err *err)
{
	const struct recipe_target *t = &region->targets[position];
	struct arena arena = { 0 };
	const char *memdev, *decoder = NULL;
	struct sysfs_names names;
	char *endpoint;
	int rc = find_device(r, &r->journal.recipe.devices[t->device], &arena, &memdev, err);

	if (!rc && endpoint_of(r->run.fs, memdev, &arena, &endpoint, &names))
		rc = err_set(err, EXIT_REFUSED, ENOENT, "%s has no endpoint: its driver is not bound", memdev);
	if (!rc) {
		rc = choose_decoder(r->run.fs, endpoint, &names, recover_name_of(&r->journal, region->name), t, &decoder);
		if (rc)
			rc = err_set(err, EXIT_REFUSED, -rc, "the decoders of %s cannot be read: %s", memdev, strerror(-rc));
		else if (!decoder)
			rc = err_set(err, EXIT_REFUSED, ENOSPC, "%s has no free decoder for target %zu of %s", memdev, position,
				     region->name);
	}
	if (!rc)
		snprintf(buf, size, "%s", decoder);
	arena_free(&arena);
	return rc;
}

/* --- regions --------------------------------------------------------------------- */

/* The name that the kernel offers where run->path leads; the one taken before a crash stays. */
static int resolve_new(struct recover *r, const struct recipe_region *region, char *buf, size_t size, struct err *err)
{
	const char *known = recover_name_of(&r->journal, region->name);
	char path[PATH_MAX], name[64];
	ssize_t n;
	int rc;

	snprintf(path, sizeof(path), CXL "/%s", known ? known : "");
	if (known && sysfs_exists(r->run.fs, path)) {
		snprintf(buf, size, "%s", known);
		return 0;
	}
	n = sysfs_read(r->run.fs, r->run.path, name, sizeof(name));
	if (n <= 0 || strchr(name, '/'))
		return err_set(err, EXIT_REFUSED, n < 0 ? (int)-n : EINVAL, "/%.200s offers no name for a region: %s", r->run.path,
			       n < 0 ? strerror((int)-n) : "it is empty");
	rc = remember(&r->journal, region->name, name);
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "'%.60s' is no usable name of a region", name);
	snprintf(buf, size, "%s", name);
	return 0;
}

/* A region's dax device has its number: drivers/dax/cxl.c. */
static int resolve_dax(struct recover *r, const struct recipe_region *region, char *buf, size_t size, struct err *err)
{
	const char *name = recover_name_of(&r->journal, region->name);
	unsigned int id;

	if (!name || !parse_name(name, "region", &id))
		return unknown(region->name, err);
	snprintf(buf, size, "dax%u.0", id);
	return 0;
}

static int resolve_part(struct recover *r, const struct recipe_region *region, const char *part, char *buf, size_t size,
			struct err *err)
{
	unsigned int position;

	if (!strcmp(part, "dax"))
		return resolve_dax(r, region, buf, size, err);
	if (!parse_name(part, "target", &position) || position >= region->ways ||
	    region->targets[position].device >= r->journal.recipe.n_devices)
		return unknown(part, err);
	return resolve_decoder(r, region, position, buf, size, err);
}

int recover_resolve(struct step_run *run, const char *name, char *buf, size_t size, struct err *err)
{
	struct recover *r = run->data;
	const struct recipe *recipe = &r->journal.recipe;
	const struct recipe_region *region;
	const char *slash = strchr(name, '/'), *now;
	char of[64];

	for (size_t i = 0; i < recipe->n_devices; i++)
		if (!strcmp(recipe->devices[i].name, name))
			return resolve_device(r, &recipe->devices[i], buf, size, err);
	if (!strncmp(name, "new ", 4)) {
		region = region_of(recipe, name + 4);
		return region ? resolve_new(r, region, buf, size, err) : unknown(name, err);
	}
	snprintf(of, sizeof(of), "%.*s", slash ? (int)(slash - name) : 63, name);
	region = region_of(recipe, of);
	if (!region)
		return unknown(name, err);
	if (slash)
		return resolve_part(r, region, slash + 1, buf, size, err);
	now = recover_name_of(&r->journal, region->name);
	if (!now)
		return unknown(name, err);
	snprintf(buf, size, "%s", now);
	return 0;
}
