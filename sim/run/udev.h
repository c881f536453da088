/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What udev does of a machine's: the rules in /etc/udev/rules.d and
 * /run/udev/rules.d of the run are applied to devices that appear, by a process of
 * the run that reads and writes the simulated host's files as udev does.
 */
#ifndef SIM_UDEV_H
#define SIM_UDEV_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct sim;

/* A device of the simulated kernel as udev hears of it. */
struct udev_event {
	char *action;			/* "add", "remove", "bind", "online", "offline" */
	char *syspath;			/* "/sys/devices/..." */
	char *subsystem;
	char *properties;		/* its file uevent at that moment, a line each */
	uint64_t number;
	struct udev_event *next;
};

/* udev.c: tell udev, in a moment: the uevent of struct sim. */
void udev_tell(struct sim *sim, const char *action, const struct node *device);

/* Is there something left to do, or being done? */
bool udev_is_busy(const struct sim *sim);

/* End what is being done and forget the rest. */
void udev_kill(struct sim *sim);

/* --- the process: udev_rules.c reads, udev_apply.c applies ------------------ */

enum udev_operator { UDEV_IS, UDEV_IS_NOT, UDEV_SET, UDEV_APPEND };

enum udev_key {
	UDEV_ACTION,
	UDEV_DEVPATH,
	UDEV_KERNEL,
	UDEV_SUBSYSTEM,
	UDEV_DRIVER,
	UDEV_ATTR,
	UDEV_ENV,
	UDEV_TEST,
	UDEV_KERNELS,
	UDEV_SUBSYSTEMS,
	UDEV_DRIVERS,
	UDEV_ATTRS, /* of the device or one above */
	UDEV_PROGRAM,
	UDEV_RESULT,
	UDEV_IMPORT,
	UDEV_RUN,
	UDEV_TAG,
	UDEV_SYMLINK,
	UDEV_GOTO,
	UDEV_LABEL,
};

struct udev_token {
	enum udev_key key;
	enum udev_operator op;
	char *name;			/* in braces, NULL: none */
	char *value;
};

struct udev_rule {
	char *file;
	unsigned int line;
	struct udev_token *tokens;
	unsigned int n;
	struct udev_rule *next;
};

/* All rules that are understood, in udev's order.  What is not is left out, and with
 * @aloud said on stderr. */
struct udev_rule *udev_rules_read(bool aloud);

/* 0 when there are none; another number when a file of them changed. */
uint64_t udev_rules_stamp(void);

/* All rules for one event, then the programs that they want run. */
void udev_apply(const struct udev_rule *rules, const struct udev_event *event);

#endif
