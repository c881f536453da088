// SPDX-License-Identifier: GPL-2.0-only
/* Finding and building simulated hosts: see host.h. */
#include "sim/host/host.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "sim/host/load.h"
#include "sim/host/platform.h"
#include "sim/models/kernel.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/models/protocol_error.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

static bool is_listed(const struct host_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name))
			return true;
	return false;
}

static int list_add(struct host_list *list, const char *dir, const char *file)
{
	_cleanup_free_ char *name = strndup(file, strlen(file) - strlen(".json"));
	_cleanup_free_ char *path = NULL;
	struct host_entry *v;

	if (!name || asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (is_listed(list, name))
		return 0;	/* an earlier directory has it */
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n++] = (struct host_entry){ steal_ptr(&name), steal_ptr(&path) };
	return 0;
}

static int list_dir(struct host_list *list, const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *d;
	int rc = 0;

	while (dir && !rc && (d = readdir(dir)))
		if (d->d_name[0] != '.' && has_suffix(d->d_name, ".json"))
			rc = list_add(list, path, d->d_name);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return natural_cmp(((const struct host_entry *)a)->name,
			   ((const struct host_entry *)b)->name);
}

void host_beside_program(const char *name, char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size);
	size_t dir = 0;

	for (ssize_t i = 0; i < n; i++)
		if (buf[i] == '/')
			dir = (size_t)i + 1;
	if (!dir || dir + strlen(name) >= size)
		buf[0] = '\0';
	else
		memcpy(buf + dir, name, strlen(name) + 1);
}

int host_list_read(struct host_list *ret, struct err *err)
{
	char built[PATH_MAX];
	const char *dirs[] = { secure_getenv("CXL_SIM_HOSTS"), built, SIM_HOSTS_DIR };

	host_beside_program(HOSTS_OF_BUILD, built, sizeof(built));

	*ret = (struct host_list){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (dirs[i] && list_dir(ret, dirs[i])) {
			host_list_free(ret);
			return out_of_memory(err);
		}
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

void host_list_free(struct host_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].file);
	}
	free(list->v);
	*list = (struct host_list){ 0 };
}

static int unknown_host(const struct host_list *list, const char *host, struct err *err)
{
	char names[400] = "none is installed", shown[100];
	size_t n = 0;

	for (size_t i = 0; i < list->n && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", list->v[i].name);
	return err_set(err, EXIT_USAGE, ENOENT, "there is no host '%s': choose one of %s, or give the path of a "
		       "capture or host file", printable(host, shown, sizeof(shown)), names);
}

/* The file or directory that @host means, malloced. */
static int find(const char *host, char **ret, struct err *err)
{
	struct host_list list;
	struct stat st;
	int rc = host_list_read(&list, err);

	if (rc)
		return rc;
	*ret = NULL;
	for (size_t i = 0; i < list.n; i++)
		if (!strcmp(list.v[i].name, host))
			*ret = strdup(list.v[i].file);
	if (!*ret && !stat(host, &st))
		*ret = strdup(host);
	if (!*ret)
		rc = unknown_host(&list, host, err);
	host_list_free(&list);
	return rc;
}

static char *relative_to(const char *file, const char *base)
{
	const char *slash = strrchr(file, '/');
	char *path;

	if (*base == '/' || !slash)
		return strdup(base);
	return asprintf(&path, "%.*s/%s", (int)(slash - file), file, base) < 0 ? NULL : path;
}

/*
 * libdaxctl takes /dev/daxX.Y for a dax device when /sys/dev/char/MAJ:MIN leads
 * to the dax bus; the simulated ones are plain files, whose number is 0:0, or
 * /dev/zero where the memory was lost.
 */
static int add_dax_numbers(struct tree *tree)
{
	static const char *const links[] = { "sys/dev/char/0:0/subsystem", "sys/dev/char/1:5/subsystem" };
	static const char target[] = "../../../bus/dax";

	if (!tree_dir(tree, "/sys/bus/dax"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct node *n = tree_dir(tree, links[i])
					 ? NULL
					 : tree_add_path(tree, links[i], NODE_LINK, 0777);

		if (n && node_set_data(n, target, strlen(target)))
			return -ENOMEM;
	}
	return 0;
}

static int build(struct sim *sim, const char *capture, struct json_object *overlay,
		 const char *kernel, struct err *err)
{
	int rc = load_capture(&sim->tree, capture, err);

	if (rc)
		return rc;
	if (add_dax_numbers(&sim->tree))
		return out_of_memory(err);
	rc = platform_apply(sim, overlay, err);
	if (overlay && !rc)
		rc = overlay_reshape(sim, overlay, err);
	if (overlay && !rc)
		rc = overlay_add_functions(sim, overlay, err);
	if (overlay && !rc)
		rc = overlay_apply_files(sim, overlay, err);
	if (overlay && !rc)
		rc = overlay_reserve(sim, overlay, err);
	rc = rc ? rc : platform_hide(sim, err);
	rc = rc ? rc : ports_discover(sim, err);
	if (rc || !kernel)
		return rc;
	sim->kernel = kernel_find(kernel);
	if (!sim->kernel)
		return err_set(err, EXIT_USAGE, EINVAL, "there is no kernel '%.60s': choose one of %s",
			       kernel, kernel_names());
	if (models_attach(sim) || trace_events_add(sim))
		return out_of_memory(err);
	rc = overlay_start_accelerators(sim, overlay, err);
	rc = rc ? rc : overlay_apply_busy_blocks(sim, overlay, err);
	rc = rc ? rc : overlay_lay_out_dax(sim, overlay, err);
	rc = rc ? rc : overlay_attach_ports(sim, overlay, err);
	if (!rc && overlay && json_object_get_boolean(json_object_object_get(overlay, "einj")) && einj_add(sim))
		return out_of_memory(err);
	return rc ? rc : overlay_apply_unreadable(sim, overlay, err);
}

int host_load(struct sim *sim, const char *host, const char *kernel, struct err *err)
{
	_cleanup_free_ char *file = NULL, *capture = NULL;
	struct json_object *overlay;
	int rc = find(host, &file, err);

	if (rc)
		return rc;
	free(sim->host);
	sim->host = realpath(file, NULL);
	if (!has_suffix(file, ".json"))
		return build(sim, file, NULL, kernel, err);
	overlay = overlay_read(file, err);
	if (!overlay)
		return -EINVAL;
	capture = relative_to(file, overlay_text(overlay, "base", ""));
	rc = capture ? build(sim, capture, overlay, kernel ? kernel : overlay_text(overlay, "kernel", "v1-fixed"), err)
		     : out_of_memory(err);
	json_object_put(overlay);
	return rc ? err_wrap(err, "host %.200s", host) : 0;
}
