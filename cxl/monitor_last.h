/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a monitor that is a service knew last, for the one that is started after it: in the
 * directory that its unit has for it (systemd.exec(5), RuntimeDirectory=), which a reboot empties.
 */
#ifndef CXL_MONITOR_LAST_H
#define CXL_MONITOR_LAST_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * Root port -> its record, null while it was gone; empty where there is no such directory, or
 * nothing that can be used.  *@ret_known: something was kept.
 */
struct json_object *monitor_last_read(bool *ret_known);
/* Keep @last; where there is a directory and it cannot be, that is said on standard error once. */
void monitor_last_write(struct json_object *last);

#endif
