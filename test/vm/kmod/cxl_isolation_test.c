// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl_isolation_test: gives the root ports of a virtual machine the CXL.mem
 * Timeout & Isolation capability (CXL r3.2 sec 8.2.4.24), which QEMU's lack, and
 * the kernel attributes for it as posted in 20250730214718.10679-13 and -14 (v1).
 *
 * A simulated register set stands behind both.  For each root port there are
 *
 *   <PCI device>/cxl_isolation/{isolation_ctrl,timeout_ctrl,timeout_range}
 *	with v1's behaviour, its defects included; v1_fixed=1 has none of them
 *   /dev/cxl_isolation_test/<PCI address>
 *	the port's register file, to be bind-mounted over its resource0: a copy
 *	of the real CXL.cachemem registers with capability 9 added; 32-bit
 *	accesses only; can be mapped to be read.  While the PCI device is gone what
 *	is read is all ones, and touching a mapping is SIGBUS, as of a BAR's file
 *	<debugfs>/cxl_isolation_test/<PCI address>/
 *	makes things happen, see port_add_debugfs()
 *
 * No hardware is touched.  The registers outlive the removal of their PCI
 * device, as hardware does; attributes come and go with the port's driver.
 *
 * It is for tests only.  It is no model of what follows isolation: nothing is
 * lost, no link goes down, and no handler panics.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

/* Registers of the capability, sec 8.2.4.24 */
#define ISO_CAP			0x0
#define ISO_CTRL		0x8
#define ISO_STATUS		0xc
#define ISO_BYTES		0x10

/* The enable bits of CTRL sit where CAP says that they are supported. */
#define ISO_MEM_RANGES		0x0000000f	/* CTRL: the range's value */
#define ISO_MEM_TIMEOUT		BIT(4)
#define ISO_CACHE_RANGES	0x00000f00
#define ISO_CACHE_TIMEOUT	BIT(12)
#define ISO_MEM_ISOLATION	BIT(16)
#define ISO_MEM_LINK_DOWN	BIT(17)
#define ISO_CACHE_ISOLATION	BIT(18)
#define ISO_CACHE_LINK_DOWN	BIT(19)
#define ISO_ERR_COR		BIT(25)
#define ISO_INTERRUPT		BIT(26)
#define ISO_ENABLES		(ISO_MEM_TIMEOUT | ISO_CACHE_TIMEOUT | ISO_MEM_ISOLATION | ISO_MEM_LINK_DOWN | \
				 ISO_CACHE_ISOLATION | ISO_CACHE_LINK_DOWN | ISO_ERR_COR | ISO_INTERRUPT)

#define STATUS_MEM_TIMEOUT	BIT(0)
#define STATUS_CACHE_TIMEOUT	BIT(4)
#define STATUS_MEM_ISOLATED	BIT(8)
#define STATUS_MEM_BY_LINK	BIT(9)
#define STATUS_CACHE_ISOLATED	BIT(12)
#define STATUS_CACHE_BY_LINK	BIT(13)
#define STATUS_BUSY		BIT(14)		/* RO, valid only while isolated */
#define STATUS_RW1C		(STATUS_MEM_TIMEOUT | STATUS_CACHE_TIMEOUT | STATUS_MEM_ISOLATED | \
				 STATUS_MEM_BY_LINK | STATUS_CACHE_ISOLATED | STATUS_CACHE_BY_LINK)
#define STATUS_ISOLATED		(STATUS_MEM_ISOLATED | STATUS_CACHE_ISOLATED)

/* Where registers are: Register Locator DVSEC sec 8.1.9, cachemem sec 8.2.4 */
#define DVSEC_VENDOR_CXL	0x1e98
#define DVSEC_PORT_EXTENSIONS	3
#define DVSEC_REGISTER_LOCATOR	8
#define LOCATOR_FIRST_BLOCK	0xc
#define LOCATOR_COMPONENT	1
#define COMPONENT_BYTES		0x10000
#define CACHEMEM		0x1000
#define CACHEMEM_BYTES		0x1000
#define CACHEMEM_ID		1
#define ISOLATION_ID		9
#define ISOLATION_AT		0xf00		/* from CACHEMEM; its last page is free of others */
#define ISOLATION_VERSION	1

/* mem timeout with ranges A to D, mem isolation, link down, interrupt 3 */
static uint capability = 0x0f | ISO_MEM_TIMEOUT | ISO_MEM_ISOLATION | ISO_MEM_LINK_DOWN | ISO_INTERRUPT | 3U << 27;
module_param(capability, uint, 0444);
MODULE_PARM_DESC(capability, "capability register of ports found from now on");

static bool v1_fixed;
module_param(v1_fixed, bool, 0444);
MODULE_PARM_DESC(v1_fixed, "the posted attributes without their defects");

enum attr { ATTR_ISOLATION, ATTR_TIMEOUT, ATTR_RANGE, N_ATTRS };

struct port {
	struct list_head node;
	struct pci_dev *pdev;		/* NULL while the PCI device is gone or without driver */
	bool has_group;
	char name[32];			/* PCI address */
	char devname[64];
	struct miscdevice misc;
	struct dentry *debugfs;

	u32 *cachemem;			/* copy of the real block with capability 9 in it */
	u32 *shown;			/* the page that is mapped: what cachemem reads as */
	struct address_space *mapping;	/* of the register file, once it was opened */
	u32 cap, ctrl, status;
	bool busy;
	bool fw_owned;			/* writes to the isolation enable do not stick */
	u32 store_errno[N_ATTRS];	/* what every store answers, 0 = carry it out */
	u32 stores;			/* how many there were */
};

static LIST_HEAD(ports);
static DEFINE_MUTEX(lock);		/* ports and all that is in them */
static struct dentry *debugfs_root;

/* --- timeout ranges ----------------------------------------------------------- */

static const struct timeout_range {
	u8 value;
	u8 needs;			/* bit of CAP's ranges */
	const char *name, *v1_name;
} ranges[] = {
	{ 0x1, BIT(0), "A", "a" }, { 0x2, BIT(0), "A2", "a2" },
	{ 0x5, BIT(1), "B", "b" }, { 0x6, BIT(1), "B2", "b2" },
	{ 0x9, BIT(2), "C", "c" }, { 0xa, BIT(2), "C2", "c2" },
	{ 0xd, BIT(3), "D", "d" }, { 0xe, BIT(3), "D2", "d2" },
};

/* What v1 stores for a name is whatever is on its stack: modelled as a reserved value. */
#define V1_UNINITIALISED	0x0f

static const struct timeout_range *range_by_value(u32 value)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (ranges[i].value == value)
			return &ranges[i];
	return NULL;
}

/* @buf is a word with white space around it, as written to an attribute. */
static bool same_word(const char *buf, const char *word)
{
	size_t n = strlen(word);

	buf = skip_spaces(buf);
	return !strncasecmp(buf, word, n) && !*skip_spaces(buf + n);
}

static const struct timeout_range *range_by_name(const char *buf)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (same_word(buf, ranges[i].name))
			return &ranges[i];
	return NULL;
}

/* --- the registers -------------------------------------------------------------- */

static u32 status_read(const struct port *p)
{
	return p->status | (p->busy && p->status & STATUS_ISOLATED ? STATUS_BUSY : 0);
}

/* Reserved and unsupported values leave the field as it is. */
static u32 merge_range(u32 old, u32 value, u32 supported)
{
	const struct timeout_range *r = range_by_value(value);

	if (!value && supported)
		return 0;
	return r && r->needs & supported ? value : old;
}

static void ctrl_write(struct port *p, u32 value)
{
	u32 mem = merge_range(p->ctrl & ISO_MEM_RANGES, value & ISO_MEM_RANGES, p->cap & ISO_MEM_RANGES);
	u32 cache = merge_range((p->ctrl & ISO_CACHE_RANGES) >> 8, (value & ISO_CACHE_RANGES) >> 8,
				(p->cap & ISO_CACHE_RANGES) >> 8);
	u32 enables = value & p->cap & ISO_ENABLES;

	if (p->fw_owned)
		enables = (enables & ~ISO_MEM_ISOLATION) | (p->ctrl & ISO_MEM_ISOLATION);
	p->ctrl = enables | mem | cache << 8;
}

static u32 register_read(const struct port *p, u32 offset)
{
	if (!p->pdev)
		return ~0U;	/* nobody answers */
	if (offset < CACHEMEM || offset >= CACHEMEM + CACHEMEM_BYTES)
		return 0;
	offset -= CACHEMEM;
	switch (offset - ISOLATION_AT) {
	case ISO_CAP:
		return p->cap;
	case ISO_CTRL:
		return p->ctrl;
	case ISO_STATUS:
		return status_read(p);
	}
	return p->cachemem[offset / 4];
}

/* What is mapped is what is read. */
static void port_show(struct port *p)
{
	for (u32 i = 0; i < CACHEMEM_BYTES / 4; i++)
		WRITE_ONCE(p->shown[i], register_read(p, CACHEMEM + 4 * i));
}

/* The copied registers are read-only. */
static void register_write(struct port *p, u32 offset, u32 value)
{
	if (!p->pdev)
		return;
	if (offset == CACHEMEM + ISOLATION_AT + ISO_CTRL)
		ctrl_write(p, value);
	else if (offset == CACHEMEM + ISOLATION_AT + ISO_STATUS)
		p->status &= ~(value & STATUS_RW1C);
}

/* --- the register file ----------------------------------------------------------- */

static int regs_open(struct inode *inode, struct file *file)
{
	/* misc_open() left the miscdevice in private_data */
	file->private_data = container_of(file->private_data, struct port, misc);
	/* A resource file has the size of its BAR. */
	i_size_write(inode, COMPONENT_BYTES);
	((struct port *)file->private_data)->mapping = file->f_mapping;
	return 0;
}

static loff_t regs_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, COMPONENT_BYTES);
}

static bool is_register_access(size_t n, loff_t pos)
{
	return n == sizeof(u32) && IS_ALIGNED(pos, sizeof(u32));
}

static ssize_t regs_read(struct file *file, char __user *buf, size_t n, loff_t *pos)
{
	struct port *p = file->private_data;
	u32 value;

	if (*pos >= COMPONENT_BYTES)
		return 0;
	if (!is_register_access(n, *pos))
		return -EINVAL;
	mutex_lock(&lock);
	value = register_read(p, *pos);
	mutex_unlock(&lock);
	if (copy_to_user(buf, &value, sizeof(value)))
		return -EFAULT;
	*pos += sizeof(value);
	return sizeof(value);
}

static ssize_t regs_write(struct file *file, const char __user *buf, size_t n, loff_t *pos)
{
	struct port *p = file->private_data;
	u32 value;

	if (*pos >= COMPONENT_BYTES)
		return -EFBIG;
	if (!is_register_access(n, *pos))
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	mutex_lock(&lock);
	register_write(p, *pos, value);
	port_show(p);
	mutex_unlock(&lock);
	*pos += sizeof(value);
	return sizeof(value);
}

/* Of the component block the CXL.cachemem registers alone have something in them. */
static vm_fault_t regs_fault(struct vm_fault *vmf)
{
	struct port *p = vmf->vma->vm_private_data;
	vm_fault_t rc = VM_FAULT_SIGBUS;

	mutex_lock(&lock);
	if (p->pdev && vmf->pgoff < COMPONENT_BYTES / PAGE_SIZE) {
		vmf->page = vmf->pgoff == CACHEMEM / PAGE_SIZE ? virt_to_page(p->shown) : ZERO_PAGE(0);
		get_page(vmf->page);
		rc = 0;
	}
	mutex_unlock(&lock);
	return rc;
}

static const struct vm_operations_struct regs_vm_ops = { .fault = regs_fault };

static int regs_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -ENODEV;
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &regs_vm_ops;
	return 0;
}

static const struct file_operations regs_fops = {
	.owner = THIS_MODULE,
	.open = regs_open,
	.llseek = regs_llseek,
	.read = regs_read,
	.write = regs_write,
	.mmap = regs_mmap,
};

/* --- the attributes --------------------------------------------------------------- */

static struct port *port_of(const struct device *dev)
{
	struct port *p;

	list_for_each_entry(p, &ports, node)
		if (p->pdev && &p->pdev->dev == dev)
			return p;
	return NULL;
}

/* Both kernels poll 4 times, 500 ms apart. */
static int wait_not_busy(const struct port *p)
{
	for (int i = 0; i < 4; i++) {
		if (!(status_read(p) & STATUS_BUSY))
			return 0;
		msleep(500);
	}
	return -ETIMEDOUT;
}

static int isolation_store(struct port *p, const char *buf)
{
	bool on;
	int rc = kstrtobool(buf, &on);

	if (rc)
		return rc;
	if (v1_fixed && on && !(p->cap & ISO_MEM_ISOLATION))
		return -ENXIO;
	if (on) {
		ctrl_write(p, p->ctrl | ISO_MEM_ISOLATION);
		return 0;
	}
	rc = wait_not_busy(p);
	if (rc)
		return rc;
	/* As posted: masked with the bit instead of its complement. */
	ctrl_write(p, p->ctrl & (v1_fixed ? ~ISO_MEM_ISOLATION : ISO_MEM_ISOLATION));
	return 0;
}

static int timeout_store(struct port *p, const char *buf)
{
	bool on;
	int rc = kstrtobool(buf, &on);

	if (rc)
		return rc;
	if (v1_fixed && on && !(p->cap & ISO_MEM_TIMEOUT))
		return -ENXIO;
	ctrl_write(p, on ? p->ctrl | ISO_MEM_TIMEOUT : p->ctrl & ~ISO_MEM_TIMEOUT);
	return 0;
}

static int range_store_v1(struct port *p, const char *buf)
{
	const struct timeout_range *r;
	u8 value;

	if (kstrtou8(buf, 0, &value)) {
		if (!range_by_name(buf))
			return -EINVAL;
		value = V1_UNINITIALISED;	/* as posted: the name's value is never assigned */
	}
	if (!(p->cap & ISO_MEM_TIMEOUT))
		return -ENXIO;
	r = range_by_value(value ?: 1);		/* 0 counts as range A */
	if (!r || !(r->needs & p->cap & ISO_MEM_RANGES))
		return -EINVAL;
	ctrl_write(p, 0);			/* as posted: every other bit is lost */
	ctrl_write(p, value);
	return 0;
}

static int range_store_fixed(struct port *p, const char *buf)
{
	const struct timeout_range *r = range_by_name(buf);
	u8 value = r ? r->value : 0;

	if (!r && !same_word(buf, "default") && kstrtou8(buf, 0, &value))
		return -EINVAL;
	if (!(p->cap & ISO_MEM_TIMEOUT))
		return -ENXIO;
	r = range_by_value(value);
	if (value ? !r || !(r->needs & p->cap & ISO_MEM_RANGES) : !(p->cap & ISO_MEM_RANGES))
		return -EINVAL;
	ctrl_write(p, (p->ctrl & ~ISO_MEM_RANGES) | value);
	return 0;
}

static ssize_t range_show(const struct port *p, char *buf)
{
	u32 value = p->ctrl & ISO_MEM_RANGES;
	const struct timeout_range *r = range_by_value(value);

	if (!v1_fixed)
		return r ? sysfs_emit(buf, "%s\n", r->v1_name) : -ENXIO;
	if (!(p->cap & ISO_MEM_TIMEOUT) || (value && !r))
		return -ENXIO;
	return sysfs_emit(buf, "%s\n", r ? r->name : "default");
}

static ssize_t attr_show(struct device *dev, enum attr attr, char *buf)
{
	static const u32 bits[] = { [ATTR_ISOLATION] = ISO_MEM_ISOLATION, [ATTR_TIMEOUT] = ISO_MEM_TIMEOUT };
	struct port *p;
	ssize_t rc = -ENODEV;

	mutex_lock(&lock);
	p = port_of(dev);
	if (p)
		rc = attr == ATTR_RANGE ? range_show(p, buf) : sysfs_emit(buf, "%d\n", !!(p->ctrl & bits[attr]));
	mutex_unlock(&lock);
	return rc;
}

static ssize_t attr_store(struct device *dev, enum attr attr, const char *buf, size_t n)
{
	struct port *p;
	int rc = -ENODEV;

	mutex_lock(&lock);
	p = port_of(dev);
	if (p) {
		p->stores++;
		if (p->store_errno[attr])
			rc = -(int)p->store_errno[attr];
		else if (attr == ATTR_ISOLATION)
			rc = isolation_store(p, buf);
		else if (attr == ATTR_TIMEOUT)
			rc = timeout_store(p, buf);
		else
			rc = v1_fixed ? range_store_fixed(p, buf) : range_store_v1(p, buf);
		port_show(p);
	}
	mutex_unlock(&lock);
	return rc ?: n;
}

#define ISOLATION_ATTR(_name, _attr)								\
static ssize_t _name##_show(struct device *dev, struct device_attribute *a, char *buf)		\
{												\
	return attr_show(dev, _attr, buf);							\
}												\
static ssize_t _name##_store(struct device *dev, struct device_attribute *a,			\
			     const char *buf, size_t n)						\
{												\
	return attr_store(dev, _attr, buf, n);							\
}												\
static DEVICE_ATTR_RW(_name)

ISOLATION_ATTR(isolation_ctrl, ATTR_ISOLATION);
ISOLATION_ATTR(timeout_ctrl, ATTR_TIMEOUT);
ISOLATION_ATTR(timeout_range, ATTR_RANGE);

static struct attribute *isolation_attrs[] = {
	&dev_attr_isolation_ctrl.attr, &dev_attr_timeout_ctrl.attr, &dev_attr_timeout_range.attr, NULL
};
static const struct attribute_group isolation_group = { .name = "cxl_isolation", .attrs = isolation_attrs };

/* --- events, from debugfs ---------------------------------------------------------- */

/* What the port does when an access does not complete or its link goes down. */
static int port_fail(struct port *p, const char *event)
{
	if (!strcmp(event, "timeout")) {
		if (!(p->ctrl & ISO_MEM_TIMEOUT))
			return -EINVAL;		/* nothing would notice */
		p->status |= STATUS_MEM_TIMEOUT;
		if (p->ctrl & ISO_MEM_ISOLATION)
			p->status |= STATUS_MEM_ISOLATED;
	} else if (!strcmp(event, "link-down")) {
		if (p->ctrl & ISO_CACHE_ISOLATION)
			p->status |= STATUS_CACHE_ISOLATED | STATUS_CACHE_BY_LINK;
		if (p->ctrl & ISO_MEM_ISOLATION)
			p->status |= STATUS_MEM_ISOLATED | STATUS_MEM_BY_LINK;
	} else {
		return -EINVAL;
	}
	/* -EIO: this host would have been reset */
	return p->ctrl & ISO_MEM_ISOLATION ? 0 : -EIO;
}

static ssize_t trigger_write(struct file *file, const char __user *user, size_t n, loff_t *pos)
{
	struct port *p = file->private_data;
	char buf[32];
	ssize_t rc;

	if (n >= sizeof(buf))
		return -EINVAL;
	rc = simple_write_to_buffer(buf, sizeof(buf) - 1, pos, user, n);
	if (rc < 0)
		return rc;
	buf[rc] = '\0';
	mutex_lock(&lock);
	rc = port_fail(p, strim(buf));
	port_show(p);
	mutex_unlock(&lock);
	return rc ?: n;
}

static const struct file_operations trigger_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = trigger_write,
};

/* Something of a port as a file, past any rule. */
#define PORT_FILE(_name, _field, _format)							\
static int _name##_get(void *data, u64 *ret)							\
{												\
	*ret = ((struct port *)data)->_field;							\
	return 0;										\
}												\
static int _name##_set(void *data, u64 value)							\
{												\
	struct port *p = data;									\
												\
	mutex_lock(&lock);									\
	p->_field = value;									\
	port_show(p);										\
	mutex_unlock(&lock);									\
	return 0;										\
}												\
DEFINE_DEBUGFS_ATTRIBUTE(_name##_fops, _name##_get, _name##_set, _format)

PORT_FILE(capability, cap, "0x%08llx\n");
PORT_FILE(control, ctrl, "0x%08llx\n");
PORT_FILE(status, status, "0x%08llx\n");
PORT_FILE(busy, busy, "%llu\n");

static void port_add_debugfs(struct port *p)
{
	static const char *const errno_names[N_ATTRS] = {
		[ATTR_ISOLATION] = "errno_isolation_ctrl",
		[ATTR_TIMEOUT] = "errno_timeout_ctrl",
		[ATTR_RANGE] = "errno_timeout_range",
	};

	p->debugfs = debugfs_create_dir(p->name, debugfs_root);
	debugfs_create_file("capability", 0600, p->debugfs, p, &capability_fops);
	debugfs_create_file("control", 0600, p->debugfs, p, &control_fops);
	debugfs_create_file("status", 0600, p->debugfs, p, &status_fops);
	/* RP Busy, seen while isolated */
	debugfs_create_file("busy", 0600, p->debugfs, p, &busy_fops);
	debugfs_create_bool("fw_owned", 0600, p->debugfs, &p->fw_owned);
	for (int i = 0; i < N_ATTRS; i++)
		debugfs_create_u32(errno_names[i], 0600, p->debugfs, &p->store_errno[i]);
	debugfs_create_u32("stores", 0600, p->debugfs, &p->stores);
	/* "timeout" or "link-down" */
	debugfs_create_file("trigger", 0200, p->debugfs, p, &trigger_fops);
}

/* --- ports come and go ---------------------------------------------------------------- */

static bool is_cxl_root_port(struct pci_dev *pdev)
{
	return pci_is_pcie(pdev) && pci_pcie_type(pdev) == PCI_EXP_TYPE_ROOT_PORT &&
		pci_find_dvsec_capability(pdev, DVSEC_VENDOR_CXL, DVSEC_PORT_EXTENSIONS);
}

/* Where the component registers are, 0 when the port names none. */
static resource_size_t component_registers(struct pci_dev *pdev)
{
	u16 dvsec = pci_find_dvsec_capability(pdev, DVSEC_VENDOR_CXL, DVSEC_REGISTER_LOCATOR);
	u32 header, low, high;

	if (!dvsec)
		return 0;
	pci_read_config_dword(pdev, dvsec + PCI_DVSEC_HEADER1, &header);
	for (u32 at = LOCATOR_FIRST_BLOCK; at + 8 <= PCI_DVSEC_HEADER1_LEN(header); at += 8) {
		pci_read_config_dword(pdev, dvsec + at, &low);
		pci_read_config_dword(pdev, dvsec + at + 4, &high);
		if ((low >> 8 & 0xff) != LOCATOR_COMPONENT || (low & 7) > PCI_STD_RESOURCE_END)
			continue;
		if (!pci_resource_start(pdev, low & 7))
			return 0;
		return pci_resource_start(pdev, low & 7) + ((u64)high << 32 | (low & 0xffff0000));
	}
	return 0;
}

/* Copy the real array of capabilities and add ours at its end. */
static int copy_cachemem(struct port *p, struct pci_dev *pdev)
{
	resource_size_t phys = component_registers(pdev);
	void __iomem *regs = phys ? ioremap(phys + CACHEMEM, CACHEMEM_BYTES) : NULL;
	u32 n;

	if (!regs)
		return -ENXIO;
	for (u32 i = 0; i < CACHEMEM_BYTES / 4; i++)
		p->cachemem[i] = readl(regs + 4 * i);
	iounmap(regs);
	n = p->cachemem[0] >> 24;
	if ((p->cachemem[0] & 0xffff) != CACHEMEM_ID || !n)
		return -ENXIO;
	/* The array must not run into the first capability, nor a capability into ours. */
	for (u32 i = 1; i <= n; i++) {
		u32 entry = p->cachemem[i], at = entry >> 20;

		if (entry && (at <= 4 * (n + 1) || at >= ISOLATION_AT))
			return -ENOSPC;
	}
	p->cachemem[0] = (p->cachemem[0] & 0x00ffffff) | (n + 1) << 24;
	p->cachemem[n + 1] = ISOLATION_AT << 20 | ISOLATION_VERSION << 16 | ISOLATION_ID;
	memset(&p->cachemem[ISOLATION_AT / 4], 0, ISO_BYTES);
	return 0;
}

static void port_free(struct port *p)
{
	free_page((unsigned long)p->shown);
	kfree(p->cachemem);
	kfree(p);
}

static struct port *port_new(struct pci_dev *pdev)
{
	struct port *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int rc;

	if (!p)
		return NULL;
	p->cachemem = kzalloc(CACHEMEM_BYTES, GFP_KERNEL);
	p->shown = (u32 *)get_zeroed_page(GFP_KERNEL);
	strscpy(p->name, pci_name(pdev), sizeof(p->name));
	snprintf(p->devname, sizeof(p->devname), "cxl_isolation_test/%s", p->name);
	p->cap = capability;
	p->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR, .name = p->devname, .nodename = p->devname,
		.fops = &regs_fops, .mode = 0600,
	};
	rc = p->cachemem && p->shown ? copy_cachemem(p, pdev) : -ENOMEM;
	if (!rc)
		rc = misc_register(&p->misc);
	if (rc) {
		pci_err(pdev, "cxl_isolation_test: no register file for this port: %d\n", rc);
		port_free(p);
		return NULL;
	}
	port_add_debugfs(p);
	list_add_tail(&p->node, &ports);
	return p;
}

/* What the kernel does when it finds the capability.  The caller holds the lock. */
static bool port_discover(struct port *p)
{
	if (!(p->cap & ISO_INTERRUPT) || !(p->cap & (ISO_MEM_TIMEOUT | ISO_MEM_ISOLATION)))
		return false;
	/* As posted: isolation on; the test for the timeout is inverted, so it
	 * is "enabled" only where it is not supported. */
	if (v1_fixed)
		ctrl_write(p, ISO_INTERRUPT | (p->ctrl & ~(ISO_MEM_ISOLATION | ISO_MEM_TIMEOUT)));
	else
		ctrl_write(p, ISO_INTERRUPT | ISO_MEM_ISOLATION | (p->ctrl & ~ISO_MEM_TIMEOUT));
	return true;
}

static void port_arrives(struct pci_dev *pdev)
{
	struct port *p, *found = NULL;

	if (!is_cxl_root_port(pdev))
		return;
	mutex_lock(&lock);
	list_for_each_entry(p, &ports, node)
		if (!strcmp(p->name, pci_name(pdev)))
			found = p;
	p = found ?: port_new(pdev);
	if (!p || p->pdev) {
		mutex_unlock(&lock);
		return;
	}
	p->pdev = pci_dev_get(pdev);
	p->has_group = port_discover(p);
	port_show(p);
	mutex_unlock(&lock);
	/* Not under the lock: a reader of an attribute holds sysfs and wants the lock. */
	if (p->has_group && sysfs_create_group(&pdev->dev.kobj, &isolation_group)) {
		pci_err(pdev, "cxl_isolation_test: no attributes\n");
		p->has_group = false;
	}
	pci_info(pdev, "cxl_isolation_test: %s\n", p->has_group ? "attributes and registers" : "registers only");
}

static void port_leaves(struct device *dev)
{
	struct pci_dev *pdev = NULL;
	bool has_group = false;
	struct port *p;

	mutex_lock(&lock);
	p = port_of(dev);
	if (p) {
		pdev = p->pdev;
		has_group = p->has_group;
		p->pdev = NULL;
		p->has_group = false;
		port_show(p);
		if (p->mapping)
			unmap_mapping_range(p->mapping, 0, 0, 1);
	}
	mutex_unlock(&lock);
	if (has_group)
		sysfs_remove_group(&dev->kobj, &isolation_group);
	pci_dev_put(pdev);
}

/* v1 comes with the port service: attributes are there while pcieport is bound. */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == BUS_NOTIFY_BOUND_DRIVER)
		port_arrives(to_pci_dev(data));
	else if (action == BUS_NOTIFY_UNBIND_DRIVER || action == BUS_NOTIFY_DEL_DEVICE)
		port_leaves(data);
	return NOTIFY_OK;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

static int __init cxl_isolation_test_init(void)
{
	struct pci_dev *pdev = NULL;
	int rc;

	debugfs_root = debugfs_create_dir("cxl_isolation_test", NULL);
	rc = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (rc) {
		debugfs_remove(debugfs_root);
		return rc;
	}
	for_each_pci_dev(pdev)
		if (pdev->dev.driver)
			port_arrives(pdev);
	return 0;
}

static void __exit cxl_isolation_test_exit(void)
{
	struct port *p, *next;

	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	debugfs_remove(debugfs_root);
	list_for_each_entry_safe(p, next, &ports, node) {
		if (p->pdev)
			port_leaves(&p->pdev->dev);
		misc_deregister(&p->misc);
		list_del(&p->node);
		port_free(p);
	}
}

module_init(cxl_isolation_test_init);
module_exit(cxl_isolation_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("test only: simulated CXL.mem timeout and isolation on CXL root ports");
