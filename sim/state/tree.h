/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated host's files as nodes in memory: directories, links and
 * attributes, with show/store callbacks where a model stands behind one.
 * Nothing here knows FUSE or CXL.
 *
 * Nodes live until tree_exit(): removing one detaches it and marks it gone, so
 * that a model or an open file may keep a pointer to it.
 */
#ifndef SIM_TREE_H
#define SIM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum node_kind { NODE_DIR, NODE_LINK, NODE_FILE };

struct node;
struct op;

/*
 * What a device model puts behind a file.  A NULL store or write means that
 * nothing models a write to this attribute.
 *
 * @show:  the attribute's text into @buf; length or -errno.
 * @store: one write(2), NUL-terminated copy of @len bytes; bytes taken or
 *	   -errno, or SIM_AGAIN to be called again after op->wait_ms.
 * @read, @write: binary files; length or -errno.
 * @open, @release: somebody opens it, which may be refused with -errno, and has closed it.
 * @is_readable: what poll(2) waits for; NULL: nothing is waited for.
 * @mkdir, @rmdir: a directory's, of a new one below it and of itself; 0 or -errno.
 */
struct attr_ops {
	ssize_t (*show)(struct node *node, char *buf, size_t size);
	ssize_t (*store)(struct node *node, const char *buf, size_t len, struct op *op);
	ssize_t (*read)(struct node *node, void *buf, size_t size, uint64_t offset, struct op *op);
	ssize_t (*write)(struct node *node, const void *buf, size_t size, uint64_t offset,
			 struct op *op);
	int (*open)(struct node *node, struct op *op);
	void (*release)(struct node *node);
	bool (*is_readable)(const struct node *node);
	int (*mkdir)(struct node *dir, const char *name, struct op *op);
	int (*rmdir)(struct node *dir, struct op *op);
};

#define SIM_AGAIN ((ssize_t)-65536)	/* below every -errno */

struct node {
	char *name;
	struct node *parent;		/* kept when gone, for messages */
	enum node_kind kind;
	mode_t mode;			/* permission bits */
	uint64_t ino;
	uint64_t size;			/* st_size */
	uint32_t hash;			/* of the name: kernfs keeps directories in this order */
	bool gone;			/* detached from the tree */
	bool unreadable;		/* a captured file that could not be read here */
	int read_errno;			/* what the captured machine answered instead of a text, 0: it did not */
	int fail_errno;			/* reading fails with it, whatever the text becomes, 0: it does not */
	char *data;			/* text or link target, NUL-terminated beyond len */
	size_t len;
	struct node **children;
	size_t n_children, capacity;
	const struct attr_ops *ops;	/* NULL: captured text, no store */
	void *model;			/* for the ops */
	struct node *next_gone;
};

struct tree {
	struct node *root;
	struct node *gone;
	uint64_t next_ino;
};

int tree_init(struct tree *tree);
void tree_exit(struct tree *tree);

/* NULL when there is none, or @dir is NULL or no directory. */
struct node *tree_child(const struct node *dir, const char *name);

/* The node at @path relative to @from (an absolute path starts at /), with every
 * link on the way followed, the last one too.  NULL when there is none. */
struct node *tree_resolve(const struct tree *tree, struct node *from, const char *path);

/* The same, and it must be of this kind. */
struct node *tree_dir(const struct tree *tree, const char *path);

/* The text of the attribute @name in @dir without its trailing newline, or NULL. */
const char *tree_text(const struct node *dir, const char *name, char *buf, size_t size);

/* A new child; an existing one of the same name is detached first, but a
 * directory stays and is returned.  NULL: out of memory. */
struct node *tree_add(struct tree *tree, struct node *dir, const char *name,
		      enum node_kind kind, mode_t mode);

/* As tree_add(), with the directories on the way.  @path is relative to the root.  NULL with
 * errno: ENOTDIR when something else is on the way. */
struct node *tree_add_path(struct tree *tree, const char *path, enum node_kind kind, mode_t mode);

/* A file served by a model. */
struct node *tree_add_attr(struct tree *tree, struct node *dir, const char *name, mode_t mode,
			   const struct attr_ops *ops, void *model);

int node_set_data(struct node *node, const void *data, size_t len);

/* Detach @node and everything below it. */
void tree_remove(struct tree *tree, struct node *node);

/* Detach a device's directory and every link that leads into it. */
void tree_remove_device(struct tree *tree, struct node *device);

/*
 * @fresh takes the place of what @tree holds: the top and the files in proc/ stay the
 * same nodes, since they are mounted, and everything else of @tree is gone.  @fresh
 * must not be used any more.
 */
void tree_succeed(struct tree *tree, struct tree *fresh);

bool node_is_below(const struct node *node, const struct node *ancestor);

/* "/sys/bus/...", malloced; NULL: out of memory. */
char *node_path(const struct node *node);

#endif
