/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the state of isolation comes from, and how it is written: the attributes
 * of a kernel (sysfs_*.c, one file for each form that was posted) and the port's
 * registers (registers.c).  Names, number formats and defects of a form are in
 * its file alone; everybody else goes through the table here.
 */
#ifndef CXL_ISO_BACKEND_H
#define CXL_ISO_BACKEND_H

#include "lib/model/host.h"

enum { ISO_PLACE_BYTES = 64, ISO_TEXT_BYTES = 24 };

/* Something below a root port's directory whose content tells of a change. */
struct iso_watch {
	char name[ISO_PLACE_BYTES];
	bool is_words;		/* registers: .size bytes from .offset */
	bool is_fast;		/* of them, what is to be seen at once */
	uint64_t offset;
	size_t size;
};

/* One way to get at the settings.  What it has not is NULL. */
struct iso_backend {
	const char *name;	/* as in "abi" of the output */
	const char *source;	/* as in "source" of the output */
	const char *title;	/* of a kernel, in a sentence: "posted v1" */
	/* The attribute of a field, as the end of its path; none for the register. */
	const char *attrs[N_ISO_FIELDS];
	unsigned int quirks;	/* of enum iso_quirk: what kernels of this form get wrong */
	int range_refused;	/* errno of a write of a range that the port does not support */

	/*
	 * Look for it, and fill its part of rp->iso; what it cannot tell stays
	 * unknown.  Finding and reading are one: what tells that a kernel has the
	 * attributes is the first of them.  -ENOMEM, else 0.
	 */
	int (*probe)(const struct cxl_host *host, struct cxl_root_port *rp);
	/* The settings of a port where it was found, again.  -errno when there is none. */
	int (*read_settings)(const struct cxl_host *host, const struct cxl_root_port *rp,
			     struct iso_control *ret);
	/* One of them, without a message about what cannot be read: the value or -errno. */
	int (*read_field)(const struct cxl_host *host, const struct cxl_root_port *rp,
			  enum iso_field field);
	int (*write)(const struct cxl_host *host, const struct cxl_root_port *rp,
		     enum iso_field field, int value);

	/* Of a kernel's form: the bits of the capability, in *@ret_known which of them it can tell. */
	int (*read_caps)(const struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret,
			 uint32_t *ret_known);
	/* The status register.  Clearing writes 1 to every bit that is cleared so, which
	 * is defined only while the port is not busy. */
	int (*read_status)(const struct cxl_host *host, const struct cxl_root_port *rp,
			   uint32_t *ret);
	int (*clear_status)(const struct cxl_host *host, const struct cxl_root_port *rp);

	/* Where @field is below the port's directory, into @buf (ISO_PLACE_BYTES), and that. */
	const char *(*place)(const struct cxl_root_port *rp, enum iso_field field, char *buf);
	/* @value of @field as it is written, into @buf (ISO_TEXT_BYTES). */
	void (*text)(enum iso_field field, int value, char *buf);
	/* The @i-th place to watch; false when there are no more.  The first tells that
	 * the form appears. */
	bool (*watch)(const struct cxl_root_port *rp, size_t i, struct iso_watch *ret);
};
extern const struct iso_backend iso_backend_sysfs_v1, iso_backend_sysfs_rfc, iso_backend_registers;

/* The forms that a kernel may have, in the order in which they are looked for; ends with NULL. */
extern const struct iso_backend *const iso_kernels[];
/* What "abi" of the output may be; ends with NULL. */
extern const char *const iso_abi_names[];

/* The kernel's form at @rp; where it has none, the one that is to be expected. */
const struct iso_backend *iso_kernel_backend(const struct cxl_root_port *rp);

/* The kernel has @b, with the @quirks of it that it shows; the settings are left to the caller. */
struct iso_kernel iso_kernel_found(const struct iso_backend *b, unsigned int quirks);

/* What writes @field of @rp: the kernel's attribute whenever there is one. */
const struct iso_backend *iso_backend_of(const struct cxl_root_port *rp, enum iso_field field);

/* Which field's attribute is at @path, of whatever form; -1 when it is none. */
int iso_field_at(const char *path);

/* Ask every back-end about @rp, the caller's own, and read its link.  -ENOMEM, else 0. */
int iso_refresh(const struct cxl_host *host, struct cxl_root_port *rp);

/* The same for all @root_ports of @host, which are being read, with messages about what cannot be told. */
int iso_read(const struct cxl_host *host, struct cxl_root_port *root_ports, struct err *err);

/* Read iso_settings() of @rp once more, after a write; what cannot be read is unknown. */
struct iso_control iso_settings_read(const struct cxl_host *host, const struct cxl_root_port *rp,
				     bool registers);

/* The status of @rp from whatever tells it, and its clearing.  -errno; -ENODEV: nothing does. */
int iso_read_status(const struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret);
int iso_clear_status(const struct cxl_host *host, const struct cxl_root_port *rp);

/* DVSEC_CAP_* of the PCI function at @path; 0 when it is not a CXL device, negative when that cannot be read. */
enum { DEVICE_CAPS_UNREAD = -1, DEVICE_CAPS_NO_ANSWER = -2 };	/* for whoever asks; it answers all ones */
int registers_device_caps(const struct cxl_host *host, const char *path);
/* Is the PCI function at @path a root port that speaks CXL: one with the CXL Extensions for Ports? */
enum tri registers_is_cxl_root_port(const struct cxl_host *host, const char *path);

#endif
