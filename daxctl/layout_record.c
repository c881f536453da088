// SPDX-License-Identifier: GPL-2.0-only
/* The layout of memory in records: see layout_record.h. */
#include "daxctl/layout_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/policy/layout_match.h"
#include "util/render.h"

/* --- dax devices --------------------------------------------------------------------------- */

struct json_object *record_device(const struct layout_view *view, const struct cxl_dax *d)
{
	const struct cxl_host *host = view->facts.host;
	const struct dax_file *f = &view->facts.dax[d - host->dax];
	const char *name = view->names.dax[d - host->dax];
	uint64_t offset = 0;
	bool has_place = dax_offset(&view->facts, d, &offset) && d->n_ranges < 2;
	struct json_object *obj = render_object();
	char path[96], mode[16];

	snprintf(path, sizeof(path), "%s/%s", name ? LAYOUT_DAX_DIR : "/dev", name ? name : d->name);
	snprintf(mode, sizeof(mode), "%04o", f->mode & 0777);
	render_add_string(obj, "name", name);
	render_add_string(obj, "path", path);
	render_add_u64(obj, "offset", has_place, offset);
	render_add_u64(obj, "align", f->align.known, f->align.v);
	render_add_string(obj, "owner", f->owner);
	render_add_string(obj, "group", f->group);
	render_add_string(obj, "file_mode", f->is_known ? mode : NULL);
	return obj;
}

/* --- regions --------------------------------------------------------------------------------- */

static struct json_object *record_memdev(const struct cxl_host *host, const struct cxl_memdev *m)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "memdev", m ? m->name : NULL);
	render_add_hex(obj, "serial", m && m->serial.known, m ? m->serial.v : 0);
	render_add_string(obj, "address", m ? m->host : NULL);
	render_add(obj, "serial_is_unique", render_boolean(m && !layout_needs_address(host, m)));
	return obj;
}

struct json_object *record_region_layout(const struct layout_view *view,
					 const struct cxl_region *r)
{
	const struct cxl_host *host = view->facts.host;
	struct json_object *obj = render_object(), *memdevs = render_array();
	const struct root_decoder *first;
	char decoder[64];
	size_t n = 0;

	if (layout_can_name(r))
		n = layout_fitting_decoders(&view->facts, r->targets, r->n_targets, &first);
	for (size_t i = 0; i < r->n_targets; i++)
		render_append(memdevs, record_memdev(host, r->targets[i]));
	render_add_string(obj, "region", r->name);
	render_add_string(obj, "name", view->names.regions[r - host->regions]);
	render_add_u64(obj, "bytes", r->size_bytes.known, r->size_bytes.v);
	render_add_u64(obj, "ways", r->ways.known, r->ways.v);
	render_add_u64(obj, "granularity", r->granularity.known, r->granularity.v);
	render_add_string(obj, "decoder", region_root_decoder(r, decoder, sizeof(decoder)));
	render_add(obj, "decoder_is_needed", render_boolean(n > 1));
	render_add(obj, "memdevs", memdevs);
	render_add_string(obj, "not_in_policy", layout_why_not(&view->facts, r));
	return obj;
}
