// SPDX-License-Identifier: GPL-2.0-only
/* Devices, buses and drivers in the tree: see device.h. */
#include "sim/state/device.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum { TEXT_SIZE = 4096 };

/* 0x060c0075: Linux 6.12.117; 0 where it cannot be told. */
static uint32_t kernel_version(const struct sim *sim)
{
	const struct node *n = tree_resolve(&sim->tree, NULL, "/proc/version");
	unsigned int major, minor = 0, patch = 0;

	if (!n || !n->data || sscanf(n->data, "Linux version %u.%u.%u", &major, &minor, &patch) < 1)
		return 0;
	return (major & 0xff) << 24 | (minor & 0xff) << 16 | (patch & 0xffff);
}

bool is_newer_kernel(const struct sim *sim)
{
	return kernel_version(sim) >> 24 >= 7;
}

bool is_region_deleted_by_number(const struct sim *sim)
{
	uint32_t version = kernel_version(sim);

	return version >> 24 >= 7 || (version >> 16 == 0x060c && (version & 0xffff) >= 117);
}

bool is_kernel_with_kmem_state(const struct sim *sim)
{
	return kernel_version(sim) >= 0x07030000;
}

/* --- attributes ---------------------------------------------------------- */

int dev_add_attr(struct sim *sim, struct node *dir, const char *name, mode_t mode, const char *text)
{
	struct node *n = tree_add(&sim->tree, dir, name, NODE_FILE, mode);

	return n ? node_set_data(n, text, strlen(text)) : -ENOMEM;
}

int dev_set(struct sim *sim, struct node *dir, const char *name, const char *fmt, ...)
{
	struct node *n = tree_child(dir, name);
	char text[TEXT_SIZE];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text) - 1)
		return -E2BIG;
	text[len] = '\n';
	text[len + 1] = '\0';
	if (!n)
		return dev_add_attr(sim, dir, name, 0444, text);
	return node_set_data(n, text, (size_t)len + 1);
}

uint64_t dev_number(const struct node *dir, const char *name, uint64_t otherwise)
{
	char text[64];
	uint64_t v;

	if (!dir || !tree_text(dir, name, text, sizeof(text)) || parse_u64(text, &v))
		return otherwise;
	return v;
}

bool dev_is(const struct node *dir, const char *name, const char *text)
{
	char now[256];

	return tree_text(dir, name, now, sizeof(now)) && !strcmp(now, text);
}

void dev_model(struct sim *sim, struct node *dir, const char *name, const struct attr_ops *ops)
{
	struct node *n = tree_child(dir, name);

	if (n && n->kind == NODE_FILE) {
		n->ops = ops;
		n->model = sim;
	}
}

const char *dev_word(const char *buf, char *word, size_t size)
{
	size_t len = strlen(buf);

	if (len && buf[len - 1] == '\n')
		len--;
	snprintf(word, size, "%.*s", (int)len, buf);
	return word;
}

/* --- buses and drivers --------------------------------------------------- */

struct node *dev_find(const struct sim *sim, const char *bus, const char *name)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/devices");
	char path[300];
	struct node *n;

	if (!*name || strchr(name, '/') ||
	    snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s", bus, name) >= (int)sizeof(path))
		return NULL;
	n = tree_dir(&sim->tree, path);
	/* a capture is foreign input: a link may lead anywhere */
	return n && n != devices && devices && node_is_below(n, devices) && !strcmp(n->name, name)
		       ? n
		       : NULL;
}

struct node *dev_next(const struct sim *sim, const char *bus, size_t *i)
{
	const struct node *devices;
	struct node *device = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	devices = tree_dir(&sim->tree, path);
	while (devices && !device && *i < devices->n_children)
		device = dev_find(sim, bus, devices->children[(*i)++]->name);
	return device;
}

struct node *dev_driver_dir(const struct sim *sim, const char *bus, const char *driver)
{
	char path[200];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", bus, driver);
	return tree_dir(&sim->tree, path);
}

int dev_link(struct sim *sim, struct node *dir, const char *name, const struct node *target)
{
	_cleanup_free_ char *to = node_path(target);
	const struct node *common = dir;
	struct node *n;
	char text[TEXT_SIZE] = "";
	size_t len = 0, skip;

	if (!to)
		return -ENOMEM;
	for (; !node_is_below(target, common); common = common->parent)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "../");
	{
		_cleanup_free_ char *top = node_path(common);

		if (!top)
			return -ENOMEM;
		skip = strlen(top);
	}
	snprintf(text + len, sizeof(text) - len, "%s", to + skip + (to[skip] == '/'));
	n = tree_add(&sim->tree, dir, name, NODE_LINK, 0777);
	return n ? node_set_data(n, text, strlen(text)) : -ENOMEM;
}

/* kobject_synth_uevent(): nobody listens here, but the word must be right. */
static ssize_t uevent_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	static const char *const actions[] = { "add", "remove", "change", "move", "online", "offline", "bind", "unbind" };
	size_t n = strcspn(buf, " \n");

	(void)node;
	(void)op;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strlen(actions[i]) == n && !strncmp(buf, actions[i], n))
			return (ssize_t)len;
	return -EINVAL;
}

static const struct attr_ops uevent_ops = { .store = uevent_store };

int dev_attach(struct sim *sim, struct node *dir)
{
	dev_model(sim, dir, "uevent", &uevent_ops);
	return 0;
}

void dev_tell(struct sim *sim, const char *action, const struct node *dir)
{
	if (sim->running)
		sim->uevent(sim, action, dir);
}

int dev_register(struct sim *sim, struct node *dir, const char *bus)
{
	char path[128];
	struct node *devices, *top;

	snprintf(path, sizeof(path), "/sys/bus/%s", bus);
	top = tree_dir(&sim->tree, path);
	devices = top ? tree_child(top, "devices") : NULL;
	if (!devices)
		return -ENODEV;
	dev_attach(sim, dir);
	if (dev_link(sim, dir, "subsystem", top) || dev_link(sim, devices, dir->name, dir))
		return -ENOMEM;
	dev_tell(sim, "add", dir);
	return 0;
}

const char *dev_driver(const struct node *dir)
{
	const struct node *link = tree_child(dir, "driver");
	const char *slash = link && link->kind == NODE_LINK ? strrchr(link->data, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

/* The line DRIVER= of uevent: before MODALIAS, as device_add_uevent() orders them. */
static void set_uevent_driver(struct sim *sim, struct node *dir, const char *driver)
{
	char old[TEXT_SIZE], text[TEXT_SIZE] = "";
	const struct node *n = tree_child(dir, "uevent");
	char *save = NULL;
	size_t len = 0;

	if (!n || !n->data || n->len >= sizeof(old))
		return;
	memcpy(old, n->data, n->len + 1);
	for (char *line = strtok_r(old, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "DRIVER=", 7))
			continue;
		if (driver && (!strncmp(line, "MODALIAS=", 9) || !strncmp(line, "PCI_CLASS=", 10))) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "DRIVER=%s\n", driver);
			driver = NULL;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", line);
	}
	if (len)
		text[len - 1] = '\0';	/* dev_set() puts it back */
	dev_set(sim, dir, "uevent", "%s", text);
}

int dev_bind(struct sim *sim, struct node *dir, const char *bus, const char *driver)
{
	struct node *d = dev_driver_dir(sim, bus, driver);

	if (!d)
		return -ENODEV;
	if (dev_link(sim, dir, "driver", d) || dev_link(sim, d, dir->name, dir))
		return -ENOMEM;
	set_uevent_driver(sim, dir, driver);
	dev_tell(sim, "bind", dir);
	return 0;
}

void dev_unbind(struct sim *sim, struct node *dir)
{
	struct node *link = tree_child(dir, "driver"), *d, *back;

	if (!link)
		return;
	d = tree_resolve(&sim->tree, dir, link->data);
	back = d ? tree_child(d, dir->name) : NULL;
	if (back)
		tree_remove(&sim->tree, back);
	tree_remove(&sim->tree, link);
	set_uevent_driver(sim, dir, NULL);
	dev_tell(sim, "unbind", dir);
}

/* --- removal and return -------------------------------------------------- */

void dev_remove(struct sim *sim, struct node *dir)
{
	dev_tell(sim, "remove", dir);
	tree_remove_device(&sim->tree, dir);
}

int dev_park(struct parked **list, struct node *dir)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->gone = dir;
	p->parent = dir->parent;
	p->parent_path = node_path(dir->parent);
	if (!p->parent_path) {
		free(p);
		return -ENOMEM;
	}
	p->next = *list;
	*list = p;
	return 0;
}

void parked_free(struct parked **list)
{
	while (*list) {
		struct parked *p = *list;

		*list = p->next;
		free(p->parent_path);
		free(p);
	}
}

/* @text with @from replaced, malloced. */
static char *renamed(const char *text, size_t len, const char *from, const char *to)
{
	size_t n = from ? strlen(from) : 0, out = 0;
	char *copy = malloc(2 * len + 64);

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len && out < 2 * len + 40; ) {
		if (n && len - i >= n && !strncmp(text + i, from, n) &&
		    (i + n == len || !isdigit((unsigned char)text[i + n])) && strlen(to) < 20) {
			memcpy(copy + out, to, strlen(to));
			out += strlen(to);
			i += n;
		} else {
			copy[out++] = text[i++];
		}
	}
	copy[out] = '\0';
	return copy;
}

struct node *dev_revive(struct sim *sim, const struct node *gone, struct node *parent,
			const char *name, const char *from, const char *to)
{
	struct node *n = tree_add(&sim->tree, parent, name, gone->kind, gone->mode);

	if (!n)
		return NULL;
	n->size = gone->size;
	n->ops = gone->ops;
	n->model = gone->model;
	n->unreadable = gone->unreadable;
	n->fail_errno = gone->fail_errno;
	if (gone->data && memchr(gone->data, '\0', gone->len)) {	/* binary */
		if (node_set_data(n, gone->data, gone->len))
			return NULL;
	} else if (gone->data) {
		_cleanup_free_ char *text = renamed(gone->data, gone->len, from, to);

		if (!text || node_set_data(n, text, strlen(text)))
			return NULL;
	}
	for (size_t i = 0; i < gone->n_children; i++) {
		const struct node *child = gone->children[i];
		_cleanup_free_ char *as = renamed(child->name, strlen(child->name), from, to);

		if (!as || !dev_revive(sim, child, n, as, from, to))
			return NULL;
	}
	return n;
}

unsigned int dev_free_number(const struct sim *sim, const char *bus, const char *const *prefixes)
{
	unsigned int number = 0;
	bool used;

	do {
		used = false;
		for (const char *const *p = prefixes; *p && !used; p++) {
			char name[64];

			snprintf(name, sizeof(name), "%s%u", *p, number);
			used = dev_find(sim, bus, name);
		}
		number += used;
	} while (used);
	return number;
}
