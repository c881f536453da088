// SPDX-License-Identifier: GPL-2.0-only
/* Error events as records: see event_record.h. */
#include "lib/report/event_record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/render.h"

/* Is one of the names in @path, "../../../devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0", this one? */
static bool has_part(const char *path, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(path, name); at; at = strstr(at + 1, name))
		if (at != path && at[-1] == '/' && (at[n] == '/' || !at[n]))
			return true;
	return false;
}

static const struct cxl_root_port *above(const struct cxl_host *host, const char *function)
{
	char path[PATH_MAX], link[PATH_MAX];

	if (sysfs_join(path, sizeof(path), "sys/bus/pci/devices", function) ||
	    sysfs_readlink(host->fs, path, link, sizeof(link)) < 0)
		return NULL;
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (has_part(link, host->root_ports[i].name))
			return &host->root_ports[i];
	return NULL;
}

/* As it was when the host was read. */
static bool was_below(const struct cxl_memdev *memdev, const struct trace_event *event)
{
	if (!strcmp(memdev->name, event->memdev))
		return true;
	for (size_t i = 0; *event->function && i < memdev->n_chain; i++)
		if (!strcmp(memdev->chain[i], event->function))
			return true;
	return memdev->host && !strcmp(memdev->host, event->function);
}

const struct cxl_root_port *event_root_port(const struct cxl_host *host,
					    const struct trace_event *event)
{
	const struct cxl_root_port *rp = host_root_port(host, event->function);

	if (!rp && *event->function)
		rp = above(host, event->function);
	for (size_t i = 0; !rp && i < host->n_memdevs; i++)
		if (was_below(&host->memdevs[i], event))
			rp = host->memdevs[i].root_port;
	for (size_t i = 0; !rp && i < host->n_root_ports; i++)
		for (size_t k = 0; !rp && k < host->root_ports[i].n_accelerators; k++)
			if (!strcmp(host->root_ports[i].accelerators[k].name, event->function))
				rp = &host->root_ports[i];
	return rp;
}

struct json_object *event_record(const struct cxl_root_port *rp, const struct trace_event *event)
{
	const struct cxl_memdev *memdev = root_port_memdev(rp, event->function);
	struct json_object *obj = render_object();

	render_add_string(obj, "kind", trace_kind_names[event->source->kind]);
	render_add_string(obj, "name", event->source->name);
	render_add_string(obj, "severity", trace_severity_names[event->severity]);
	render_add_string(obj, "device", *event->function ? event->function : NULL);
	render_add_string(obj, "memdev", *event->memdev ? event->memdev : memdev ? memdev->name : NULL);
	render_add_string(obj, "text", event->text);
	return obj;
}
