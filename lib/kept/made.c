// SPDX-License-Identifier: GPL-2.0-only
/* Regions that were made by policy, as a file: see made.h. */
#include "lib/kept/made.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/kept/boot_file.h"
#include "util/render.h"

#define SCHEMA "cxl-made-regions/1"
#define FILE_NAME "made-regions"
enum { MAX_REGIONS = 65536, MAX_MEMDEVS = 16 };

/* --- out ---------------------------------------------------------------------- */

static struct json_object *region_json(const struct made_region *r)
{
	struct json_object *obj = render_object(), *memdevs = render_array();

	for (size_t i = 0; i < r->n_memdevs; i++)
		render_append(memdevs, render_string(r->memdevs[i]));
	render_add_string(obj, "region", r->region);
	render_add(obj, "is_whole", render_boolean(r->is_whole));
	render_add(obj, "is_cut", render_boolean(r->is_cut));
	render_add_u64(obj, "bytes_each", true, r->bytes_each);
	render_add(obj, "memdevs", memdevs);
	return obj;
}

int made_write(const struct cxl_host *host, const struct made *made)
{
	struct json_object *obj = boot_file_begin(host, SCHEMA), *list = render_array();

	for (size_t i = 0; i < made->n; i++)
		render_append(list, region_json(&made->v[i]));
	render_add(obj, "autoprobe_is_held", render_boolean(made->autoprobe_is_held));
	render_add(obj, "regions", list);
	return boot_file_write(obj, FILE_NAME);
}

/* --- in ----------------------------------------------------------------------- */

static bool read_region(struct json_read *r, struct json_object *obj, struct made_region *ret)
{
	struct json_object *memdevs;

	if (!json_read_object(r, obj, 5) ||
	    !json_read_string_of(r, obj, "region", &ret->region) ||
	    !json_read_bool(r, obj, "is_whole", &ret->is_whole) ||
	    !json_read_bool(r, obj, "is_cut", &ret->is_cut) ||
	    !json_read_u64(r, obj, "bytes_each", &ret->bytes_each) ||
	    !json_read_array(r, obj, "memdevs", MAX_MEMDEVS, &memdevs))
		return false;
	ret->n_memdevs = json_object_array_length(memdevs);
	ret->memdevs = arena_alloc(r->arena, ret->n_memdevs, sizeof(*ret->memdevs));
	r->no_memory |= !ret->memdevs;
	for (size_t i = 0; ret->memdevs && i < ret->n_memdevs; i++)
		if (!json_read_string(r, json_object_array_get_idx(memdevs, i), &ret->memdevs[i]))
			return false;
	return ret->memdevs;
}

struct reading {
	struct made *ret;
	size_t more;
};

/* Nothing of it counts after a reboot: regions have other names then, and others make them. */
static bool take(struct json_read *r, struct json_object *obj, bool is_of_boot, void *data)
{
	const struct reading *reading = data;
	struct made *ret = reading->ret;
	struct json_object *list;
	size_t n;

	if (!json_read_bool(r, obj, "autoprobe_is_held", &ret->autoprobe_is_held) ||
	    !json_read_array(r, obj, "regions", MAX_REGIONS, &list))
		return false;
	n = json_object_array_length(list);
	ret->capacity = n + reading->more;
	ret->v = arena_alloc(r->arena, ret->capacity, sizeof(*ret->v));
	r->no_memory |= !ret->v;
	for (size_t i = 0; ret->v && i < n; i++)
		if (!read_region(r, json_object_array_get_idx(list, i), &ret->v[i]))
			return false;
	ret->n = is_of_boot ? n : 0;
	ret->autoprobe_is_held &= is_of_boot;
	return ret->v;
}

int made_read(const struct cxl_host *host, size_t more, struct arena *a, struct made *ret,
	      const char **ret_why)
{
	static const struct boot_file file = { FILE_NAME, SCHEMA, 4, take };
	struct reading reading = { ret, more };
	int rc;

	*ret = (struct made){ 0 };
	rc = boot_file_read(host, &file, &reading, a, ret_why);
	if (rc != -ENOENT)
		return rc;
	*ret = (struct made){ .v = arena_alloc(a, more, sizeof(*ret->v)), .capacity = more };
	return ret->v ? 0 : -ENOMEM;
}

/* --- whose is it? --------------------------------------------------------------- */

const char *made_memdev_text(const struct cxl_memdev *m, struct arena *a)
{
	return arena_printf(a, "%s 0x%" PRIx64, m->host ? m->host : "-", m->serial.known ? m->serial.v : 0);
}

/* @text is made_memdev_text() of @m. */
static bool is_memdev(const struct cxl_memdev *m, const char *text)
{
	struct arena a = { 0 };
	const char *is = made_memdev_text(m, &a);
	bool same = is && !strcmp(is, text);

	arena_free(&a);
	return same;
}

struct made_region *made_find(const struct made *made, const struct cxl_region *r)
{
	for (size_t i = 0; i < made->n; i++) {
		struct made_region *m = &made->v[i];
		bool same = !strcmp(m->region, r->name) && r->n_targets <= m->n_memdevs &&
			    (!m->is_whole || r->n_targets == m->n_memdevs);

		/* one that is not whole yet has positions without a memory device */
		for (size_t k = 0; same && k < r->n_targets; k++)
			same = r->targets[k] ? is_memdev(r->targets[k], m->memdevs[k])
					     : !m->is_whole;
		if (same)
			return m;
	}
	return NULL;
}

int made_add_cut(struct made *made, const struct cxl_region *r, uint64_t bytes_each,
		 struct arena *a)
{
	struct made_region *m;

	if (made->n == made->capacity)
		return -ENOMEM;
	m = &made->v[made->n];
	*m = (struct made_region){
		.region = arena_strdup(a, r->name), .is_whole = true, .is_cut = true,
		.bytes_each = bytes_each, .n_memdevs = r->n_targets,
		.memdevs = arena_alloc(a, r->n_targets, sizeof(*m->memdevs)),
	};
	if (!m->region || !m->memdevs)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_targets; i++)
		if (!(m->memdevs[i] = made_memdev_text(r->targets[i], a)))
			return -ENOMEM;
	made->n++;
	return 0;
}

const struct cxl_region *made_region_of(const struct cxl_host *host, const struct made *made,
					const struct made_region *m)
{
	for (size_t i = 0; i < host->n_regions; i++)
		if (made_find(made, &host->regions[i]) == m)
			return &host->regions[i];
	return NULL;
}
