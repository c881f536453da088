// SPDX-License-Identifier: GPL-2.0-only
/* Evidence as files: see evidence.h. */
#include "lib/kept/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/kept/kept_read.h"
#include "lib/report/evidence_record.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/render.h"
#include "util/state.h"

enum { MAX_LISTED = 2 * EVIDENCE_MAX, LOCK_WAIT_US = 3 * 1000000, LOCK_LOOK_MS = 20 };

/* --- which there are ---------------------------------------------------------------- */

struct list {
	int dirfd;
	struct evidence *v;
	size_t n;
};

static bool parse_file(const char *name, struct evidence *ret)
{
	const char *dot = strchr(name, '.');
	size_t n = strlen(name), suffix = strlen(EVIDENCE_SUFFIX);
	uint64_t key;
	char *end;

	if (!dot || n >= sizeof(ret->file) || *name < '1' || *name > '9' ||
	    n < suffix + (size_t)(dot - name) + 2)
		return false;
	errno = 0;
	ret->number = strtoul(name, &end, 10);
	snprintf(ret->root_port, sizeof(ret->root_port), "%.*s", (int)(n - suffix) - (int)(dot + 1 - name), dot + 1);
	snprintf(ret->file, sizeof(ret->file), "%s", name);
	return end == dot && !errno && parse_pci_address(ret->root_port, &key);
}

/* In its place by number; of too many the oldest is left out. */
static int add(const char *name, void *data)
{
	struct list *l = data;
	struct evidence e;
	struct stat st;
	size_t at = 0;

	if (!parse_file(name, &e) || fstatat(l->dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	e.bytes = st.st_size > 0 ? (size_t)st.st_size : 0;
	while (at < l->n && l->v[at].number < e.number)
		at++;
	if (l->n == MAX_LISTED) {
		if (!at)
			return 0;
		memmove(&l->v[0], &l->v[1], (--l->n) * sizeof(*l->v));
		at--;
	}
	memmove(&l->v[at + 1], &l->v[at], (l->n++ - at) * sizeof(*l->v));
	l->v[at] = e;
	return 0;
}

int evidence_list(int dirfd, struct arena *a, struct evidence **ret, size_t *ret_n)
{
	struct list l = { .dirfd = dirfd, .v = arena_alloc(a, MAX_LISTED, sizeof(*l.v)) };
	int rc = l.v ? state_each(dirfd, EVIDENCE_SUFFIX, add, &l) : -ENOMEM;

	*ret = l.v;
	*ret_n = rc ? 0 : l.n;
	return rc;
}

/* --- keeping one -------------------------------------------------------------------- */

/* What is said of a bundle that is too big, in the order in which it goes. */
static const char *const spare[] = { "kernel_log", "policy", "record", "functions" };

static char *text_of(struct json_object *obj)
{
	char *text = render_text(obj, false);

	for (size_t i = 0; text && strlen(text) >= EVIDENCE_MAX_BYTES && i < ARRAY_SIZE(spare);
	     i++) {
		free(text);
		render_set(obj, spare[i], NULL);
		text = render_text(obj, false);
	}
	return text;
}

static int write_bundle(int dirfd, const char *file, struct json_object *obj)
{
	_cleanup_free_ char *text = text_of(obj);

	return text ? state_write(dirfd, file, text) : -ENOMEM;
}

/* What a write that was killed left. */
static int drop_part(const char *name, void *dirfd)
{
	state_remove(*(int *)dirfd, name);
	return 0;
}

static void drop_oldest(int dirfd, const struct evidence *v, size_t n)
{
	state_each(dirfd, EVIDENCE_SUFFIX ".new", drop_part, &dirfd);
	for (size_t i = 0; i + EVIDENCE_MAX <= n; i++)
		state_remove(dirfd, v[i].file);
}

static int keep(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		struct json_object *events, unsigned long number)
{
	struct json_object *obj = evidence_record(host, rp);
	char file[sizeof(((struct evidence *)0)->file)], boot_id[64];
	int rc;

	snprintf(file, sizeof(file), "%lu.%.64s" EVIDENCE_SUFFIX, number, rp->name);
	render_add_string(obj, "schema", EVIDENCE_SCHEMA);
	render_add_u64(obj, "number", true, number);
	render_add_string(obj, "boot_id", kept_boot_id(host, boot_id, sizeof(boot_id)));
	render_add(obj, "events", json_object_get(events));
	rc = write_bundle(dirfd, file, obj);
	if (!rc) {	/* without the second part the first one is as good */
		render_set(obj, "functions", evidence_functions(host, rp));
		write_bundle(dirfd, file, obj);
	}
	json_object_put(obj);
	return rc;
}

/* One at a time: of two, one would take the other's half of a file for what a kill left.  Not for ever. */
static int take_lock(int dirfd)
{
	uint64_t end_us = clock_now_us() + LOCK_WAIT_US;
	int fd;

	while ((fd = state_lock(dirfd, "evidence.lock")) == -EWOULDBLOCK && clock_now_us() < end_us)
		poll(NULL, 0, LOCK_LOOK_MS);
	return fd;
}

int evidence_keep(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		  struct json_object *events, unsigned long *ret, struct err *err)
{
	_cleanup_close_ int lock = take_lock(dirfd);
	struct evidence *v;
	size_t n;
	int rc = evidence_list(dirfd, host->arena, &v, &n);

	(void)lock;	/* given up with this function; without it there is evidence all the same */
	*ret = n ? v[n - 1].number + 1 : 1;
	if (!rc)
		drop_oldest(dirfd, v, n);
	rc = rc ? rc : keep(dirfd, host, rp, events, *ret);
	return rc ? err_set(err, EXIT_REFUSED, -rc, "no evidence of %s is kept: %.200s: %s", rp->name, state_path(), strerror(-rc)) : 0;
}
