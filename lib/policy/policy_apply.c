// SPDX-License-Identifier: GPL-2.0-only
/* What a policy asks of a snapshot's objects, and in what they differ: see policy.h. */
#include <errno.h>
#include <string.h>

#include "lib/policy/policy.h"
#include "util/array.h"
#include "util/parse.h"

/* --- which section is about what ------------------------------------------------ */

static bool is_on_path(const struct cxl_memdev *m, uint64_t pci_key)
{
	uint64_t other;

	for (size_t i = 0; i < m->n_chain; i++)
		if (parse_pci_address(m->chain[i], &other) && other == pci_key)
			return true;
	return false;
}

static bool has_serial(const struct cxl_memdev *m, uint64_t serial)
{
	return m->serial.known && m->serial.v == serial;
}

static bool is_about(const struct policy_section *s, const struct cxl_root_port *rp)
{
	bool found = s->kind == POLICY_ALL || (s->kind == POLICY_PCI && rp->key == s->key) ||
		     (s->kind == POLICY_BUS && rp->bridge && rp->bridge->bus &&
		      !strcmp(rp->bridge->bus->name, s->name));

	for (size_t i = 0; !found && i < rp->n_memdevs; i++)
		found = (s->kind == POLICY_SERIAL && has_serial(rp->memdevs[i], s->key)) ||
			(s->kind == POLICY_PCI && is_on_path(rp->memdevs[i], s->key));
	return found;
}

/* By its own memory devices: the neighbour below the same switch may be another's. */
static bool is_about_dax(const struct policy_section *s, const struct cxl_dax *d)
{
	const struct cxl_region *r = d->region;
	bool found = false;

	for (size_t i = 0; r && !found && i < r->n_targets; i++)
		found = r->targets[i] &&
			((s->kind == POLICY_SERIAL && has_serial(r->targets[i], s->key)) ||
			 (s->kind == POLICY_PCI && is_on_path(r->targets[i], s->key)));
	for (size_t i = 0; r && !found && i < r->n_root_ports; i++)
		found = s->kind != POLICY_SERIAL &&
			(s->kind != POLICY_PCI || r->root_ports[i]->key == s->key) &&
			is_about(s, r->root_ports[i]);
	return found;
}

bool policy_section_is_there(const struct policy_section *s, const struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_memdevs; i++)
		if ((s->kind == POLICY_SERIAL && has_serial(&host->memdevs[i], s->key)) ||
		    (s->kind == POLICY_PCI && is_on_path(&host->memdevs[i], s->key)))
			return true;
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (is_about(s, &host->root_ports[i]))
			return true;
	return s->kind == POLICY_ALL;
}

/* --- what they ask for together ---------------------------------------------------- */

static bool same_setting(enum policy_key key, const struct policy_setting *a,
			 const struct policy_setting *b)
{
	if (key == POLICY_TIMEOUT)
		return a->timeout.kind == b->timeout.kind && a->timeout.range == b->timeout.range;
	if (key == POLICY_REQUIRE)
		return requirement_is_same(&a->require, &b->require);
	if (key == POLICY_DRIVER_CONSENT || (key >= POLICY_ON_ISOLATED && key <= POLICY_ON_PROBLEM))
		return !strcmp(a->text, b->text);
	return a->value == b->value && a->duration_us == b->duration_us;
}

/* Later kinds come later, wherever they stand: @kinds says whose settings @wish has so far. */
static int merge(const struct policy *p, const struct policy_section *s, const char *object,
		 int *kinds, struct policy_wish *wish, struct err *err)
{
	wish->applies = true;
	wish->is_named |= s->kind > POLICY_BUS;
	for (int k = 0; k < N_POLICY_KEYS; k++) {
		const struct policy_setting *mine = &s->settings[k], *other = &wish->settings[k];

		if (!mine->line)
			continue;
		if (other->line && kinds[k] == (int)s->kind &&
		    !same_setting((enum policy_key)k, mine, other))
			return err_set(
				err, EXIT_USAGE, EINVAL,
				"%.200s: lines %u and %u ask for different values of %s (%.40s and %.40s) for %s, nothing was done; make them the same",
				p->file, other->line, mine->line, policy_key_names[k], other->text,
				mine->text, object);
		wish->settings[k] = *mine;
		kinds[k] = (int)s->kind;
	}
	return 0;
}

/* Another section may ask for less of this very port. */
static int check_automatic(const struct policy *p, const struct cxl_root_port *rp,
			   const struct policy_wish *wish, struct err *err)
{
	const struct policy_setting *s = &wish->settings[POLICY_RECOVER];
	const struct policy_setting *require = &wish->settings[POLICY_REQUIRE];

	if (!s->line || s->value != POLICY_AUTOMATIC || require->require.plain == REQUIRE_RECOVER)
		return 0;
	return err_set(
		err, EXIT_USAGE, EINVAL,
		"%.200s: line %u asks for recover = automatic and line %u for require = %.40s for %s, nothing was done; an automatic recovery takes require = recover",
		p->file, s->line, require->line, require->text, rp->name);
}

int policy_of_root_port(const struct policy *p, const struct cxl_root_port *rp,
			struct policy_wish *ret, struct err *err)
{
	int kinds[N_POLICY_KEYS] = { 0 }, rc = 0;

	*ret = (struct policy_wish){ 0 };
	for (int kind = POLICY_ALL; kind <= POLICY_SERIAL; kind++)
		for (size_t i = 0; !rc && i < p->n; i++)
			if ((int)p->sections[i].kind == kind && is_about(&p->sections[i], rp))
				rc = merge(p, &p->sections[i], rp->name, kinds, ret, err);
	return rc ? rc : check_automatic(p, rp, ret, err);
}

int policy_of_dax(const struct policy *p, const struct cxl_dax *d, struct policy_wish *ret,
		  struct err *err)
{
	int kinds[N_POLICY_KEYS] = { 0 }, rc = 0;

	*ret = (struct policy_wish){ 0 };
	for (int kind = POLICY_ALL; kind <= POLICY_SERIAL; kind++)
		for (size_t i = 0; !rc && i < p->n; i++)
			if ((int)p->sections[i].kind == kind && is_about_dax(&p->sections[i], d))
				rc = merge(p, &p->sections[i], d->name, kinds, ret, err);
	return rc;
}

bool policy_is_auto_timeout(const struct policy_wish *wish)
{
	const struct policy_setting *s = &wish->settings[POLICY_TIMEOUT];

	return !s->line || s->timeout.kind == TIMEOUT_AUTO;
}

struct iso_control policy_goal(const struct policy_wish *wish, const struct cxl_root_port *rp)
{
	const struct policy_setting *s = wish->settings;
	struct iso_control goal = iso_control_unknown;
	bool cache = s[POLICY_CACHE].line && s[POLICY_CACHE].value;

	goal.v[ISO_MEM_ISOLATION] = 1;
	if (s[POLICY_CACHE].line)
		goal.v[ISO_CACHE_ISOLATION] = s[POLICY_CACHE].value;
	if (s[POLICY_LINK_DOWN].line)
		goal.v[ISO_MEM_LINK_DOWN] = s[POLICY_LINK_DOWN].value;
	if (s[POLICY_LINK_DOWN].line && cache)
		goal.v[ISO_CACHE_LINK_DOWN] = s[POLICY_LINK_DOWN].value;
	for (int i = 0; i <= cache; i++) {
		if (policy_is_auto_timeout(wish))
			plan_goal_auto(&goal, &rp->iso, i);
		else
			plan_goal_timeout(&goal, &s[POLICY_TIMEOUT].timeout, i);
	}
	return goal;
}

/* --- in what the host differs --------------------------------------------------------- */

struct comparison {
	const struct policy *p;
	struct arena *a;
	struct policy_drifts *ret;
	size_t capacity;
};

static int add_drift(struct comparison *c, const struct policy_drift *drift)
{
	struct policy_drift *v = arena_room(c->a, c->ret->v, c->ret->n, &c->capacity, sizeof(*v));

	if (!v)
		return -ENOMEM;
	c->ret->v = v;
	v[c->ret->n++] = *drift;
	return 0;
}

static const char *field_text(enum iso_field f, int value)
{
	const struct timeout_range *r;

	if (value < 0)
		return "unknown";
	if (!iso_fields[f].is_range)
		return value ? "on" : "off";
	r = timeout_by_value((unsigned int)value);
	return r ? r->name : "unknown";
}

/* Which key a field of the control register comes from; its name in a drift. */
static const struct {
	enum iso_field field;
	int key;	/* -1: every section asks for it */
	const char *name;
} compared[] = {
	{ ISO_MEM_ISOLATION, -1, "isolation" }, { ISO_MEM_TIMEOUT, POLICY_TIMEOUT, "timeout" },
	{ ISO_MEM_RANGE, POLICY_TIMEOUT, "timeout" }, { ISO_CACHE_ISOLATION, POLICY_CACHE, "cache" },
	{ ISO_CACHE_TIMEOUT, POLICY_TIMEOUT, "timeout of CXL.cache" }, { ISO_CACHE_RANGE, POLICY_TIMEOUT, "timeout of CXL.cache" },
	{ ISO_MEM_LINK_DOWN, POLICY_LINK_DOWN, "link-down" }, { ISO_CACHE_LINK_DOWN, POLICY_LINK_DOWN, "link-down of CXL.cache" },
};

static unsigned int line_of(const struct policy *p, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_about(&p->sections[i], rp))
			return p->sections[i].line;
	return 0;
}

/* A root port that no section names itself goes without what it has not, and where a setting says so: so it is applied. */
static bool goes_without(const struct cxl_root_port *rp, const struct policy_wish *wish,
			 enum iso_field field)
{
	const struct iso_registers *regs = &rp->iso.regs;
	bool is_auto = (field == ISO_MEM_TIMEOUT || field == ISO_CACHE_TIMEOUT) &&
		       policy_is_auto_timeout(wish);

	return (!wish->is_named || is_auto) && regs->capable &&
	       !(regs->cap & iso_fields[field].cap);
}

static int compare_control(struct comparison *c, const struct cxl_root_port *rp,
			   const struct policy_wish *wish)
{
	struct iso_control goal = policy_goal(wish, rp), is = iso_control(&rp->iso);
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(compared); i++) {
		enum iso_field f = compared[i].field;
		const struct policy_drift drift = {
			rp->name,
			compared[i].name,
			field_text(f, goal.v[f]),
			field_text(f, is.v[f]),
			compared[i].key < 0 || !wish->settings[compared[i].key].line
				? line_of(c->p, rp)
				: wish->settings[compared[i].key].line,
		};

		/* with "auto" any range will do */
		if (iso_fields[f].is_range && policy_is_auto_timeout(wish))
			continue;
		if (goal.v[f] >= 0 && goal.v[f] != is.v[f] && !goes_without(rp, wish, f))
			rc = add_drift(c, &drift);
	}
	return rc;
}

/* What stands against the level: the id of a check.  Who uses the memory at the moment is not drift. */
static const char *falls_short(const struct check_result *result, const struct requirement *require)
{
	const struct check_policy policy = { .require = requirement_plain(require),
					     .levels = require->level };
	const struct finding *cap;
	enum cause cause;

	for (size_t i = 0; policy.require == REQUIRE_SAFE && i < result->n; i++) {
		const struct finding *f = &result->v[i];

		if (finding_counts(f) && finding_kind(f) <= CHECK_UNSAFE &&
		    finding_caps_at(f) < CONTAINMENT_RECOVER)
			return f->check->id;
	}
	return check_level_too_low(result, &policy, &cap, &cause) ? cap->check->id : NULL;
}

static int compare_level(struct comparison *c, const struct cxl_root_port *rp,
			 const struct check_result *result, const struct policy_wish *wish)
{
	const struct policy_setting *s = &wish->settings[POLICY_REQUIRE];
	const struct requirement none = REQUIREMENT_NONE, *require = s->line ? &s->require : &none;
	const char *id = falls_short(result, require);
	struct policy_drift drift = { rp->name, "require", NULL, id, s->line ? s->line : line_of(c->p, rp) };
	char text[128];

	drift.wanted = arena_strdup(c->a, requirement_text(require, text, sizeof(text)));
	if (!drift.wanted)
		return -ENOMEM;
	return id ? add_drift(c, &drift) : 0;
}

static int compare_dax(struct comparison *c, const struct cxl_dax *d, struct err *err)
{
	struct policy_wish wish;
	const struct policy_setting *s = &wish.settings[POLICY_MODE];
	int rc = policy_of_dax(c->p, d, &wish, err);

	if (rc || !s->line || (int)dax_mode_of(d->driver) == s->value)
		return rc;
	rc = add_drift(c, &(struct policy_drift){ d->name, "mode", s->text, dax_mode_names[dax_mode(d)], s->line });
	return rc ? err_no_memory(err, "") : 0;
}

static bool is_wanted(const struct cxl_host *host, const struct cxl_dax *d, const bool *wanted)
{
	for (size_t i = 0; wanted && d->region && i < d->region->n_root_ports; i++)
		if (wanted[d->region->root_ports[i] - host->root_ports])
			return true;
	return !wanted;
}

static int compare_missing(struct comparison *c, const struct cxl_host *host)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->p->n; i++) {
		const struct policy_section *s = &c->p->sections[i];

		if (!policy_section_is_there(s, host))
			rc = add_drift(c, &(struct policy_drift){ s->name, "target", "present", "absent", s->line });
	}
	return rc;
}

int policy_compare(const struct policy *p, const struct cxl_host *host,
		   const struct check_result *results, const bool *wanted, struct arena *a,
		   struct policy_drifts *ret, struct err *err)
{
	struct comparison c = { .p = p, .a = a, .ret = ret };
	int rc = 0;

	*ret = (struct policy_drifts){ 0 };
	for (size_t i = 0; results && !rc && i < host->n_root_ports; i++) {
		const struct cxl_root_port *rp = &host->root_ports[i];
		struct policy_wish wish;

		if (wanted && !wanted[i])
			continue;
		rc = policy_of_root_port(p, rp, &wish, err);
		if (rc)
			return rc;
		/* a group stands for the root ports that matter in it */
		if (!wish.applies || (!wish.is_named && !rp->n_memdevs))
			continue;
		rc = compare_control(&c, rp, &wish);
		rc = rc ? rc : compare_level(&c, rp, &results[i], &wish);
	}
	for (size_t i = 0; !rc && i < host->n_dax; i++)
		if (is_wanted(host, &host->dax[i], wanted)) {
			rc = compare_dax(&c, &host->dax[i], err);
			if (rc)
				return rc;
		}
	if (!rc && !wanted)
		rc = compare_missing(&c, host);
	return rc ? err_no_memory(err, " while comparing with the policy") : 0;
}
