// SPDX-License-Identifier: GPL-2.0-only
/* What dax memory was before it was prepared, as a file: see before.h. */
#include "lib/prepare/before.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/prepare/prepare.h"
#include "util/cleanup.h"
#include "util/json_read.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA "daxctl-before/1"
enum { MAX_BLOCKS = 1 << 20 };

/* No name of the kernel's lasts: where the memory is does. */
static void file_of(const struct dax_facts *f, char *buf, size_t size)
{
	snprintf(buf, size, "dax-%" PRIx64 ".before", f->dax->n_ranges ? f->dax->ranges[0].first : 0);
}

/* Its size attribute says the same, and may be unreadable now and not then. */
static uint64_t bytes_of(const struct dax_facts *f)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < f->dax->n_ranges; i++)
		bytes += f->dax->ranges[i].last - f->dax->ranges[i].first + 1;
	return bytes;
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

static struct json_object *record(const char *serials, const struct dax_facts *f,
				  const struct before *b)
{
	struct json_object *obj = render_object(), *blocks = render_array();

	for (size_t i = 0; i < b->online.n; i++) {
		struct json_object *block = render_object();

		render_add_u64(block, "block", true, b->online.v[i].number);
		render_add_string(block, "online", b->online.v[i].word);
		render_append(blocks, block);
	}
	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "serials", serials);
	render_add_u64(obj, "bytes", true, bytes_of(f));
	render_add_string(obj, "prepared_as", prepared_names[(b->as_devdax ? AS_DEVDAX : 0) | (b->as_system_ram ? AS_SYSTEM_RAM : 0)]);
	render_add_string(obj, "boot_id", b->boot_id);
	render_add(obj, "persists", render_boolean(b->persists));
	render_add_string(obj, "mode", dax_mode_names[b->mode]);
	render_add(obj, "memmap_on_memory", b->memmap == TRI_UNKNOWN ? NULL : render_boolean(b->memmap == TRI_YES));
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

/* Kept before there was anything of it: as if it were of this boot. */
static bool read_boot(struct json_read *r, struct json_object *obj, bool is_old, struct before *ret)
{
	return is_old || (json_read_text(r, obj, "boot_id", &ret->boot_id) && json_read_bool(r, obj, "persists", &ret->persists));
}

/* Is it whole?  *@ret_mine: and about this very memory. */
static bool parse(struct json_read *r, struct json_object *obj, const char *serials,
		  const struct dax_facts *f, struct before *ret, bool *ret_mine)
{
	const char *schema, *of;
	struct json_object *blocks;
	bool is_old = !json_object_object_get_ex(obj, "persists", NULL);
	int mode, memmap;
	uint64_t bytes;

	if (!json_read_object(r, obj, is_old ? 7 : 9) || !read_boot(r, obj, is_old, ret) || !json_read_name(r, obj, "schema", &schema) || strcmp(schema, SCHEMA) ||
	    !json_read_name(r, obj, "serials", &of) || !json_read_u64(r, obj, "bytes", &bytes) || !read_prepared(r, obj, ret) ||
	    !json_read_enum(r, obj, "mode", dax_mode_names, N_DAX_GOALS, &mode) || !json_read_tri(r, obj, "memmap_on_memory", &memmap) ||
	    !json_read_array(r, obj, "blocks", MAX_BLOCKS, &blocks) || !read_blocks(r, blocks, &ret->online))
		return false;
	ret->mode = (enum dax_mode)mode;
	ret->memmap = memmap < 0 ? TRI_UNKNOWN : memmap ? TRI_YES : TRI_NO;
	*ret_mine = !strcmp(of, serials) && bytes == bytes_of(f);
	return true;
}

/* --- as a file -------------------------------------------------------------------- */

static const char *boot_id(struct prepare *p)
{
	char text[64];

	return sysfs_read(p->host->fs, "proc/sys/kernel/random/boot_id", text, sizeof(text)) > 0 ? arena_strdup(&p->arena, text) : NULL;
}

/* What is kept of @f as it is now, when it is to be prepared. */
static int capture_current(struct prepare *p, const struct dax_facts *f, struct before *ret)
{
	struct dax_blocks *online = &ret->online;
	const struct mem_block *b = NULL;

	*ret = (struct before){ .kind = BEFORE_PREPARED,
				.mode = f->mode,
				.memmap = f->memmap,
				.boot_id = boot_id(p),
				.persists = p->persist,
				.as_devdax = p->goal == PREPARE_DEVDAX,
				.as_system_ram = p->goal == PREPARE_SYSTEM_RAM };
	online->v = arena_alloc(&p->arena, f->blocks_online, sizeof(*online->v));
	while (online->v && online->n < f->blocks_online &&
	       (b = dax_next_block(p->host, f->dax, b)))
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
	bool was_booted = now->boot_id && old->boot_id && strcmp(now->boot_id, old->boot_id);

	if (was_booted && !old->persists)
		return false;
	return ((now->mode == DAX_DEVDAX || now->mode == DAX_FAMFS) && old->as_devdax) ||
	       (now->mode == DAX_SYSTEM_RAM && old->as_system_ram) || now->mode == DAX_UNBOUND ||
	       (now->mode == old->mode && is_part_of(&now->online, &old->online));
}

/* What is kept, whatever became of it since. */
static int read_file(struct prepare *p, const struct dax_facts *f, struct before *ret)
{
	struct json_read r = { .arena = &p->arena };
	const char *serials = serials_of(p, f);
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dir = -1;
	struct json_object *obj;
	bool is_whole, is_mine = false;
	char file[64];
	struct err err;
	int rc;

	*ret = (struct before){ .kind = BEFORE_NONE };
	if (!serials)
		return 0;
	dir = state_open(false, &err);
	file_of(f, file, sizeof(file));
	rc = dir < 0 ? -err.errnum : state_read(dir, file, &text);
	if (rc == -ENOENT)
		return 0;
	obj = rc ? NULL : json_read_whole(&r, text);
	is_whole = !rc && parse(&r, obj, serials, f, ret, &is_mine);
	if (is_mine) {
		ret->kind = ret->as_devdax || ret->as_system_ram ? BEFORE_PREPARED
								 : BEFORE_PUT_BACK;
	} else {
		ret->kind = BEFORE_BAD;
		ret->is_of_others = is_whole;
		ret->errnum = rc ? -rc : EINVAL;
		ret->why = arena_printf(&p->arena, "%.200s/%s %s%s", state_path(), file, rc ? "cannot be read: " : is_whole ? "is about other memory" : "is damaged",
					rc ? err_text(-rc) : "");
	}
	json_object_put(obj);
	return rc == -ENOMEM || r.no_memory || (!is_mine && !ret->why) ? -ENOMEM : 0;
}

int before_read(struct prepare *p, const struct dax_facts *f, struct before *ret)
{
	struct before now;
	int rc = read_file(p, f, ret);

	if (rc || ret->kind != BEFORE_PREPARED)
		return rc;
	rc = capture_current(p, f, &now);
	if (!rc && !is_still_prepared(&now, ret))
		ret->kind = BEFORE_OTHERWISE;
	return rc;
}

static int write_file(const struct dax_facts *f, const char *serials, const struct before *b)
{
	struct json_object *obj = record(serials, f, b);
	_cleanup_free_ char *text = render_text(obj, true);
	_cleanup_close_ int dir = -1;
	char file[64];
	struct err err;
	int rc;

	file_of(f, file, sizeof(file));
	dir = state_open(true, &err);
	rc = dir < 0 ? -err.errnum : text ? state_write(dir, file, text) : -ENOMEM;
	json_object_put(obj);
	return rc;
}

/* The way back stays the same, whatever is made of it on the way.  True when that is news. */
static bool add_goal(const struct prepare *p, struct before *b)
{
	const struct before old = *b;

	b->as_devdax |= p->goal == PREPARE_DEVDAX;
	b->as_system_ram |= p->goal == PREPARE_SYSTEM_RAM;
	b->persists |= p->persist;
	return b->as_devdax != old.as_devdax || b->as_system_ram != old.as_system_ram ||
	       b->persists != old.persists;
}

int before_keep(struct prepare *p, const struct dax_facts *f, bool is_so)
{
	const char *serials = serials_of(p, f);
	struct before b;
	int rc = before_read(p, f, &b);
	bool is_kept = !rc && b.kind == BEFORE_PREPARED;

	if (is_kept && !add_goal(p, &b))
		return 0;
	/* what it is now may be what was made of it */
	if (!rc && is_so && b.kind == BEFORE_BAD && !b.is_of_others) {
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name, "%s: what it was before it was prepared is not known: %s", f->dax->name, b.why);
		return 0;
	}
	if (!is_kept && !rc)
		rc = serials ? capture_current(p, f, &b) : -ENODATA;
	rc = rc ? rc : write_file(f, serials, &b);
	if (rc == -ENOMEM)
		return rc;
	if (rc && (rc != -EACCES || !geteuid()))	/* else nothing will be changed either */
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name,
			    "%s: what it is now cannot be kept in %.200s (%s): --undo will not know what to put back, and leave it as it is", f->dax->name, state_path(),
			    rc == -ENODATA ? "the serial numbers of its devices cannot be read" : err_text(-rc));
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
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name, "%.200s/%s cannot be removed: %s; remove it, else --undo believes it", state_path(), file, err_text(-rc));
}

void before_put_back(struct prepare *p, const struct dax_facts *f, const struct before *b)
{
	struct before now = *b;
	const char *serials;
	int rc;

	if (b->persists && !p->persist)
		return;		/* the next boot prepares it again, and that is to be taken back then */
	now.as_devdax = now.as_system_ram = now.persists = false;
	serials = serials_of(p, f);
	rc = serials ? write_file(f, serials, &now) : -ENOMEM;
	if (rc)
		message_add(p->messages, SEV_WARNING, "BEFORE", f->dax->name, "%s: that it was put back cannot be written down in %.200s: %s", f->dax->name, state_path(), err_text(-rc));
}
