/* SPDX-License-Identifier: GPL-2.0-only */
/* Text in lines of a width. */
#ifndef UTIL_FOLD_H
#define UTIL_FOLD_H

#include <stdio.h>

/*
 * @text and a newline, cut at blanks so that lines have @width columns at most (0: not cut): the
 * first begins at column @at, the others are moved in by @indent.  What is between single quotes is
 * to be typed, and stays in one line where it fits.  Escape sequences of colours have no width.
 */
void fold_text(FILE *f, const char *text, int at, int indent, int width);

/* How many columns of a terminal @text takes, but for colours. */
int fold_width(const char *text);

#endif
