/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one root port's CXL.mem / CXL.cache Timeout & Isolation
 * (CXL r3.2 sec 8.2.4.24 and 12.3), from the back-ends that can tell:
 * the kernel's attributes (kernel_v1.c) and the port's registers (registers.c).
 */
#ifndef CXL_ISOLATION_H
#define CXL_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct cxl_host;
struct cxl_root_port;

enum tri { TRI_UNKNOWN = -1, TRI_NO = 0, TRI_YES = 1 };

static inline enum tri tri_of(bool b)
{
	return b ? TRI_YES : TRI_NO;
}

/* Capability (00h), CXL r3.2 sec 8.2.4.24.1 */
#define ISO_CAP_MEM_RANGES(cap) ((cap) & 0xf)
#define ISO_CAP_MEM_TIMEOUT (1u << 4)
#define ISO_CAP_CACHE_RANGES(cap) ((cap) >> 8 & 0xf)
#define ISO_CAP_CACHE_TIMEOUT (1u << 12)
#define ISO_CAP_MEM_ISOLATION (1u << 16)
#define ISO_CAP_MEM_LINK_DOWN (1u << 17)
#define ISO_CAP_CACHE_ISOLATION (1u << 18)
#define ISO_CAP_CACHE_LINK_DOWN (1u << 19)
#define ISO_CAP_ERR_COR (1u << 25)
#define ISO_CAP_INTERRUPT (1u << 26)
#define ISO_CAP_INTERRUPT_NUMBER(cap) ((cap) >> 27 & 0x1f)

/* Control (08h), sec 8.2.4.24.2 */
#define ISO_CTRL_MEM_RANGE(ctrl) ((ctrl) & 0xf)
#define ISO_CTRL_MEM_TIMEOUT (1u << 4)
#define ISO_CTRL_CACHE_RANGE(ctrl) ((ctrl) >> 8 & 0xf)
#define ISO_CTRL_CACHE_TIMEOUT (1u << 12)
#define ISO_CTRL_MEM_ISOLATION (1u << 16)
#define ISO_CTRL_MEM_LINK_DOWN (1u << 17)
#define ISO_CTRL_CACHE_ISOLATION (1u << 18)
#define ISO_CTRL_CACHE_LINK_DOWN (1u << 19)
#define ISO_CTRL_ERR_COR (1u << 25)
#define ISO_CTRL_INTERRUPT (1u << 26)

/* Status (0Ch), sec 8.2.4.24.3 */
#define ISO_STATUS_MEM_TIMEOUT (1u << 0)
#define ISO_STATUS_CACHE_TIMEOUT (1u << 4)
#define ISO_STATUS_MEM_ISOLATION (1u << 8)
#define ISO_STATUS_MEM_LINK_DOWN (1u << 9)
#define ISO_STATUS_CACHE_ISOLATION (1u << 12)
#define ISO_STATUS_CACHE_LINK_DOWN (1u << 13)
#define ISO_STATUS_BUSY (1u << 14)	/* valid only while a protocol is isolated */
#define ISO_STATUS_ISOLATED (ISO_STATUS_MEM_ISOLATION | ISO_STATUS_CACHE_ISOLATION)
/* written as 1 to clear them: all but Busy */
#define ISO_STATUS_RW1C (ISO_STATUS_ISOLATED | ISO_STATUS_MEM_TIMEOUT | ISO_STATUS_CACHE_TIMEOUT | \
			 ISO_STATUS_MEM_LINK_DOWN | ISO_STATUS_CACHE_LINK_DOWN)

/* The settings of the control register, one by one. */
enum iso_field {
	ISO_MEM_RANGE, ISO_MEM_TIMEOUT, ISO_MEM_ISOLATION, ISO_MEM_LINK_DOWN,
	ISO_CACHE_RANGE, ISO_CACHE_TIMEOUT, ISO_CACHE_ISOLATION, ISO_CACHE_LINK_DOWN,
	ISO_ERR_COR, ISO_INTERRUPT,
	N_ISO_FIELDS
};

struct iso_field_desc {
	const char *name;	/* in a sentence: "the timeout range" */
	const char *label;	/* before a value: "range" */
	const char *feature;	/* what the capability offers with it: "a CXL.mem timeout" */
	const char *attr;	/* the v1 attribute below the PCI device; NULL: only the register has it */
	uint32_t mask;		/* in the control register */
	unsigned int shift;
	uint32_t cap;		/* capability bits that allow it */
	bool is_range;
};
extern const struct iso_field_desc iso_fields[N_ISO_FIELDS];

/* A switch is 0 or 1 (compare with enum tri), a range its encoding (0 the default); -1 unknown. */
struct iso_control {
	int v[N_ISO_FIELDS];
};
extern const struct iso_control iso_control_unknown;

/* Is @value of @field a range that the specification reserves?  It cannot be written again. */
bool iso_is_reserved(enum iso_field field, int value);

struct iso_kernel {
	bool present;		/* the cxl_isolation group exists */
	bool posted_v1;		/* signs of the code as posted, with its defects */
	struct iso_control control;	/* of the fields with an attribute */
};

struct iso_registers {
	bool valid;		/* the component registers could be read */
	bool capable;		/* they hold the capability; cap, ctrl, status are set */
	uint32_t cap, ctrl, status;
	unsigned int bar;	/* where the capability is: resourceN of the port, */
	uint64_t at;		/* and the offset in it */
	const char *reason;	/* why not valid, a sentence part */
	bool needs_root;	/* that is the reason */
};

struct iso_state {
	struct iso_kernel kernel;
	struct iso_registers regs;
};

struct link_state {
	enum tri up;		/* Data Link Layer Link Active */
	const char *speed;	/* "32.0 GT/s PCIe", NULL when unknown or down */
	unsigned int width;	/* 0 when unknown or down */
	unsigned int status_at;	/* Link Status in config space, 0 when unknown */
};

/* The settings, each from the best source. */
struct iso_control iso_control(const struct iso_state *iso);

/* Is CXL.mem isolation enabled? */
static inline enum tri iso_is_on(const struct iso_state *iso)
{
	return (enum tri)iso_control(iso).v[ISO_MEM_ISOLATION];
}

/*
 * The settings that a change may read back and write: those with a kernel
 * attribute, and with @registers all others by register.  The rest is unknown.
 */
struct iso_control iso_settings(const struct iso_state *iso, bool registers);

/* Is @field written by the kernel's attribute (else by register)? */
bool iso_field_by_kernel(const struct iso_state *iso, enum iso_field field);

/* Isolated, by either protocol. */
enum tri iso_isolated(const struct iso_state *iso);

/* One way to get at the settings.  read() fills its part of rp->iso; what it
 * cannot tell stays unknown. */
struct iso_backend {
	const char *name;	/* as in "source" of the output */
	int (*read)(struct cxl_host *host, struct cxl_root_port *rp);
};
extern const struct iso_backend iso_backend_kernel_v1, iso_backend_registers;

/* Ask every back-end about one root port, and read its link.  -ENOMEM, else 0. */
int iso_refresh(struct cxl_host *host, struct cxl_root_port *rp);

/* The same for all root ports, with messages about what cannot be told. */
int iso_read(struct cxl_host *host, struct err *err);

/* Read iso_settings() of @rp once more, after a write; what cannot be read is unknown. */
struct iso_control iso_settings_read(struct cxl_host *host, const struct cxl_root_port *rp, bool registers);

/* The kernel's attributes of @rp. */
int iso_kernel_read_control(struct cxl_host *host, const struct cxl_root_port *rp,
			    struct iso_kernel *ret);

/*
 * The control register of @rp, whose place rp->iso.regs tells: read it, or
 * replace the bits of @mask in one exact 32-bit read and one write.  -errno;
 * -EIO when the port answers all ones.
 */
int registers_read_ctrl(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret_ctrl);
int registers_write_ctrl(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t mask, uint32_t bits);

/*
 * The status register of @rp, likewise; clearing writes 1 to every bit that is
 * cleared so, which is defined only while the port is not busy.  -ENODEV where
 * there is none.
 */
int registers_read_status(struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret_status);
int registers_clear_status(struct cxl_host *host, const struct cxl_root_port *rp);

/* Offsets of control and status in the capability, CXL r3.2 sec 8.2.4.24 */
#define ISO_CTRL_OFFSET 0x8
#define ISO_STATUS_OFFSET 0xc

bool iso_control_equal(const struct iso_control *a, const struct iso_control *b);

#endif
