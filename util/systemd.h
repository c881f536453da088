/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a service tells systemd: messages with their fields to its journal, and how it is.
 * By libsystemd, loaded when there is somebody to tell: no other command waits for it.
 */
#ifndef UTIL_SYSTEMD_H
#define UTIL_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is @fd a stream of the journal's (systemd.exec(5), $JOURNAL_STREAM)?  It takes "<N>" before
 * a line for its priority, and cuts lines at 48 kB (journald.conf(5), LineMax=).
 */
bool journal_has(int fd);

/* As systemd.journal-fields(7) has them; the name in capitals. */
struct journal_field {
	const char *name, *value;	/* NULL: it is left out */
};

/* @priority of syslog(3).  -errno: the journal has not taken it, -ENOENT where there is none. */
int journal_send(int priority, const char *text, const struct journal_field *fields, size_t n);

/* sd_notify(3): "READY=1", "STOPPING=1", each with what systemctl shows as the state, or NULL. */
void service_notify(const char *state, const char *status);
/*
 * The directory that its unit has for it, which outlives it until a reboot (systemd.exec(5),
 * RuntimeDirectory=): a descriptor, or -errno, -ENOENT where there is none.
 */
int service_directory(void);
/* It is alive: told as often as WatchdogSec= of systemd.service(5) asks for, if it is called more often. */
void service_lives(void);

#endif
