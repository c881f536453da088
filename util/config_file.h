/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing files of /etc whole or not at all.  They are read through ini.h or sysfs.h. */
#ifndef UTIL_CONFIG_FILE_H
#define UTIL_CONFIG_FILE_H

/*
 * Put @text in the place of the file at @path, mode 0644, and wait until it is on
 * disk; missing directories above it are made.  -errno: the old file is as it was.
 */
int config_file_write(const char *path, const char *text);

/* -errno; 0 also when it is not there. */
int config_file_remove(const char *path);

#endif
