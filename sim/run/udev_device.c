// SPDX-License-Identifier: GPL-2.0-only
/* Files of the run's /run/udev: see udev_device.h. */
#include "sim/run/udev_device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/run/boot_units.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define LINKS "/run/udev/links"
#define PLUGGED "/run/udev/plugged"

enum { TEXT = 4096 };

/* DIRECTORY/NAME, with what would lead elsewhere taken out of the name. */
static const char *path_of(const char *directory, const char *name, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s/", directory);

	snprintf(buf + n, size - n, "%.200s", name);
	for (char *p = buf + n; *p; p++)
		if (*p == '/')
			*p = '!';
	return buf;
}

static bool is_plain(const char *link)
{
	return *link && *link != '/' && !strstr(link, "..") && strlen(link) < 200;
}

static void make_link(const char *devname, const char *link)
{
	char path[PATH_MAX], target[PATH_MAX] = "";

	snprintf(path, sizeof(path), "/dev/%s", link);
	for (char *p = path + strlen("/dev/"); (p = strchr(p, '/')); p++) {
		size_t n = strlen(target);

		snprintf(target + n, sizeof(target) - n, "../");
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	snprintf(target + strlen(target), sizeof(target) - strlen(target), "%s", devname);
	unlink(path);
	if (symlink(target, path))
		fprintf(stderr, "cxl-sim: %s: %s\n", path, strerror(errno));
}

/* Unless it leads to another device by now. */
static void drop_link(const char *devname, const char *link)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/dev/%s", link);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (n > 0 && (!strcmp(target, devname) || has_suffix(target, devname)))
		unlink(path);
}

static void read_text(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

static void drop_links(const char *file, const char *devname, const char *links)
{
	char old[TEXT], *save = NULL;

	read_text(file, old, sizeof(old));
	for (char *link = strtok_r(old, " ", &save); link; link = strtok_r(NULL, " ", &save))
		if (!has_word(links, strlen(links), link))
			drop_link(devname, link);
}

void udev_set_links(const char *devname, const char *links)
{
	char file[PATH_MAX], copy[TEXT], *save = NULL;
	_cleanup_close_ int fd = -1;

	path_of(LINKS, devname, file, sizeof(file));
	drop_links(file, devname, links);
	unlink(file);
	if (!*links)
		return;
	mkdir(LINKS, 0755);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, links, strlen(links)) < 0)
		fprintf(stderr, "cxl-sim: %s: %s\n", file, strerror(errno));
	snprintf(copy, sizeof(copy), "%s", links);
	for (char *link = strtok_r(copy, " ", &save); link; link = strtok_r(NULL, " ", &save))
		if (is_plain(link))
			make_link(devname, link);
}

void udev_set_plugged(const char *name, bool is_plugged, const char *wants)
{
	char file[PATH_MAX], copy[TEXT], *save = NULL;
	_cleanup_close_ int fd = -1;

	path_of(PLUGGED, name, file, sizeof(file));
	if (!is_plugged) {
		unlink(file);
		return;
	}
	mkdir(PLUGGED, 0755);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return;		/* it was there before */
	snprintf(copy, sizeof(copy), "%s", wants);
	for (char *unit = strtok_r(copy, " ", &save); unit; unit = strtok_r(NULL, " ", &save))
		boot_unit_start(unit);
}

static void forget(const char *directory, bool has_links)
{
	_cleanup_closedir_ DIR *dir = opendir(directory);
	struct dirent *d;
	char path[PATH_MAX];

	while (dir && (d = readdir(dir))) {
		if (*d->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, d->d_name);
		if (has_links)
			drop_links(path, d->d_name, "");
		unlink(path);
	}
}

void udev_forget(void)
{
	forget(LINKS, true);
	forget(PLUGGED, false);
}
