/* SPDX-License-Identifier: GPL-2.0-only */
/* Which processes of the run map a file, from the run's own /proc. */
#ifndef SIM_MAPPED_H
#define SIM_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Does process @pid map @path, which may be deleted by now? */
bool mapped_by(const char *pid, const char *path);

/* A process that maps @path and its name into @comm; 0: none does. */
pid_t mapped_find(const char *path, char *comm, size_t size);

#endif
