// SPDX-License-Identifier: GPL-2.0-only
/* The journal and the service manager, by libsystemd: see systemd.h. */
#include "util/systemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define LIBRARY "libsystemd.so.0"
/* Where the library sends to; it says nothing when nobody is there. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { MAX_FIELDS = 8 };

typedef int (*sendv_fn)(const struct iovec *iov, int n);
typedef int (*notify_fn)(int unset_environment, const char *state);

/* A function of the library's, which stays loaded; NULL: it is not installed. */
static void *symbol(const char *name)
{
	static void *handle;

	if (!handle)
		handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	return handle ? dlsym(handle, name) : NULL;
}

bool journal_has(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(fd, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

static bool add(struct iovec *v, int *n, const char *name, const char *value)
{
	char *text;
	int len = asprintf(&text, "%s=%s", name, value);

	if (len < 0)
		return false;
	v[(*n)++] = (struct iovec){ text, (size_t)len };
	return true;
}

int journal_send(int priority, const char *text, const struct journal_field *fields, size_t n)
{
	struct iovec v[MAX_FIELDS + 2];
	char number[16];
	sendv_fn send;
	int used = 0, rc = -ENOMEM;
	bool ok;

	if (access(JOURNAL_SOCKET, F_OK))
		return -ENOENT;
	send = (sendv_fn)symbol("sd_journal_sendv");
	if (!send || n > MAX_FIELDS)
		return -ENOENT;
	snprintf(number, sizeof(number), "%d", priority);
	ok = add(v, &used, "MESSAGE", text) && add(v, &used, "PRIORITY", number);
	for (size_t i = 0; ok && i < n; i++)
		ok = !fields[i].value || add(v, &used, fields[i].name, fields[i].value);
	if (ok)
		rc = send(v, used);
	for (int i = 0; i < used; i++)
		free(v[i].iov_base);
	return rc;
}

void service_notify(const char *state, const char *status)
{
	char text[256];
	notify_fn notify = getenv("NOTIFY_SOCKET") ? (notify_fn)symbol("sd_notify") : NULL;

	if (!notify)
		return;
	snprintf(text, sizeof(text), "%s%s%s", state, status ? "\nSTATUS=" : "", status ? status : "");
	notify(0, text);
}

int service_directory(void)
{
	const char *path = getenv("RUNTIME_DIRECTORY");
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd >= 0 ? fd : path ? -errno : -ENOENT;
}

void service_lives(void)
{
	static uint64_t next_us;
	const char *wanted = getenv("WATCHDOG_USEC");
	uint64_t now = clock_now_us(), us;

	if (!wanted || now < next_us)
		return;
	us = strtoull(wanted, NULL, 10);
	if (!us)
		return;
	/* sd_watchdog_enabled(3) wants half of it: what is done between two calls takes time, too */
	next_us = now + us / 4;
	service_notify("WATCHDOG=1", NULL);
}
