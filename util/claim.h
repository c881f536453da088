/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers that a process claims in a file of the state directory until it ends, however it
 * does: no crash, no reboot and no process number that is given out again leaves one behind.
 * What they stand for is the file's.
 */
#ifndef UTIL_CLAIM_H
#define UTIL_CLAIM_H

#include <stdint.h>
#include <sys/types.h>

/* The file @name: a descriptor, or -errno. */
int claim_make(const char *name);	/* made where it is missing */
int claim_look(const char *name);	/* to ask only */

/*
 * For this process, which loses it with the first descriptor of the file that it closes
 * (fcntl_locking(2)), and does not leave it to a child.  -EAGAIN: another one has it.  -errno.
 */
int claim_take(int fd, uint64_t number);
/* Who has it: 0 nobody, -1 one whose process number is not known here. */
pid_t claim_holder(int fd, uint64_t number);

#endif
