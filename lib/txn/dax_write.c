// SPDX-License-Identifier: GPL-2.0-only
/* A child that may hang in the kernel: see dax_write.h. */
#include "lib/txn/dax_write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model/host.h"
#include "util/claim.h"
#include "util/cleanup.h"

#define DRIVERS "sys/bus/dax/drivers/"
enum { CLAIMED = 255 };	/* exit status of a child that found another one's claim; else an errno */

struct dax_writing {
	const char *dax;
	bool takes;		/* from its driver, else it is given to one */
	int file, claims;	/* claims -1: there can be none */
	uint64_t number;
};

static bool is_named(const char *path, const char *name)
{
	const char *file = strrchr(path, '/');

	return file && !strcmp(file + 1, name);
}

bool dax_write_is(const char *path)
{
	return !strncmp(path, DRIVERS, strlen(DRIVERS)) && (is_named(path, "unbind") || is_named(path, "bind") || is_named(path, "new_id"));
}

/* Nothing of the command is kept open: no lock, and no pipe that somebody reads to its end. */
static _Noreturn void write_as_child(const struct dax_writing *w)
{
	bool claims = w->claims >= 0;
	char name[16];
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	snprintf(name, sizeof(name), "%s %s", w->takes ? "unbind" : "bind", w->dax);
	prctl(PR_SET_NAME, name);
	if (dup2(w->file, 0) < 0 || (claims && dup2(w->claims, 1) < 0))
		_exit(errno);
	close_range(claims ? 2 : 1, ~0u, 0);
	/* behind the last close of that file: claim.h */
	if (claims && claim_take(1, w->number) == -EAGAIN)
		_exit(CLAIMED);
	_exit(write(0, w->dax, strlen(w->dax)) < 0 ? errno : 0);
}

/* Its exit status, or -1: it goes on. */
static int wait_until(pid_t child, uint64_t end_us)
{
	uint64_t pause = 0;
	int status;

	for (;;) {
		bool is_over = clock_now_us() >= end_us;
		pid_t gone = waitpid(child, &status, WNOHANG);

		if (gone < 0 && errno != EINTR)
			return 0;	/* SIGCHLD is ignored, and nobody knows: what came of it is read back */
		if (gone > 0)
			return WIFSIGNALED(status) ? EINTR : WEXITSTATUS(status);
		if (is_over)
			return -1;
		step_pause(&pause);
	}
}

/* --- in words ------------------------------------------------------------------------- */

static const char *holders_text(struct step_run *run)
{
	const char *text = run->find_holders ? run->find_holders(run) : NULL;

	return text ? text : "who holds it cannot be told";
}

static int hangs(struct step_run *run, const struct dax_writing *w, pid_t pid,
		 uint64_t timeout_us, struct err *err)
{
	const char *unknown = w->claims >= 0 ? "" : " (which later commands cannot know, since the state directory cannot be written)";

	snprintf(run->hung, sizeof(run->hung), "%s", w->dax);
	if (!w->takes)
		return err_set(err, EXIT_TIMEDOUT, ETIMEDOUT, "the kernel did not give %s to its driver within %g s: pid %d (bind %s), which no signal ends, waits in it, as while any dax device is being taken from its driver; nothing more is written to %s until that process is gone%s",
			       w->dax, (double)timeout_us / 1e6, (int)pid, w->dax, w->dax, unknown);
	return err_set(err, EXIT_TIMEDOUT, ETIMEDOUT, "the kernel did not take %s from its driver within %g s: pid %d (unbind %s), which no signal ends, waits in it, as for pages of the memory that are pinned; %.400s; nothing more is written to %s until that process is gone%s",
		       w->dax, (double)timeout_us / 1e6, (int)pid, w->dax, holders_text(run),
		       w->dax, unknown);
}

static int hung_before(struct step_run *run, const struct dax_writing *w, struct err *err)
{
	snprintf(run->hung, sizeof(run->hung), "%s", w->dax);
	return err_set(err, EXIT_TIMEDOUT, ETIMEDOUT, "nothing was written to %s: pid %d has done so since an earlier command, and waits in the kernel, as for pages of the memory that are pinned; %.400s",
		       w->dax, (int)claim_holder(w->claims, w->number), holders_text(run));
}

/* --- the whole ------------------------------------------------------------------------- */

int dax_write(struct step_run *run, const char *path, const char *dax, uint64_t timeout_us,
	      struct err *err)
{
	_cleanup_close_ int file = sysfs_open(run->fs, path, O_WRONLY), claims = -1;
	struct dax_writing w = { .dax = dax, .takes = is_named(path, "unbind"), .file = file };
	pid_t child;
	int status;

	if (file < 0)
		return file;
	if (dax_number(dax, &w.number))
		claims = claim_make(DAX_UNBINDING_FILE);
	w.claims = claims;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child)
		write_as_child(&w);
	status = wait_until(child, clock_now_us() + timeout_us);
	if (status < 0)
		return hangs(run, &w, child, timeout_us, err);
	return status == CLAIMED ? hung_before(run, &w, err) : -status;
}
