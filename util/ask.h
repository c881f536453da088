/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking what may never answer: a read of a device that is dead can wait for ever, where no
 * signal reaches it.  A child does it, and is left behind then.
 */
#ifndef UTIL_ASK_H
#define UTIL_ASK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Run @fn in a child that has no file of this process but @fd, which it writes its answer to.
 * As much of it as came within @limit_us is in @buf, its length in *@ret_n.  0: all that @fn
 * had to say; -ETIMEDOUT; -ECHILD: the child was ended; -errno: there was none.
 */
int ask_in_child(void (*fn)(int fd, void *data), void *data, uint64_t limit_us, void *buf,
		 size_t size, size_t *ret_n);

/* All @size bytes.  -errno. */
int ask_answer(int fd, const void *data, size_t size);

#endif
