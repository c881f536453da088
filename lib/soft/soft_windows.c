// SPDX-License-Identifier: GPL-2.0-only
/*
 * CXL windows, and the devices behind them with what they say of their memory:
 * see sources.h.  Windows are root decoders; what the CEDT says is laid
 * beside them, and stands in for them where there are none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/read/reader.h"
#include "lib/soft/sources.h"
#include "util/parse.h"

enum { MAX_CDAT = 1 << 20 };

/* --- devices -------------------------------------------------------------- */

static int read_cdat(const struct cxl_host *host, struct soft_device *d)
{
	char path[PATH_MAX], *data;
	size_t n;
	int rc = sysfs_join(path, sizeof(path), d->endpoint->path, "CDAT");

	if (!rc)
		rc = sysfs_read_whole(host->fs, host->arena, path, MAX_CDAT, &data, &n);
	if (rc == -ENOMEM)
		return rc;
	d->cdat_state = rc == -ENOENT ? CDAT_ABSENT
			: rc	      ? CDAT_UNREADABLE
			: n	      ? CDAT_PRESENT
				      : CDAT_EMPTY;
	if (d->cdat_state == CDAT_PRESENT)
		return cdat_parse(data, n, d->endpoint->name, host->arena, host->messages,
				  &d->cdat);
	if (d->cdat_state == CDAT_EMPTY)
		message_add(host->messages, SEV_WARNING, "CDAT", d->endpoint->name,
			    "%s: its CDAT is empty: the kernel could not read it from the device", d->endpoint->name);
	return 0;
}

int soft_read_devices(const struct cxl_host *host, struct soft_picture *p)
{
	size_t of[] = {
		[CDAT_PRESENT] = 0, [CDAT_ABSENT] = 0, [CDAT_EMPTY] = 0, [CDAT_UNREADABLE] = 0
	};
	struct soft_source *s = &p->sources[SOURCE_CDAT];
	bool damaged = false;

	p->devices = arena_alloc(host->arena, host->n_endpoints, sizeof(*p->devices));
	if (!p->devices)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_endpoints; i++) {
		struct soft_device *d = &p->devices[p->n_devices++];

		*d = (struct soft_device){ host->endpoints[i].memdev, &host->endpoints[i] };
		if (read_cdat(host, d))
			return -ENOMEM;
		of[d->cdat_state]++;
		damaged |= d->cdat.damaged;
	}
	s->entries = of[CDAT_PRESENT];
	if (!p->n_devices)
		soft_source_set(host, p, SOURCE_CDAT, SOURCE_MISSING, SEV_INFO,
				"there is no CXL endpoint whose CDAT could be read");
	else if (of[CDAT_UNREADABLE])
		soft_source_set(host, p, SOURCE_CDAT, SOURCE_HIDDEN, SEV_WARNING,
				"the CDAT of %zu of %zu endpoints is for root only, so what the devices say of their memory is unknown",
				of[CDAT_UNREADABLE], p->n_devices);
	else if (of[CDAT_EMPTY] || damaged)
		soft_source_set(host, p, SOURCE_CDAT, SOURCE_DAMAGED, SEV_INFO,
				"the CDAT of some endpoints could not be read whole: see the messages");
	else if (of[CDAT_ABSENT])
		soft_source_set(host, p, SOURCE_CDAT, SOURCE_MISSING, SEV_INFO,
				"%zu of %zu endpoints have no CDAT (no Data Object Exchange)", of[CDAT_ABSENT], p->n_devices);
	return 0;
}

/* --- windows -------------------------------------------------------------- */

static bool is_decoder(const char *name)
{
	unsigned int id;

	name = strncmp(name, "decoder", strlen("decoder")) ? "" : strchr(name, '.');
	return name && parse_name(name, ".", &id);
}

/* The CEDT's window that @start-@end lies in or at, NULL when it has none. */
static const struct cedt_window *cedt_window_at(const struct soft_picture *p, uint64_t start,
						uint64_t end)
{
	for (size_t i = 0; i < p->cedt.n_windows; i++) {
		const struct cedt_window *w = &p->cedt.windows[i];

		if (!w->dropped && w->base <= end && w->base + w->size > start)
			return w;
	}
	return NULL;
}

static bool is_coherent(const struct cedt_window *w)
{
	return (w->restrictions & CFMWS_DEVICE_COHERENT) && !(w->restrictions & CFMWS_HOST_ONLY);
}

/* Devices below the host bridge @bridge ("pci0000:0c"). */
static void add_devices(const struct soft_picture *p, const char *bridge, struct soft_window *w)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "sys/devices/%.40s", bridge);
	for (size_t i = 0; i < p->n_devices && w->n_devices < p->n_devices; i++)
		if (p->devices[i].memdev && path_is_below(p->devices[i].memdev->path, dir))
			w->devices[w->n_devices++] = i;
}

/* "12,34": the numbers of the root's downstream ports, which lead to host bridges. */
static int read_targets(const struct cxl_host *host, struct soft_picture *p,
			const struct cxl_bus *bus, const char *path, struct soft_window *w)
{
	char full[PATH_MAX], text[256], link[32], *save = NULL;

	w->devices = arena_alloc(host->arena, p->n_devices, sizeof(*w->devices));
	if (!w->devices)
		return -ENOMEM;
	if (sysfs_join(full, sizeof(full), path, "target_list") || sysfs_read(host->fs, full, text, sizeof(text)) < 0)
		return 0;
	for (char *id = strtok_r(text, ",", &save); id; id = strtok_r(NULL, ",", &save)) {
		const char *bridge;

		snprintf(link, sizeof(link), "dport%.20s", id);
		bridge = attr_link_name(host, w->span.name, bus->path, link);
		if (bridge)
			add_devices(p, bridge, w);
	}
	return 0;
}

static int read_decoder(const struct cxl_host *host, struct soft_picture *p,
			const struct cxl_bus *bus, const char *name)
{
	struct soft_window *w = &p->windows[p->n_windows];
	uint64_t start, size, type2 = 0, type3 = 0;
	const struct cedt_window *cedt;
	char path[PATH_MAX];
	int rc;

	if (sysfs_join(path, sizeof(path), bus->path, name))
		return 0;
	rc = soft_attr(host, path, "size", &size);
	if (!rc && !size)
		return 0;
	if (!rc)
		rc = soft_attr(host, path, "start", &start);
	if (rc || start + size - 1 < start) {
		p->decoders_hidden = true;
		message_add(host->messages, SEV_WARNING, "SOURCE", name,
			    "%s: where the window lies cannot be read (%s)", name,
			    rc == -EACCES || rc == -EPERM ? "it is for root only" : err_text(rc ? -rc : ERANGE));
		return 0;
	}
	*w = (struct soft_window){ .span = { name, start, start + size - 1 } };
	cedt = cedt_window_at(p, start, start + size - 1);
	if (cedt)
		w->is_coherent = is_coherent(cedt);
	else if (!soft_attr(host, path, "cap_type2", &type2) && !soft_attr(host, path, "cap_type3", &type3))
		w->is_coherent = type2 && !type3;
	p->n_windows++;
	return read_targets(host, p, bus, path, w);
}

/* The CEDT's windows in place of decoders. */
static int take_cedt(const struct cxl_host *host, struct soft_picture *p)
{
	p->n_windows = 0;
	p->windows = arena_alloc(host->arena, p->cedt.n_windows, sizeof(*p->windows));
	if (!p->windows)
		return -ENOMEM;
	for (size_t i = 0; i < p->cedt.n_windows; i++) {
		const struct cedt_window *w = &p->cedt.windows[i];
		char *name = arena_printf(host->arena, "cedt-window%zu", i);

		if (!name)
			return -ENOMEM;
		if (!w->dropped)
			p->windows[p->n_windows++] = (struct soft_window){
				.span = { name, w->base, w->base + w->size - 1 },
				.is_coherent = is_coherent(w),
			};
	}
	return 0;
}

/* Say where root decoders and CEDT tell different things. */
static void compare(const struct cxl_host *host, const struct soft_picture *p)
{
	for (size_t i = 0; i < p->cedt.n_windows; i++) {
		const struct cedt_window *w = &p->cedt.windows[i];
		size_t k;

		for (k = 0; k < p->n_windows; k++)
			if (w->base <= p->windows[k].span.end &&
			    w->base + w->size > p->windows[k].span.start)
				break;
		if (!w->dropped && k == p->n_windows)
			message_add(host->messages, SEV_WARNING, "CONTRADICTION", NULL,
				    "the CEDT has a window at 0x%llx of %llu bytes, for which there is no root decoder; look for cxl_acpi in dmesg",
				    (unsigned long long)w->base, (unsigned long long)w->size);
	}
	for (size_t k = 0; k < p->n_windows; k++) {
		const struct soft_span *s = &p->windows[k].span;
		const struct cedt_window *w = cedt_window_at(p, s->start, s->end);

		if (!w)
			message_add(host->messages, SEV_WARNING, "CONTRADICTION", s->name,
				    "%s: the CEDT has no window at 0x%llx-0x%llx", s->name, (unsigned long long)s->start,
				    (unsigned long long)s->end);
		else if (w->base != s->start || w->size != s->end - s->start + 1)
			message_add(
				host->messages, SEV_INFO, "CONTRADICTION", s->name,
				"%s: the kernel changed the CEDT's window 0x%llx of %llu bytes to 0x%llx of %llu bytes",
				s->name, (unsigned long long)w->base, (unsigned long long)w->size,
				(unsigned long long)s->start,
				(unsigned long long)(s->end - s->start + 1));
	}
}

static int by_start(const void *a, const void *b)
{
	const struct soft_window *x = a, *y = b;

	return x->span.start < y->span.start ? -1 : x->span.start > y->span.start;
}

/* Without a decoder, or when they are hidden: is the CEDT enough to know all windows? */
static int stand_in(const struct cxl_host *host, struct soft_picture *p)
{
	enum soft_source_state cedt = p->sources[SOURCE_CEDT].state;
	bool readable = cedt == SOURCE_READ || (cedt == SOURCE_DAMAGED && p->cedt.n_windows);

	p->windows_known = cedt == SOURCE_READ || (cedt == SOURCE_MISSING && !p->decoders_hidden);
	if (readable && !p->windows_known)
		soft_source_set(host, p, SOURCE_WINDOWS, SOURCE_DAMAGED, SEV_WARNING,
				"no root decoder can be read and parts of the CEDT are damaged, so there may be more CXL windows than it tells");
	else if (!p->windows_known)
		soft_source_set(host, p, SOURCE_WINDOWS, SOURCE_HIDDEN, SEV_WARNING,
				"neither the root decoders nor the CEDT tell where the CXL windows are");
	else
		soft_source_set(host, p, SOURCE_WINDOWS, SOURCE_MISSING, SEV_INFO,
				p->cedt.n_windows ? "no root decoder can be read, so the CEDT tells where the CXL windows are" :
				"there is no root decoder and the CEDT has no window: this host has no CXL window");
	p->windows_from_cedt = readable;
	return readable ? take_cedt(host, p) : 0;
}

int soft_read_windows(const struct cxl_host *host, struct soft_picture *p)
{
	bool real = true;

	for (size_t i = 0; i < host->n_buses; i++) {
		const struct cxl_bus *bus = &host->buses[i];
		struct soft_window *old = p->windows;
		struct sysfs_names names;

		real &= bus->provider && !strcmp(bus->provider, "ACPI.CXL");
		if (sysfs_list(host->fs, host->arena, bus->path, is_decoder, &names))
			continue;
		p->windows = arena_alloc(host->arena, p->n_windows + names.n, sizeof(*p->windows));
		if (!p->windows)
			return -ENOMEM;
		if (p->n_windows)
			memcpy(p->windows, old, p->n_windows * sizeof(*old));
		sysfs_sort(&names);
		for (size_t k = 0; k < names.n; k++)
			if (read_decoder(host, p, bus, names.v[k]))
				return -ENOMEM;
	}
	if (!p->n_windows || p->decoders_hidden) {
		if (stand_in(host, p))
			return -ENOMEM;
	} else {
		p->windows_known = true;
		if (p->cedt.n_windows && real)
			compare(host, p);
	}
	if (p->n_windows)
		qsort(p->windows, p->n_windows, sizeof(*p->windows), by_start);
	p->sources[SOURCE_WINDOWS].entries = p->n_windows;
	return 0;
}
