// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is lost when a root port fails: see impact.h.  System RAM is told by
 * node (Documentation/ABI/stable/sysfs-devices-node), who has pages there by
 * /proc/PID/numa_maps (Documentation/filesystems/proc.rst), in one walk for all
 * root ports.
 */
#include "lib/report/impact.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/read/process.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define NODES "sys/devices/system/node"
enum { SHOWN_PROCESSES = 5 };

/* Everything about nodes and processes, before it is told by root port. */
struct survey {
	const struct cxl_host *host;
	struct arena scratch;
	struct ram_node *nodes;
	struct sysfs_names *blocks;	/* per node: its memory blocks */
	size_t n_nodes;
	struct ram_process *processes;
	uint64_t *bytes;		/* per process and node */
	size_t n_processes, capacity;
	size_t n_hidden, n_seen;
	struct cgroup_list cgroups;	/* none: they are not known */
};

/* --- from the snapshot ------------------------------------------------------- */

/* Is that memory, which no region has, lost with @im's memory devices? */
static bool is_loose_of(const struct loose_memory *l, const struct impact *im)
{
	for (size_t i = 0; i < im->n_memdevs; i++)
		if (im->memdevs[i] == l->memdev)
			return true;
	return false;
}

static void add_loose(const struct cxl_host *host, struct impact *im)
{
	for (size_t i = 0; i < host->n_loose; i++) {
		const struct loose_memory *l = &host->loose[i];
		bool is_counted = false;

		/* interleaved, each of its decoders has the whole range */
		for (size_t k = 0; k < i; k++)
			is_counted |= is_loose_of(&host->loose[k], im) &&
				      loose_is_same(&host->loose[k], l);
		if (is_counted || !is_loose_of(l, im))
			continue;
		im->bytes.v += l->size_bytes;
		im->online_bytes.known &= !l->blocks_unknown;
		im->online_bytes.v += l->blocks_online * host->block_bytes;
	}
}

/*
 * The bridge that all of what was named is below: the root port, or a port of a switch.  -1 where
 * that is no part of a path.
 */
static int bridge_above(const struct cxl_root_port *rp, const struct impact *im, char *buf,
			size_t size)
{
	size_t depth = im->n_memdevs ? im->memdevs[0]->n_chain : 1, used;
	int n = snprintf(buf, size, "%s", rp->path);

	if (im->n_memdevs == rp->n_memdevs)
		depth = 1;
	for (size_t i = 0; i < im->n_memdevs; i++) {
		const struct cxl_memdev *m = im->memdevs[i];
		size_t same = 0;

		while (same + 1 < m->n_chain && same < depth && same < im->memdevs[0]->n_chain &&
		       !strcmp(m->chain[same], im->memdevs[0]->chain[same]))
			same++;
		depth = same;
	}
	used = n < 0 ? size : (size_t)n;
	for (size_t i = 1; i < depth && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "/%s", im->memdevs[0]->chain[i]);
	return used < size ? 0 : -1;
}

static const struct function_use *function_named(const struct impact *im, const char *name)
{
	for (size_t i = 0; i < im->functions.n; i++)
		if (!strcmp(im->functions.v[i].name, name))
			return &im->functions.v[i];
	return NULL;
}

/* What is there, whatever its type; accelerators that are not there any more only count for all of the root port. */
static int find_functions(const struct cxl_host *host, const struct cxl_root_port *rp,
			  struct impact *im)
{
	bool is_all = im->n_memdevs == rp->n_memdevs;
	char above[PATH_MAX];
	size_t n = 0, kept = 0;

	im->accelerators = arena_alloc(host->arena, rp->n_accelerators, sizeof(*im->accelerators));
	if (!im->accelerators ||
	    functions_read(host, (size_t)(rp - host->root_ports), &im->functions))
		return -ENOMEM;
	if (bridge_above(rp, im, above, sizeof(above)))
		return 0;
	n = strlen(above);
	for (size_t i = 0; i < im->functions.n; i++)
		if (!strncmp(im->functions.v[i].path, above, n) &&
		    im->functions.v[i].path[n] == '/')
			im->functions.v[kept++] = im->functions.v[i];
	im->functions.n = kept;
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (is_all || function_named(im, rp->accelerators[i].name))
			im->accelerators[im->n_accelerators++] = &rp->accelerators[i];
	return 0;
}

static int find_below(const struct cxl_host *host, const struct target_set *set,
		      const struct cxl_root_port *rp, struct impact *im)
{
	im->memdevs = arena_alloc(host->arena, rp->n_memdevs, sizeof(*im->memdevs));
	im->regions = arena_alloc(host->arena, rp->n_regions, sizeof(*im->regions));
	im->dax = arena_alloc(host->arena, rp->n_dax, sizeof(*im->dax));
	if (!im->memdevs || !im->regions || !im->dax)
		return -ENOMEM;
	im->bytes = im->online_bytes = (struct opt_u64){ .known = !rp->may_have_more };
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (set->memdevs[rp->memdevs[i] - host->memdevs])
			im->memdevs[im->n_memdevs++] = rp->memdevs[i];
	if (find_functions(host, rp, im))
		return -ENOMEM;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];

		if (!set->regions[r - host->regions])
			continue;
		im->regions[im->n_regions++] = r;
		for (size_t k = 0; k < r->n_dax; k++)
			im->dax[im->n_dax++] = r->dax[k];
		im->bytes.known &= r->size_bytes.known;
		im->bytes.v += r->size_bytes.v;
		im->online_bytes.known &= !r->blocks_unknown;
		im->online_bytes.v += r->blocks_online * host->block_bytes;
	}
	add_loose(host, im);
	return 0;
}

static int find_others(const struct cxl_host *host, const struct cxl_root_port *rp,
		       struct impact *im)
{
	bool *marked = arena_alloc(host->arena, host->n_root_ports, sizeof(*marked));

	im->others = arena_alloc(host->arena, host->n_root_ports, sizeof(*im->others));
	if (!marked || !im->others)
		return -ENOMEM;
	for (size_t i = 0; i < im->n_regions; i++)
		for (size_t k = 0;
		     region_is_committed(im->regions[i]) && k < im->regions[i]->n_root_ports; k++)
			marked[im->regions[i]->root_ports[k] - host->root_ports] = true;
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (marked[i] && &host->root_ports[i] != rp)
			im->others[im->n_others++] = &host->root_ports[i];
	return 0;
}

/* --- nodes ------------------------------------------------------------------- */

static bool is_node(const char *name)
{
	unsigned int id;

	return parse_name(name, "node", &id);
}

static bool is_block(const char *name)
{
	unsigned int id;

	return parse_name(name, "memory", &id);
}

/* "Node 1 MemUsed:  4096 kB" */
static struct opt_u64 meminfo_field(const char *text, const char *field)
{
	const char *p = strstr(text, field);
	unsigned long long kib;

	if (!p || sscanf(p + strlen(field), ": %llu kB", &kib) != 1)
		return (struct opt_u64){ 0 };
	return (struct opt_u64){ true, kib * 1024 };
}

static void read_meminfo(const struct cxl_host *host, struct ram_node *node)
{
	char path[PATH_MAX], text[4096];
	ssize_t n;

	snprintf(path, sizeof(path), NODES "/node%u/meminfo", node->id);
	n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n >= 0) {
		node->total_bytes = meminfo_field(text, "MemTotal");
		node->used_bytes = meminfo_field(text, "MemUsed");
	}
	if (!node->used_bytes.known)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "/" NODES "/node%u/meminfo %s, so how much of that node is in use is shown as null", node->id,
			    n < 0 ? err_text((int)-n) : "says nothing of MemUsed");
}

static int read_nodes(struct survey *s)
{
	const struct cxl_host *host = s->host;
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, &s->scratch, NODES, is_node, &names);

	if (rc && rc != -ENOMEM)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "/" NODES " cannot be listed (%s), so on which nodes the System RAM is is unknown", err_text(-rc));
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	sysfs_sort(&names);
	s->nodes = arena_alloc(&s->scratch, names.n, sizeof(*s->nodes));
	s->blocks = arena_alloc(&s->scratch, names.n, sizeof(*s->blocks));
	if (!s->nodes || !s->blocks)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		char path[PATH_MAX];

		parse_name(names.v[i], "node", &s->nodes[s->n_nodes].id);
		snprintf(path, sizeof(path), NODES "/%s", names.v[i]);
		rc = sysfs_list(host->fs, &s->scratch, path, is_block, &s->blocks[s->n_nodes]);
		if (rc == -ENOMEM)
			return rc;
		if (!rc)
			s->n_nodes++;
	}
	return 0;
}

/* Does the node have a block inside one of those regions that are online, or memory without one? */
static bool is_node_of(const struct survey *s, size_t node, const struct impact *im)
{
	for (size_t b = 0; b < s->blocks[node].n; b++) {
		unsigned int block;
		uint64_t start;

		parse_name(s->blocks[node].v[b], "memory", &block);
		start = block * s->host->block_bytes;
		for (size_t i = 0; i < im->n_regions; i++) {
			const struct cxl_region *r = im->regions[i];

			if (r->blocks_online && start + s->host->block_bytes > r->resource.v &&
			    start < r->resource.v + r->size_bytes.v)
				return true;
		}
		for (size_t i = 0; i < s->host->n_loose; i++) {
			const struct loose_memory *l = &s->host->loose[i];

			if (l->blocks_online && is_loose_of(l, im) &&
			    start + (s->host->block_bytes - 1) >= l->start.v &&
			    start <= l->start.v + (l->size_bytes - 1))
				return true;
		}
	}
	return false;
}

/* Keep the nodes that matter to somebody. */
static void choose_nodes(struct survey *s, const struct impact *list)
{
	size_t kept = 0;

	for (size_t n = 0; n < s->n_nodes; n++) {
		bool matters = false;

		for (size_t i = 0; !matters && i < s->host->n_root_ports; i++)
			matters = is_node_of(s, n, &list[i]);
		if (!matters)
			continue;
		read_meminfo(s->host, &s->nodes[n]);
		s->nodes[kept] = s->nodes[n];
		s->blocks[kept++] = s->blocks[n];
	}
	s->n_nodes = kept;
}

/* --- processes --------------------------------------------------------------- */

void impact_add_numa_line(const char *line, uint64_t *bytes, size_t n)
{
	const char *size = strstr(line, " kernelpagesize_kB=");
	unsigned long long page_kib, node, pages;

	if (!size || sscanf(size, " kernelpagesize_kB=%llu", &page_kib) != 1)
		return;
	/* blanks and '=' in a file's name are escaped: fs/proc/task_mmu.c */
	for (const char *p = line; (p = strstr(p, " N")); p += 2)
		if (sscanf(p, " N%llu=%llu", &node, &pages) == 2 && node < n)
			bytes[node] += pages * page_kib * 1024;
}

/* By node number; -ENOMEM, another -errno when the process does not let us. */
static int read_numa_maps(struct survey *s, const char *pid, uint64_t *by_id, size_t n)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t capacity = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "proc/%s/numa_maps", pid);
	fd = sysfs_open(s->host->fs, path, O_RDONLY);
	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (getline(&line, &capacity, f) > 0)
		impact_add_numa_line(line, by_id, n);
	return feof(f) ? 0 : -errno;
}

static int add_process(struct survey *s, const char *pid, const uint64_t *by_id)
{
	uint64_t *row = s->bytes + s->n_processes * s->n_nodes, sum = 0;
	uint64_t number = 0;
	struct ram_process *p;

	for (size_t n = 0; n < s->n_nodes; n++) {
		row[n] = by_id[s->nodes[n].id];
		sum += row[n];
	}
	if (!sum || parse_u64(pid, &number))
		return 0;
	p = &s->processes[s->n_processes++];
	*p = (struct ram_process){ .pid = (pid_t)number, .command = process_command(s->host, pid), .bytes = sum };
	return p->command ? process_owner(s->host, pid, &p->owner) : -ENOMEM;
}

static int read_processes(struct survey *s)
{
	size_t n_ids = s->n_nodes ? s->nodes[s->n_nodes - 1].id + 1 : 0;	/* they are in order */
	struct sysfs_names pids;
	uint64_t *by_id = arena_alloc(&s->scratch, n_ids, sizeof(*by_id));
	int rc;

	if (!by_id)
		return -ENOMEM;
	if (!n_ids)
		return 0;
	rc = process_list(s->host, &s->scratch, &pids);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	s->n_hidden += !process_list_is_whole(&pids);
	s->processes = arena_alloc(&s->scratch, pids.n, sizeof(*s->processes));
	s->bytes = arena_alloc(&s->scratch, pids.n, s->n_nodes * sizeof(*s->bytes));
	if (!s->processes || !s->bytes)
		return -ENOMEM;
	for (size_t i = 0; i < pids.n; i++) {
		memset(by_id, 0, n_ids * sizeof(*by_id));
		rc = read_numa_maps(s, pids.v[i], by_id, n_ids);
		if (rc == -ENOMEM)
			return rc;
		s->n_hidden += rc == -EACCES || rc == -EPERM;
		s->n_seen += !rc;
		if (!rc && add_process(s, pids.v[i], by_id))
			return -ENOMEM;
	}
	return 0;
}

/* --- control groups ----------------------------------------------------------- */

static bool may_use(const struct cgroup_mems *c, const struct impact *im)
{
	for (size_t i = 0; i < im->n_nodes; i++)
		if (cgroup_has_node(c->mems, im->nodes[i].id))
			return true;
	return false;
}

/* "0,2": the nodes with memory that are none of @im's; NULL: there is none, or they are not known. */
static const char *other_nodes(const struct survey *s, const struct impact *im)
{
	const char *text = "";
	char has[4096];

	if (sysfs_read(s->host->fs, NODES "/has_memory", has, sizeof(has)) <= 0)
		return NULL;
	for (unsigned int id = 0; text && id < CGROUP_MAX_NODES; id++) {
		bool is_ours = false;

		for (size_t i = 0; i < im->n_nodes; i++)
			is_ours |= im->nodes[i].id == id;
		if (!is_ours && cgroup_has_node(has, id))
			text = arena_printf(s->host->arena, "%s%s%u", text, *text ? "," : "", id);
	}
	return text && *text ? text : NULL;
}

/* Is @c in @top, a group directly below the root? */
static bool is_in(const struct cgroup_mems *c, const struct cgroup_mems *top)
{
	size_t n = strlen(top->path);

	return !strncmp(c->path, top->path, n) && (!c->path[n] || c->path[n] == '/');
}

/* What systemd keeps below @top off those nodes, with all that is in it. */
static const char *drop_in(const struct survey *s, const struct cgroup_mems *top, const char *nodes)
{
	const char *unit = top->path + 1, *dot = strrchr(unit, '.');
	const char *section = !dot ? NULL : !strcmp(dot, ".slice") ? "Slice" : !strcmp(dot, ".scope") ? "Scope" : !strcmp(dot, ".service") ? "Service" : NULL;

	if (!section)
		return NULL;
	return arena_printf(s->host->arena, "mkdir -p /etc/systemd/system/%s.d; printf '[%s]\\nAllowedMemoryNodes=%s\\n' >/etc/systemd/system/%s.d/50-cxl-nodes.conf; ",
			    unit, section, nodes, unit);
}

/* For each group directly below the root in which the host has something that it needs, and that may. */
static const char *keep_off(const struct survey *s, const struct impact *im)
{
	const char *nodes = other_nodes(s, im), *text = "", *one;
	const struct cgroup_list *all = &s->cgroups;

	for (size_t t = 0; nodes && text && t < all->n; t++) {
		bool is_needed = false;

		for (size_t i = 0; all->v[t].depth == 1 && i < all->n; i++)
			is_needed |= all->v[i].is_core && is_in(&all->v[i], &all->v[t]) &&
				     may_use(&all->v[i], im);
		one = is_needed ? drop_in(s, &all->v[t], nodes) : NULL;
		if (one)
			text = arena_printf(s->host->arena, "%s%s", text, one);
	}
	return text && *text ? arena_printf(s->host->arena, "%ssystemctl daemon-reload", text) : NULL;
}

static int tell_cgroups(struct survey *s, struct impact *im)
{
	struct impact_cgroups *c = &im->cgroups;

	if (im->n_nodes && !s->cgroups.n)
		return 0;
	c->is_known = true;
	c->is_whole = !im->n_nodes || s->cgroups.is_whole;
	c->v = arena_alloc(s->host->arena, s->cgroups.n, sizeof(*c->v));
	if (!c->v)
		return -ENOMEM;
	for (size_t i = 0; i < s->cgroups.n; i++) {
		const struct cgroup_mems *g = &s->cgroups.v[i];

		if (!g->depth || !may_use(g, im))
			continue;
		c->n_allowed++;
		if (g->depth == 1 || g->is_core)
			c->v[c->n++] = g;
	}
	c->remedy = keep_off(s, im);
	return 0;
}

static int read_cgroups(struct survey *s)
{
	int rc = s->n_nodes ? cgroups_read(s->host, &s->cgroups) : 0;

	if (!rc || rc == -ENOMEM)
		return rc;
	s->cgroups = (struct cgroup_list){ 0 };
	message_add(s->host->messages, SEV_INFO, "CGROUP", NULL,
		    "which control groups may have memory on the nodes is not known: /sys/fs/cgroup %s",
		    rc == -ENOENT ? "has no cpuset controller of the unified hierarchy (cgroup v2)" : err_text(-rc));
	return 0;
}

/* --- by root port ------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b)
{
	const struct ram_process *p = a, *q = b;

	if (p->bytes != q->bytes)
		return p->bytes > q->bytes ? -1 : 1;
	return p->pid < q->pid ? -1 : p->pid > q->pid;
}

static int tell(struct survey *s, struct impact *im)
{
	struct arena *a = s->host->arena;
	bool *mine = arena_alloc(&s->scratch, s->n_nodes, sizeof(*mine));

	im->nodes = arena_alloc(a, s->n_nodes, sizeof(*im->nodes));
	im->processes = arena_alloc(a, s->n_processes, sizeof(*im->processes));
	if (!mine || !im->nodes || !im->processes)
		return -ENOMEM;
	for (size_t n = 0; n < s->n_nodes; n++) {
		mine[n] = is_node_of(s, n, im);
		if (mine[n])
			im->nodes[im->n_nodes++] = s->nodes[n];
	}
	for (size_t p = 0; im->n_nodes && p < s->n_processes; p++) {
		struct ram_process process = s->processes[p];

		process.bytes = 0;
		for (size_t n = 0; n < s->n_nodes; n++)
			process.bytes += mine[n] ? s->bytes[p * s->n_nodes + n] : 0;
		if (process.bytes)
			im->processes[im->n_processes++] = process;
	}
	qsort(im->processes, im->n_processes, sizeof(*im->processes), by_bytes);
	if (im->n_processes > SHOWN_PROCESSES)
		im->n_processes = SHOWN_PROCESSES;
	im->processes_unknown = im->online_bytes.v && !s->n_seen;
	im->n_hidden_processes = im->online_bytes.v ? s->n_hidden : 0;
	return tell_cgroups(s, im);
}

static void report(const struct survey *s)
{
	if (!s->n_seen)
		message_add(s->host->messages, SEV_WARNING, "USERS", NULL,
			    "which processes have memory on the nodes is unknown: %s",
			    s->host->fs->is_capture ? "processes are not in a capture" :
			    "/proc/PID/numa_maps cannot be read; run the command as root, on a kernel with CONFIG_NUMA");
	else if (s->n_hidden)
		message_add(s->host->messages, SEV_WARNING, "USERS", NULL,
			    "which processes have memory on the nodes is not fully known: %zu could not be looked into; run the command as root, outside of a container",
			    s->n_hidden);
}

int impact_read(const struct cxl_host *host, const struct target_set *set, struct impact **ret,
		struct err *err)
{
	struct impact *list = arena_alloc(host->arena, host->n_root_ports, sizeof(*list));
	struct survey s = { .host = host };
	bool online = false;
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < host->n_root_ports; i++) {
		if (!set->root_ports[i])
			continue;
		rc = find_below(host, set, &host->root_ports[i], &list[i]);
		if (!rc)
			rc = find_others(host, &host->root_ports[i], &list[i]);
		online |= list[i].online_bytes.v;
	}
	if (!rc && online) {
		rc = read_nodes(&s);
		if (!rc)
			choose_nodes(&s, list);
		if (!rc)
			rc = read_processes(&s);
		if (!rc)
			rc = read_cgroups(&s);
		if (!rc)
			report(&s);
	}
	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		if (set->root_ports[i])
			rc = tell(&s, &list[i]);
	arena_free(&s.scratch);
	*ret = list;
	return rc ? err_no_memory(err, " while looking for what would be lost") : 0;
}
