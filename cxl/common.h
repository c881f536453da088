/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of program cxl, and what their files share. */
#ifndef CXL_COMMON_H
#define CXL_COMMON_H

#include "cxl/lib/snapshot/host.h"
#include "util/command.h"

extern const struct command cmd_list, cmd_isolation_status, cmd_enable_isolation, cmd_disable_isolation,
	cmd_set_timeout, cmd_check_soft_reserved, cmd_explain, cmd_recover_port;

#endif
