// SPDX-License-Identifier: GPL-2.0-only
/* What dax memory was before it was prepared, as a file: see before.h. */
#include "daxctl/before.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cxl/lib/report/json_read.h"
#include "util/cleanup.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA "daxctl-before/1"
enum { MAX_BLOCKS = 1 << 20, N_MODES = DAX_UNBOUND + 1 };

/* No name of the kernel's lasts: where the memory is does. */
static void file_of(const struct dax_facts *f, char *buf, size_t size)
{
	snprintf(buf, size, "dax-%" PRIx64 ".before", f->dax->n_ranges ? f->dax->ranges[0].first : 0);
}

/* "0x1001 0x1002"; NULL when it is not known, or for lack of memory. */
static const char *serials_of(struct prepare *p, const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;
	const char *text = r && r->n_targets && f->dax->n_ranges ? "" : NULL;

	for (size_t i = 0; text && i < r->n_targets; i++)
		text = r->targets[i] && r->targets[i]->serial.known ?
			arena_printf(&p->arena, "%s%s0x%" PRIx64, text, i ? " " : "", r->targets[i]->serial.v) : NULL;
	return text;
}

/* As what it was prepared, one way after the other. */
enum { AS_DEVDAX = 1, AS_SYSTEM_RAM = 2, N_PREPARED = 4 };
static const char *const prepared_names[N_PREPARED] = {
	"nothing", [AS_DEVDAX] = "devdax", [AS_SYSTEM_RAM] = "system-ram", [AS_DEVDAX | AS_SYSTEM_RAM] = "both",
};

/* --- as text -------------------------------------------------------------------- */

static struct json_object *record(const char *serials, const struct dax_facts *f, const struct before *b)
{
	struct json_object *obj = json_object_new_object(), *blocks = json_object_new_array();

	for (size_t i = 0; i < b->online.n; i++) {
		struct json_object *block = json_object_new_object();

		render_add_u64(block, "block", true, b->online.v[i].number);
		render_add_string(block, "online", b->online.v[i].word);
		json_object_array_add(blocks, block);
	}
	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "serials", serials);
	render_add_u64(obj, "bytes", true, f->dax->size_bytes.v);
	render_add_string(obj, "prepared_as", prepared_names[(b->as_devdax ? AS_DEVDAX : 0) | (b->as_system_ram ? AS_SYSTEM_RAM : 0)]);
	render_add_string(obj, "mode", dax_mode_names[b->mode]);
	render_add(obj, "memmap_on_memory", b->memmap == TRI_UNKNOWN ? NULL : json_object_new_boolean(b->memmap == TRI_YES));
	render_add(obj, "blocks", blocks);
	return obj;
}

static bool read_blocks(struct json_read *r, struct json_object *list, struct dax_blocks *ret)
{
	static const char *const words[] = { "online_kernel", "online_movable" };
	size_t n = json_object_array_length(list);

	ret->v = arena_alloc(r->arena, n, sizeof(*ret->v));
	for (; ret->v && ret->n < n; ret->n++) {
		struct json_object *obj = json_object_array_get_idx(list, ret->n);
		int word;

		if (!json_read_object(r, obj, 2) || !json_read_u64(r, obj, "block", &ret->v[ret->n].number) ||
		    !json_read_enum(r, obj, "online", words, 2, &word))
			return false;
		ret->v[ret->n].word = words[word];
	}
	return ret->v;
}

static bool read_prepared(struct json_read *r, struct json_object *obj, struct before *ret)
{
	int prepared;

	if (!json_read_enum(r, obj, "prepared_as", prepared_names, N_PREPARED, &prepared))
		return false;
	ret->as_devdax = prepared & AS_DEVDAX;
	ret->as_system_ram = prepared & AS_SYSTEM_RAM;
	return true;
}

/* Is it about this very memory, and whole? */
static bool parse(struct json_read *r, struct json_object *obj, const char *serials, const struct dax_facts *f, struct before *ret)
{
	const char *schema, *of;
	struct json_object *blocks;
	int mode, memmap;
	uint64_t bytes;

	if (!json_read_object(r, obj, 7) || !json_read_name(r, obj, "schema", &schema) || strcmp(schema, SCHEMA) ||
	    !json_read_name(r, obj, "serials", &of) || strcmp(of, serials) || !json_read_u64(r, obj, "bytes", &bytes) ||
	    bytes != f->dax->size_bytes.v || !read_prepared(r, obj, ret) ||
	    !json_read_enum(r, obj, "mode", dax_mode_names, N_MODES, &mode) || !json_read_tri(r, obj, "memmap_on_memory", &memmap) ||
	    !json_read_array(r, obj, "blocks", MAX_BLOCKS, &blocks) || !read_blocks(r, blocks, &ret->online))
		return false;
	ret->mode = (enum dax_mode)mode;
	ret->memmap = memmap < 0 ? TRI_UNKNOWN : memmap ? TRI_YES : TRI_NO;
	return true;
}

/* --- as a file -------------------------------------------------------------------- */

/* What is kept of @f as it is now, when it is to be prepared. */
static int now_is(struct prepare *p, const struct dax_facts *f, struct before *ret)
{
	struct dax_blocks *online = &ret->online;
	const struct mem_block *b = NULL;

	*ret = (struct before){ .is_there = true, .mode = f->mode, .memmap = f->memmap,
		.as_devdax = p->goal == PREPARE_DEVDAX, .as_system_ram = p->goal == PREPARE_SYSTEM_RAM };
	online->v = arena_alloc(&p->arena, f->blocks_online, sizeof(*online->v));
	while (online->v && online->n < f->blocks_online && (b = dax_next_block(&p->host, f->dax, b)))
		if (b->state == BLOCK_ONLINE)
			/* a zone that is not known may not become Normal: nothing gets it offline again */
			online->v[online->n++] = (struct dax_block){ b->number, b->zone ? dax_online_word(b->zone) : "online_movable" };
	return online->v ? 0 : -ENOMEM;
}

/* Are the blocks @now some of @then, in the same zones? */
static bool is_part_of(const struct dax_blocks *now, const struct dax_blocks *then)
{
	size_t k = 0;

	for (size_t i = 0; i < now->n; i++, k++) {
		while (k < then->n && then->v[k].number != now->v[i].number)
			k++;
		if (k == then->n || strcmp(then->v[k].word, now->v[i].word))
			return false;
	}
	return true;
}

/* As the earlier run left it: done, or on the way there since a block stayed busy or it was killed. */
static bool is_still_prepared(const struct before *now, const struct before *old)
{
	return (now->mode == DAX_DEVDAX && old->as_devdax) || (now->mode == DAX_SYSTEM_RAM && old->as_system_ram) ||
		now->mode == DAX_UNBOUND || (now->mode == old->mode && is_part_of(&now->online, &old->online));
}

int before_read(struct prepare *p, const struct dax_facts *f, struct before *ret)
{
	struct json_read r = { .arena = &p->arena };
	const char *serials = serials_of(p, f);
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dir = -1;
	struct before now;
	struct json_object *obj;
	char file[64];
	struct err err;
	int rc;

	*ret = (struct before){ 0 };
	if (!serials)
		return 0;
	dir = state_open(false, &err);
	file_of(f, file, sizeof(file));
	rc = dir < 0 ? -err.errnum : state_read(dir, file, &text);
	if (rc == -ENOENT)
		return 0;
	obj = rc ? NULL : json_tokener_parse(text);
	ret->is_there = !rc && parse(&r, obj, serials, f, ret);
	json_object_put(obj);
	if (!ret->is_there)
		message_add(p->messages, SEV_INFO, "BEFORE", f->dax->name, "%s: what it was before it was prepared is not known: %.200s/%s %s", f->dax->name,
			    state_path(), file, rc ? strerror(-rc) : "is damaged, or about other memory");
	if (before_is_prepared(ret)) {
		rc = now_is(p, f, &now);
		ret->is_there = !rc && is_still_prepared(&now, ret);
	}
	return r.no_memory || rc == -ENOMEM ? -ENOMEM : 0;
}

static int write_file(const struct dax_facts *f, const char *serials, const struct before *b)
{
	struct json_object *obj = record(serials, f, b);
	_cleanup_close_ int dir = -1;
	char file[64];
	struct err err;
	int rc;

	file_of(f, file, sizeof(file));
	dir = state_open(true, &err);
	rc = dir < 0 ? -err.errnum : state_write(dir, file, json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY));
	json_object_put(obj);
	return rc;
}

bool before_keep(struct prepare *p, const struct dax_facts *f)
{
	const char *serials = serials_of(p, f);
	struct before old, now;
	int rc = before_read(p, f, &old);

	bool is_kept = !rc && before_is_prepared(&old);

	rc = rc ? rc : serials ? now_is(p, f, &now) : -ENODATA;
	if (is_kept) {	/* the way back stays the same, whatever is made of it on the way */
		old.as_devdax |= p->goal == PREPARE_DEVDAX;
		old.as_system_ram |= p->goal == PREPARE_SYSTEM_RAM;
		now = old;
	}
	rc = rc ? rc : write_file(f, serials, &now);
	if (rc && (rc != -EACCES || !geteuid()))	/* else nothing will be changed either */
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name,
			    "%s: what it is now cannot be kept in %.200s (%s): --undo will make it System RAM, online and movable", f->dax->name, state_path(),
			    rc == -ENODATA ? "the serial numbers of its devices cannot be read" : strerror(-rc));
	return !rc && !is_kept;
}

void before_forget(struct prepare *p, const struct dax_facts *f)
{
	_cleanup_close_ int dir = -1;
	char file[64];
	struct err err;
	int rc;

	file_of(f, file, sizeof(file));
	dir = state_open(false, &err);
	rc = dir < 0 ? -err.errnum : state_remove(dir, file);
	if (rc)
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name, "%.200s/%s cannot be removed: %s; remove it, else --undo believes it", state_path(), file, strerror(-rc));
}

void before_put_back(struct prepare *p, const struct dax_facts *f, const struct before *b)
{
	struct before now = *b;
	const char *serials = serials_of(p, f);
	int rc;

	now.as_devdax = now.as_system_ram = false;
	rc = serials ? write_file(f, serials, &now) : -ENOMEM;
	if (rc)
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name, "%s: that it was put back cannot be written down in %.200s: %s", f->dax->name, state_path(), strerror(-rc));
}
