// SPDX-License-Identifier: GPL-2.0-only
/* The simulated host's files as nodes in memory: see tree.h. */
#include "sim/state/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum { MAX_LINKS = 40 };	/* as the kernel's MAXSYMLINKS */

#define SYSFS_FILE_SIZE 4096	/* st_size of every text attribute */

/*
 * kernfs keeps a directory's children ordered by this hash of the name
 * (fs/kernfs/dir.c, include/linux/stringhash.h, 64-bit), so readdir answers in
 * the order of a real machine, and always in the same one.
 */
static uint32_t name_hash(const char *name)
{
	uint64_t hash = 0;
	uint32_t h;

	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		hash = (hash + ((uint64_t)*c << 4) + (*c >> 4)) * 11;
	h = (uint32_t)(hash * 0x61C8864680B583EBull >> 32) & 0x7fffffff;
	if (h < 2)
		h += 2;
	return h >= 0x7fffffff ? 0x7ffffffe : h;
}

static int order(uint32_t hash, const char *name, const struct node *n)
{
	if (hash != n->hash)
		return hash < n->hash ? -1 : 1;
	return strcmp(name, n->name);
}

/* Index of @name in @dir, or where it belongs. */
static size_t slot(const struct node *dir, const char *name, uint32_t hash, bool *found)
{
	size_t low = 0, high = dir->n_children;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = order(hash, name, dir->children[mid]);

		if (!c) {
			*found = true;
			return mid;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static struct node *node_new(struct tree *tree, const char *name, enum node_kind kind, mode_t mode)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->name = strdup(name);
	if (!n->name) {
		free(n);
		return NULL;
	}
	n->kind = kind;
	n->mode = mode & 07777;
	n->ino = tree->next_ino++;
	n->hash = name_hash(name);
	n->size = kind == NODE_FILE ? SYSFS_FILE_SIZE : 0;
	return n;
}

static void node_free(struct node *n)
{
	for (size_t i = 0; i < n->n_children; i++)
		node_free(n->children[i]);
	free(n->children);
	free(n->data);
	free(n->name);
	free(n);
}

int tree_init(struct tree *tree)
{
	*tree = (struct tree){ .next_ino = 1 };
	tree->root = node_new(tree, "", NODE_DIR, 0755);
	return tree->root ? 0 : -ENOMEM;
}

void tree_exit(struct tree *tree)
{
	while (tree->gone) {
		struct node *n = tree->gone;

		tree->gone = n->next_gone;
		node_free(n);
	}
	if (tree->root)
		node_free(tree->root);
	tree->root = NULL;
}

struct node *tree_child(const struct node *dir, const char *name)
{
	bool found;
	size_t i;

	if (!dir || dir->kind != NODE_DIR)
		return NULL;
	i = slot(dir, name, name_hash(name), &found);
	return found ? dir->children[i] : NULL;
}

static struct node *resolve(const struct tree *tree, struct node *at, const char *path, int *links)
{
	if (*path == '/')
		at = tree->root;
	while (at) {
		_cleanup_free_ char *name = NULL;
		struct node *next;
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n)
			return at;
		name = strndup(path, n);
		if (!name)
			return NULL;
		path += n;
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			at = at->parent ? at->parent : at;
			continue;
		}
		next = tree_child(at, name);
		if (next && next->kind == NODE_LINK)
			next = ++*links > MAX_LINKS ? NULL : resolve(tree, at, next->data, links);
		at = next;
	}
	return NULL;
}

struct node *tree_resolve(const struct tree *tree, struct node *from, const char *path)
{
	int links = 0;

	return resolve(tree, from ? from : tree->root, path, &links);
}

struct node *tree_dir(const struct tree *tree, const char *path)
{
	struct node *n = tree_resolve(tree, NULL, path);

	return n && n->kind == NODE_DIR ? n : NULL;
}

const char *tree_text(const struct node *dir, const char *name, char *buf, size_t size)
{
	const struct node *n = tree_child(dir, name);
	size_t len;

	if (!n || n->kind != NODE_FILE || !n->data)
		return NULL;
	len = n->len < size ? n->len : size - 1;
	memcpy(buf, n->data, len);
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static int insert(struct node *dir, struct node *n)
{
	bool found;
	size_t i = slot(dir, n->name, n->hash, &found);

	if (dir->n_children == dir->capacity) {
		size_t capacity = dir->capacity ? 2 * dir->capacity : 8;
		struct node **v = reallocarray(dir->children, capacity, sizeof(struct node *));

		if (!v)
			return -ENOMEM;
		dir->children = v;
		dir->capacity = capacity;
	}
	memmove(&dir->children[i + 1], &dir->children[i],
		(dir->n_children - i) * sizeof(struct node *));
	dir->children[i] = n;
	dir->n_children++;
	n->parent = dir;
	return 0;
}

struct node *tree_add(struct tree *tree, struct node *dir, const char *name,
		      enum node_kind kind, mode_t mode)
{
	struct node *n = tree_child(dir, name);

	if (n && n->kind == NODE_DIR && kind == NODE_DIR)
		return n;
	if (n)
		tree_remove(tree, n);
	n = node_new(tree, name, kind, mode);
	if (n && insert(dir, n)) {
		node_free(n);
		return NULL;
	}
	return n;
}

struct node *tree_add_path(struct tree *tree, const char *path, enum node_kind kind, mode_t mode)
{
	struct node *at = tree->root;

	for (;;) {
		_cleanup_free_ char *name = NULL;
		struct node *next;
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		name = strndup(path, n);
		if (!name)
			return NULL;
		path += n;
		if (!path[strspn(path, "/")])
			return tree_add(tree, at, name, kind, mode);
		next = tree_child(at, name);
		if (next && next->kind == NODE_LINK) {
			next = tree_resolve(tree, at, name);
			errno = ENOTDIR;
		} else if (!next) {
			next = tree_add(tree, at, name, NODE_DIR, 0755);
		}
		if (next && next->kind != NODE_DIR) {
			errno = ENOTDIR;
			return NULL;
		}
		if (!next)
			return NULL;
		at = next;
	}
}

struct node *tree_add_attr(struct tree *tree, struct node *dir, const char *name, mode_t mode,
			   const struct attr_ops *ops, void *model)
{
	struct node *n = tree_add(tree, dir, name, NODE_FILE, mode);

	if (n) {
		n->ops = ops;
		n->model = model;
	}
	return n;
}

int node_set_data(struct node *node, const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	free(node->data);
	node->data = copy;
	node->len = len;
	node->read_errno = 0;
	return 0;
}

static void mark_gone(struct node *n)
{
	n->gone = true;
	for (size_t i = 0; i < n->n_children; i++)
		mark_gone(n->children[i]);
}

void tree_remove(struct tree *tree, struct node *node)
{
	struct node *dir = node->parent;
	bool found;
	size_t i;

	if (!dir || node->gone)
		return;
	i = slot(dir, node->name, node->hash, &found);
	if (!found)
		return;
	dir->n_children--;
	memmove(&dir->children[i], &dir->children[i + 1],
		(dir->n_children - i) * sizeof(struct node *));
	mark_gone(node);
	node->next_gone = tree->gone;
	tree->gone = node;
}

/* The children of @from, which may be NULL, instead of @dir's. */
static void take_children(struct tree *tree, struct node *dir, struct node *from)
{
	while (dir->n_children)
		tree_remove(tree, dir->children[dir->n_children - 1]);
	if (!from)
		return;
	free(dir->children);
	dir->children = from->children;
	dir->n_children = from->n_children;
	dir->capacity = from->capacity;
	for (size_t i = 0; i < dir->n_children; i++)
		dir->children[i]->parent = dir;
	from->children = NULL;
	from->n_children = from->capacity = 0;
}

static void take_content(struct node *file, struct node *from)
{
	char *data = file->data;

	file->data = from->data;
	from->data = data;
	file->len = from->len;
	file->ops = from->ops;
	file->model = from->model;
	file->unreadable = from->unreadable;
	file->read_errno = from->read_errno;
	file->fail_errno = from->fail_errno;
}

void tree_succeed(struct tree *tree, struct tree *fresh)
{
	struct node *sys = tree_child(tree->root, "sys"), *proc = tree_child(tree->root, "proc");
	struct node *new_proc = tree_child(fresh->root, "proc"), **end = &fresh->gone;

	if (sys)
		take_children(tree, sys, tree_child(fresh->root, "sys"));
	for (size_t i = 0; proc && i < proc->n_children; i++) {
		struct node *from = tree_child(new_proc, proc->children[i]->name);

		if (from && from->kind == NODE_FILE)
			take_content(proc->children[i], from);
	}
	while (*end)
		end = &(*end)->next_gone;
	*end = tree->gone;
	tree->gone = fresh->gone;
	node_free(fresh->root);
	fresh->root = NULL;
}

bool node_is_below(const struct node *node, const struct node *ancestor)
{
	for (; node; node = node->parent)
		if (node == ancestor)
			return true;
	return false;
}

static void remove_links_into(struct tree *tree, struct node *dir, const struct node *device)
{
	for (size_t i = dir->n_children; i-- > 0; ) {
		struct node *n = dir->children[i];

		if (n->kind == NODE_DIR && n != device)
			remove_links_into(tree, n, device);
		else if (n->kind == NODE_LINK &&
			 node_is_below(tree_resolve(tree, dir, n->data), device))
			tree_remove(tree, n);
	}
}

void tree_remove_device(struct tree *tree, struct node *device)
{
	remove_links_into(tree, tree->root, device);
	tree_remove(tree, device);
}

char *node_path(const struct node *node)
{
	size_t len = 0, n;
	char *path;

	for (const struct node *p = node; p->parent; p = p->parent)
		len += strlen(p->name) + 1;
	if (!len)
		return strdup("/");
	path = malloc(len + 1);
	if (!path)
		return NULL;
	path[len] = '\0';
	for (const struct node *p = node; p->parent; p = p->parent) {
		n = strlen(p->name);
		len -= n;
		memcpy(path + len, p->name, n);
		path[--len] = '/';
	}
	return path;
}
