// SPDX-License-Identifier: GPL-2.0-only
/* Whose end a recovery was asked to bring about, and who is not to be ended.  See recover_users.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/read/process.h"
#include "lib/read/read_functions.h"
#include "lib/recover/recover_users.h"
#include "lib/txn/dax_write.h"

static const struct step *step_of_journal(const struct recover *r)
{
	for (size_t i = 0; i < r->journal.n_steps; i++)
		if (r->journal.steps[i].op == &step_users)
			return &r->journal.steps[i];
	return NULL;
}

void recover_take_users_option(struct recover *r)
{
	const struct step *s = step_of_journal(r);

	for (int i = 0; s && i < N_USERS_ENDS; i++)
		if (!strcmp(s->value, users_end_names[i])) {
			r->journal.options.users = (enum users_end)i;
			r->journal.options.users_grace_us = s->timeout_us;
		}
}

void recover_take_users_policy(struct recover *r)
{
	const struct port_kept *kept = &r->rp->kept;
	struct recover_options *o = &r->journal.options;

	if (!o->says_users && kept->has_users)
		o->users = kept->users;
	if (!o->says_grace && kept->has_grace)
		o->users_grace_us = kept->users_grace_us;
}

bool recover_ends_users(const struct recover *r)
{
	const struct step *s = step_of_journal(r);

	if (r->request.task == RECOVER_BEGIN)
		return r->journal.options.users != USERS_REFUSE;
	return r->request.task == RECOVER_RESUME && s && s->state != STEP_DONE &&
	       s->state != STEP_SKIPPED;
}

/* --- who they are ------------------------------------------------------------------------ */

static bool has_pid(const struct found_users *users, pid_t pid)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->v[i].user->pid == pid)
			return true;
	return false;
}

static int unknown(const char *what, struct err *err)
{
	return err_set(err, EXIT_PREREQ, ENODATA, "who uses %s is not fully known, so nobody was ended, and nothing was taken down; run the command as root, outside of a container",
		       what);
}

/* @n users of @what, unless it is not known whether these are all. */
static int add_users(const struct cxl_host *host, const char *what, const struct dax_user *users,
		     size_t n, bool is_unknown, struct found_users *ret, struct err *err)
{
	struct found_user *v = arena_alloc(ret->arena, ret->n + n, sizeof(*v));

	if (!v)
		return err_no_memory(err, ", nothing was taken down");
	if (is_unknown)
		return unknown(what, err);
	if (ret->n)
		memcpy(v, ret->v, ret->n * sizeof(*v));
	ret->v = v;
	for (size_t i = 0; i < n; i++)
		if (!has_pid(ret, users[i].pid))
			ret->v[ret->n++] = (struct found_user){
				&users[i], what, process_is_ours(host, users[i].pid)
			};
	return 0;
}

static int add_dax_users(const struct cxl_host *host, const struct cxl_dax *d,
			 struct found_users *ret, struct err *err)
{
	return add_users(host, d->name, d->users, d->n_users, d->users_unknown, ret, err);
}

/* Whoever has a function of an accelerator's device by VFIO. */
static int add_function_users(const struct cxl_host *host, const struct cxl_root_port *rp,
			      struct found_users *ret, struct err *err)
{
	struct function_uses uses;
	int rc = 0;

	if (!rp->n_accelerators)
		return 0;
	if (functions_read(host, (size_t)(rp - host->root_ports), &uses))
		return err_no_memory(err, ", nothing was taken down");
	for (size_t i = 0; !rc && i < uses.n; i++)
		rc = add_users(host, uses.v[i].name, uses.v[i].users, uses.v[i].n_users,
			       uses.v[i].users_unknown, ret, err);
	return rc;
}

/* All users of the dax devices below @rp, and of an accelerator's functions; of nothing else. */
static int collect(const struct cxl_host *host, const struct cxl_root_port *rp, struct arena *a,
		   struct found_users *ret, struct err *err)
{
	const struct loose_memory *l = NULL;
	int rc = 0;

	*ret = (struct found_users){ .arena = a };
	for (size_t i = 0; !rc && i < rp->n_dax; i++)
		rc = add_dax_users(host, rp->dax[i], ret, err);
	while (!rc && (l = loose_next_below(host, rp, l)))
		rc = l->dax ? add_dax_users(host, l->dax, ret, err) : 0;
	return rc ? rc : add_function_users(host, rp, ret, err);
}

int recover_find_users(struct step_run *run, struct found_users *ret, struct err *err)
{
	struct recover *r = run->data;
	bool *none = arena_alloc(&r->arena, r->host->n_root_ports, sizeof(*none));
	const struct cxl_host *now = none ? host_look_again(r->host, none, err) : NULL;

	if (!now)
		return err_no_memory(err, " while looking for users of the dax devices");
	return collect(now, &now->root_ports[r->rp - r->host->root_ports], &r->arena, ret, err);
}

/* --- who came meanwhile -------------------------------------------------------------------- */

/* An address; who has one of those by VFIO never lets it go by itself. */
static bool is_function(const char *name)
{
	return strchr(name, ':') != NULL;
}

/* A user that was not there: where nobody was ended who has it open alone may stay, as at the start. */
static const struct found_user *newcomer_of(const struct recover *r,
					    const struct found_users *users)
{
	bool any = r->journal.options.users != USERS_REFUSE;

	for (size_t i = 0; i < users->n; i++)
		if (any || users->v[i].user->maps || is_function(users->v[i].dax))
			return &users->v[i];
	return NULL;
}

/* Its region was made again: whoever waited for the device has it before the pattern has. */
static int refuse_early_user(struct recover *r, const char *dax, struct err *err)
{
	const struct cxl_host *now = host_look_at_dax(r->host, dax, err);

	if (!now)
		return err_no_memory(err, " while looking for users of the dax devices");
	for (size_t i = 0; i < now->dax[0].n_users; i++)
		if (now->dax[0].users[i].maps)
			return err_set(err, EXIT_NEGATIVE, EBUSY, "%s has %s mapped already, so the pattern, which would destroy what it holds, was not written; end it there (stop what starts it)",
				       dax_user_text(&now->dax[0].users[i], &r->arena), dax);
	return 0;
}

int recover_check_newcomers(struct step_run *run, const struct step *step, struct err *err)
{
	struct recover *r = run->data;
	bool is_ending = r->journal.options.users != USERS_REFUSE;
	bool must_know = is_ending || recover_ends_virtual(step);
	const struct found_user *u;
	struct found_users users;

	if (step->op == &step_pattern)
		return refuse_early_user(r, strrchr(step->path, '/') + 1, err);
	if (!recover_ends_virtual(step) && (step->op != &step_unbind || !dax_write_is(step->path)))
		return 0;
	/* who cannot be seen was told of, or refused, at the start */
	if (recover_find_users(run, &users, err))
		return err->errnum == ENODATA && !must_know ? 0 : -err->errnum;
	u = newcomer_of(r, &users);
	if (!u)
		return 0;
	if (is_ending)
		return err_set(err, EXIT_NEGATIVE, EBUSY, "%s", users_came_back_text(u, &r->arena));
	users = (struct found_users){ .v = arena_alloc(&r->arena, 1, sizeof(*u)),
				      .n = 1,
				      .arena = &r->arena };
	if (!users.v)
		return err_no_memory(err, ", nothing more was written");
	users.v[0] = *u;
	return err_set(err, EXIT_NEGATIVE, EBUSY, "%s, since the recovery began; end it", users_text(&users, &r->arena));
}

/* --- refusals ------------------------------------------------------------------------------ */

static int refuse_mounted(const struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->rp->n_dax; i++) {
		const struct cxl_dax *d = r->rp->dax[i];

		if (d->mounted_at)
			return err_set(err, EXIT_NEGATIVE, EBUSY, "%s is mounted from %s at %s, and who uses its files is not looked for: nobody was ended, and nothing was written; umount %s; then run the command again",
				       d->fs, d->name, d->mounted_at, d->mount_words);
	}
	return 0;
}

/* Nobody's end helps against what is pinned: all that is written to the device waits with it. */
int recover_refuse_unbinding(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->host->n_dax; i++) {
		const struct cxl_dax *d = &r->host->dax[i];

		if (d->unbinding && d->region && region_touches(r->host, r->rp, d->region))
			return err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not %s (%s): %s; nothing %swas written; end what holds it (a guest with a device passed through, RDMA, io_uring), and run the command again once that process is gone; where it stays, only a reboot helps",
				       r->rp->name, r->request.task == RECOVER_ABANDON ? "fenced" : "recovered", checks[ID_BUSY].id, dax_unbinding_text(d, &r->arena),
				       recover_has_changed(r) ? "more " : "");
	}
	return 0;
}

int recover_refuse_held_functions(struct recover *r, struct err *err)
{
	struct found_users users = { .arena = &r->arena };
	int rc = add_function_users(r->host, r->rp, &users, err);

	if (rc || !users.n)
		return rc;
	return err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not fenced: %s, by VFIO, and ending a function waits for that; end it, and run the command again",
		       r->rp->name, users_text(&users, &r->arena));
}

int recover_check_users(struct recover *r, struct err *err)
{
	struct found_users users;
	int rc = recover_refuse_unbinding(r, err);

	if (rc)
		return rc;
	if (!recover_ends_users(r))
		return 0;
	rc = process_numbers_are_ours(r->host) ? 0 :
		err_set(err, EXIT_PREREQ, ESRCH, "/proc is not that of this command's processes, so users cannot be ended, and nothing was done; run the command outside of a container");
	rc = rc ? rc : refuse_mounted(r, err);
	rc = rc ? rc : collect(r->host, r->rp, &r->arena, &users, err);
	for (size_t i = 0; !rc && i < users.n; i++) {
		const struct found_user *u = &users.v[i];

		if (u->is_ours)
			rc = err_set(err, EXIT_NEGATIVE, EBUSY, "pid %d (%s) uses %s, and is this command or what runs it, so nobody was ended, and nothing was written; close it there, or run the command from elsewhere",
				     (int)u->user->pid, u->user->command, u->dax);
	}
	return rc;
}
