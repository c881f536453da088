// SPDX-License-Identifier: GPL-2.0-only
/* Processes in /proc: see process.h. */
#include "lib/read/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/parse.h"

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

int process_list(const struct cxl_host *host, struct arena *a, struct sysfs_names *ret)
{
	int rc = sysfs_list(host->fs, a, "proc", is_number, ret);

	if (!rc)
		sysfs_sort(ret);
	return rc;
}

bool process_list_is_whole(const struct sysfs_names *pids)
{
	return pids->n && !strcmp(pids->v[0], "1");
}

const char *process_command(const struct cxl_host *host, const char *pid)
{
	char path[64], text[64], shown[64];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	if (sysfs_read(host->fs, path, text, sizeof(text)) < 0)
		return arena_strdup(host->arena, "?");
	return arena_strdup(host->arena, printable(text, shown, sizeof(shown)));
}

/* --- what a process belongs to ------------------------------------------------------ */

enum {
	MAX_NAME = 256,
	MAX_CGROUP = 4096,
	MAX_ARGS = 32768,	/* libvirt has -name first */
	MAX_DEPTH = 4096,	/* of parents: they change while they are read */
};

/* *@ret: @text as it can be shown, NULL as NULL.  -ENOMEM or 0. */
static int keep(const struct cxl_host *host, const char *text, const char **ret)
{
	char shown[MAX_CGROUP];

	*ret = text ? arena_strdup(host->arena, printable(text, shown, sizeof(shown))) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static const char *cgroup_of(const struct cxl_host *host, const char *pid, char *buf, size_t size)
{
	char path[64], text[2 * MAX_CGROUP];

	snprintf(path, sizeof(path), "proc/%s/cgroup", pid);
	if (sysfs_read(host->fs, path, text, sizeof(text)) <= 0)
		return NULL;
	return owner_cgroup_of(text, buf, size);
}

static const char *guest_of(const struct cxl_host *host, const char *pid, char *buf, size_t size)
{
	char path[64], args[MAX_ARGS];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%s/cmdline", pid);
	n = sysfs_read_bytes(host->fs, path, 0, args, sizeof(args) - 1);
	if (n <= 0)
		return NULL;
	args[n] = '\0';	/* the last one may be cut off */
	return owner_guest_of_args(args, (size_t)n + 1, buf, size);
}

static bool is_own_unit(const struct cxl_host *host, const char *unit)
{
	char pid[16], cgroup[MAX_CGROUP], own[MAX_NAME];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return cgroup_of(host, pid, cgroup, sizeof(cgroup)) &&
	       owner_unit_of(cgroup, own, sizeof(own)) && !strcmp(own, unit);
}

int process_owner(const struct cxl_host *host, const char *pid, struct process_owner *ret)
{
	char cgroup_text[MAX_CGROUP], unit_text[MAX_NAME], machine_text[MAX_NAME];
	char guest_text[MAX_NAME];
	const char *cgroup, *unit, *machine, *guest;

	cgroup = cgroup_of(host, pid, cgroup_text, sizeof(cgroup_text));
	unit = cgroup ? owner_unit_of(cgroup, unit_text, sizeof(unit_text)) : NULL;
	machine = unit ? owner_machine_of(unit, machine_text, sizeof(machine_text)) : NULL;
	guest = guest_of(host, pid, guest_text, sizeof(guest_text));
	if (!guest && machine)
		guest = owner_guest_of_machine(machine, guest_text, sizeof(guest_text));
	*ret = (struct process_owner){ .is_own_unit = unit && is_own_unit(host, unit) };
	return keep(host, cgroup, &ret->cgroup) || keep(host, unit, &ret->unit) ||
	       keep(host, machine, &ret->machine) || keep(host, guest, &ret->guest) ? -ENOMEM : 0;
}

/* --- this process ------------------------------------------------------------------- */

bool process_numbers_are_ours(const struct cxl_host *host)
{
	char text[32];
	uint64_t pid;

	return sysfs_readlink(host->fs, "proc/self", text, sizeof(text)) > 0 && !parse_u64(text, &pid) &&
	       pid == (uint64_t)getpid();
}

/* "12 (name) S 11 ...", where the name may hold anything: proc_pid_stat(5).  0: it has none, or has ended. */
static pid_t parent_of(const struct cxl_host *host, pid_t pid)
{
	char path[64], text[1024];
	const char *end;
	int parent;

	snprintf(path, sizeof(path), "proc/%d/stat", (int)pid);
	if (sysfs_read(host->fs, path, text, sizeof(text)) <= 0)
		return 0;
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

bool process_is_ours(const struct cxl_host *host, pid_t pid)
{
	pid_t p = getpid();

	for (int depth = 0; p > 0 && depth < MAX_DEPTH; depth++, p = parent_of(host, p))
		if (p == pid)
			return true;
	return pid == 1;
}
