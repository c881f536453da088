// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages: see uevent.h.  The kernel takes one from who has CAP_SYS_ADMIN over
 * the network namespace, and sends it on as its own there (uevent_net_rcv() of
 * lib/kobject_uevent.c, since Linux 4.18).  What udev sends to the second group has a
 * header, by which libudev has the kernel filter for it: the one that it knows it by.
 */
#include "sim/run/uevent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/cleanup.h"

enum { MAX_BYTES = 8192, GROUP_UDEV = 2 };

/* What libudev looks for: its numbers are in network order but for the two sizes before the hashes. */
struct udev_header {
	char prefix[8];
	uint32_t magic;
	uint32_t header_bytes, properties_at, properties_bytes;
	uint32_t subsystem_hash, devtype_hash;
	uint32_t tags_high, tags_low;
};
enum { UDEV_MAGIC = (int)0xfeedcafe };

static int netlink_fd = -1;	/* never one of the machine's network namespace */

static int open_socket(void)
{
	const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;

	netlink_fd = socket(AF_NETLINK, type, NETLINK_KOBJECT_UEVENT);
	return netlink_fd < 0 ? -errno : 0;
}

/* Programs that talk to themselves. */
static void start_loopback(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback))
		errno = 0;
}

int uevent_open(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	start_loopback();
	return open_socket();
}

void uevent_open_again(void)
{
	if (netlink_fd >= 0)
		open_socket();
}

/* Who listens has to keep up: what has no room is lost, as anywhere. */
static void send_to(uint32_t group, const void *head, size_t head_bytes, const void *text, size_t n)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = group };
	struct iovec parts[] = { { (void *)(uintptr_t)head, head_bytes },
				 { (void *)(uintptr_t)text, n } };
	const struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to),
				    .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(netlink_fd, &msg, 0) < 0)
		errno = 0;	/* ECONNREFUSED: nobody listens */
}

static const char *value_of(const struct uevent *e, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < e->n; i++)
		if (!strncmp(e->v[i], name, n) && e->v[i][n] == '=')
			return e->v[i] + n + 1;
	return NULL;
}

/* All of them, each with the NUL behind it, from @len on; what does not fit is not sent: 0. */
static size_t put_all(const struct uevent *e, char *buf, size_t len)
{
	for (size_t i = 0; i < e->n; i++) {
		size_t n = strlen(e->v[i]) + 1;

		if (n > MAX_BYTES - len)
			return 0;
		memcpy(buf + len, e->v[i], n);
		len += n;
	}
	return len;
}

void uevent_send_kernel(const struct uevent *e)
{
	const char *action = value_of(e, "ACTION"), *path = value_of(e, "DEVPATH");
	struct nlmsghdr head = { .nlmsg_type = NLMSG_MIN_TYPE, .nlmsg_flags = NLM_F_REQUEST };
	char text[MAX_BYTES];
	size_t n;

	if (netlink_fd < 0 || !action || !path)
		return;
	n = (size_t)snprintf(text, sizeof(text), "%s@%s", action, path) + 1;
	n = n < sizeof(text) ? put_all(e, text, n) : 0;
	head.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + n);
	if (n)
		send_to(0, &head, NLMSG_HDRLEN, text, n);
}

/* MurmurHash2 of @text with the seed 0, which is libudev's hash for its filters. */
static uint32_t hash_of(const char *text)
{
	const uint32_t factor = 0x5bd1e995;
	size_t n = strlen(text);
	uint32_t h = (uint32_t)n;

	for (; n >= 4; n -= 4, text += 4) {
		uint32_t k;

		memcpy(&k, text, sizeof(k));
		k *= factor;
		k ^= k >> 24;
		h = h * factor ^ k * factor;
	}
	if (n) {
		for (size_t i = 0; i < n; i++)
			h ^= (uint32_t)(unsigned char)text[i] << 8 * i;
		h *= factor;
	}
	h ^= h >> 13;
	h *= factor;
	return h ^ h >> 15;
}

void uevent_send_udev(const struct uevent *e)
{
	const char *subsystem = value_of(e, "SUBSYSTEM"), *devtype = value_of(e, "DEVTYPE");
	struct udev_header head = {
		.prefix = "libudev", .magic = htonl((uint32_t)UDEV_MAGIC), .header_bytes = sizeof(head),
		.properties_at = sizeof(head),
		.subsystem_hash = subsystem ? htonl(hash_of(subsystem)) : 0,
		.devtype_hash = devtype ? htonl(hash_of(devtype)) : 0,
	};
	char text[MAX_BYTES];
	size_t n = netlink_fd < 0 ? 0 : put_all(e, text, 0);

	head.properties_bytes = (uint32_t)n;
	if (n)
		send_to(GROUP_UDEV, &head, sizeof(head), text, n);
}
