/* SPDX-License-Identifier: GPL-2.0-only */
/* Formats of `daxctl list --isolation` that a person pastes: a policy file, and for virtual machines. */
#ifndef DAXCTL_LAYOUT_FORMATS_H
#define DAXCTL_LAYOUT_FORMATS_H

#include "util/render_format.h"

/* Ends with a nameless one. */
extern const struct render_format layout_formats[];

#endif
