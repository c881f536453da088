// SPDX-License-Identifier: GPL-2.0-only
/*
 * File systems on CXL memory: on dax devices (famfs, and what else uses the
 * fsdev driver) and on the block devices of persistent regions.  One reading
 * of /proc/self/mountinfo (proc(5)); in captures there is none.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* What is not kmem's can hold a file system. */
static bool is_wanted(const struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_regions; i++)
		if (region_is_committed(&host->regions[i]) && host->regions[i].is_pmem)
			return true;
	for (size_t i = 0; i < host->n_dax; i++)
		if (host->dax[i].driver && !dax_is_kmem(&host->dax[i]))
			return true;
	return false;
}

/* A pmem block device lies below ndbusN/regionM, which has its CXL region's address. */
static struct cxl_region *region_of_block(struct cxl_host *host, const char *number)
{
	char link[64], *path;
	const char *nd;
	bool any = false;

	for (size_t i = 0; i < host->n_regions; i++)
		any |= host->regions[i].is_pmem;
	if (!any || snprintf(link, sizeof(link), "sys/dev/block/%.16s", number) < 0 ||
	    sysfs_resolve(host->fs, host->arena, link, &path))
		return NULL;
	nd = strstr(path, "/ndbus");
	return nd ? nd_region_of(host, path) : NULL;
}

static const char *shown(struct cxl_host *host, const char *text)
{
	char buf[256];

	return arena_strdup(host->arena, printable(text, buf, sizeof(buf)));
}

static bool is_octal(const char *p)
{
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
	       p[3] >= '0' && p[3] <= '7';
}

/*
 * @at, in which the kernel writes blanks and backslashes as octal escapes, as one
 * word of a shell's: as it is, in quotes, or by printf(1) where only escapes can
 * be printed.
 */
static const char *shell_word(struct cxl_host *host, const char *at)
{
	bool plain = true, printf_it = false;
	char word[4 * PATH_MAX];
	size_t n = 0;

	for (const char *p = at; *p; p++) {
		bool is_space = !strncmp(p, "\\040", 4);

		plain &= isalnum((unsigned char)*p) || strchr("/._-+:@", *p);
		printf_it |= !isprint((unsigned char)*p) || strchr("'\"", *p) || (*p == '\\' && !is_space);
		p += is_space ? 3 : 0;
	}
	for (const char *p = at; *p && n + 5 < sizeof(word); p++) {
		bool escaped = is_octal(p);

		if (escaped && printf_it)
			n += (size_t)snprintf(word + n, sizeof(word) - n, "%.4s", p);
		else if (escaped)
			word[n++] = ' ';
		else if (printf_it && !isalnum((unsigned char)*p) && !strchr("/._-+:@", *p))
			n += (size_t)snprintf(word + n, sizeof(word) - n, "\\%03o", (unsigned int)(unsigned char)*p);
		else
			word[n++] = *p;
		p += escaped ? 3 : 0;
	}
	word[n] = '\0';
	return arena_printf(host->arena, printf_it ? "\"$(printf '%s')\"" : plain ? "%s" : "'%s'", word);
}

/* What was mounted last has to go first. */
static int add_word(struct cxl_host *host, const char *at, const char **words)
{
	const char *word = shell_word(host, at);

	*words = word && *words ? arena_printf(host->arena, "%s %s", word, *words) : word;
	return *words ? 0 : -ENOMEM;
}

/* The mount that is taken is a famfs: more devices than its source may be its memory, and nothing lists them. */
static int take_famfs(struct cxl_host *host, const char *at)
{
	for (size_t i = 0; i < host->n_dax; i++) {
		struct cxl_dax *d = &host->own->dax[i];

		if (dax_is_fsdev(d) && !d->may_be_mounted_at)
			d->may_be_mounted_at = shown(host, at);
		if (dax_is_fsdev(d) && !d->may_be_mounted_at)
			return -ENOMEM;
	}
	return 0;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 - ext3 /dev/root rw,errors=continue" */
static int take_mount(struct cxl_host *host, char *line)
{
	char number[24], at[PATH_MAX], fs[64], source[PATH_MAX];
	const char *rest = strstr(line, " - ");
	struct cxl_region *r;
	int rc = 0;

	if (!rest || sscanf(line, "%*s %*s %23s %*s %4095s", number, at) != 2 ||
	    sscanf(rest, " - %63s %4095s", fs, source) != 2)
		return 0;
	if (strstr(fs, "famfs"))	/* "famfs", "fuse.famfs" */
		rc = take_famfs(host, at);
	for (size_t i = 0; !rc && !strncmp(source, "/dev/dax", 8) && i < host->n_dax; i++) {
		struct cxl_dax *d = &host->own->dax[i];

		if (strcmp(source + 5, d->name))
			continue;
		d->mounted_at = shown(host, at);
		d->fs = shown(host, fs);
		return d->mounted_at && d->fs ? add_word(host, at, &d->mount_words) : -ENOMEM;
	}
	if (rc || !strncmp(number, "0:", 2))	/* no block device */
		return rc;
	r = region_of_block(host, number);
	if (r && !(r->mounted_at = shown(host, at)))
		return -ENOMEM;
	return r ? add_word(host, at, &r->mount_words) : 0;
}

int mounts_read(struct cxl_host *host)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[3 * PATH_MAX];
	bool starts = true;	/* a line, and not the rest of one */
	int fd, rc = 0;

	if (!is_wanted(host))
		return 0;
	fd = sysfs_open(host->fs, "proc/self/mountinfo", O_RDONLY);
	if (fd < 0)
		return 0;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (!rc && fgets(line, sizeof(line), f)) {
		bool is_whole = strchr(line, '\n');

		/* paths are shorter than this: what is longer is not the kernel's */
		if (is_whole && starts)
			rc = take_mount(host, line);
		starts = is_whole;
	}
	return rc;
}
