/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The texts of the udev rule and of the policy file's entries, and editing them:
 * what was written is found again and taken out, nothing else is touched.
 */
#ifndef DAXCTL_PERSIST_TEXT_H
#define DAXCTL_PERSIST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"

struct serials {
	uint64_t *v;
	size_t n;
};

/* -ENOMEM or 0; one that is in already is not added again. */
int serials_add(struct serials *list, struct arena *a, uint64_t serial);
void serials_remove(struct serials *list, uint64_t serial);
bool serials_have(const struct serials *list, uint64_t serial);

/* What runs @program in it, as far as that does not depend on the serial numbers; NULL: no memory. */
const char *persist_rule_run(struct arena *a, const char *program);

/* The udev rules file for @list, run by @program; NULL: no memory. */
const char *persist_rule_text(struct arena *a, const char *program, const struct serials *list);

/* The number of the first line of a rules file that is none of ours, and no comment; 0: there is none. */
unsigned int persist_rule_foreign_line(const char *text);

/* The serial numbers that such a file holds.  -ENOMEM or 0. */
int persist_rule_parse(struct arena *a, const char *text, struct serials *ret);

/*
 * The policy file @text with "mode = devdax" for @serial, or without what was
 * added so.  -errno with @err when the file is not understood, or says
 * system-ram of it.  @file: its name, for sentences.
 */
int persist_policy_add(struct arena *a, const char *file, const char *text, uint64_t serial, const char **ret,
		       struct err *err);
int persist_policy_remove(struct arena *a, const char *file, const char *text, uint64_t serial, const char **ret,
			  struct err *err);

#endif
