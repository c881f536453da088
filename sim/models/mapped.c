// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/maps: see mapped.h. */
#include "sim/models/mapped.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

bool mapped_by(const char *pid, const char *path)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *maps = NULL;
	size_t capacity = 0, n = strlen(path);
	char file[300];

	snprintf(file, sizeof(file), "/proc/%s/maps", pid);
	maps = fopen(file, "re");
	while (maps && getline(&line, &capacity, maps) > 0) {
		const char *at = strchr(line, '/');

		if (at && !strncmp(at, path, n) && (at[n] == '\n' || at[n] == ' '))
			return true;
	}
	return false;
}

pid_t mapped_find(const char *path, char *comm, size_t size)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		_cleanup_fclose_ FILE *f = NULL;
		char file[300];
		uint64_t pid;

		if (parse_u64(d->d_name, &pid) || !mapped_by(d->d_name, path))
			continue;
		snprintf(file, sizeof(file), "/proc/%s/comm", d->d_name);
		f = fopen(file, "re");
		snprintf(comm, size, "?");
		if (f && fgets(comm, (int)size, f))
			comm[strcspn(comm, "\n")] = '\0';
		return (pid_t)pid;
	}
	return 0;
}
