// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor of a benchmark: does what a list says and nothing else.
 *
 * usage: floor LIST        with lines "f PATH" (open, read, close), "d PATH"
 * (open, read the directory, close) and "l PATH" (readlink).  What fails is
 * passed over, as in the program whose list it is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buf[65536];

static void look(char kind, const char *path)
{
	int fd;

	if (kind == 'l') {
		if (readlink(path, buf, sizeof(buf)) < 0)
			buf[0] = '\0';
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | (kind == 'd' ? O_DIRECTORY : 0));
	if (fd < 0)
		return;
	if (kind == 'd')
		while (getdents64(fd, buf, sizeof(buf)) > 0)
			;
	else if (read(fd, buf, sizeof(buf)) < 0)
		buf[0] = '\0';
	close(fd);
}

int main(int argc, char **argv)
{
	char *list, *line;
	struct stat st;
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return 1;
	list = calloc(1, (size_t)st.st_size + 1);
	if (!list || read(fd, list, (size_t)st.st_size) != st.st_size)
		return 1;
	close(fd);
	for (line = strtok(list, "\n"); line; line = strtok(NULL, "\n"))
		look(line[0], line + 2);
	free(list);
	return 0;
}
