// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory blocks and the nodes they are on: what adding, onlining and removing
 * memory does (drivers/base/memory.c and node.c, mm/memory_hotplug.c of Linux
 * 6.12).
 */
#include "sim/models/memory.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define MEMORY "/sys/devices/system/memory"
#define NODES "/sys/devices/system/node"
#define DISTANCE_REMOTE 20	/* without a SLIT entry */
#define ANY_ZONE "online"	/* the one that valid_zones names first */

enum {
	MAX_NODES = 64,
	MAX_BLOCKS = 1 << 16,		/* of one device */
};

static uint64_t block_size(const struct sim *sim)
{
	const struct node *memory = tree_dir(&sim->tree, MEMORY);
	char text[64];
	uint64_t v;

	if (!memory || !tree_text(memory, "block_size_bytes", text, sizeof(text)) || parse_hex64(text, &v))
		return 0;
	return v;
}

static struct node *block_at(const struct sim *sim, uint64_t number)
{
	char path[128];

	snprintf(path, sizeof(path), MEMORY "/memory%" PRIu64, number);
	return tree_dir(&sim->tree, path);
}

static struct node *node_dir(const struct sim *sim, unsigned int number)
{
	char path[128];

	snprintf(path, sizeof(path), NODES "/node%u", number);
	return tree_dir(&sim->tree, path);
}

/* Number of the node a block is on, by its link. */
static bool node_of(const struct node *block, unsigned int *ret)
{
	for (size_t i = 0; i < block->n_children; i++)
		if (parse_name(block->children[i]->name, "node", ret))
			return true;
	return false;
}

static bool is_online(const struct node *block)
{
	return !dev_is(block, "state", "offline");
}

/* --- nodes ---------------------------------------------------------------- */

static size_t online_nodes(const struct sim *sim, unsigned int *v)
{
	size_t n = 0;

	for (unsigned int i = 0; i < 1024 && n < MAX_NODES; i++)
		if (node_dir(sim, i))
			v[n++] = i;
	return n;
}

/* "0-1,3", as %*pbl prints it */
static void print_list(const unsigned int *v, size_t n, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (size_t i = 0; i < n && len < size; ) {
		size_t k = i;

		while (k + 1 < n && v[k + 1] == v[k] + 1)
			k++;
		len += (size_t)snprintf(buf + len, size - len, "%s%u", i ? "," : "", v[i]);
		if (k > i && len < size)
			len += (size_t)snprintf(buf + len, size - len, "-%u", v[k]);
		i = k + 1;
	}
}

/* Bytes of online blocks in @zone (NULL: any). */
static uint64_t online_bytes(const struct sim *sim, const struct node *dir, const char *zone)
{
	uint64_t sum = 0;
	unsigned int number;

	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *block;

		if (!parse_name(dir->children[i]->name, "memory", &number))
			continue;
		block = block_at(sim, number);
		if (block && is_online(block) && (!zone || dev_is(block, "valid_zones", zone)))
			sum += block_size(sim);
	}
	return sum;
}

/* kmem's tier (mm/memory-tiers.c: MEMTIER_DEFAULT_LOWTIER_ADISTANCE >> 7): nodes
 * without processors. */
static void set_tier(struct sim *sim, const char *nodes)
{
	struct node *top = tree_dir(&sim->tree, "/sys/devices/virtual/memory_tiering"), *dir, *link;

	dir = top ? tree_child(top, "memory_tier22") : NULL;
	if (!*nodes && dir)
		dev_remove(sim, dir);
	if (!*nodes || !top)
		return;
	if (!dir) {
		dir = tree_add(&sim->tree, top, "memory_tier22", NODE_DIR, 0755);
		link = dir ? tree_add(&sim->tree, dir, "subsystem", NODE_LINK, 0777) : NULL;
		if (!link || node_set_data(link, "../../../../bus/memory_tiering", 30) ||
		    dev_add_attr(sim, dir, "uevent", 0644, ""))
			return;
	}
	dev_set(sim, dir, "nodelist", "%s", nodes);
}

/* Masks of all nodes, and the size of node @number. */
static void refresh(struct sim *sim, unsigned int number)
{
	struct node *top = tree_dir(&sim->tree, NODES), *dir = node_dir(sim, number);
	unsigned int v[MAX_NODES], with_memory[MAX_NODES], normal[MAX_NODES], slow[MAX_NODES];
	size_t n = online_nodes(sim, v), m = 0, n_normal = 0, n_slow = 0;
	char list[256];

	if (!top)
		return;
	print_list(v, n, list, sizeof(list));
	dev_set(sim, top, "online", "%s", list);
	for (size_t i = 0; i < n; i++) {
		const struct node *one = node_dir(sim, v[i]);

		if (!online_bytes(sim, one, NULL))
			continue;
		with_memory[m++] = v[i];
		if (online_bytes(sim, one, "Normal") || !dev_is(one, "cpulist", ""))
			normal[n_normal++] = v[i];
		if (dev_is(one, "cpulist", ""))
			slow[n_slow++] = v[i];
	}
	print_list(with_memory, m, list, sizeof(list));
	dev_set(sim, top, "has_memory", "%s", list);
	print_list(normal, n_normal, list, sizeof(list));
	dev_set(sim, top, "has_normal_memory", "%s", list);
	print_list(slow, n_slow, list, sizeof(list));
	set_tier(sim, list);
	if (dir) {
		uint64_t kib = online_bytes(sim, dir, NULL) >> 10;

		zones_show(sim, dir);
		dev_set(sim, dir, "meminfo", "Node %u MemTotal:       %8" PRIu64 " kB\nNode %u MemFree:        %8" PRIu64
			" kB\nNode %u MemUsed:        %8u kB", number, kib, number, kib, number, 0);
	}
}

/* A line per name with its number 0: "numa_hit 0". */
static void zero_counters(struct node *n)
{
	size_t out = 0;

	for (size_t i = 0; n && n->data && i < n->len; i++) {
		bool starts = isdigit((unsigned char)n->data[i]) && i && n->data[i - 1] == ' ';

		n->data[out++] = starts ? '0' : n->data[i];
		while (starts && i + 1 < n->len && isdigit((unsigned char)n->data[i + 1]))
			i++;
	}
	if (n && n->data) {
		n->len = out;
		n->data[out] = '\0';
	}
}

/* One number more (@add) or less in every node's distances, at @index. */
static void change_distances(struct sim *sim, const unsigned int *v, size_t n, unsigned int number,
			     bool add)
{
	for (size_t i = 0; i < n; i++) {
		struct node *dir = node_dir(sim, v[i]);
		char old[512] = "", text[600] = "", *save = NULL;
		size_t k = 0;

		if (!dir || v[i] == number || !tree_text(dir, "distance", old, sizeof(old)))
			continue;
		for (char *w = strtok_r(old, " ", &save); w || k < n; k++) {
			if (k < n && v[k] == number) {
				if (add)
					snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
						 *text ? " " : "", DISTANCE_REMOTE);
				else
					w = strtok_r(NULL, " ", &save);
				continue;
			}
			if (!w)
				break;
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "", w);
			w = strtok_r(NULL, " ", &save);
		}
		dev_set(sim, dir, "distance", "%s", text);
	}
}

static void set_distances(struct sim *sim, struct node *dir, const unsigned int *v, size_t n,
			  unsigned int number)
{
	char text[512] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", *text ? " " : "",
			 v[i] == number ? 10 : DISTANCE_REMOTE);
	dev_set(sim, dir, "distance", "%s", text);
}

/* A memory-only node: what another one has, without processors and blocks. */
static int add_node(struct sim *sim, unsigned int number)
{
	static const char *const counters[] = { "numastat", "vmstat" };
	struct node *top = tree_dir(&sim->tree, NODES), *dir;
	unsigned int v[MAX_NODES], other;
	char name[32];
	size_t n;

	if (!top || node_dir(sim, number) || !online_nodes(sim, v))
		return 0;
	snprintf(name, sizeof(name), "node%u", number);
	dir = dev_revive(sim, node_dir(sim, v[0]), top, name, NULL, "");
	if (!dir)
		return -ENOMEM;
	for (size_t i = dir->n_children; i-- > 0; ) {
		const char *child = dir->children[i]->name;

		if (parse_name(child, "memory", &other) || parse_name(child, "cpu", &other) || !strncmp(child, "access", 6))
			tree_remove(&sim->tree, dir->children[i]);
	}
	dev_set(sim, dir, "cpulist", "%s", "");
	dev_set(sim, dir, "cpumap", "0");
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		zero_counters(tree_child(dir, counters[i]));
	n = online_nodes(sim, v);
	change_distances(sim, v, n, number, true);
	set_distances(sim, dir, v, n, number);
	return 0;
}

/* try_offline_node(): neither memory nor processors are left */
static void drop_node(struct sim *sim, unsigned int number)
{
	struct node *dir = node_dir(sim, number);
	unsigned int v[MAX_NODES], other;
	size_t n = online_nodes(sim, v);

	for (size_t i = 0; dir && i < dir->n_children; i++)
		if (parse_name(dir->children[i]->name, "memory", &other) || parse_name(dir->children[i]->name, "cpu", &other))
			return;
	if (!dir || !dev_is(dir, "cpulist", ""))
		return;
	change_distances(sim, v, n, number, false);
	dev_remove(sim, dir);
}

/* MemTotal and MemFree of the machine. */
static void change_meminfo(struct sim *sim, uint64_t bytes, bool more)
{
	struct node *n = tree_resolve(&sim->tree, NULL, "/proc/meminfo");
	static const char *const fields[] = { "MemTotal:", "MemFree:", "MemAvailable:" };

	for (size_t i = 0; n && n->data && i < ARRAY_SIZE(fields); i++) {
		char *at = strstr(n->data, fields[i]), number[32], *end;
		uint64_t kib;
		int width;

		if (!at)
			continue;
		at += strlen(fields[i]);
		kib = strtoull(at, &end, 10);
		width = (int)(end - at);
		kib = more ? kib + (bytes >> 10) : kib - (bytes >> 10 < kib ? bytes >> 10 : kib);
		if (snprintf(number, sizeof(number), "%*" PRIu64, width, kib) == width)
			memcpy(at, number, (size_t)width);
	}
}

/* --- blocks --------------------------------------------------------------- */

/* @state: "online" or "offline". */
static int mark_block(struct sim *sim, struct node *block, const char *state, const char *zones)
{
	bool on = !strcmp(state, "online");
	unsigned int node = 0;

	if (dev_set(sim, block, "state", "%s", state) || dev_set(sim, block, "online", "%d", on) ||
	    dev_set(sim, block, "valid_zones", "%s", zones))
		return -ENOMEM;
	change_meminfo(sim, block_size(sim), on);
	dev_tell(sim, state, block);
	node_of(block, &node);
	refresh(sim, node);
	return 0;
}

static int set_online(struct sim *sim, struct node *block, const char *zone)
{
	if (!strcmp(zone, ANY_ZONE))
		zone = zone_default(block);
	if (is_online(block))
		return -EINVAL;		/* device_online() says 1, state_store() makes it this */
	return mark_block(sim, block, "online", zone);
}

static bool is_boot_memory(const struct node *block)
{
	unsigned int node;

	return !node_of(block, &node) || !node;
}

static int mark_offline(struct sim *sim, struct node *block)
{
	return mark_block(sim, block, "offline", "Normal Movable");
}

static ssize_t set_offline(struct sim *sim, struct node *block, struct op *op)
{
	unsigned int number = 0, busy;

	if (!is_online(block))
		return -EINVAL;
	parse_name(block->name, "memory", &number);
	busy = memory_busy_ms(sim, number);
	if (is_boot_memory(block) || busy >= MEMORY_KERNEL) {
		memory_log_busy(sim, number, block_size(sim), busy);
		return -EBUSY;		/* the kernel's own; here it never moves away */
	}
	if (busy && !op->tries) {
		op->wait_ms = busy;
		return SIM_AGAIN;
	}
	return mark_offline(sim, block);
}

/* The zone that an online type means; NULL: none of the words. */
static const char *zone_of(const char *word)
{
	if (!strcmp(word, "online"))
		return ANY_ZONE;
	if (!strcmp(word, "online_kernel"))
		return "Normal";
	return strcmp(word, "online_movable") ? NULL : "Movable";
}

static ssize_t state_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const char *zone;
	char word[32];
	ssize_t rc;

	zone = zone_of(dev_word(buf, word, sizeof(word)));
	if (!zone && strcmp(word, "offline"))
		return -EINVAL;
	rc = zone ? set_online(op->sim, node->parent, zone)
		  : set_offline(op->sim, node->parent, op);
	return rc ? rc : (ssize_t)len;
}

static ssize_t online_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	bool on;
	ssize_t rc;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on == is_online(node->parent))
		return (ssize_t)len;
	rc = on ? set_online(op->sim, node->parent, ANY_ZONE)
		: set_offline(op->sim, node->parent, op);
	return rc ? rc : (ssize_t)len;
}

static ssize_t policy_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[32];

	dev_word(buf, word, sizeof(word));
	if (!zone_of(word) && strcmp(word, "offline"))
		return -EINVAL;
	return dev_set(op->sim, node->parent, "auto_online_blocks", "%s", word) ? -ENOMEM : (ssize_t)len;
}

static const struct attr_ops state_ops = { .store = state_store };
static const struct attr_ops online_ops = { .store = online_store };
static const struct attr_ops policy_ops = { .store = policy_store };

static void block_attach(struct sim *sim, struct node *block)
{
	dev_model(sim, block, "state", &state_ops);
	dev_model(sim, block, "online", &online_ops);
}

void memory_models_attach(struct sim *sim)
{
	struct node *memory = tree_dir(&sim->tree, MEMORY);
	unsigned int number;

	for (size_t i = 0; memory && i < memory->n_children; i++)
		if (parse_name(memory->children[i]->name, "memory", &number))
			block_attach(sim, memory->children[i]);
	if (memory)
		dev_model(sim, memory, "auto_online_blocks", &policy_ops);
}

static int add_block(struct sim *sim, uint64_t number, unsigned int node, const char *wanted)
{
	struct node *memory = tree_dir(&sim->tree, MEMORY), *dir = node_dir(sim, node), *block;
	struct node *subsystem = tree_dir(&sim->tree, "/sys/bus/memory");
	char name[64], policy[64] = "offline", text[32];

	snprintf(name, sizeof(name), "memory%" PRIu64, number);
	block = tree_add(&sim->tree, memory, name, NODE_DIR, 0755);
	snprintf(text, sizeof(text), "%08" PRIx64, number);
	if (!block || dev_add_attr(sim, block, "online", 0644, "0\n") || dev_set(sim, block, "phys_device", "0") ||
	    dev_set(sim, block, "phys_index", "%s", text) || dev_set(sim, block, "removable", "1") ||
	    dev_add_attr(sim, block, "state", 0644, "offline\n") || dev_add_attr(sim, block, "uevent", 0644, "") ||
	    dev_set(sim, block, "valid_zones", "Normal Movable"))
		return -ENOMEM;
	if (subsystem) {
		if (dev_link(sim, block, "subsystem", subsystem))
			return -ENOMEM;
	} else {	/* not captured: the link dangles as in every capture */
		struct node *link = tree_add(&sim->tree, block, "subsystem", NODE_LINK, 0777);

		if (!link || node_set_data(link, "../../../../bus/memory", strlen("../../../../bus/memory")))
			return -ENOMEM;
	}
	snprintf(text, sizeof(text), "node%u", node);
	if (dir && (dev_link(sim, block, text, dir) || dev_link(sim, dir, name, block)))
		return -ENOMEM;
	block_attach(sim, block);
	dev_tell(sim, "add", block);
	if (wanted)
		snprintf(policy, sizeof(policy), "%s", wanted);
	else
		tree_text(memory, "auto_online_blocks", policy, sizeof(policy));
	return zone_of(policy) ? set_online(sim, block, zone_of(policy)) : 0;
}

bool memory_whole_blocks(const struct sim *sim, uint64_t *start, uint64_t *size)
{
	uint64_t block = block_size(sim), first, end;

	if (!block)
		return *size;
	first = (*start + block - 1) / block;
	end = (*start + *size) / block;
	if (first >= end)
		return false;
	*start = first * block;
	*size = (end - first) * block;
	return true;
}

int memory_add(struct sim *sim, uint64_t start, uint64_t size, unsigned int node,
	       const char *policy)
{
	uint64_t block = block_size(sim), first, n;
	int rc;

	if (!block || !tree_dir(&sim->tree, MEMORY))
		return 0;
	first = (start + block - 1) / block;
	n = (start + size) / block > first ? (start + size) / block - first : 0;
	if (!n || n > MAX_BLOCKS)
		return -EINVAL;
	for (uint64_t i = 0; i < n; i++)
		if (block_at(sim, first + i))
			return -EEXIST;	/* left from a removal that failed */
	rc = add_node(sim, node);
	for (uint64_t i = 0; !rc && i < n; i++)
		rc = add_block(sim, first + i, node, policy);
	refresh(sim, node);
	return rc;
}

int memory_remove(struct sim *sim, uint64_t start, uint64_t size)
{
	uint64_t block = block_size(sim), first, end;
	unsigned int node = 0;

	if (!block)
		return 0;
	first = (start + block - 1) / block;
	end = (start + size) / block;
	if (end - first > MAX_BLOCKS)
		return 0;	/* never added */
	for (uint64_t i = first; i < end; i++)
		if (block_at(sim, i) && is_online(block_at(sim, i)))
			return -EBUSY;
	for (uint64_t i = first; i < end; i++) {
		struct node *dir = block_at(sim, i);

		if (!dir)
			continue;
		node_of(dir, &node);
		dev_remove(sim, dir);
	}
	if (node)
		drop_node(sim, node);
	refresh(sim, node);
	return 0;
}

bool memory_may_go(const struct sim *sim, uint64_t start, uint64_t size)
{
	uint64_t block = block_size(sim);

	for (uint64_t at = start; block && at < start + size; at += block) {
		const struct node *dir = block_at(sim, at / block);
		unsigned int busy = memory_busy_ms(sim, (unsigned int)(at / block));

		if (!dir || !is_online(dir))
			continue;
		if (busy >= MEMORY_KERNEL)
			memory_log_busy(sim, (unsigned int)(at / block), block, busy);
		if (busy >= MEMORY_KERNEL || !dev_is(dir, "valid_zones", "Movable"))
			return false;
	}
	return true;
}

void memory_force_offline(struct sim *sim, uint64_t start, uint64_t size)
{
	uint64_t block = block_size(sim), end = block ? (start + size) / block : 0;

	for (uint64_t i = block ? start / block : 0; i < end && end - start / block <= MAX_BLOCKS;
	     i++)
		if (block_at(sim, i) && is_online(block_at(sim, i)))
			mark_offline(sim, block_at(sim, i));
}
