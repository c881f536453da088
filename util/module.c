// SPDX-License-Identifier: GPL-2.0-only
/* See module.h.  libkmod knows the formats; it does not tell which file forbids a module, which is looked for here. */
#include "util/module.h"

#include <fcntl.h>
#include <libkmod.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* Where modprobe looks, a file hiding those of its name further down: modprobe.d(5). */
static const char *const conf_dirs[] = {
	"etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d", "usr/lib/modprobe.d", "lib/modprobe.d",
};
enum { N_CONF_DIRS = ARRAY_SIZE(conf_dirs), MAX_BYTES = 1 << 20 };

#define BLANKS " \t"

/* "-" and "_" are one in names of modules. */
static bool is_name(const char *text, size_t n, const char *name)
{
	if (strlen(name) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((text[i] == '-' ? '_' : text[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	return true;
}

/* --- modprobe.d ----------------------------------------------------------------------- */

static bool is_conf(const char *name)
{
	return *name != '.' && has_suffix(name, ".conf");
}

/* Cut the next line off *@at, those that end with a backslash joined to what follows; *@line counts. */
static char *next_line(char **at, unsigned int *line, unsigned int *ret_first)
{
	char *text = *at, *end = text;

	if (!*text)
		return NULL;
	*ret_first = ++*line;
	for (; *end && *end != '\n'; end++)
		if (*end == '\\' && end[1] == '\n') {
			*end = end[1] = ' ';
			++*line;
		}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return text + strspn(text, BLANKS);
}

/* What follows "@what @name" in @line; NULL: it says something else. */
static const char *said_of(const char *line, const char *what, const char *name)
{
	size_t n = strcspn(line, BLANKS);

	if (strlen(what) != n || strncmp(line, what, n) != 0)
		return NULL;
	line += n + strspn(line + n, BLANKS);
	n = strcspn(line, BLANKS);
	return is_name(line, n, name) ? line + n + strspn(line + n, BLANKS) : NULL;
}

static bool is_hidden(struct sysfs *fs, size_t dir, const char *name)
{
	char path[300];

	for (size_t i = 0; i < dir; i++)
		if (!sysfs_join(path, sizeof(path), conf_dirs[i], name) && sysfs_exists(fs, path))
			return true;
	return false;
}

static int find_in_file(struct sysfs *fs, struct arena *a, const char *path, const char *what,
			const char *name, char *buf, size_t size, const char **rest)
{
	unsigned int line = 0, first;
	const char *said;
	char *text, *l;
	size_t n;

	if (sysfs_read_whole(fs, a, path, MAX_BYTES, &text, &n))
		return -ENOENT;
	while ((l = next_line(&text, &line, &first))) {
		said = said_of(l, what, name);
		if (!said)
			continue;
		snprintf(buf, size, "/%s:%u", path, first);
		if (rest)
			*rest = said;
		return 0;
	}
	return -ENOENT;
}

int module_find_line(struct sysfs *fs, struct arena *a, const char *what, const char *name,
		     char *buf, size_t size, const char **rest)
{
	struct sysfs_names names;
	char path[300];

	for (size_t d = 0; d < N_CONF_DIRS; d++) {
		if (sysfs_list(fs, a, conf_dirs[d], is_conf, &names))
			continue;
		sysfs_sort(&names);
		for (size_t i = 0; i < names.n; i++)
			if (!is_hidden(fs, d, names.v[i]) &&
			    !sysfs_join(path, sizeof(path), conf_dirs[d], names.v[i]) &&
			    !find_in_file(fs, a, path, what, name, buf, size, rest))
				return 0;
	}
	return -ENOENT;
}

/* --- the kernel's command line ----------------------------------------------------------- */

/* Is @name in the comma-separated list of the parameter @key ("modprobe.blacklist=")? */
static bool is_in_parameter(struct sysfs *fs, struct arena *a, const char *key, const char *name)
{
	char *text, *word, *save = NULL;
	size_t n;

	if (sysfs_read_whole(fs, a, "proc/cmdline", MAX_BYTES, &text, &n))
		return false;
	for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		if (strncmp(word, key, strlen(key)) != 0)
			continue;
		for (const char *v = word + strlen(key);; v += n + 1) {
			n = strcspn(v, ",");
			if (is_name(v, n, name))
				return true;
			if (!v[n])
				break;
		}
	}
	return false;
}

/* --- what libkmod knows ------------------------------------------------------------------ */

static void log_nothing(void *data, int priority, const char *file, int line, const char *fn,
			const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static struct kmod_ctx *open_kmod(const char *modules_dir)
{
	struct kmod_ctx *ctx = kmod_new(modules_dir, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, log_nothing, NULL);
	return ctx;
}

/* An install line in place of a module that does nothing, or fails: as good as a blacklist. */
static bool is_empty_command(const char *command)
{
	size_t n = strcspn(command, BLANKS);
	const char *slash = memrchr(command, '/', n), *name = slash ? slash + 1 : command;

	n -= (size_t)(name - command);
	return (n == 4 && !memcmp(name, "true", n)) || (n == 5 && !memcmp(name, "false", n)) ||
	       (n == 1 && *name == ':');
}

/* The value that the iterator @it, which is taken, has for @name; NULL: none. */
static const char *config_value(struct kmod_config_iter *it, const char *name)
{
	const char *found = NULL, *value;

	while (it && !found && kmod_config_iter_next(it)) {
		const char *key = kmod_config_iter_get_key(it);

		value = kmod_config_iter_get_value(it);
		if (key && is_name(key, strlen(key), name))
			found = value ? value : "";
	}
	kmod_config_iter_free_iter(it);
	return found;
}

/* Who forbids @name: into @ret.  -ENOMEM or 0. */
static int look_for_ban(struct sysfs *fs, struct arena *a, const struct kmod_ctx *ctx,
			const char *name, struct module_look *ret)
{
	const char *install = config_value(kmod_config_get_install_commands(ctx), name);
	char where[300];

	if (is_in_parameter(fs, a, "module_blacklist=", name))
		ret->by = "blacklisted by module_blacklist= on the kernel's command line";
	else if (config_value(kmod_config_get_blacklists(ctx), name))
		ret->by = !module_find_line(fs, a, "blacklist", name, where, sizeof(where), NULL) ? arena_printf(a, "blacklisted by %s", where) :
			  is_in_parameter(fs, a, "modprobe.blacklist=", name) ? "blacklisted by modprobe.blacklist= on the kernel's command line" :
			  "blacklisted for modprobe";
	else if (install && is_empty_command(install))
		ret->by = !module_find_line(fs, a, "install", name, where, sizeof(where), NULL) ?
			  arena_printf(a, "kept out by the install line of %s", where) : "kept out by an install line for modprobe";
	else
		return 0;
	ret->state = MODULE_FORBIDDEN;
	return ret->by ? 0 : -ENOMEM;
}

/* In what depmod wrote, or by an install line. */
static enum module_state state_of(struct kmod_ctx *ctx, const char *name)
{
	bool has_index = !kmod_load_resources(ctx);
	struct kmod_list *list = NULL, *l;
	enum module_state state = MODULE_UNKNOWN;

	if (kmod_module_new_from_lookup(ctx, name, &list) < 0)
		return MODULE_UNKNOWN;
	kmod_list_foreach(l, list) {
		struct kmod_module *mod = kmod_module_get_module(l);
		int init = kmod_module_get_initstate(mod);

		if (state != MODULE_BUILTIN)
			state = init == KMOD_MODULE_BUILTIN ? MODULE_BUILTIN : MODULE_AVAILABLE;
		kmod_module_unref(mod);
	}
	if (!list && has_index)
		state = MODULE_ABSENT;
	kmod_module_unref_list(list);
	return state;
}

/* /sys/module has what is loaded, with a file "initstate"; of what is built in at most its parameters: kernel/module/sysfs.c */
static bool is_loaded(struct sysfs *fs, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/module/%.80s/initstate", name);
	for (char *p = path; *p; p++)
		*p = *p == '-' ? '_' : *p;
	return sysfs_exists(fs, path);
}

int module_look(struct sysfs *fs, struct arena *a, const char *modules_dir, const char *name,
		struct module_look *ret)
{
	struct kmod_ctx *ctx;
	int rc = 0;

	*ret = (struct module_look){ .state = is_loaded(fs, name) ? MODULE_LOADED : MODULE_UNKNOWN };
	if (ret->state == MODULE_LOADED || fs->is_capture)
		return 0;
	ctx = open_kmod(modules_dir);
	if (!ctx)
		return -ENOMEM;
	ret->state = state_of(ctx, name);
	if (ret->state != MODULE_BUILTIN && ret->state != MODULE_ABSENT)
		rc = look_for_ban(fs, a, ctx, name, ret);
	kmod_unref(ctx);
	return rc;
}

/* --- inserting ------------------------------------------------------------------------------ */

static int probe(struct kmod_module *mod)
{
	/* what an install line runs writes to standard error: the output is the command's */
	_cleanup_close_ int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int rc;

	fflush(stdout);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	rc = kmod_module_probe_insert_module(mod, KMOD_PROBE_APPLY_BLACKLIST_ALL, NULL, NULL, NULL,
					    NULL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	else
		close(STDOUT_FILENO);	/* as it was */
	return rc;
}

static int insert(const char *name)
{
	struct kmod_ctx *ctx = open_kmod(NULL);
	struct kmod_list *list = NULL, *l;
	int rc = ctx ? 0 : -ENOMEM;

	if (ctx)
		kmod_load_resources(ctx);	/* without them install lines are left */
	rc = rc ? rc : kmod_module_new_from_lookup(ctx, name, &list);
	if (!rc && !list)
		rc = -ENOENT;
	kmod_list_foreach(l, list) {
		struct kmod_module *mod = kmod_module_get_module(l);

		rc = rc ? rc : probe(mod);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return rc;
}

/* The kernel's answers to finit_module(2). */
static const char *why_not(struct sysfs *fs, int rc)
{
	char text[8];

	if (rc > 0)
		return "a module that it depends on is blacklisted";
	switch (-rc) {
	case EPERM:
		if (sysfs_read(fs, "proc/sys/kernel/modules_disabled", text, sizeof(text)) > 0 && !strcmp(text, "1"))
			return "kernel.modules_disabled is 1, so that no module can be loaded until the next boot";
		return "the kernel does not permit it: it is locked down, or this process lacks CAP_SYS_MODULE";
	case EKEYREJECTED:
	case ENOKEY:
	case EBADMSG:
		return "the kernel does not take its signature (Secure Boot, lockdown or module.sig_enforce)";
	case ENOEXEC:
		return "it is of another kernel than the one that runs";
	case ENOENT:
		return "its file, or a symbol that it needs, is not there";
	default:
		return err_text(-rc);
	}
}

int module_insert(struct sysfs *fs, struct arena *a, const char *name, struct err *err)
{
	struct module_look look;
	int rc;

	if (geteuid())
		return err_set(err, EXIT_PREREQ, EPERM, "%s was not loaded, since only root can load modules; run the command as root", name);
	if (module_look(fs, a, NULL, name, &look))
		return err_no_memory(err, ", no module was loaded");
	if (look.state == MODULE_LOADED)
		return 0;
	rc = look.state == MODULE_FORBIDDEN ? 1 : insert(name);
	if (!rc)
		return 0;
	if (look.state == MODULE_UNKNOWN && rc == -ENOENT)
		return err_set(err, EXIT_PREREQ, ENOENT, "%s was not loaded: /lib/modules has no modules of the running kernel; install them, or boot the kernel that is installed", name);
	return err_set(err, EXIT_REFUSED, rc < 0 ? -rc : EPERM, "%s was not loaded: %s; dmesg may say more", name,
		       look.by ? look.by : why_not(fs, rc));
}
