/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parsers of the policy file share: refusing a line of it, and values out of a list of words. */
#ifndef CXL_POLICY_TEXT_H
#define CXL_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/ini.h"

/* Lists of them end with a nameless one. */
struct policy_word {
	const char *text;
	int value;
};

/* What the file of a layout is called that options ask for: its sentences name no line. */
#define LAYOUT_OF_OPTION "--split"

/* "FILE:LINE: what is wrong; nothing of the file is used": -EINVAL with @err (EXIT_USAGE). */
int policy_refuse(const char *file, unsigned int line, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The same of what is fine in itself, and is not so on this host: "FILE:LINE: what is wrong,
 * nothing was written; @remedy" (NULL: none).  -EINVAL with @err.
 */
int policy_refuse_here(const char *file, unsigned int line, enum exit_status status,
		       const char *remedy, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* "16GiB", "768MiB", "4097 bytes" into @buf, which is returned: as the file may say it. */
const char *policy_size_text(uint64_t bytes, char *buf, size_t size);

/* The value of @line's key as one of @words; else refused, with all of them. */
int policy_take_word(const char *file, const struct ini_line *line, const struct policy_word *words,
		     int *ret, struct err *err);

/* Is @name such as the kernel gives anew at each boot (mem0, dax0.0)?  No name for a file that stays. */
bool policy_name_is_unstable(const char *name);

#endif
