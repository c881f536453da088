// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zones that online memory blocks are in.  /proc/zoneinfo tells for most in
 * one read; a block that more than one zone spans, or none, is asked itself, and
 * so is the first of each zone: where the two disagree /proc is not this host's
 * (a container, a simulated host) and every block is asked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

/* "  spanned  65536": the number behind @key in a line, if it is that line. */
static bool number_after(const char *line, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	line += strspn(line, " ");
	if (strncmp(line, key, n) || line[n] != ' ')
		return false;
	*ret = strtoull(line + n, NULL, 10);
	return true;
}

static struct mem_zone *add_zone(struct cxl_host *host, const char *name)
{
	struct mem_zone *more = arena_alloc(host->arena, host->n_zones + 1, sizeof(*more));

	if (!more)
		return NULL;
	if (host->n_zones)
		memcpy(more, host->zones, host->n_zones * sizeof(*more));
	host->zones = host->own->zones = more;
	more[host->n_zones].name = arena_strdup(host->arena, name);
	return more[host->n_zones].name ? &more[host->n_zones++] : NULL;
}

/*
 * "Node 1, zone  Movable", then lines of "spanned", "present" and "start_pfn:",
 * in pages: mm/vmstat.c zoneinfo_show_print().  How big a page was where a
 * capture was taken is not known.
 */
int zones_read(struct cxl_host *host)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), spanned = 0, present = 0, start;
	struct mem_zone *zone = NULL;
	char *text, *next, name[32];
	size_t n;
	int rc;

	if (host->fs->is_capture)
		return 0;
	rc = sysfs_read_whole(host->fs, host->arena, "proc/zoneinfo", 1 << 24, &text, &n);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "Node %*u, zone %31s", name) == 1) {
			zone = add_zone(host, name);
			if (!zone)
				return -ENOMEM;
		} else if (zone && number_after(line, "start_pfn:", &start) && present) {
			zone->first = start * page;
			zone->last = (start + spanned) * page - 1;
		} else if (!number_after(line, "spanned", &spanned)) {
			number_after(line, "present", &present);
		}
	}
	return 0;
}

/* Every online page is in a zone whose span covers it: where only one does, that is it. */
static struct mem_zone *only_zone(const struct cxl_host *host, uint64_t first, uint64_t last)
{
	struct mem_zone *found = NULL;

	for (size_t i = 0; i < host->n_zones; i++) {
		struct mem_zone *z = &host->own->zones[i];

		if (!z->last || last < z->first || first > z->last)
			continue;
		if (found)
			return NULL;
		found = z;
	}
	return found;
}

/* An online block shows the zone it is in: drivers/base/memory.c valid_zones_show() */
const char *zone_of_block(struct cxl_host *host, unsigned int number, uint64_t first, uint64_t last)
{
	struct mem_zone *zone = only_zone(host, first, last);
	char path[PATH_MAX], text[32], shown[32];

	if (zone && zone->is_confirmed)
		return zone->name;
	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%u/valid_zones", number);
	if (sysfs_read(host->fs, path, text, sizeof(text)) <= 0)
		return NULL;
	printable(text, shown, sizeof(shown));
	if (zone) {
		zone->is_confirmed = !strcmp(zone->name, shown);
		if (zone->is_confirmed)
			return zone->name;
		host->n_zones = 0;
	}
	return arena_strdup(host->arena, shown);
}
