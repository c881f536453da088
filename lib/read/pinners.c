// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is pinned: whose driver cannot go for it, and who may have it.  Nothing in /proc
 * tells which pages a device was given, only who has what pins pages.
 */
#include "lib/read/pinners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/read/host_own.h"
#include "lib/read/process.h"
#include "lib/read/reader.h"
#include "util/claim.h"
#include "util/cleanup.h"

enum { SHOWN = 4, MAX_FDS = 4096 };

void unbinding_read(struct cxl_host *host)
{
	_cleanup_close_ int claims = -1;
	uint64_t number;

	if (host->n_dax && !host->fs->is_capture)
		claims = claim_look(DAX_UNBINDING_FILE);
	for (size_t i = 0; i < host->n_dax; i++) {
		bool is_asked = claims >= 0 && dax_number(host->dax[i].name, &number);

		host->own->dax[i].unbinding = is_asked ? claim_holder(claims, number) : 0;
	}
}

/* --- who may have it -------------------------------------------------------------------- */

/* What an open file that can pin pages is called: links in /proc/PID/fd, proc_pid_fd(5). */
static const struct {
	const char *start, *name;
} kinds[] = {
	{ "/dev/vfio/", "VFIO" },
	{ "anon_inode:[vfio", "VFIO" },
	{ "/dev/iommu", "iommufd" },
	{ "/dev/infiniband/", "RDMA" },
	{ "anon_inode:[io_uring]", "io_uring" },
	{ "/dev/vhost", "vhost" },
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

/* "VFIO and io_uring", "" */
static const char *files_of(const struct cxl_host *host, const char *pid, struct arena *a)
{
	struct sysfs_names names;
	const char *text = "";
	bool has[N_KINDS] = { false };
	char path[128], link[128];

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	if (sysfs_list(host->fs, a, path, is_number, &names))
		return "";
	for (size_t i = 0; i < names.n && i < MAX_FDS; i++) {
		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, names.v[i]);
		if (sysfs_readlink(host->fs, path, link, sizeof(link)) <= 0)
			continue;
		for (size_t k = 0; k < N_KINDS; k++)
			has[k] |= !strncmp(link, kinds[k].start, strlen(kinds[k].start));
	}
	for (size_t k = 0; text && k < N_KINDS; k++)
		if (has[k] && !strstr(text, kinds[k].name))
			text = arena_join(a, text, " and ", kinds[k].name);
	return text ? text : "";
}

struct holders {
	const char *text;
	size_t n;
};

static void add_holder(const struct cxl_host *host, struct holders *h, const char *pid,
		       struct arena *a)
{
	const char *files = files_of(host, pid, a), *command, *text;

	if (!*files || h->n++ >= SHOWN)
		return;
	command = process_command(host, pid);
	text = arena_printf(a, "%s%spid %s (%s) has %s", h->text ? h->text : "", h->text ? ", " : "", pid, command ? command : "?",
			    files);
	h->text = text ? text : h->text;
}

const char *pinners_text(const struct cxl_host *host, struct arena *a)
{
	struct arena scratch = { 0 };
	struct holders h = { 0 };
	struct sysfs_names pids;
	const char *text;

	if (process_list(host, &scratch, &pids)) {
		arena_free(&scratch);
		return arena_printf(a, "who holds it cannot be told: /proc cannot be listed");
	}
	for (size_t i = 0; i < pids.n; i++)
		add_holder(host, &h, pids.v[i], &scratch);
	text = !h.text ? arena_printf(a, "no process is seen that has something open which pins memory (VFIO, RDMA, io_uring), so a device or the kernel holds it") :
		arena_printf(a, "of all who have something open which pins memory, whosever it is, these may hold it: %s%s", h.text,
			     h.n > SHOWN ? ", and more" : "");
	arena_free(&scratch);
	return text;
}
