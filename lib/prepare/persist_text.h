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

#include "lib/policy/policy.h"
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
int persist_policy_add(struct arena *a, const char *file, const char *text, uint64_t serial,
		       const char **ret, struct err *err);
int persist_policy_remove(struct arena *a, const char *file, const char *text, uint64_t serial,
			  const char **ret, struct err *err);

/*
 * What a layout of options is in the policy file @text, section by section, each with a line before
 * it that says whose it is (persist_sections.c).  One in which an administrator has set more is his
 * from then on.  @l: as policy_parse() finds it in @text.  NULL: no memory.
 */
bool persist_region_is_ours(const char *text, const struct layout_region *r);
bool persist_dax_is_ours(const char *text, const struct layout_dax *d);
const char *persist_region_add(struct arena *a, const char *text, const char *name,
			       const struct layout_region *r, bool needs_decoder);
const char *persist_dax_add(struct arena *a, const char *text, const char *region,
			    const struct layout_dax *d);
/* Without those of l->regions[@region], and of the region itself where no device of it is left; @text: there is none. */
const char *persist_sections_remove(struct arena *a, const char *text, const struct layout *l,
				    size_t region);
/* Without those of all regions of the memory device with @serial, as persist_policy_remove(). */
int persist_layout_remove(struct arena *a, const char *file, const char *text, uint64_t serial,
			  const char **ret, struct err *err);
/* The serial numbers of all of them, to @ret.  -ENOMEM or 0. */
int persist_layout_serials(struct arena *a, const char *text, const struct layout *l,
			   struct serials *ret);

#endif
