// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy file, proofs and journals as part of a snapshot: see kept_read.h.  Here,
 * since each is read by the code that knows its format.
 */
#include "lib/kept/kept_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "lib/kept/counters.h"
#include "lib/kept/journal.h"
#include "lib/kept/proof.h"
#include "lib/kept/temporary.h"
#include "lib/policy/policy.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/state.h"

enum { POLICY_MAX_BYTES = 1 << 18, STATE_MAX_BYTES = 16 << 20, MAX_PROOFS = 4096 };

/* --- the policy file ----------------------------------------------------------------- */

/* A capture's owner and mode are whoever unpacked it: they say nothing. */
static int read_captured_policy(const struct cxl_host *host, struct policy *ret, struct err *err)
{
	char *text;
	size_t n;
	int rc = sysfs_read_whole(host->fs, host->arena, &POLICY_FILE[1], POLICY_MAX_BYTES, &text,
				  &n);

	if (rc)
		return err_set(err, EXIT_USAGE, -rc, "%s cannot be read: %s", POLICY_FILE, err_text(-rc));
	return policy_parse(POLICY_FILE, text, n, host->arena, ret, err);
}

int kept_policy(const struct cxl_host *host, struct policy *ret, struct err *err)
{
	return host->fs->is_capture ? read_captured_policy(host, ret, err) :
				      policy_read(POLICY_FILE, host->arena, ret, err);
}

static int apply_policy(struct cxl_host *host, const struct policy *policy)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct port_kept *kept = &host->own->root_ports[i].kept;
		const struct policy_setting *s;
		struct policy_wish wish;
		struct err why;

		if (policy_of_root_port(policy, &host->root_ports[i], &wish, &why)) {
			kept->policy_error = arena_strdup(host->arena, why.text);
			if (!kept->policy_error)
				return -ENOMEM;
			continue;
		}
		kept->has_users = wish.settings[POLICY_USERS].line;
		kept->users = (enum users_end)wish.settings[POLICY_USERS].value;
		kept->has_grace = wish.settings[POLICY_USERS_GRACE].line;
		kept->users_grace_us = wish.settings[POLICY_USERS_GRACE].duration_us;
		s = &wish.settings[POLICY_DRIVER_CONSENT];
		kept->driver_consent = s->line ? s->text : NULL;
		if (s->line && !(kept->driver_consent_at = arena_printf(host->arena, "%s:%u", policy->file, s->line)))
			return -ENOMEM;
		s = &wish.settings[POLICY_RECOVER];
		if (s->line && s->value == POLICY_NEVER &&
		    !(kept->recover_never = arena_printf(host->arena, "%s:%u", policy->file, s->line)))
			return -ENOMEM;
		s = &wish.settings[POLICY_PLATFORM_RECOVERY];
		if (s->line && s->value &&
		    !(kept->platform_recovery = arena_printf(host->arena, "%s:%u", policy->file, s->line)))
			return -ENOMEM;
	}
	return 0;
}

static int read_policy(struct cxl_host *host)
{
	struct policy policy;
	struct err why;
	const char *text;
	int rc = kept_policy(host, &policy, &why);

	if (!rc)
		return apply_policy(host, &policy);
	if (rc == -ENOENT || rc == -ENOMEM)
		return rc == -ENOENT ? 0 : rc;
	text = arena_strdup(host->arena, why.text);
	for (size_t i = 0; text && i < host->n_root_ports; i++)
		host->own->root_ports[i].kept.policy_error = text;
	return text ? 0 : -ENOMEM;
}

/* --- the state directory --------------------------------------------------------------- */

struct state_dir {
	struct cxl_host *host;
	const char *path;	/* for sentences */
	int dirfd;		/* -1 in a capture */
	struct sysfs_names names;
	size_t capacity, n_proofs;
	struct kept_journal *journals;	/* of the host, to be filled in */
};

static bool is_wanted(const char *name)
{
	return has_suffix(name, JOURNAL_SUFFIX) || has_suffix(name, TEMPORARY_SUFFIX) ||
	       has_suffix(name, COUNTERS_SUFFIX);
}

static int take_name(const char *name, void *data)
{
	struct state_dir *d = data;
	struct arena *a = d->host->arena;
	char **v;

	if (!is_wanted(name))
		return 0;
	v = arena_room(a, d->names.v, d->names.n, &d->capacity, sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->names.v = v;
	v[d->names.n] = arena_strdup(a, name);
	return v[d->names.n++] ? 0 : -ENOMEM;
}

static int list_state(struct state_dir *d)
{
	struct cxl_host *host = d->host;
	struct err none;

	if (host->fs->is_capture)
		return sysfs_list(host->fs, host->arena, STATE_DIR_CAPTURED, is_wanted,
				  &d->names);
	d->dirfd = state_open(false, &none);
	return d->dirfd < 0 ? d->dirfd : state_each(d->dirfd, "", take_name, d);
}

/* The text of file @name, malloc()ed; what is not text is "".  -errno. */
static int read_state(const struct state_dir *d, const char *name, char **ret)
{
	struct arena a = { 0 };
	char path[512], *text;
	size_t n;
	int rc;

	if (!d->host->fs->is_capture)
		return state_read(d->dirfd, name, ret);
	rc = sysfs_join(path, sizeof(path), STATE_DIR_CAPTURED, name);
	rc = rc ? rc : sysfs_read_whole(d->host->fs, &a, path, STATE_MAX_BYTES, &text, &n);
	*ret = rc ? NULL : strdup(strlen(text) == n ? text : "");
	arena_free(&a);
	return rc ? rc : *ret ? 0 : -ENOMEM;
}

/* --- proofs ------------------------------------------------------------------------------- */

static void ignore_proof(struct state_dir *d, const char *name, const char *why)
{
	char shown[96];

	message_add(d->host->messages, SEV_INFO, "PROOF", NULL, "%s/%s is ignored: %s", d->path, printable(name, shown, sizeof(shown)), why);
}

/* The root port that @name is of: "proven-0000:0c:00.0.json"; NULL when this host has none such. */
static struct cxl_root_port *port_of_proof(struct cxl_host *host, const char *name)
{
	char file[96];

	for (size_t i = 0; i < host->n_root_ports; i++) {
		proof_file(host->root_ports[i].name, file, sizeof(file));
		if (!strcmp(file, name))
			return &host->own->root_ports[i];
	}
	return NULL;
}

static void apply_proof(const struct proof *proof, const struct platform *platform,
			struct cxl_root_port *rp)
{
	rp->kept.proof = proof_judge(proof, platform, rp->name);
	if (rp->kept.proof == PROOF_NONE)
		return;
	rp->kept.proof_date = proof->date;
	rp->kept.proof_kernel = proof->platform.kernel;
}

static int take_proof(struct state_dir *d, const char *name)
{
	struct cxl_root_port *rp = port_of_proof(d->host, name);
	_cleanup_free_ char *text = NULL;
	struct proof proof;
	int rc;

	if (++d->n_proofs > MAX_PROOFS) {
		if (d->n_proofs == MAX_PROOFS + 1)
			ignore_proof(d, name, "there are too many proofs, so is each behind it");
		return 0;
	}
	if (!rp) {
		ignore_proof(d, name, "it is of a root port that this host has not, or does not show");
		return 0;
	}
	rc = read_state(d, name, &text);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		ignore_proof(d, name, err_text(-rc));
	else if (!proof_parse(text, d->host->arena, &proof) || strcmp(proof.root_port, rp->name))
		ignore_proof(d, name, "it is no proof of a recovery of that port, or damaged");
	else
		apply_proof(&proof, &d->host->platform, rp);
	return 0;
}

/* --- journals ----------------------------------------------------------------------------- */

/* The name of whose journal it is, NULL when @file is not a journal. */
static const char *port_of_journal(struct arena *a, const char *file)
{
	char *name = arena_strndup(a, file, strlen(file) - strlen(JOURNAL_SUFFIX));
	uint64_t key;

	return name && parse_pci_address(name, &key) ? name : NULL;
}

/* Its lists live in @a, which outlives the rest of it. */
static int copy_ports(const struct recipe *recipe, struct arena *a, struct kept_journal *ret)
{
	ret->root_ports = arena_alloc(a, recipe->n_root_ports, sizeof(*ret->root_ports));
	for (size_t i = 0; ret->root_ports && i < recipe->n_root_ports; i++) {
		ret->root_ports[i] = arena_strdup(a, recipe->root_ports[i]);
		if (!ret->root_ports[i])
			return -ENOMEM;
		ret->n_root_ports++;
	}
	return ret->root_ports ? 0 : -ENOMEM;
}

/* As recover-port reads it: what it cannot use is not readable here. */
static int take_journal(struct state_dir *d, const char *file)
{
	struct kept *kept = &d->host->kept;
	struct kept_journal *ret = &d->journals[kept->n_journals];
	_cleanup_free_ char *text = NULL;
	struct arena a = { 0 };
	struct journal j;
	int rc;

	*ret = (struct kept_journal){ .root_port = port_of_journal(d->host->arena, file) };
	if (!ret->root_port)
		return 0;
	rc = read_state(d, file, &text);
	if (rc == -ENOENT)	/* removed meanwhile: that recovery has ended */
		return 0;
	if (rc == -ENOMEM)
		return rc;
	ret->is_readable = !rc && !journal_parse(text, &a, &j) &&
			   !strcmp(j.recipe.root_port, ret->root_port);
	rc = ret->is_readable ? copy_ports(&j.recipe, d->host->arena, ret) : 0;
	arena_free(&a);
	kept->n_journals++;
	return rc;
}

const char *kept_boot_id(const struct cxl_host *host, char *buf, size_t size)
{
	if (sysfs_read(host->fs, "proc/sys/kernel/random/boot_id", buf, size) <= 0)
		snprintf(buf, size, "unknown");
	return buf;
}

/* --- timeouts that are set for a while ------------------------------------------------------ */

/* What is no such record, or of a port that is not there, waits for what can use it. */
static int take_temporary(struct state_dir *d, const char *file)
{
	struct kept_temporary *t = arena_alloc(d->host->arena, 1, sizeof(*t));
	_cleanup_free_ char *text = NULL;
	const struct cxl_root_port *rp;
	char name[96], boot[64];
	int rc = t ? read_state(d, file, &text) : -ENOMEM;

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (!temporary_parse(text, d->host->arena, t) ||
	    strcmp(t->boot_id, kept_boot_id(d->host, boot, sizeof(boot))))
		return 0;	/* a reboot resets the settings */
	temporary_file(t->root_port, t->cache, name, sizeof(name));
	rp = host_root_port(d->host, t->root_port);
	if (!rp || strcmp(name, file))
		return 0;
	rc = d->dirfd < 0 ? -EOPNOTSUPP : state_is_held(d->dirfd, file, -1);	/* in a capture nobody holds anything */
	if (rc == -ENOENT)	/* put back meanwhile */
		return 0;
	t->is_held = rc != 0;	/* not to be told: then it is not for others to put back */
	OWN(d->host, root_ports, rp)->kept.temporary[t->cache] = t;
	return 0;
}

const struct cxl_host *kept_without_temporary(const struct cxl_host *was,
					      const struct kept_temporary *t)
{
	struct cxl_host *now = host_copy(was);

	for (size_t i = 0; now && i < now->n_root_ports; i++)
		if (now->root_ports[i].kept.temporary[t->cache] == t)
			now->own->root_ports[i].kept.temporary[t->cache] = NULL;
	return now;
}

/* --- counters ------------------------------------------------------------------------------- */

static int take_counters(struct state_dir *d, const char *file)
{
	struct kept_counters *c = arena_alloc(d->host->arena, 1, sizeof(*c));
	_cleanup_free_ char *text = NULL;
	const struct cxl_root_port *rp;
	char name[96];
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen(COUNTERS_SUFFIX)), file);
	rp = host_root_port(d->host, name);
	if (!c || !rp)
		return c ? 0 : -ENOMEM;
	rc = read_state(d, file, &text);
	if (rc == -ENOENT || rc == -ENOMEM)
		return rc == -ENOMEM ? rc : 0;
	if (rc || !counters_parse(text, rp->name, d->host->arena, c)) {
		message_add(d->host->messages, SEV_INFO, "COUNTERS", rp->name, "%s/%s is ignored: %s", d->path, file, rc ? err_text(-rc) : "it is damaged");
		c = NULL;
	}
	OWN(d->host, root_ports, rp)->kept.counters = c;
	return 0;
}

/* Where nothing was ever kept nothing was counted. */
static void begin_counters(struct cxl_host *host)
{
	static const struct kept_counters none;

	for (size_t i = 0; i < host->n_root_ports; i++)
		host->own->root_ports[i].kept.counters = &none;
}

static int take_files(struct state_dir *d)
{
	int rc = 0;

	sysfs_sort(&d->names);
	d->journals = arena_alloc(d->host->arena, d->names.n + 1, sizeof(*d->journals));
	if (!d->journals)
		return -ENOMEM;
	d->host->kept.journals = d->journals;
	for (size_t i = 0; !rc && i < d->names.n; i++) {
		bool is_proof = !strncmp(d->names.v[i], PROOF_PREFIX, strlen(PROOF_PREFIX));

		if (has_suffix(d->names.v[i], TEMPORARY_SUFFIX))
			rc = take_temporary(d, d->names.v[i]);
		else if (has_suffix(d->names.v[i], COUNTERS_SUFFIX))
			rc = take_counters(d, d->names.v[i]);
		else
			rc = is_proof ? take_proof(d, d->names.v[i])
				      : take_journal(d, d->names.v[i]);
	}
	return rc;
}

static int read_files(struct cxl_host *host)
{
	struct state_dir d = { .host = host, .dirfd = -1, .path = host->fs->is_capture ? "/" STATE_DIR_CAPTURED : state_path() };
	_cleanup_close_ int fd = -1;
	int rc = list_state(&d);

	fd = d.dirfd;
	if (!rc || rc == -ENOENT)
		begin_counters(host);
	if (rc == -ENOENT)	/* nothing was ever recovered here */
		return 0;
	if (!rc || rc == -ENOMEM)
		return rc ? rc : take_files(&d);
	host->kept.state_error = arena_printf(host->arena, "%s cannot be read: %s", d.path, err_text(-rc));
	return host->kept.state_error ? 0 : -ENOMEM;
}

int kept_read(struct cxl_host *host, struct err *err)
{
	int rc = read_policy(host);

	rc = rc ? rc : read_files(host);
	return rc ? err_no_memory(err, " while reading what this host keeps") : 0;
}
