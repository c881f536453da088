/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories that a test makes, and takes away again. */
#ifndef TEST_UNIT_TREE_H
#define TEST_UNIT_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* @top and all in it; 0 or -1, as nftw(). */
static inline int remove_tree_below(const char *top)
{
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
