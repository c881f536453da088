// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back-end "registers": the Timeout & Isolation capability in the component
 * registers of a root port (CXL r3.2 sec 8.2.4.24), found by the Register
 * Locator DVSEC (sec 8.1.9), read through the BAR's resource file.  The link's
 * state comes from the PCI Express capability in the same config space.
 *
 * Config space is read once through util/sysfs and handed to libpci, which
 * finds the capabilities in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pci/pci.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cxl/lib/snapshot/host.h"
#include "util/cleanup.h"
#include "util/parse.h"

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

	if (f->map) {
		*ret = f->map[offset / 4];
		return 0;
	}
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
static const char *why_refused(struct cxl_host *host, int errnum, const char *what)
{
	const char *text = errnum == EACCES ? "its registers need root" :
		errnum == EPERM ? "kernel lockdown forbids access to its registers" :
		errnum == EINVAL ? "a driver owns its registers exclusively" :
		arena_printf(&host->arena, "its registers cannot be %s: %s", what, strerror(errnum));

	errno = errnum;
	return text;
}

/*
 * Open the component block at @offset of the BAR's file, to read or (O_RDWR) to
 * write.  NULL, or why not, with errno telling the same.
 */
static const char *regfile_open(struct cxl_host *host, const struct cxl_root_port *rp, unsigned int bar,
				uint64_t offset, int flags, struct regfile *ret)
{
	char path[PATH_MAX];
	struct stat st;
	void *map;

	*ret = (struct regfile){ .fd = -1, .offset = offset };
	snprintf(path, sizeof(path), "%s/resource%u", rp->path, bar);
	ret->fd = sysfs_open(&host->fs, path, flags);
	errno = ENOENT;
	if (ret->fd == -ENOENT)
		return arena_printf(&host->arena, host->fs.is_capture ?
				    "its register file resource%u is not in this capture" :
				    "its register file resource%u does not exist", bar);
	if (ret->fd < 0)
		return why_refused(host, -ret->fd, "opened");
	/* touching a mapping behind the end of a file is fatal */
	if (fstat(ret->fd, &st) || (S_ISREG(st.st_mode) && (uint64_t)st.st_size < offset + COMPONENT_BYTES)) {
		errno = EIO;
		return arena_printf(&host->arena, "its register file resource%u is too short", bar);
	}
	map = mmap(NULL, COMPONENT_BYTES, flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, ret->fd,
		   (off_t)offset);
	if (map != MAP_FAILED)
		ret->map = map;
	else if (errno != ENODEV)
		return why_refused(host, errno, "mapped");
	return NULL;
}

static const char *read_capability(struct cxl_host *host, const struct regfile *f, struct iso_registers *regs)
{
	uint32_t header, entry, at;
	int rc = regfile_read(f, CACHEMEM_OFFSET, &header);

	if (rc)
		return arena_printf(&host->arena, "its registers cannot be read: %s", strerror(-rc));
	if (header == ALL_ONES)
		return "its registers answer all ones: the port is suspended or gone";
	if (CM_ID(header) != CM_CAP_ID_ARRAY)
		return "its component registers hold no CXL.cachemem capability array";
	for (uint32_t i = 1; i <= CM_ENTRIES(header); i++) {
		rc = regfile_read(f, CACHEMEM_OFFSET + 4 * i, &entry);
		if (rc)
			return arena_printf(&host->arena, "entry %u of its capability array cannot be read: %s", i, strerror(-rc));
		if (entry == ALL_ONES)
			return "its capability array answers all ones: the port is suspended or gone";
		if (CM_ID(entry) != CM_CAP_ID_ISOLATION)
			continue;
		at = CACHEMEM_OFFSET + CM_POINTER(entry);
		if (at % 4 || at + ISO_STATUS_OFFSET >= COMPONENT_BYTES)
			return "its isolation capability points outside the registers";
		if (regfile_read(f, at, &regs->cap) || regfile_read(f, at + ISO_CTRL_OFFSET, &regs->ctrl) ||
		    regfile_read(f, at + ISO_STATUS_OFFSET, &regs->status))
			return "its isolation registers cannot be read";
		if (regs->cap == ALL_ONES || regs->ctrl == ALL_ONES || regs->status == ALL_ONES)
			return "its isolation registers answer all ones: the port is suspended or gone";
		regs->capable = true;
		regs->at = f->offset + at;
		break;
	}
	regs->valid = true;
	return NULL;
}

/* CXL's DVSEC of that id in config space; 0 when there is none. */
static uint32_t find_dvsec(struct pci_dev *dev, uint32_t id, uint32_t *ret_length)
{
	for (unsigned int nth = 0;; nth++) {
		unsigned int n = nth;
		struct pci_cap *cap = pci_find_cap_nr(dev, PCI_EXT_CAP_ID_DVSEC, PCI_CAP_EXTENDED, &n);
		uint32_t h1;

		if (!cap)
			return 0;
		h1 = pci_read_long(dev, (int)cap->addr + DVSEC_HEADER1);
		if (DVSEC_VENDOR(h1) != DVSEC_VENDOR_CXL ||
		    (id != DVSEC_ID_ANY && pci_read_word(dev, (int)cap->addr + DVSEC_HEADER2) != id))
			continue;
		*ret_length = DVSEC_LENGTH(h1);
		return cap->addr;
	}
}

/* Find the component registers: the Register Locator's entry of that type. */
static const char *locate(struct pci_dev *dev, unsigned int *ret_bar, uint64_t *ret_offset)
{
	uint32_t length, locator = find_dvsec(dev, DVSEC_ID_REGISTER_LOCATOR, &length), end = locator + length;

	if (!locator)
		return find_dvsec(dev, DVSEC_ID_ANY, &length) ? "it names no component registers" :
			"it has no CXL register locator";
	for (uint32_t at = locator + LOCATOR_FIRST_BLOCK; at + 8 <= end && at + 8 <= 4096; at += 8) {
		uint32_t low = pci_read_long(dev, (int)at);

		if (LOCATOR_BLOCK_ID(low) != BLOCK_COMPONENT)
			continue;
		*ret_bar = LOCATOR_BAR(low);
		*ret_offset = (uint64_t)pci_read_long(dev, (int)at + 4) << 32 | (low & LOCATOR_OFFSET_LOW);
		return NULL;
	}
	return "it names no component registers";
}

/* The masks of DVSEC 3 (CXL r3.2 sec 8.1.5.2), and whether the slot has a power controller. */
static void read_extensions(struct cxl_root_port *rp, struct pci_dev *dev)
{
	struct pci_cap *exp = pci_find_cap(dev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	uint32_t length, at = find_dvsec(dev, DVSEC_ID_PORT_EXTENSIONS, &length);

	if (exp)
		rp->power_controller = pci_read_long(dev, (int)exp->addr + PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_PWRC;
	if (at && length >= PORT_EXTENSIONS_CONTROL + 2)
		rp->ext = (struct port_extensions){
			.known = true, .control_offset = at + PORT_EXTENSIONS_CONTROL,
			.control = pci_read_word(dev, (int)at + PORT_EXTENSIONS_CONTROL),
		};
}

static void read_link(struct cxl_root_port *rp, struct pci_dev *dev)
{
	struct pci_cap *exp = pci_find_cap(dev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	uint16_t status;

	if (!exp)
		return;
	rp->link.status_at = (unsigned int)exp->addr + PCI_EXP_LNKSTA;
	status = pci_read_word(dev, (int)rp->link.status_at);
	if (pci_read_long(dev, (int)exp->addr + PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_DLLA)
		rp->link.up = tri_of(status & PCI_EXP_LNKSTA_DL_ACT);
	if (rp->link.up != TRI_NO) {
		unsigned int speed = status & PCI_EXP_LNKSTA_SPEED;

		rp->link.speed = speed < sizeof(speeds) / sizeof(speeds[0]) ? speeds[speed] : NULL;
		rp->link.width = (status & PCI_EXP_LNKSTA_WIDTH) >> 4;
	}
}

/* What an unprivileged reader may see of the link. */
static void read_link_attributes(struct cxl_host *host, struct cxl_root_port *rp)
{
	char path[PATH_MAX], text[32];
	uint64_t key = 0;

	snprintf(path, sizeof(path), "%s/current_link_speed", rp->path);
	if (sysfs_read(&host->fs, path, text, sizeof(text)) > 0)
		for (size_t i = 1; i < sizeof(speeds) / sizeof(speeds[0]); i++)
			if (!strcmp(text, speeds[i]))
				rp->link.speed = speeds[i];
	snprintf(path, sizeof(path), "%s/current_link_width", rp->path);
	if (rp->link.speed && sysfs_read(&host->fs, path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%4lu", &key) == 1)
		rp->link.width = (unsigned int)key;
}

/*
 * Config space is read dword by dword over the bus, so only as much of it as is
 * needed: first what usually holds every capability, all of it when the chain
 * of extended capabilities (PCIe r6.0 sec 7.6.3) leads farther.
 */
#define CONFIG_FIRST 512
#define CONFIG_BYTES 4096

static bool chain_leaves(const uint8_t *config, size_t size)
{
	size_t at = 0x100;

	/* 64 bytes of room: a capability that starts inside may end outside */
	for (int i = 0; i < 96 && at >= 0x100 && at + 64 <= size; i++)
		at = (size_t)(config[at + 3] << 4 | config[at + 2] >> 4) & 0xffc;
	return at >= 0x100;
}

static ssize_t read_config(struct cxl_host *host, const char *device, uint8_t *config)
{
	char path[PATH_MAX];
	ssize_t n, more;
	int rc = sysfs_join(path, sizeof(path), device, "config");

	if (rc)
		return rc;
	n = sysfs_read_bytes(&host->fs, path, 0, config, CONFIG_FIRST);
	if (n < CONFIG_FIRST || !chain_leaves(config, CONFIG_FIRST))
		return n;
	more = sysfs_read_bytes(&host->fs, path, CONFIG_FIRST, config + CONFIG_FIRST, CONFIG_BYTES - CONFIG_FIRST);
	return more < 0 ? more : n + more;
}

/* @n bytes of @config, which holds CONFIG_BYTES, for libpci's functions. */
static struct pci_dev *open_config(struct pci_access *pacc, uint64_t key, uint8_t *config, size_t n)
{
	struct pci_dev *dev = pci_get_dev(pacc, (int)(key >> 16), key >> 8 & 0xff, key >> 3 & 0x1f, key & 7);

	memset(config + n, 0, CONFIG_BYTES - n);
	pci_setup_cache(dev, config, CONFIG_BYTES);
	return dev;
}

static const char *read_registers(struct cxl_host *host, struct cxl_root_port *rp, struct pci_access *pacc)
{
	uint8_t config[CONFIG_BYTES];
	struct pci_dev *dev;
	const char *reason;
	unsigned int bar;
	uint64_t offset;
	struct regfile f;
	ssize_t n;

	n = read_config(host, rp->path, config);
	if (n < 0)
		return n == -ENOENT && !rp->present ? "its PCI device is gone" :
			arena_printf(&host->arena, "its config space cannot be read: %s", strerror((int)-n));
	if (n < CONFIG_FIRST) {
		read_link_attributes(host, rp);
		rp->iso.regs.needs_root = n <= 64;
		return n <= 64 ? "its config space needs root" : "its config space is cut short";
	}
	if (config[0] == 0xff && config[1] == 0xff)
		return "its config space answers all ones: the port is suspended or gone";
	dev = open_config(pacc, rp->key, config, (size_t)n);
	read_link(rp, dev);
	read_extensions(rp, dev);
	reason = locate(dev, &bar, &offset);
	pci_free_dev(dev);
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
static int access_register(struct cxl_host *host, const struct cxl_root_port *rp, unsigned int reg, uint32_t mask,
			   uint32_t bits, uint32_t *ret)
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

int registers_read_ctrl(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret_ctrl)
{
	return access_register(host, rp, ISO_CTRL_OFFSET, 0, 0, ret_ctrl);
}

int registers_write_ctrl(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t mask, uint32_t bits)
{
	uint32_t ctrl;

	return access_register(host, rp, ISO_CTRL_OFFSET, mask, bits, &ctrl);
}

int registers_read_status(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret_status)
{
	return rp->iso.regs.capable ? access_register(host, rp, ISO_STATUS_OFFSET, 0, 0, ret_status) : -ENODEV;
}

int registers_clear_status(struct cxl_host *host, const struct cxl_root_port *rp)
{
	uint32_t status;

	/* the bits stand for themselves: none of the others is written */
	return rp->iso.regs.capable ?
	       access_register(host, rp, ISO_STATUS_OFFSET, ~0u, ISO_STATUS_RW1C, &status) : -ENODEV;
}

/* No device is opened by libpci: all it parses is in a cache. */
static void need_libpci(struct cxl_host *host)
{
	if (host->pci)
		return;
	host->pci = pci_alloc();
	host->pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_init(host->pci);
}

uint16_t registers_device_caps(struct cxl_host *host, const char *path, const char *name)
{
	uint8_t config[CONFIG_BYTES];
	ssize_t n = read_config(host, path, config);
	uint32_t length = 0, at;
	struct pci_dev *dev;
	uint16_t caps = 0;
	uint64_t key;

	if (n < CONFIG_FIRST || !parse_pci_address(name, &key))
		return 0;
	need_libpci(host);
	dev = open_config(host->pci, key, config, (size_t)n);
	at = find_dvsec(dev, DVSEC_ID_DEVICE, &length);
	if (at && length >= DEVICE_CAPABILITY + 2)
		caps = pci_read_word(dev, (int)at + DEVICE_CAPABILITY) & (DVSEC_CAP_CACHE | DVSEC_CAP_IO | DVSEC_CAP_MEM);
	pci_free_dev(dev);
	return caps;
}

static int registers_read(struct cxl_host *host, struct cxl_root_port *rp)
{
	need_libpci(host);
	rp->iso.regs = (struct iso_registers){ 0 };
	rp->link = (struct link_state){ .up = TRI_UNKNOWN };
	rp->ext = (struct port_extensions){ 0 };
	rp->power_controller = true;
	rp->iso.regs.reason = read_registers(host, rp, host->pci);
	if (rp->iso.regs.reason) {
		rp->iso.regs.valid = false;
		rp->iso.regs.capable = false;
	}
	return 0;
}

void registers_exit(struct cxl_host *host)
{
	if (host->pci)
		pci_cleanup(host->pci);
	host->pci = NULL;
}

const struct iso_backend iso_backend_registers = { "registers", registers_read };
