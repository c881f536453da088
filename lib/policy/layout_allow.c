// SPDX-License-Identifier: GPL-2.0-only
/* May a host be made as a layout wants it, without loss to others: layout_may_make() of layout_match.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/policy/layout_match.h"
#include "lib/policy/policy_text.h"

static const char *const unlock = "a reboot alone resets its decoders; take the section out of the file";

/* Memory blocks of @d that are in @state. */
static bool has_block(const struct cxl_host *host, const struct cxl_dax *d, enum block_state state)
{
	const struct mem_block *b = NULL;

	while (dax_is_kmem(d) && (b = dax_next_block(host, d, b)))
		if (b->state == state)
			return true;
	return false;
}

/* All of them: whoever reads it has to end them. */
static const char *users_of(const struct cxl_dax *d, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "is in use by process");

	for (size_t i = 0; i < d->n_users && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s %d (%.40s)", i ? "," : "", (int)d->users[i].pid, d->users[i].command);
	return buf;
}

/*
 * Who uses @d, for after its name; NULL when nobody does.  Memory that is online is no use where
 * it @goes_offline first: whether it can be shows then, and if not, all is taken back.
 */
static const char *use_of_dax(const struct cxl_host *host, const struct cxl_dax *d,
			      bool goes_offline, char *buf, size_t size)
{
	if (d->mounted_at)
		snprintf(buf, size, "has a file system mounted at %.100s", d->mounted_at);
	else if (d->unbinding)
		snprintf(buf, size, "is being taken from its driver since an earlier command: process %d waits in the kernel for pages of it that are pinned", (int)d->unbinding);
	else if (d->may_be_mounted_at)
		snprintf(buf, size, "may be a device of the famfs that is mounted at %.100s", d->may_be_mounted_at);
	else if (d->n_users)
		users_of(d, buf, size);
	else if (d->users_unknown)
		snprintf(buf, size, "may be in use: not every process could be looked into");
	else if (!goes_offline && has_block(host, d, BLOCK_ONLINE))
		snprintf(buf, size, "is online as System RAM");
	else if (has_block(host, d, BLOCK_UNKNOWN))
		snprintf(buf, size, "may be online as System RAM");
	else
		return NULL;
	return buf;
}

/* The same of a whole region, with whose name that is. */
static const char *use_of_region(const struct cxl_host *host, const struct cxl_region *r,
				 const char **ret_name, char *buf, size_t size)
{
	*ret_name = r->name;
	for (size_t i = 0; i < r->n_dax; i++)
		if (use_of_dax(host, r->dax[i], false, buf, size)) {
			*ret_name = r->dax[i]->name;
			return buf;
		}
	if (r->blocks_online || r->blocks_unknown)
		return r->blocks_online ? "is online as System RAM" : "may be online as System RAM";
	return NULL;
}

static const struct layout_difference *worst_of(const struct layout_differences *list)
{
	const struct layout_difference *worst = NULL;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].is && (!worst || list->v[i].way > worst->way))
			worst = &list->v[i];
	return worst;
}

struct request {
	const struct layout_matches *m;
	const struct cxl_host *host;
	bool (*is_ours)(const struct cxl_region *r, enum layout_claim of, void *data);
	void *data;
};

static bool is_ours(const struct request *q, const struct cxl_region *r, enum layout_claim of)
{
	return q->is_ours && q->is_ours(r, of, q->data);
}

/* The one that a region has at first: all of it. */
static bool is_kernels(const struct cxl_dax *d)
{
	return d->size_bytes.known && d->region->size_bytes.known &&
	       d->size_bytes.v == d->region->size_bytes.v;
}

static const char *take_away(const struct request *q)
{
	return strcmp(q->m->wanted->layout->file, LAYOUT_OF_OPTION) ?
		"take it away with 'daxctl destroy-device', or write it into the file" :
		"take it away with 'daxctl destroy-device', or ask for what there is";
}

#define REFUSE(q, line, remedy, err, ...) \
	policy_refuse_here((q)->m->wanted->layout->file, line, EXIT_NEGATIVE, remedy, err, \
			   __VA_ARGS__)

static int allow_region(const struct request *q, const struct region_match *m, struct err *err)
{
	const struct layout_difference *d = worst_of(&m->differences);
	const struct cxl_region *is = m->wanted->is;
	const char *name, *use;
	char buf[320];

	if (!d)
		return 0;
	if (is->lock != LOCK_NONE)
		return REFUSE(q, d->line, unlock, err, "[region %s] is %s, whose %s is %s, and that is locked", m->wanted->section->name, is->name, d->setting, d->is);
	use = use_of_region(q->host, is, &name, buf, sizeof(buf));
	if (use)
		return REFUSE(q, d->line, "end that first", err, "[region %s] is %s, whose %s is %s: it would have to be made anew, and %s %s", m->wanted->section->name,
			      is->name, d->setting, d->is, name, use);
	if (d->way == WAY_REMAKE && !is_ours(q, is, CLAIM_REGION))
		return REFUSE(q, d->line, "delete it with 'cxl destroy-region', or write into the file what it is", err,
			      "[region %s] is %s, which somebody else made, and whose %s is %s: it would be destroyed", m->wanted->section->name, is->name,
			      d->setting, d->is);
	return 0;
}

static int allow_dax(const struct request *q, const struct dax_match *m, struct err *err)
{
	const struct layout_difference *d = worst_of(&m->differences);
	const char *use;
	char buf[320];
	bool may;

	if (!m->is || !d || d->way == WAY_ATTRIBUTE)
		return 0;
	may = is_kernels(m->is) || is_ours(q, m->is->region, CLAIM_DEVICES);
	use = use_of_dax(q->host, m->is, may, buf, sizeof(buf));
	if (use)
		return REFUSE(q, d->line, "end that first", err, "[dax %s] is %s, whose %s is %s, and %s %s", m->wanted->section->name, m->is->name, d->setting,
			      d->is, m->is->name, use);
	if (d->way != WAY_REMAKE || may)
		return 0;
	return REFUSE(q, d->line, take_away(q), err, "[dax %s] is %s, which somebody else made, and whose %s is %s", m->wanted->section->name, m->is->name,
		      d->setting, d->is);
}

static int allow_foreign(const struct request *q, const struct layout_foreign *f, struct err *err)
{
	char buf[320];
	const struct wanted_dax *w = f->in_the_way_of;
	bool may = w && is_ours(q, f->beside->is, CLAIM_DEVICES);
	const char *use = w ? use_of_dax(q->host, f->dax, may, buf, sizeof(buf)) : NULL;

	if (use)
		return REFUSE(q, w->section->line, "end that first", err, "[dax %s] shall be where %s is, and that %s", w->section->name, f->dax->name, use);
	if (!w || may)
		return 0;
	return REFUSE(q, w->section->line, take_away(q), err,
		      "[dax %s] shall be where %s of %s is, which somebody else made", w->section->name, f->dax->name, f->beside->is->name);
}

int layout_may_make(const struct layout_matches *m, const struct cxl_host *host,
		    bool (*ours)(const struct cxl_region *r, enum layout_claim of, void *data),
		    void *data, struct err *err)
{
	const struct request q = { m, host, ours, data };
	int rc = 0;

	for (size_t i = 0; !rc && i < m->wanted->layout->n_regions; i++)
		rc = allow_region(&q, &m->regions[i], err);
	for (size_t i = 0; !rc && i < m->wanted->layout->n_dax; i++)
		rc = allow_dax(&q, &m->dax[i], err);
	for (size_t i = 0; !rc && i < m->n_foreign; i++)
		if (m->foreign[i].dax)
			rc = allow_foreign(&q, &m->foreign[i], err);
	return rc;
}
