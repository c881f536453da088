/* SPDX-License-Identifier: GPL-2.0-only */
/* What the acting monitor has to say, for the journal: sentences on standard error. */
#ifndef CXL_ACT_SAY_H
#define CXL_ACT_SAY_H

/* @priority of syslog(3), which the journal is told; @root_port NULL: about none. */
void act_say(int priority, const char *root_port, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
