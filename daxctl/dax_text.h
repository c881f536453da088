/* SPDX-License-Identifier: GPL-2.0-only */
/* How the records of daxctl's commands read for people. */
#ifndef DAXCTL_TEXT_H
#define DAXCTL_TEXT_H

#include "lib/report/port_text.h"

extern const struct render_text dax_list_text, prepare_text;

#endif
