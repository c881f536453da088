// SPDX-License-Identifier: GPL-2.0-only
/* Proofs of recovery as files: see proof.h. */
#include "lib/kept/proof.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/json_read.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA "cxl-proof/1"

void proof_file(const char *root_port, char *buf, size_t size)
{
	snprintf(buf, size, PROOF_PREFIX "%.64s" PROOF_SUFFIX, root_port);
}

/* --- out -------------------------------------------------------------------------- */

static struct json_object *platform_json(const struct platform *p)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "cpu_vendor", p->cpu_vendor);
	render_add_u64(obj, "cpu_family", p->cpu_family.known, p->cpu_family.v);
	render_add_u64(obj, "cpu_model", p->cpu_model.known, p->cpu_model.v);
	render_add_string(obj, "system_vendor", p->system_vendor);
	render_add_string(obj, "product", p->product);
	return obj;
}

char *proof_text(const struct proof *p)
{
	struct json_object *obj = render_object();
	char *ret;

	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "root_port", p->root_port);
	render_add(obj, "platform", platform_json(&p->platform));
	render_add_string(obj, "bios_version", p->platform.bios_version);
	render_add_string(obj, "kernel", p->platform.kernel);
	render_add_string(obj, "date", p->date);
	ret = render_text(obj, true);
	json_object_put(obj);
	return ret;
}

/* --- in --------------------------------------------------------------------------- */

static bool parse_platform(struct json_read *r, struct json_object *obj, struct platform *ret)
{
	ret->cpu_family.known = ret->cpu_model.known = true;
	return json_read_object(r, obj, 5) && json_read_name(r, obj, "cpu_vendor", &ret->cpu_vendor) &&
	       json_read_u64(r, obj, "cpu_family", &ret->cpu_family.v) && json_read_u64(r, obj, "cpu_model", &ret->cpu_model.v) &&
	       json_read_name(r, obj, "system_vendor", &ret->system_vendor) && json_read_name(r, obj, "product", &ret->product);
}

/* "2026-03-01T12:00:00Z", as it is shown to people */
static bool is_date(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00Z";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return true;
}

bool proof_parse(const char *text, struct arena *a, struct proof *ret)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = NULL, *platform;
	const char *schema;
	bool good;

	*ret = (struct proof){ 0 };
	if (strlen(text) <= PROOF_MAX_BYTES)
		obj = json_read_whole(&r, text);
	good = json_read_object(&r, obj, 6) && json_read_name(&r, obj, "schema", &schema) && !strcmp(schema, SCHEMA) &&
	       json_read_name(&r, obj, "root_port", &ret->root_port) && json_object_object_get_ex(obj, "platform", &platform) &&
	       parse_platform(&r, platform, &ret->platform) && json_read_name(&r, obj, "bios_version", &ret->platform.bios_version) &&
	       json_read_name(&r, obj, "kernel", &ret->platform.kernel) && json_read_name(&r, obj, "date", &ret->date) &&
	       is_date(ret->date);
	json_object_put(obj);
	return good;
}

enum proof_state proof_judge(const struct proof *p, const struct platform *platform,
			     const char *root_port)
{
	if (strcmp(p->root_port, root_port) || !platform_is_same(&p->platform, platform) ||
	    !platform->bios_version || strcmp(p->platform.bios_version, platform->bios_version))
		return PROOF_NONE;
	return platform->kernel && !strcmp(p->platform.kernel, platform->kernel)
		       ? PROOF_HOLDS
		       : PROOF_OTHER_KERNEL;
}

/* --- files ------------------------------------------------------------------------ */

int proof_write(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		struct err *err)
{
	struct proof p = { .root_port = rp->name, .platform = host->platform };
	_cleanup_free_ char *text = NULL;
	char file[96], date[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	if (!platform_is_known(&host->platform))
		return err_set(err, EXIT_PREREQ, ENODATA, "that %s was recovered is not kept as a proof, since processor, system, firmware version or kernel of this host cannot be told",
			       rp->name);
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	p.date = date;
	proof_file(rp->name, file, sizeof(file));
	text = proof_text(&p);
	rc = text ? state_write(dirfd, file, text) : -ENOMEM;
	return rc ? err_set(err, EXIT_REFUSED, -rc, "%s is recovered, but the proof of it cannot be written to %.200s/%s: %s; make room there, then 'cxl recover-port --force-healthy %s' proves it again",
			    rp->name, state_path(), file, err_text(-rc), rp->name) : 0;
}
