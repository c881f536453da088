/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of the simulated kernel as directories of the tree: attributes,
 * buses, drivers.  What a device is, is said by the tree alone, so that any
 * capture is a starting state.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/state/tree.h"

struct sim;

/* Something that was removed and can be found again. */
struct parked {
	struct node *gone;		/* its directory */
	struct node *parent;		/* was in this one, which may be gone, too */
	char *parent_path;
	struct parked *next;
};

/* Whether a kernel was captured that is as the newer one of the two that the
 * models were measured against: 6.12 and 7.2. */
bool is_newer_kernel(const struct sim *sim);

/* Whether delete_region looks the region up by its number, so that what is none
 * is EINVAL and not ENODEV.  Linux 7.2, and of its branch 6.12.117 ("cxl/region:
 * Resolve region deletion races"); 6.12.107 looks it up by name. */
bool is_region_deleted_by_number(const struct sim *sim);

/* Whether kmem's dax devices have a file state: Linux 7.3. */
bool is_kernel_with_kmem_state(const struct sim *sim);

/* --- attributes ---------------------------------------------------------- */

/* Text with a newline behind it; the attribute is made (0444) when it is not there. */
int dev_set(struct sim *sim, struct node *dir, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int dev_add_attr(struct sim *sim, struct node *dir, const char *name, mode_t mode,
		 const char *text);

/* A number; @otherwise when it is missing or none. */
uint64_t dev_number(const struct node *dir, const char *name, uint64_t otherwise);
bool dev_is(const struct node *dir, const char *name, const char *text);

/* Stores of @ops behind the attribute, if the device has it. */
void dev_model(struct sim *sim, struct node *dir, const char *name, const struct attr_ops *ops);

/* What was written, without one newline at its end (sysfs_streq()): into @word, which is returned. */
const char *dev_word(const char *buf, char *word, size_t size);

/* --- buses and drivers --------------------------------------------------- */

/* The device of this name, NULL when there is none. */
struct node *dev_find(const struct sim *sim, const char *bus, const char *name);

/* Each device of the bus, in turn; *@i is where to go on, 0 at first. */
struct node *dev_next(const struct sim *sim, const char *bus, size_t *i);

/* A link in @dir to @target as sysfs makes it. */
int dev_link(struct sim *sim, struct node *dir, const char *name, const struct node *target);

/* What every device has: its file uevent. */
int dev_attach(struct sim *sim, struct node *dir);

/* To whoever listens: "add", "online" and such. */
void dev_tell(struct sim *sim, const char *action, const struct node *dir);

/* Put it on the bus: the link there and its own to the subsystem. */
int dev_register(struct sim *sim, struct node *dir, const char *bus);

/* Name of the driver, NULL when it has none. */
const char *dev_driver(const struct node *dir);
int dev_bind(struct sim *sim, struct node *dir, const char *bus, const char *driver);
void dev_unbind(struct sim *sim, struct node *dir);

/* Driver directory; NULL: not loaded. */
struct node *dev_driver_dir(const struct sim *sim, const char *bus, const char *driver);

/* --- removal and return -------------------------------------------------- */

void dev_remove(struct sim *sim, struct node *dir);
int dev_park(struct parked **list, struct node *dir);
void parked_free(struct parked **list);

/* A copy of @gone below @parent as @name; each "@from<not a digit>" in the names and
 * texts in it becomes @to (NULL: none).  NULL: out of memory. */
struct node *dev_revive(struct sim *sim, const struct node *gone, struct node *parent,
			const char *name, const char *from, const char *to);

/* Lowest number that no device of the bus with one of these prefixes has. */
unsigned int dev_free_number(const struct sim *sim, const char *bus, const char *const *prefixes);

#endif
