// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back-end "registers": the Timeout & Isolation capability in the component
 * registers of a root port (CXL r3.2 sec 8.2.4.24), found by the Register
 * Locator DVSEC (sec 8.1.9), read through the BAR's resource file.  The link's
 * state comes from the PCI Express capability in the same config space.
 *
 * Config space is read once through util/sysfs; pci_config.h finds the
 * capabilities in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pci/header.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/iso/backend.h"
#include "lib/iso/pci_config.h"
#include "lib/iso/pci_power.h"
#include "lib/model/host.h"
#include "lib/model/isolation_regs.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/mmio.h"

/* DVSEC: PCIe r6.0 sec 7.9.6; CXL r3.2 sec 8.1.9 for the Register Locator */
#define DVSEC_HEADER1 0x4
#define DVSEC_VENDOR(h1) ((h1) & 0xffff)
#define DVSEC_LENGTH(h1) ((h1) >> 20)
#define DVSEC_HEADER2 0x8
#define DVSEC_VENDOR_CXL 0x1e98
#define DVSEC_ID_DEVICE 0
#define DVSEC_ID_PORT_EXTENSIONS 3
#define DVSEC_ID_REGISTER_LOCATOR 8
#define DVSEC_ID_ANY 0x10000
#define PORT_EXTENSIONS_CONTROL 0xc
#define DEVICE_CAPABILITY 0xa
#define LOCATOR_FIRST_BLOCK 0xc
#define LOCATOR_BAR(low) ((low) & 0x7)
#define LOCATOR_BLOCK_ID(low) ((low) >> 8 & 0xff)
#define LOCATOR_OFFSET_LOW 0xffff0000u
#define BLOCK_COMPONENT 1

/* CXL.cachemem registers inside the component block: sec 8.2.3, 8.2.4 */
#define COMPONENT_BYTES 0x10000
#define CACHEMEM_OFFSET 0x1000
#define CM_ID(v) ((v) & 0xffff)
#define CM_ENTRIES(v) ((v) >> 24)
#define CM_POINTER(v) ((v) >> 20)
#define CM_CAP_ID_ARRAY 1
#define CM_CAP_ID_ISOLATION 9

#define ALL_ONES 0xffffffffu	/* no answer, never data */

/* Link speeds: PCIe r6.0 sec 7.5.3.8, as the kernel words them. */
static const char *const speeds[] = {
	[1] = "2.5 GT/s PCIe", [2] = "5.0 GT/s PCIe", [3] = "8.0 GT/s PCIe",
	[4] = "16.0 GT/s PCIe", [5] = "32.0 GT/s PCIe", [6] = "64.0 GT/s PCIe",
};

/* One register file: mapped where the kernel offers that, as real BARs do;
 * read(2) where mapping is not supported, as in a simulated host. */
struct regfile {
	int fd;
	volatile uint32_t *map;	/* the component block, or NULL */
	uint64_t offset;	/* of the component block in the file */
};

static int regfile_read(const struct regfile *f, uint32_t offset, uint32_t *ret)
{
	ssize_t n;

	if (f->map)
		return mmio_read(f->map + offset / 4, 1, ret) ? -EIO : 0;
	n = pread(f->fd, ret, sizeof(*ret), (off_t)(f->offset + offset));
	if (n < 0)
		return -errno;
	return n == sizeof(*ret) ? 0 : -EIO;
}

static int regfile_write(const struct regfile *f, uint32_t offset, uint32_t value)
{
	ssize_t n;

	if (f->map) {
		f->map[offset / 4] = value;
		return 0;
	}
	n = pwrite(f->fd, &value, sizeof(value), (off_t)(f->offset + offset));
	if (n < 0)
		return -errno;
	return n == sizeof(value) ? 0 : -EIO;
}

static void regfile_close(struct regfile *f)
{
	if (f->map)
		munmap((void *)(uintptr_t)f->map, COMPONENT_BYTES);
	if (f->fd >= 0)
		close(f->fd);
}

/* What the kernel means by refusing a BAR's file: drivers/pci/pci-sysfs.c, kernel/resource.c */
static const char *why_refused(const struct cxl_host *host, int errnum, const char *what)
{
	const char *text = errnum == EACCES ? "its registers need root" :
		errnum == EPERM ? "kernel lockdown forbids access to its registers" :
		errnum == EINVAL ? "a driver owns its registers exclusively" :
		arena_printf(host->arena, "its registers cannot be %s: %s", what, err_text(errnum));

	errno = errnum;
	return text;
}

/*
 * Open the component block at @offset of the BAR's file, to read or (O_RDWR) to
 * write.  NULL, or why not, with errno telling the same.
 */
static const char *regfile_open(const struct cxl_host *host, const struct cxl_root_port *rp,
				unsigned int bar, uint64_t offset, int flags, struct regfile *ret)
{
	char path[PATH_MAX];
	struct stat st;
	void *map;

	*ret = (struct regfile){ .fd = -1, .offset = offset };
	snprintf(path, sizeof(path), "%s/resource%u", rp->path, bar);
	ret->fd = sysfs_open(host->fs, path, flags);
	errno = ENOENT;
	if (ret->fd == -ENOENT)
		return arena_printf(host->arena, host->fs->is_capture ?
				    "its register file resource%u is not in this capture" :
				    "its register file resource%u does not exist", bar);
	if (ret->fd < 0)
		return why_refused(host, -ret->fd, "opened");
	/* touching a mapping behind the end of a file is fatal */
	if (fstat(ret->fd, &st) ||
	    (S_ISREG(st.st_mode) && (uint64_t)st.st_size < offset + COMPONENT_BYTES)) {
		errno = EIO;
		return arena_printf(host->arena, "its register file resource%u is too short", bar);
	}
	map = mmap(NULL, COMPONENT_BYTES, flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ,
		   MAP_SHARED, ret->fd, (off_t)offset);
	if (map != MAP_FAILED)
		ret->map = map;
	else if (errno != ENODEV)
		return why_refused(host, errno, "mapped");
	return NULL;
}

/* All ones, of what @what names. */
static const char *silent(const struct cxl_host *host, struct iso_registers *regs, const char *what)
{
	regs->is_silent = true;
	return arena_printf(host->arena, "its %s all ones: the port is suspended or gone", what);
}

static const char *read_capability(const struct cxl_host *host, const struct regfile *f,
				   struct iso_registers *regs)
{
	uint32_t header, entry, at;
	int rc = regfile_read(f, CACHEMEM_OFFSET, &header);

	if (rc)
		return arena_printf(host->arena, "its registers cannot be read: %s", err_text(-rc));
	if (header == ALL_ONES)
		return silent(host, regs, "registers answer");
	if (CM_ID(header) != CM_CAP_ID_ARRAY)
		return "its component registers hold no CXL.cachemem capability array";
	for (uint32_t i = 1; i <= CM_ENTRIES(header); i++) {
		rc = regfile_read(f, CACHEMEM_OFFSET + 4 * i, &entry);
		if (rc)
			return arena_printf(host->arena, "entry %u of its capability array cannot be read: %s", i, err_text(-rc));
		if (entry == ALL_ONES)
			return silent(host, regs, "capability array answers");
		if (CM_ID(entry) != CM_CAP_ID_ISOLATION)
			continue;
		at = CACHEMEM_OFFSET + CM_POINTER(entry);
		if (at % 4 || at + ISO_STATUS_OFFSET >= COMPONENT_BYTES)
			return "its isolation capability points outside the registers";
		if (regfile_read(f, at, &regs->cap) ||
		    regfile_read(f, at + ISO_CTRL_OFFSET, &regs->ctrl) ||
		    regfile_read(f, at + ISO_STATUS_OFFSET, &regs->status))
			return "its isolation registers cannot be read";
		if (regs->cap == ALL_ONES || regs->ctrl == ALL_ONES || regs->status == ALL_ONES)
			return silent(host, regs, "isolation registers answer");
		regs->capable = true;
		regs->at = f->offset + at;
		break;
	}
	regs->valid = true;
	return NULL;
}

/* CXL's DVSEC of that id in config space; 0 when there is none. */
static uint32_t find_dvsec(const uint8_t *config, uint32_t id, uint32_t *ret_length)
{
	unsigned int at = 0;

	/* each of them once, also where they form a ring */
	for (int i = 0; i < PCI_CONFIG_BYTES / 4 &&
			(at = pci_config_next_ext(config, PCI_EXT_CAP_ID_DVSEC, at));
	     i++) {
		uint32_t h1 = pci_config_long(config, at + DVSEC_HEADER1);

		if (DVSEC_VENDOR(h1) != DVSEC_VENDOR_CXL ||
		    (id != DVSEC_ID_ANY && pci_config_word(config, at + DVSEC_HEADER2) != id))
			continue;
		*ret_length = DVSEC_LENGTH(h1);
		return at;
	}
	return 0;
}

/* Find the component registers: the Register Locator's entry of that type. */
static const char *locate(const uint8_t *config, unsigned int *ret_bar, uint64_t *ret_offset)
{
	uint32_t length = 0, locator = find_dvsec(config, DVSEC_ID_REGISTER_LOCATOR, &length),
		 end = locator + length;

	if (!locator)
		return find_dvsec(config, DVSEC_ID_ANY, &length) ? "it names no component registers" :
			"it has no CXL register locator";
	for (uint32_t at = locator + LOCATOR_FIRST_BLOCK;
	     at + 8 <= end && at + 8 <= PCI_CONFIG_BYTES; at += 8) {
		uint32_t low = pci_config_long(config, at);

		if (LOCATOR_BLOCK_ID(low) != BLOCK_COMPONENT)
			continue;
		*ret_bar = LOCATOR_BAR(low);
		*ret_offset = (uint64_t)pci_config_long(config, at + 4) << 32 | (low & LOCATOR_OFFSET_LOW);
		return NULL;
	}
	return "it names no component registers";
}

/* The masks of DVSEC 3 (CXL r3.2 sec 8.1.5.2), and whether the slot has a power controller. */
static void read_extensions(struct cxl_root_port *rp, const uint8_t *config)
{
	unsigned int exp = pci_config_cap(config, PCI_CAP_ID_EXP);
	uint32_t length, at = find_dvsec(config, DVSEC_ID_PORT_EXTENSIONS, &length);

	if (exp)
		rp->power_controller = pci_config_long(config, exp + PCI_EXP_SLTCAP) &
				       PCI_EXP_SLTCAP_PWRC;
	if (at && length >= PORT_EXTENSIONS_CONTROL + 2)
		rp->ext = (struct port_extensions){
			.known = true, .control_offset = at + PORT_EXTENSIONS_CONTROL,
			.control = pci_config_word(config, at + PORT_EXTENSIONS_CONTROL),
		};
}

static void read_link(struct cxl_root_port *rp, const uint8_t *config)
{
	unsigned int exp = pci_config_cap(config, PCI_CAP_ID_EXP);
	uint16_t status;

	if (!exp)
		return;
	rp->link.status_at = exp + PCI_EXP_LNKSTA;
	status = pci_config_word(config, rp->link.status_at);
	if (pci_config_long(config, exp + PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_DLLA)
		rp->link.up = tri_of(status & PCI_EXP_LNKSTA_DL_ACT);
	if (rp->link.up != TRI_NO) {
		unsigned int speed = status & PCI_EXP_LNKSTA_SPEED;

		rp->link.speed = speed < ARRAY_SIZE(speeds) ? speeds[speed] : NULL;
		rp->link.width = (status & PCI_EXP_LNKSTA_WIDTH) >> 4;
	}
}

/* What an unprivileged reader may see of the link. */
static void read_link_attributes(const struct cxl_host *host, struct cxl_root_port *rp)
{
	char path[PATH_MAX], text[32];
	uint64_t key = 0;

	snprintf(path, sizeof(path), "%s/current_link_speed", rp->path);
	if (sysfs_read(host->fs, path, text, sizeof(text)) > 0)
		for (size_t i = 1; i < ARRAY_SIZE(speeds); i++)
			if (!strcmp(text, speeds[i]))
				rp->link.speed = speeds[i];
	snprintf(path, sizeof(path), "%s/current_link_width", rp->path);
	if (rp->link.speed && sysfs_read(host->fs, path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%4lu", &key) == 1)
		rp->link.width = (unsigned int)key;
}

/*
 * Config space is read dword by dword over the bus, so only as much of it as is
 * needed: first what usually holds every capability, all of it when the chain
 * of extended capabilities (PCIe r6.0 sec 7.6.3) leads farther.
 */
#define CONFIG_FIRST 512

static bool chain_leaves(const uint8_t *config, size_t size)
{
	size_t at = 0x100;

	/* 64 bytes of room: a capability that starts inside may end outside */
	for (int i = 0; i < 96 && at >= 0x100 && at + 64 <= size; i++)
		at = (size_t)(config[at + 3] << 4 | config[at + 2] >> 4) & 0xffc;
	return at >= 0x100;
}

/* PCI_CONFIG_BYTES into @config, zero behind what was read. */
static ssize_t read_config(const struct cxl_host *host, const char *device, uint8_t *config)
{
	char path[PATH_MAX];
	ssize_t n, more;
	int rc = sysfs_join(path, sizeof(path), device, "config");

	memset(config, 0, PCI_CONFIG_BYTES);
	if (rc)
		return rc;
	if (host->lets_sleep && pci_power_read(host->fs, device) == PCI_POWER_COLD)
		return -EHOSTDOWN;
	n = sysfs_read_bytes(host->fs, path, 0, config, CONFIG_FIRST);
	if (n < CONFIG_FIRST || !chain_leaves(config, CONFIG_FIRST))
		return n;
	more = sysfs_read_bytes(host->fs, path, CONFIG_FIRST, config + CONFIG_FIRST,
				PCI_CONFIG_BYTES - CONFIG_FIRST);
	return more < 0 ? more : n + more;
}

static const char *read_registers(const struct cxl_host *host, struct cxl_root_port *rp)
{
	uint8_t config[PCI_CONFIG_BYTES];
	const char *reason;
	unsigned int bar;
	uint64_t offset;
	struct regfile f;
	ssize_t n;

	n = read_config(host, rp->path, config);
	if (n == -EHOSTDOWN)
		return "it is suspended, and not woken to be asked";
	if (n < 0)
		return n == -ENOENT && !rp->present ? "its PCI device is gone" :
			arena_printf(host->arena, "its config space cannot be read: %s", err_text((int)-n));
	if (n < CONFIG_FIRST) {
		read_link_attributes(host, rp);
		rp->iso.regs.needs_root = n <= 64;
		return n <= 64 ? "its config space needs root" : "its config space is cut short";
	}
	if (config[0] == 0xff && config[1] == 0xff)
		return silent(host, &rp->iso.regs, "config space answers");
	read_link(rp, config);
	read_extensions(rp, config);
	reason = locate(config, &bar, &offset);
	if (reason)
		return reason;
	reason = regfile_open(host, rp, bar, offset, O_RDONLY, &f);
	rp->iso.regs.needs_root = reason && errno == EACCES;
	rp->iso.regs.bar = bar;
	if (!reason)
		reason = read_capability(host, &f, &rp->iso.regs);
	regfile_close(&f);
	return reason;
}

/*
 * The register at @reg of the capability of a port that was read before: *@ret
 * as it is; then, with a @mask, those bits of it replaced by @bits.
 */
static int access_register(const struct cxl_host *host, const struct cxl_root_port *rp,
			   unsigned int reg, uint32_t mask, uint32_t bits, uint32_t *ret)
{
	uint64_t at = rp->iso.regs.at + reg, offset = at & ~(uint64_t)(COMPONENT_BYTES - 1);
	struct regfile f;
	int rc = 0;

	if (regfile_open(host, rp, rp->iso.regs.bar, offset, mask ? O_RDWR : O_RDONLY, &f))
		rc = -errno;
	if (!rc)
		rc = regfile_read(&f, (uint32_t)(at - offset), ret);
	if (!rc && *ret == ALL_ONES)
		rc = -EIO;
	if (!rc && mask)
		rc = regfile_write(&f, (uint32_t)(at - offset), (*ret & ~mask) | bits);
	regfile_close(&f);
	return rc;
}

static int registers_read_settings(const struct cxl_host *host, const struct cxl_root_port *rp,
				   struct iso_control *ret)
{
	uint32_t ctrl = 0;
	int rc = access_register(host, rp, ISO_CTRL_OFFSET, 0, 0, &ctrl);

	*ret = iso_control_of(ctrl);
	return rc;
}

static int registers_read_field(const struct cxl_host *host, const struct cxl_root_port *rp,
				enum iso_field field)
{
	struct iso_control c;
	int rc = registers_read_settings(host, rp, &c);

	return rc ? rc : c.v[field];
}

/* One exact 32-bit read and one write. */
static int registers_write(const struct cxl_host *host, const struct cxl_root_port *rp,
			   enum iso_field field, int value)
{
	const struct iso_field_desc *desc = &iso_fields[field];
	uint32_t ctrl;

	return access_register(host, rp, ISO_CTRL_OFFSET, desc->mask,
			       (uint32_t)value << desc->shift, &ctrl);
}

static int registers_read_status(const struct cxl_host *host, const struct cxl_root_port *rp,
				 uint32_t *ret)
{
	return rp->iso.regs.capable ?
	       access_register(host, rp, ISO_STATUS_OFFSET, 0, 0, ret) : -ENODEV;
}

static int registers_clear_status(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	uint32_t status;

	/* the bits stand for themselves: none of the others is written */
	return rp->iso.regs.capable
		       ? access_register(host, rp, ISO_STATUS_OFFSET, ~0u, ISO_STATUS_RW1C, &status)
		       : -ENODEV;
}

static const char *registers_place(const struct cxl_root_port *rp, enum iso_field field, char *buf)
{
	(void)field;
	snprintf(buf, ISO_PLACE_BYTES, "resource%u+0x%llx", rp->iso.regs.bar,
		 (unsigned long long)rp->iso.regs.at + ISO_CTRL_OFFSET);
	return buf;
}

/* "BITS:MASK" */
static void registers_text(enum iso_field field, int value, char *buf)
{
	const struct iso_field_desc *desc = &iso_fields[field];

	snprintf(buf, ISO_TEXT_BYTES, "0x%08x:0x%08x", (unsigned int)value << desc->shift, desc->mask);
}

/* The status, which tells of a failure; then the control. */
static bool registers_watch(const struct cxl_root_port *rp, size_t i, struct iso_watch *ret)
{
	static const unsigned int places[] = { ISO_STATUS_OFFSET, ISO_CTRL_OFFSET };

	if (!rp->iso.regs.capable || i >= ARRAY_SIZE(places))
		return false;
	*ret = (struct iso_watch){ .is_words = true, .is_fast = !i, .offset = rp->iso.regs.at + places[i],
				   .size = sizeof(uint32_t) };
	snprintf(ret->name, sizeof(ret->name), "resource%u", rp->iso.regs.bar);
	return true;
}

/* Only root reads more than the header; a conventional function has 256 bytes, and no DVSEC. */
static bool is_cut_short(const uint8_t *config, ssize_t n)
{
	enum { BRIDGE = 1 };

	return n <= PCI_HEADER_TYPE || (n < 256 && (config[PCI_HEADER_TYPE] & 0x7f) != BRIDGE);
}

int registers_device_caps(const struct cxl_host *host, const char *path)
{
	uint8_t config[PCI_CONFIG_BYTES];
	ssize_t n = read_config(host, path, config);
	uint32_t length = 0, at;
	int caps = 0;

	if (n > 1 && config[0] == 0xff && config[1] == 0xff)
		return DEVICE_CAPS_NO_ANSWER;
	if (is_cut_short(config, n))
		return DEVICE_CAPS_UNREAD;
	if (n < CONFIG_FIRST)
		return 0;
	at = find_dvsec(config, DVSEC_ID_DEVICE, &length);
	if (at && length >= DEVICE_CAPABILITY + 2)
		caps = pci_config_word(config, at + DEVICE_CAPABILITY) &
		       (DVSEC_CAP_CACHE | DVSEC_CAP_IO | DVSEC_CAP_MEM);
	return caps;
}

enum tri registers_is_cxl_root_port(const struct cxl_host *host, const char *path)
{
	uint8_t config[PCI_CONFIG_BYTES];
	ssize_t n = read_config(host, path, config);
	uint32_t length = 0;
	unsigned int exp;
	bool is_one;

	if (n <= PCI_HEADER_TYPE || (config[0] == 0xff && config[1] == 0xff))
		return TRI_UNKNOWN;
	/* a header tells an endpoint already */
	if ((config[PCI_HEADER_TYPE] & 0x7f) != PCI_HEADER_TYPE_BRIDGE)
		return TRI_NO;
	if (n < CONFIG_FIRST)
		return TRI_UNKNOWN;
	exp = pci_config_cap(config, PCI_CAP_ID_EXP);
	is_one = exp &&
		 (pci_config_word(config, exp + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4 ==
			 PCI_EXP_TYPE_ROOT_PORT &&
		 find_dvsec(config, DVSEC_ID_PORT_EXTENSIONS, &length);
	return tri_of(is_one);
}

static int registers_probe(const struct cxl_host *host, struct cxl_root_port *rp)
{
	rp->iso.regs = (struct iso_registers){ 0 };
	rp->link = (struct link_state){ .up = TRI_UNKNOWN };
	rp->ext = (struct port_extensions){ 0 };
	rp->power_controller = true;
	rp->iso.regs.reason = read_registers(host, rp);
	if (rp->iso.regs.reason) {
		rp->iso.regs.valid = false;
		rp->iso.regs.capable = false;
	}
	return 0;
}

const struct iso_backend iso_backend_registers = {
	.name = "registers",
	.source = "registers",
	.probe = registers_probe,
	.read_settings = registers_read_settings,
	.read_field = registers_read_field,
	.write = registers_write,
	.read_status = registers_read_status,
	.clear_status = registers_clear_status,
	.place = registers_place,
	.text = registers_text,
	.watch = registers_watch,
};
