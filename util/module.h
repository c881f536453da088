/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules of the running kernel, by libkmod: is one there, and where it may be, insert it.
 *
 * What is loaded is read in /sys/module, the rest in /lib/modules and modprobe.d, as modprobe does.
 * Of a capture only the first is known.
 */
#ifndef UTIL_MODULE_H
#define UTIL_MODULE_H

#include "util/arena.h"
#include "util/err.h"
#include "util/sysfs.h"

enum module_state {
	MODULE_UNKNOWN,		/* nothing tells, as where /lib/modules has none of this kernel's */
	MODULE_LOADED,
	MODULE_BUILTIN,
	MODULE_AVAILABLE,	/* not loaded; it can be, as far as can be told */
	MODULE_FORBIDDEN,	/* not loaded, and by somebody's word not to be: .by */
	MODULE_ABSENT,		/* not a part of this kernel */
};

struct module_look {
	enum module_state state;
	const char *by;		/* of MODULE_FORBIDDEN: "blacklisted by /etc/modprobe.d/x.conf:3" */
};

/* @modules_dir: that of the kernel's release; NULL: the running one's.  -ENOMEM or 0. */
int module_look(struct sysfs *fs, struct arena *a, const char *modules_dir, const char *name,
		struct module_look *ret);

/*
 * Insert it, with what it depends on, as modprobe does, an install line of modprobe.d instead of
 * it included.  What is forbidden is not inserted.  -errno with @err.
 */
int module_insert(struct sysfs *fs, struct arena *a, const char *name, struct err *err);

/*
 * The line of modprobe.d that says @what ("blacklist", "install") of @name: "/etc/modprobe.d/x.conf:3" in
 * @buf, and, unless NULL, what follows the name in @rest.  -ENOENT: no file does.
 */
int module_find_line(struct sysfs *fs, struct arena *a, const char *what, const char *name,
		     char *buf, size_t size, const char **rest);

#endif
