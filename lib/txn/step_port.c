// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of steps on a root port: its isolation status and settings, its
 * link and config space, and the memory devices that return below it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/check/check.h"
#include "lib/iso/backend.h"
#include "lib/iso/health.h"
#include "lib/model/host.h"
#include "lib/model/isolation_regs.h"
#include "lib/model/timeout.h"
#include "lib/txn/step_port.h"
#include "util/parse.h"

/* The bits of @value that @mask names: "BITS:MASK" as a register step writes them. */
static int parse_bits(const char *value, uint64_t *bits, uint64_t *mask)
{
	char first[32];
	size_t n = strcspn(value, ":");

	if (!value[n] || n >= sizeof(first))
		return -EINVAL;
	memcpy(first, value, n);
	first[n] = '\0';
	return parse_u64(first, bits) || parse_u64(value + n + 1, mask) ? -EINVAL : 0;
}

/* --- status ------------------------------------------------------------------ */

static int read_busy(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	uint32_t status;
	int rc = iso_read_status(run->host, run->rp, &status);

	(void)step;
	if (rc)
		return rc;
	/* valid only while isolated: CXL r3.2 sec 8.2.4.24.3 */
	snprintf(buf, size,
		 status & ISO_STATUS_ISOLATED && status & ISO_STATUS_BUSY ? STEP_BUSY : STEP_IDLE);
	return 0;
}

static int do_clear_status(struct step_run *run, const struct step *step, struct err *err)
{
	uint32_t status;
	int rc = iso_read_status(run->host, run->rp, &status);

	(void)err;
	(void)step;
	if (!rc && status & ISO_STATUS_ISOLATED && status & ISO_STATUS_BUSY)
		return -EBUSY;	/* clearing it now is undefined */
	return rc ? rc : iso_clear_status(run->host, run->rp);
}

static int read_status(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	uint32_t status;
	int rc = iso_read_status(run->host, run->rp, &status);

	(void)step;
	if (rc)
		return rc;
	snprintf(buf, size, status & ISO_STATUS_RW1C ? status & ISO_STATUS_ISOLATED ? STEP_ISOLATED : "timed out" : STEP_NORMAL);
	return 0;
}

/* path: the status register of another root port; value: its name */
static int read_other(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	const struct cxl_root_port *other = host_root_port(run->host, step->value);
	uint32_t status;
	int rc = other ? iso_read_status(run->host, other, &status) : -ENODEV;

	if (!rc)
		snprintf(buf, size, status & ISO_STATUS_ISOLATED ? STEP_ISOLATED : STEP_NORMAL);
	return rc;
}

static void explain_other(const struct step *step, char *buf, size_t size)
{
	snprintf(buf, size, "%.64s is isolated, too, or does not tell: recover it first, with 'cxl recover-port %.64s'", step->value,
		 step->value);
}

/* --- settings ---------------------------------------------------------------- */

static int do_setting(struct step_run *run, const struct step *step, struct err *err)
{
	(void)err;
	return sysfs_write(run->fs, step->path, step->value);
}

/* As a plan words it, whatever the kernel's attribute looks like. */
const char *step_setting_text(enum iso_field field, int value)
{
	const struct timeout_range *r = iso_fields[field].is_range && value >= 0
						? timeout_by_value((unsigned int)value)
						: NULL;

	if (iso_fields[field].is_range)
		return r ? r->name : "unknown";
	return value < 0 ? "unknown" : value ? "on" : "off";
}

static int read_setting(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct iso_control now = iso_settings_read(run->host, run->rp, false);
	int field = iso_field_at(step->path);

	if (field < 0)
		return -EINVAL;
	snprintf(buf, size, "%s", step_setting_text((enum iso_field)field, now.v[field]));
	return 0;
}

/* --- link and config space ---------------------------------------------------- */

static int read_link(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	static const char *const states[] = { [TRI_NO] = "down", [TRI_YES] = "up" };
	struct cxl_root_port now = *run->rp;

	(void)step;
	iso_backend_registers.probe(run->host, &now);
	snprintf(buf, size, "%s", now.link.up == TRI_UNKNOWN ? "unknown" : states[now.link.up]);
	return 0;
}

/* "…/config+0x50": 16 bits of config space */
static int config_place(const struct step *step, char *file, size_t size, size_t *offset)
{
	const char *plus = strrchr(step->path, '+');
	uint64_t at;

	if (!plus || (size_t)(plus - step->path) >= size || parse_u64(plus + 1, &at) || at > 4094)
		return -EINVAL;
	memcpy(file, step->path, (size_t)(plus - step->path));
	file[plus - step->path] = '\0';
	*offset = (size_t)at;
	return 0;
}

static int read_word(struct step_run *run, const struct step *step, uint16_t *ret, char *file,
		     size_t size, size_t *offset)
{
	uint8_t b[2];
	ssize_t n;
	int rc = config_place(step, file, size, offset);

	if (rc)
		return rc;
	n = sysfs_read_bytes(run->fs, file, *offset, b, sizeof(b));
	if (n < 0)
		return (int)n;
	if (n != sizeof(b))
		return -EACCES;	/* more than the header needs CAP_SYS_ADMIN */
	*ret = (uint16_t)(b[0] | b[1] << 8);
	return *ret == 0xffff ? -EIO : 0;
}

static int do_config(struct step_run *run, const struct step *step, struct err *err)
{
	uint64_t bits, mask;
	char file[PATH_MAX];
	uint16_t word = 0;
	uint8_t b[2];
	size_t offset;
	int rc = parse_bits(step->value, &bits, &mask);

	(void)err;
	if (!rc)
		rc = read_word(run, step, &word, file, sizeof(file), &offset);
	if (rc)
		return rc;
	word = (uint16_t)((word & ~mask) | bits);
	b[0] = (uint8_t)word;
	b[1] = (uint8_t)(word >> 8);
	return sysfs_write_bytes(run->fs, file, offset, b, sizeof(b));
}

/* The bits that the step is about, "0x0010". */
static int read_config_bits(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	uint64_t bits, mask;
	char file[PATH_MAX];
	uint16_t word = 0;
	size_t offset;
	int rc = parse_bits(step->value, &bits, &mask);

	if (!rc)
		rc = read_word(run, step, &word, file, sizeof(file), &offset);
	if (!rc)
		snprintf(buf, size, "0x%04x", (unsigned int)(word & mask));
	return rc;
}

/* --- what returns --------------------------------------------------------------- */

/* By serial number, or by the address of the PCI function it is in. */
static bool is_wanted(const struct memdev_below *m, const char *value)
{
	char part[128];

	snprintf(part, sizeof(part), "/%.100s/", value);
	return !*value || (*m->serial && step_text_equal(m->serial, value)) ||
	       strstr(m->path, part);
}

/* path: the root port; value: the serial number or PCI address, or "" for any memory device. */
static int read_returned(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct arena arena = { 0 };
	struct memdev_below *found;
	size_t n;
	int rc = memdevs_below(run->fs, step->path, &arena, &found, &n);
	const char *text = STEP_ABSENT;

	for (size_t i = 0; !rc && i < n; i++)
		if (is_wanted(&found[i], step->value))
			text = STEP_PRESENT;
	if (!rc && n && !strcmp(text, STEP_ABSENT))
		snprintf(buf, size, STEP_ABSENT ", there %s %s %s%s", n > 1 ? "are others, the first" : "is", found[0].name,
			 *found[0].serial ? "with serial " : "whose serial number cannot be read", found[0].serial);
	else if (!rc)
		snprintf(buf, size, "%s", text);
	arena_free(&arena);
	return rc;
}

/* drivers/cxl/pci.c takes this class: memory device, CXL, with this programming interface */
#define MEMORY_CLASS "0x050210"
#define CXL_PCI "sys/bus/pci/drivers/cxl_pci"

/* Root port, switch upstream and downstream port, and as many again. */
enum { MAX_BUSES = 6 };

static int add_functions(struct sysfs *fs, const char *dir, struct arena *a, int depth,
			 struct function_below ***tail)
{
	struct sysfs_names names;
	int rc = sysfs_list(fs, a, dir, is_pci_address, &names);

	if (rc)
		return rc == -ENOMEM ? rc : 0;	/* gone meanwhile */
	sysfs_sort(&names);
	for (size_t i = 0; !rc && i < names.n; i++) {
		struct function_below *f = arena_alloc(a, 1, sizeof(*f));
		const char *path = arena_printf(a, "%s/%s", dir, names.v[i]), *slash;
		char link[PATH_MAX], text[PATH_MAX];

		if (!f || !path)
			return -ENOMEM;
		if (sysfs_join(link, sizeof(link), path, "class") || sysfs_read(fs, link, text, sizeof(text)) < 0 ||
		    strcmp(text, MEMORY_CLASS)) {
			rc = depth ? add_functions(fs, path, a, depth - 1, tail) : 0;
			continue;
		}
		*f = (struct function_below){ .name = names.v[i], .path = path };
		if (!sysfs_join(link, sizeof(link), path, "driver") && sysfs_readlink(fs, link, text, sizeof(text)) > 0) {
			slash = strrchr(text, '/');
			f->driver = arena_strdup(a, slash ? slash + 1 : text);
			rc = f->driver ? 0 : -ENOMEM;
		}
		**tail = f;
		*tail = &f->next;
	}
	return rc;
}

int functions_below(struct sysfs *fs, const char *root_port, struct arena *a,
		    struct function_below **ret)
{
	struct function_below **tail = ret;

	*ret = NULL;
	return add_functions(fs, root_port, a, MAX_BUSES, &tail);
}

/* A probe can fail once, as when the process that wrote rescan is killed: the function is there without driver. */
static void bind_functions(struct step_run *run, const struct step *step)
{
	struct arena arena = { 0 };
	struct function_below *f;

	if (functions_below(run->fs, step->path, &arena, &f))
		f = NULL;
	for (; f; f = f->next)
		if (!f->driver && !sysfs_write(run->fs, CXL_PCI "/bind", f->name) && run->messages)
			message_add(run->messages, SEV_WARNING, "BOUND", f->name,
				    "%s was there without driver (the kernel log may say why); it was bound to cxl_pci",
				    f->name);
	arena_free(&arena);
}

static bool is_memdev(const char *name)
{
	unsigned int id;

	return parse_name(name, "mem", &id);
}

int memdevs_below(struct sysfs *fs, const char *root_port, struct arena *a,
		  struct memdev_below **ret, size_t *ret_n)
{
	struct sysfs_names names;
	struct memdev_below *v;
	char link[PATH_MAX], serial[32];
	int rc = sysfs_list(fs, a, "sys/bus/cxl/devices", is_memdev, &names);

	*ret_n = 0;
	if (rc)
		return rc;
	sysfs_sort(&names);
	v = arena_alloc(a, names.n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		struct memdev_below *m = &v[*ret_n];
		char *path;

		snprintf(link, sizeof(link), "sys/bus/cxl/devices/%s", names.v[i]);
		rc = sysfs_resolve(fs, a, link, &path);
		if (rc == -ENOMEM)
			return rc;
		if (rc || !path_is_below(path, root_port))
			continue;	/* gone meanwhile, or somewhere else */
		if (sysfs_join(link, sizeof(link), path, "serial") || sysfs_read(fs, link, serial, sizeof(serial)) < 0)
			serial[0] = '\0';
		*m = (struct memdev_below){ .name = names.v[i], .path = path, .serial = arena_strdup(a, serial) };
		if (!m->serial)
			return -ENOMEM;
		(*ret_n)++;
	}
	*ret = v;
	return 0;
}

static bool is_endpoint(const char *name)
{
	unsigned int id;

	return parse_name(name, "endpoint", &id);
}

static bool is_decoder(const char *name)
{
	return !strncmp(name, "decoder", 7) && isdigit((unsigned char)name[7]);	/* not decoders_committed */
}

int endpoint_of(struct sysfs *fs, const char *memdev, struct arena *a, char **ret,
		struct sysfs_names *ret_decoders)
{
	struct sysfs_names names;
	char link[PATH_MAX];
	int rc = sysfs_list(fs, a, "sys/bus/cxl/devices", is_endpoint, &names);

	for (size_t i = 0; !rc && i < names.n; i++) {
		const char *slash;
		char *uport;

		snprintf(link, sizeof(link), "sys/bus/cxl/devices/%s", names.v[i]);
		if (sysfs_resolve(fs, a, link, ret))
			continue;
		snprintf(link, sizeof(link), "%s/uport", *ret);
		if (sysfs_resolve(fs, a, link, &uport))
			continue;
		slash = strrchr(uport, '/');
		if (!slash || strcmp(slash + 1, memdev))
			continue;
		rc = sysfs_list(fs, a, *ret, is_decoder, ret_decoders);
		sysfs_sort(ret_decoders);
		return rc ? rc : ret_decoders->n ? 0 : -ENOENT;
	}
	return rc ? rc : -ENOENT;
}

/* The driver's link is there while it still probes; the endpoint is what it makes. */
static int read_endpoint(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct sysfs_names decoders;
	struct arena arena = { 0 };
	char *endpoint;
	int rc = endpoint_of(run->fs, step->value, &arena, &endpoint, &decoders);

	if (!rc)
		snprintf(buf, size, STEP_PRESENT);
	arena_free(&arena);
	return rc;
}

static bool region_is(struct sysfs *fs, const char *name, const char *attr, const char *text)
{
	char path[PATH_MAX], is[64];

	snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.60s/%s", name, attr);
	return sysfs_read(fs, path, is, sizeof(is)) > 0 && step_text_equal(is, text);
}

/* Committed, as large as it was, and with its driver if it had one. */
static bool is_region_of(struct sysfs *fs, const char *name, const char *size, const char *state)
{
	char path[PATH_MAX], link[PATH_MAX];

	snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.60s/driver", name);
	return region_is(fs, name, "commit", "1") && region_is(fs, name, "size", size) &&
	       (strcmp(state, "enabled") || sysfs_readlink(fs, path, link, sizeof(link)) > 0);
}

/* path: the memory device; its driver makes the region, and gives it the number that is free. */
static int read_driver_region(struct step_run *run, const struct step *step, char *buf,
			      size_t size)
{
	char was[64], bytes[32], state[16], path[PATH_MAX], name[64];
	const char *slash = strrchr(step->path, '/');
	struct sysfs_names decoders;
	struct arena arena = { 0 };
	char *endpoint;
	int rc = sscanf(step->value, "%63s %31s %15s", was, bytes, state) == 3 && slash ? 0 : -EINVAL;

	snprintf(buf, size, STEP_ABSENT);
	rc = rc ? rc : endpoint_of(run->fs, slash + 1, &arena, &endpoint, &decoders);
	for (size_t i = 0; !rc && i < decoders.n; i++) {
		snprintf(path, sizeof(path), "%.2000s/%.60s/region", endpoint, decoders.v[i]);
		if (sysfs_read(run->fs, path, name, sizeof(name)) <= 0 ||
		    !is_region_of(run->fs, name, bytes, state))
			continue;
		snprintf(buf, size, STEP_PRESENT);
		rc = run->keep_name ? run->keep_name(run, was, name) : 0;
		break;
	}
	arena_free(&arena);
	return rc;
}

static void explain_driver_region(const struct step *step, char *buf, size_t size)
{
	snprintf(buf, size, "the driver has not made the region of /%.200s again (%.100s): the kernel log may say why", step->path,
		 step->value);
}

static int do_health(struct step_run *run, const struct step *step, struct err *err)
{
	(void)err;
	return memdev_health(run->fs, step->value, run->messages);
}

/* --- memory blocks ---------------------------------------------------------------- */

/* The blocks inside the region at @path: how many are not offline; with @end_us they are made so by then. */
static int walk_blocks(struct step_run *run, const char *region, uint64_t end_us,
		       size_t *ret_online)
{
	const struct cxl_host *host = run->host;
	char path[PATH_MAX], text[32];
	uint64_t start, size;
	int rc = 0;

	*ret_online = 0;
	snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.200s/resource", region);
	if (sysfs_read(run->fs, path, text, sizeof(text)) < 0 || parse_u64(text, &start))
		return -EIO;
	snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.200s/size", region);
	if (sysfs_read(run->fs, path, text, sizeof(text)) < 0 || parse_u64(text, &size))
		return -EIO;
	for (uint64_t at = start; !rc && host->block_bytes && at - start < size;
	     at += host->block_bytes) {
		ssize_t n;

		snprintf(path, sizeof(path), "sys/devices/system/memory/memory%llu/state",
			 (unsigned long long)(at / host->block_bytes));
		n = sysfs_read(run->fs, path, text, sizeof(text));
		if (n == -ENOENT || (n >= 0 && !strcmp(text, "offline")))
			continue;
		(*ret_online)++;
		if (end_us)
			rc = step_offline_until(run, path, end_us);
		if (rc == -EINTR)
			rc = -EBUSY;	/* its time was over, which is no wish to stop */
	}
	return rc;
}

static int do_offline(struct step_run *run, const struct step *step, struct err *err)
{
	size_t online;
	int rc = walk_blocks(run, step->value, clock_now_us() + step->timeout_us, &online);

	(void)err;
	if (online && run->messages)
		message_add(run->messages, SEV_WARNING, checks[ID_AUTO_ONLINE].id, step->value,
			    "%zu memory blocks of %s came online meanwhile%s; where they did so by themselves, switch that off with 'echo offline > /sys/devices/system/memory/auto_online_blocks'",
			    online, step->value, rc ? "" : " and were taken offline again");
	return rc;
}

static void explain_offline(const struct step *step, char *buf, size_t size)
{
	snprintf(buf, size, "memory of %.64s does not go offline: end what uses it, or reboot the host", step->value);
}

static int read_blocks(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	size_t online;
	int rc = walk_blocks(run, step->value, 0, &online);

	if (!rc)
		snprintf(buf, size, online ? "online" : STEP_OFFLINE);
	return rc;
}

const struct step_op step_busy = { .name = "wait-idle", .read = read_busy };
const struct step_op step_status = { .name = "clear-status", .run = do_clear_status, .read = read_status };
const struct step_op step_other = { .name = "wait-other-port", .read = read_other, .explain = explain_other, .is_for_others = true };
const struct step_op step_setting = { .name = "setting", .run = do_setting, .read = read_setting };
const struct step_op step_link = { .name = "wait-link", .read = read_link };
const struct step_op step_config = { .name = "config", .run = do_config, .read = read_config_bits };
const struct step_op step_returned = {
	.name = "wait-memdev", .read = read_returned, .again = bind_functions, .patience = 8,	/* 0.25 s: the kernel's own probe goes first */
};
const struct step_op step_endpoint = { .name = "wait-endpoint", .read = read_endpoint };
const struct step_op step_driver_region = { .name = "wait-driver-region", .read = read_driver_region, .explain = explain_driver_region };
const struct step_op step_health = { .name = "health", .run = do_health, .is_optional = true };
const struct step_op step_offline = { .name = "offline-region", .run = do_offline, .read = read_blocks, .explain = explain_offline };

const struct step_op *const step_port_ops[] = {
	&step_busy,	&step_status,	&step_other,  &step_setting, &step_link, &step_config,
	&step_returned, &step_endpoint, &step_driver_region, &step_health, &step_offline, NULL,
};
