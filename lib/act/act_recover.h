/* SPDX-License-Identifier: GPL-2.0-only */
/* Bringing a root port back with this very program: see act_recover.c for why. */
#ifndef CXL_ACT_RECOVER_H
#define CXL_ACT_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/sysfs.h"

enum act_way { ACT_BEGIN, ACT_RESUME, ACT_ABANDON };

struct act_recovered {
	enum exit_status status;
	bool is_locked;		/* another command changes this host: nothing was done */
	uint64_t took_us;
	char text[1024];	/* what it says of why it failed; "" */
};

/* Run `cxl recover-port` for @root_port; SIGTERM is passed on once @is_stopped.  -errno with @err: it was not run. */
int act_recover(struct sysfs *fs, const char *root_port, enum act_way way, uint64_t evidence,
		bool (*is_stopped)(void), struct act_recovered *ret, struct err *err);

#endif
