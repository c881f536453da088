/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that tells who owns Soft Reserved memory, each source read on its
 * own, then laid side by side: the picture that soft_reserved.h judges.
 *
 * Sources: /sys/firmware/memmap (what firmware said), /proc/cmdline (what is
 * changed of it), /proc/iomem (what the kernel made of it), the ACPI tables CEDT
 * and SRAT, root decoders, regions, dax devices, memory blocks, each endpoint's
 * CDAT.  None is believed alone where another can contradict it.
 */
#ifndef CXL_SOFT_SOURCES_H
#define CXL_SOFT_SOURCES_H

#include "lib/firmware/cdat.h"
#include "lib/firmware/cedt.h"
#include "lib/firmware/interval.h"
#include "lib/firmware/iomem.h"
#include "lib/firmware/memmap.h"
#include "lib/firmware/srat.h"
#include "lib/read/host_read.h"

enum soft_source_id {
	SOURCE_FIRMWARE_MAP, SOURCE_CMDLINE, SOURCE_IOMEM, SOURCE_CEDT, SOURCE_SRAT, SOURCE_WINDOWS,
	SOURCE_REGIONS, SOURCE_DAX, SOURCE_MEMORY_BLOCKS, SOURCE_CDAT,
	N_SOFT_SOURCES,
};

enum soft_source_state {
	SOURCE_READ,
	SOURCE_SILENT,	/* read, and says nothing of Soft Reserved memory: no contradiction */
	SOURCE_MISSING,	/* there is no such file */
	SOURCE_HIDDEN,	/* for root only, or its addresses are zeroed */
	SOURCE_DAMAGED,	/* a part could not be read */
};
extern const char *const soft_source_names[];
extern const char *const soft_source_state_names[];

struct soft_source {
	enum soft_source_state state;
	size_t entries;
	const char *text;	/* what is the matter, a sentence part; NULL when nothing is */
};

/* A named range of addresses; @end is inclusive. */
struct soft_span {
	const char *name;
	uint64_t start, end;
};

struct soft_window {
	struct soft_span span;	/* "decoder0.0", or "cedt-window0" where no decoder stands for it */
	bool is_coherent;	/* for device-coherent memory (type 2) only */
	size_t *devices;	/* indices of the devices whose host bridge it targets */
	size_t n_devices;
};

struct soft_region {
	struct soft_span span;
	bool is_committed;	/* of the others the span may be nothing */
	bool has_span;
	bool is_hidden;		/* committed, and where it lies cannot be read */
	bool has_dax;		/* a dax device of a size is below it */
	uint64_t elc_bytes;	/* extended linear cache: the region is bigger than its decoders */
	bool is_atl;		/* endpoint decoders hold other addresses than the host's (address translation) */
	bool is_lmh;		/* low memory hole: the decoders reach further than the window */
	bool cdat_mismatch;	/* a device says its memory is not to be Soft Reserved */
	size_t *devices;
	size_t n_devices;
};

enum soft_dax_owner { DAX_OF_REGION, DAX_OF_HMEM, DAX_OF_OTHER };

struct soft_dax {
	const char *name;
	enum soft_dax_owner owner;
	size_t region;			/* index, with DAX_OF_REGION */
	struct interval_set ranges;	/* none when hidden or without a size */
	bool is_hidden;			/* it has a size, its addresses cannot be read */
	bool is_kmem;			/* bound to kmem: System RAM */
	uint64_t size_bytes;
};

enum soft_cdat_state { CDAT_PRESENT, CDAT_ABSENT, CDAT_EMPTY, CDAT_UNREADABLE };

struct soft_device {
	const struct cxl_memdev *memdev;	/* NULL: an endpoint without one */
	const struct cxl_endpoint *endpoint;
	enum soft_cdat_state cdat_state;
	struct cdat cdat;
};

/* Modules of which it is said what they are. */
enum soft_module { SOFT_DAX_HMEM, SOFT_DAX_CXL, SOFT_CXL_ACPI, N_SOFT_MODULES };
extern const char *const soft_module_names[N_SOFT_MODULES];

struct soft_picture {
	struct soft_source sources[N_SOFT_SOURCES];
	struct interval_set firmware_soft, firmware_ram;	/* of the firmware map; normalized */
	struct cmdline cmdline;
	struct iomem iomem;
	struct interval_set iomem_soft, iomem_ram;	/* normalized */
	struct cedt cedt;
	struct srat srat;
	bool windows_known;	/* all of them; else there may be more than @windows */
	bool decoders_hidden;	/* the address of a root decoder could not be read */
	bool windows_from_cedt;	/* in place of root decoders */
	struct soft_window *windows;
	size_t n_windows;
	struct soft_region *regions;
	size_t n_regions;
	struct soft_dax *dax;
	size_t n_dax;
	struct soft_device *devices;	/* one per endpoint */
	size_t n_devices;
	uint64_t block_bytes;			/* 0: unknown, or no memory hotplug */
	struct interval_set offline;		/* memory blocks of kmem that are not online; normalized */
	struct soft_span *orphans;		/* lines of iomem whose object is not in sysfs */
	size_t n_orphans;
	const char *modules[N_SOFT_MODULES];	/* "; it is blacklisted by ..."; NULL or "": not known */
};

struct soft_host {
	struct host_reading reading;	/* topology and regions; its messages and arena are those of all of it */
	struct soft_picture picture;
};

/*
 * Read the host below @sysroot (NULL: the live one).  A host without CXL is
 * none the less read.  0, or -errno with @err.  Free in either case.
 */
int soft_read(struct soft_host *soft, const char *sysroot, struct err *err);
void soft_free(struct soft_host *soft);

/* The parts of soft_read(): -ENOMEM or 0.  Messages go to the host's. */
int soft_read_firmware(const struct cxl_host *host, struct soft_picture *p);	/* map, cmdline, iomem, tables */
int soft_read_devices(const struct cxl_host *host, struct soft_picture *p);	/* CDAT */
int soft_read_windows(const struct cxl_host *host, struct soft_picture *p);
int soft_read_regions(const struct cxl_host *host, struct soft_picture *p);
int soft_read_dax(const struct cxl_host *host, struct soft_picture *p);
int soft_read_blocks(const struct cxl_host *host, struct soft_picture *p);

/* Say that source @id is in @state, which is no reason for more than a message. */
void soft_source_set(const struct cxl_host *host, struct soft_picture *p, enum soft_source_id id,
		     enum soft_source_state state, enum severity severity, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* An attribute as a number without a message when it cannot be read: -errno or 0. */
int soft_attr(const struct cxl_host *host, const char *path, const char *attr, uint64_t *ret);

#endif
