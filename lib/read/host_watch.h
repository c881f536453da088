/* SPDX-License-Identifier: GPL-2.0-only */
/* What of a snapshot can change, to be looked at often and cheaply. */
#ifndef CXL_HOST_WATCH_H
#define CXL_HOST_WATCH_H

#include "lib/model/host.h"
#include "util/watch.h"

/*
 * Watch what host_read() found: settings, status and link of the root ports in
 * @wanted (per host->root_ports[]), and of the whole host which objects there
 * are, their drivers, committed regions and the state of memory blocks.
 * The .owner of a port's registers is the port.  @host must stay as long as @ret.
 * -ENOMEM or 0.
 *
 * Not watched: what changes all the time, such as free memory, or is dear to
 * read, such as mounts; read the host again now and then.
 */
int host_watch(const struct cxl_host *host, const bool *wanted, struct watch *ret);

#endif
