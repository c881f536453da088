/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of program cxl, and what their files share. */
#ifndef CXL_COMMON_H
#define CXL_COMMON_H

#include "lib/model/host.h"
#include "util/command.h"
#include "util/complete.h"

extern const struct command cmd_list, cmd_isolation_status, cmd_enable_isolation,
	cmd_disable_isolation, cmd_set_timeout, cmd_check_soft_reserved, cmd_explain,
	cmd_recover_port;

extern const struct complete_kind value_kinds[];	/* ends with a nameless one */

#endif
