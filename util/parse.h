/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers and names out of text that somebody else wrote.  Everything is
 * matched whole: no sign, no trailing text, no overflow.
 */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, or hexadecimal with 0x.  0 or -EINVAL / -ERANGE. */
int parse_u64(const char *text, uint64_t *ret);

/* Hexadecimal with or without 0x (block_size_bytes has none). */
int parse_hex64(const char *text, uint64_t *ret);

/* "<prefix><decimal>", as in mem12: exact, no leading zeros. */
bool parse_name(const char *name, const char *prefix, unsigned int *ret);

/* PCI address dddd:bb:dd.f (the domain may be left out: 0).  A key that sorts
 * in bus order goes to @ret: domain << 16 | bus << 8 | device << 3 | function. */
bool parse_pci_address(const char *name, uint64_t *ret);
/* The same with its domain, as sysfs names a function. */
bool is_pci_address(const char *name);

/* Does @text end with @suffix, and something before it? */
bool has_suffix(const char *text, const char *suffix);

/* Is @word one of the words, parted by blanks or newlines, in the first @n bytes of @text? */
bool has_word(const char *text, size_t n, const char *word);

/* Which of @names, which end with NULL, is @name; -1: none is. */
int name_index(const char *const *names, const char *name);

/* Order of names as a person counts: mem2 before mem10. */
int natural_cmp(const char *a, const char *b);

/* @text for a message: control characters and quotes shown as '?', cut at @size - 1. */
const char *printable(const char *text, char *buf, size_t size);

#endif
