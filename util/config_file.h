/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing files of /etc whole or not at all.  They are read through ini.h or sysfs.h. */
#ifndef UTIL_CONFIG_FILE_H
#define UTIL_CONFIG_FILE_H

/*
 * Put @text in the place of the file at @path, or of where a link there leads, and
 * wait until it is on disk.  It keeps its mode and owner; a new one is 0644, missing
 * directories above it are made.  -errno: the old file is as it was.
 */
int config_file_write(const char *path, const char *text);

/* -errno; 0 also when it is not there.  Where a link leads is emptied, and the link stays. */
int config_file_remove(const char *path);

/* Check that both write and remove would be permitted.  -errno why not. */
int config_file_check(const char *path);

#endif
