// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps recipe names to current names after the rescan: numbers of memory devices,
 * endpoints, regions and dax devices change with every rescan.  See recover.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/recover/recover_names.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/step_port.h"
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

static int unknown(const char *what, struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOENT, "nothing is there that could be '%s'", what);
}

/* --- memory devices ----------------------------------------------------------- */

static bool is_device(const struct recover *r, const struct recipe_device *d,
		      const struct memdev_below *m)
{
	char serial[32], part[80];

	snprintf(serial, sizeof(serial), "0x%" PRIx64, d->serial.v);
	if (d->serial.known && !(d->below && r->journal.options.accept_replacement))
		return step_text_equal(serial, m->serial);
	snprintf(part, sizeof(part), "/%.60s/", d->address ? d->address : "");
	return !d->address || strstr(m->path, part);
}

/* Is @m what another device of the recipe is known to be? */
static bool is_taken(const struct recover *r, const struct recipe_device *d,
		     const struct memdev_below *m)
{
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++) {
		const struct recipe_device *other = &r->journal.recipe.devices[i];

		if (other != d && (other->serial.known || other->address) && is_device(r, other, m))
			return true;
	}
	return false;
}

/* The name that @d has now, in @a. */
static int find_device(struct recover *r, const struct recipe_device *d, struct arena *a,
		       const char **ret, struct err *err)
{
	struct memdev_below *found = NULL;
	size_t n = 0;
	int rc = memdevs_below(r->run.fs, d->below ? r->rp->path : "sys", a, &found, &n);

	*ret = NULL;
	for (size_t i = 0; !rc && !*ret && i < n; i++)
		if (is_device(r, d, &found[i]) && !is_taken(r, d, &found[i]))
			*ret = found[i].name;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "the memory devices cannot be listed: %s", err_text(-rc));
	return *ret ? 0 : unknown(d->name, err);
}

static bool is_below_known(const struct recover *r, const struct memdev_below *m)
{
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++)
		if (r->journal.recipe.devices[i].below &&
		    is_device(r, &r->journal.recipe.devices[i], m))
			return true;
	return false;
}

/* A function of which no memory device is there: no driver took it, or one has not finished with it. */
static const struct function_below *find_unfinished(const struct recover *r, struct arena *a,
						    const struct memdev_below *v, size_t n)
{
	struct function_below *f;
	size_t i;

	if (functions_below(r->host->fs, r->rp->path, a, &f))
		return NULL;
	for (; f; f = f->next) {
		for (i = 0; i < n && !path_is_below(v[i].path, f->path); i++)
			;
		if (i == n)
			return f;
	}
	return NULL;
}

/* One that does not tell its serial number (yet) is not known to be another. */
const char *recover_devices_text(const struct recover *r, char *buf, size_t size, bool *ret_other)
{
	size_t n = 0, all = 0, there = 0, others = 0;
	const struct function_below *unfinished;
	const struct memdev_below *silent = NULL;
	struct memdev_below *found = NULL;
	struct arena arena = { 0 };

	if (memdevs_below(r->host->fs, r->rp->path, &arena, &found, &n))
		n = 0;
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++)
		all += r->journal.recipe.devices[i].below;
	for (size_t i = 0; i < n; i++) {
		bool is_known = is_below_known(r, &found[i]);

		there += is_known;
		others += !is_known && *found[i].serial;
		if (!is_known && !*found[i].serial)
			silent = &found[i];
	}
	unfinished = find_unfinished(r, &arena, found, n);
	*ret_other = others && there < all;
	if (*ret_other)
		snprintf(buf, size, "another device is there");
	else if (there && there >= all)
		snprintf(buf, size, "its devices are there");
	else if (unfinished)
		snprintf(buf, size, "%.16s is there, but %s", unfinished->name, unfinished->driver ?
			 "its driver has not made a memory device of it" : "has no driver (the kernel log may say why)");
	else if (silent)
		snprintf(buf, size, "%.32s is there and does not tell its serial number (yet)", silent->name);
	else if (n)
		snprintf(buf, size, "%zu of its %zu devices are there", there, all);
	else
		snprintf(buf, size, "its devices are removed");
	arena_free(&arena);
	return buf;
}

static int resolve_device(struct recover *r, const struct recipe_device *d, char *buf, size_t size,
			  struct err *err)
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

/* -errno: what cannot be read now must not be taken for a region's. */
static int read_decoder(struct sysfs *fs, const char *endpoint, const char *name,
			struct decoder_state *ret)
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
static int choose_decoder(struct sysfs *fs, const char *endpoint, const struct sysfs_names *names,
			  const char *region, const struct recipe_target *t, const char **ret)
{
	const char *reserved = NULL, *empty = NULL;

	*ret = NULL;
	for (size_t i = 0; i < names->n; i++) {
		struct decoder_state d;
		int rc = read_decoder(fs, endpoint, names->v[i], &d);

		if (rc == -ENOMEM)
			return rc;
		/* it may be free: the write of its capacity, which is read back, tells */
		if (rc && !empty)
			empty = names->v[i];
		if (rc)
			continue;
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

static int resolve_decoder(struct recover *r, const struct recipe_region *region, size_t position,
			   char *buf, size_t size, struct err *err)
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
		rc = choose_decoder(r->run.fs, endpoint, &names,
				    recover_name_of(&r->journal, region->name), t, &decoder);
		if (rc)
			rc = err_set(err, EXIT_REFUSED, -rc, "the decoders of %s cannot be read: %s", memdev, err_text(-rc));
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
static int resolve_new(struct recover *r, const struct recipe_region *region, char *buf,
		       size_t size, struct err *err)
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
			       n < 0 ? err_text((int)-n) : "it is empty");
	rc = remember(&r->journal, region->name, name);
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "'%.60s' is not a usable name of a region", name);
	snprintf(buf, size, "%s", name);
	return 0;
}

/* --- dax devices ------------------------------------------------------------------ */

/* Its first dax device has the region's number: drivers/dax/cxl.c. */
static int first_dax(const struct recover *r, const struct recipe_region *region, char *buf,
		     size_t size)
{
	const char *name = recover_name_of(&r->journal, region->name);
	unsigned int id;

	if (!name || !parse_name(name, "region", &id))
		return -ENOENT;
	snprintf(buf, size, "dax%u.0", id);
	return 0;
}

static bool is_somebodys(const struct journal *j, const char *name)
{
	for (size_t i = 0; i < j->n_names; i++)
		if (!strcmp(j->names[i].name, name))
			return true;
	return false;
}

static bool is_empty(struct sysfs *fs, const char *dax)
{
	char path[PATH_MAX], text[64];
	uint64_t bytes;

	snprintf(path, sizeof(path), DAX_DEVICES "/%.60s", dax);
	return read_of(fs, path, "size", text, sizeof(text)) > 0 && !parse_u64(text, &bytes) && !bytes;
}

static bool is_dax(const char *name)
{
	return !strncmp(name, "dax", 3) && strchr(name, '.');
}

/* One that was made right before a crash, whose name nobody wrote down: it has no memory yet. */
static int find_unnamed(struct recover *r, const struct recipe_region *region, char *buf,
			size_t size)
{
	const char *name = recover_name_of(&r->journal, region->name);
	struct sysfs_names names;
	struct arena arena = { 0 };
	char dir[PATH_MAX], first[64];
	int rc = first_dax(r, region, first, sizeof(first)), found = -ENOENT;

	snprintf(dir, sizeof(dir), CXL "/dax_%.60s", name ? name : "");
	rc = rc ? rc : sysfs_list(r->run.fs, &arena, dir, is_dax, &names);
	for (size_t i = 0; !rc && found && i < names.n; i++) {
		if (!strcmp(names.v[i], first) || is_somebodys(&r->journal, names.v[i]) ||
		    !is_empty(r->run.fs, names.v[i]))
			continue;
		snprintf(buf, size, "%s", names.v[i]);
		found = 0;
	}
	arena_free(&arena);
	return rc ? rc : found;
}

int recover_keep_name(struct step_run *run, const char *key, const char *name)
{
	struct recover *r = run->data;
	const char *kept = arena_strdup(&r->arena, key);

	return kept ? remember(&r->journal, kept, name) : -ENOMEM;
}

const char *recover_made_name(struct step_run *run, const char *key)
{
	struct recover *r = run->data;
	const char *known = recover_name_of(&r->journal, key), *slash = strchr(key, '/');
	const struct recipe_region *region;
	char of[64], name[64];

	if (known)
		return known;
	snprintf(of, sizeof(of), "%.*s", slash ? (int)(slash - key) : 0, key);
	region = recipe_region_of(&r->journal.recipe, of);
	if (!region || find_unnamed(r, region, name, sizeof(name)) ||
	    recover_keep_name(run, key, name))
		return NULL;
	return recover_name_of(&r->journal, key);
}

const char *recover_dax_now(const struct recover *r, const struct recipe_region *region, size_t k,
			    char *buf, size_t size)
{
	const char *name;
	char key[96];

	if (!k)
		return first_dax(r, region, buf, size) ? NULL : buf;
	snprintf(key, sizeof(key), "%.60s/dax%zu", region->name, k);
	name = recover_name_of(&r->journal, key);
	if (name)
		snprintf(buf, size, "%s", name);
	return name ? buf : NULL;
}

/* "OFFSET+SIZE" of the region, wherever that is now, as a dax device's mapping has it. */
static int resolve_range(struct recover *r, const struct recipe_region *region, const char *what,
			 char *buf, size_t size, struct err *err)
{
	const char *name = recover_name_of(&r->journal, region->name);
	char path[PATH_MAX], text[64];
	uint64_t offset, bytes, start;
	ssize_t n;

	if (!name || sscanf(what, "%" SCNx64 "+%" SCNx64, &offset, &bytes) != 2)
		return unknown(what, err);
	snprintf(path, sizeof(path), CXL "/%.60s", name);
	n = read_of(r->run.fs, path, "resource", text, sizeof(text));
	if (n < 0 || parse_u64(text, &start))
		return err_set(err, EXIT_REFUSED, n < 0 ? (int)-n : EINVAL, "where %s lies cannot be read: %s", name,
			       n < 0 ? err_text((int)-n) : "it has no address");
	snprintf(buf, size, "%" PRIx64 "-%" PRIx64, start + offset, start + offset + bytes - 1);
	return 0;
}

static int resolve_part(struct recover *r, const struct recipe_region *region, const char *part,
			char *buf, size_t size, struct err *err)
{
	static const char range[] = "range ";
	unsigned int position = 0;

	if (!strcmp(part, "dax") || (parse_name(part, "dax", &position) && position < region->n_dax))
		return recover_dax_now(r, region, position, buf, size) ? 0 : unknown(part, err);
	if (!strncmp(part, range, sizeof(range) - 1))
		return resolve_range(r, region, part + sizeof(range) - 1, buf, size, err);
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
		region = recipe_region_of(recipe, name + 4);
		return region ? resolve_new(r, region, buf, size, err) : unknown(name, err);
	}
	snprintf(of, sizeof(of), "%.*s", slash ? (int)(slash - name) : 63, name);
	region = recipe_region_of(recipe, of);
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
