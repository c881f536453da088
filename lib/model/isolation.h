/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one root port's CXL.mem / CXL.cache Timeout & Isolation
 * (CXL r3.2 sec 8.2.4.24 and 12.3), and questions to it.  Where it comes from is
 * in lib/iso/backend.h.
 */
#ifndef CXL_ISOLATION_H
#define CXL_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/opt.h"

/* The settings of the control register, one by one. */
enum iso_field {
	ISO_MEM_RANGE, ISO_MEM_TIMEOUT, ISO_MEM_ISOLATION, ISO_MEM_LINK_DOWN,
	ISO_CACHE_RANGE, ISO_CACHE_TIMEOUT, ISO_CACHE_ISOLATION, ISO_CACHE_LINK_DOWN,
	ISO_ERR_COR, ISO_INTERRUPT,
	N_ISO_FIELDS
};

/* The range of the timeout of CXL.cache, or CXL.mem, and its enable. */
static inline enum iso_field iso_range_of(bool cache)
{
	return cache ? ISO_CACHE_RANGE : ISO_MEM_RANGE;
}

static inline enum iso_field iso_enable_of(bool cache)
{
	return cache ? ISO_CACHE_TIMEOUT : ISO_MEM_TIMEOUT;
}

struct iso_field_desc {
	const char *name;	/* in a sentence: "the timeout range" */
	const char *label;	/* before a value: "range" */
	const char *feature;	/* what the capability offers with it: "a CXL.mem timeout" */
	uint32_t mask;		/* in the control register */
	unsigned int shift;
	uint32_t cap;		/* capability bits that allow it */
	bool is_range;
	const char *path;	/* in "control" of the output: "mem.timeout.range" */
};
extern const struct iso_field_desc iso_fields[N_ISO_FIELDS];

/* A switch is 0 or 1 (compare with enum tri), a range its encoding (0 the default); -1 unknown. */
struct iso_control {
	int v[N_ISO_FIELDS];
};
extern const struct iso_control iso_control_unknown;

/* What @field is in a control register with @ctrl in it. */
int iso_field_of(uint32_t ctrl, enum iso_field field);

/* Is @value of @field a range that the specification reserves?  It cannot be written again. */
bool iso_is_reserved(enum iso_field field, int value);

/* What kernels get wrong. */
enum iso_quirk {
	/* a write of the range, or of isolation off, clears the control register */
	ISO_QUIRK_CLEARS_OTHERS = 1 << 0,
	ISO_QUIRK_STAYS_ON = 1 << 1,		/* isolation stays on when it is switched off */
	ISO_QUIRK_PANICS = 1 << 2,		/* the handler of an isolation panics the host */
	ISO_QUIRK_UNTOLD_DEFAULT = 1 << 3,	/* the default range reads as a reserved one does */
};

struct iso_backend;

struct iso_kernel {
	const struct iso_backend *backend;	/* the form of its attributes; NULL: it has none */
	unsigned int fields;		/* 1 << enum iso_field: those with an attribute */
	unsigned int quirks;		/* of enum iso_quirk: those that it shows signs of */
	/* the bits of the capability that the kernel tells; asked for without registers only */
	uint32_t cap, cap_known;
	struct iso_control control;	/* of the fields with an attribute */
};

struct iso_registers {
	bool valid;		/* the component registers could be read */
	bool capable;		/* they hold the capability; cap, ctrl, status are set */
	uint32_t cap, ctrl, status;
	unsigned int bar;	/* where the capability is: resourceN of the port, */
	uint64_t at;		/* and the offset in it */
	const char *reason;	/* why not valid, a sentence part */
	bool needs_root, is_silent;	/* that is the reason; all ones are it, which are no answer */
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

/* What a control register with @ctrl in it sets. */
struct iso_control iso_control_of(uint32_t ctrl);

/* The settings, of @kernel where it has the field, else of the @registers. */
struct iso_control iso_merge(const struct iso_state *iso, const struct iso_control *kernel,
			     const struct iso_control *registers);

/*
 * The settings that a change may read back and write: those with a kernel
 * attribute, and with @registers all others by register.  The rest is unknown.
 */
struct iso_control iso_settings(const struct iso_state *iso, bool registers);

/* Is @field written by the kernel's attribute (else by register)? */
bool iso_field_by_kernel(const struct iso_state *iso, enum iso_field field);

/* Does the kernel of this port show signs of @quirk? */
static inline bool iso_has_quirk(const struct iso_state *iso, enum iso_quirk quirk)
{
	return iso->kernel.quirks & quirk;
}

/* Does @field set a timeout: its enable or its range? */
bool iso_is_timeout(enum iso_field field);

/* The bits of the capability; *@ret_known: those that are known, from registers or the kernel. */
uint32_t iso_cap(const struct iso_state *iso, uint32_t *ret_known);

/* Has the port a CXL.mem timeout?  Unread, the kernel's attribute only hints at one. */
enum tri iso_has_timeout(const struct iso_state *iso);

/* Isolated, by either protocol; which, "CXL.mem and CXL.cache", NULL: none, or not known. */
enum tri iso_isolated(const struct iso_state *iso);
const char *iso_isolated_names(const struct iso_state *iso);
/* Is isolation of either known to be enabled?  Could CXL.cache's be, and is not? */
bool iso_any_is_on(const struct iso_state *iso);
bool iso_cache_could_be_on(const struct iso_state *iso);

bool iso_control_equal(const struct iso_control *a, const struct iso_control *b);

#endif
