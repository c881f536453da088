// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces and mounts: see stage.h.  Everything is put together below a
 * scratch file system over /sys, which the host's own /sys covers at the end.
 */
#include "sim/run/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/host/load.h"
#include "sim/run/dev.h"
#include "sim/run/event.h"
#include "sim/run/private.h"
#include "sim/run/uevent.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"

#define SCRATCH "/sys"
#define SCRATCH_DEV SCRATCH "/dev"
#define SCRATCH_FUSE SCRATCH "/fuse"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

const char stage_namespace_remedy[] =
	"allow user namespaces (sysctl user.max_user_namespaces above 0, and where they exist "
	"kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0; never in a chroot), or run as root";

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = (ssize_t)strlen(text);

	if (fd < 0)
		return -errno;
	return write(fd, text, (size_t)n) == n ? 0 : errno ? -errno : -EIO;
}

static int map_user(struct stage *stage)
{
	char map[64];
	int rc;

	if (!stage->user_namespace)
		return 0;
	rc = write_file("/proc/self/setgroups", "deny");	/* or the group map is refused */
	if (rc && rc != -ENOENT)
		return rc;
	snprintf(map, sizeof(map), "0 %u 1", stage->uid);
	rc = write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", stage->gid);
	return rc ? rc : write_file("/proc/self/gid_map", map);
}

static int make_network(struct stage *stage)
{
	(void)stage;
	return uevent_open();
}

/*
 * In a chroot "/" is no mount point, and mounts are made private from their namespace's root on: who enters a
 * mount namespace, and be it its own, is there (mntns_install() of fs/namespace.c).
 */
static int make_private_in_chroot(void)
{
	_cleanup_close_ int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (self < 0 || root < 0 || cwd < 0 || setns(self, CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || fchdir(root) || chroot(".") || fchdir(cwd))
		return -errno;
	return 0;
}

static int make_private(struct stage *stage)
{
	(void)stage;
	if (!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	return errno == EINVAL ? make_private_in_chroot() : -errno;
}

static int mount_proc(struct stage *stage)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	stage->own_proc = true;
	return 0;
}

static int mount_scratch(struct stage *stage)
{
	(void)stage;
	return mount("cxl-sim", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") ? -errno : 0;
}

static int mount_dev(struct stage *stage)
{
	if (mkdir(SCRATCH_DEV, 0755) || mount("cxl-sim", SCRATCH_DEV, "tmpfs", MS_NOSUID, "mode=0755"))
		return -errno;
	return dev_populate(SCRATCH_DEV, stage->sim);
}

static int make_etc(struct stage *stage)
{
	return private_set_up(SCRATCH_DEV, stage->sim);
}

/*
 * Modules belong to the machine's kernel: whatever runs here, libkmod, modprobe and libdaxctl included,
 * may insert and remove none.  In a user namespace nobody may anyhow.
 */
static int keep_modules(struct stage *stage)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)stage;
	if (prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 1 &&
	    prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0))
		return -errno;
	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1u << CAP_SYS_MODULE);
	data[0].permitted &= ~(1u << CAP_SYS_MODULE);
	data[0].inheritable &= ~(1u << CAP_SYS_MODULE);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* What the machine's kernel has of them is not this host's. */
static int hide_modules(struct stage *stage)
{
	(void)stage;
	if (access("/lib/modules", F_OK))
		return 0;
	return mount("cxl-sim", "/lib/modules", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") ? -errno : 0;
}

/* After the namespaces are entered: the kernel compares the opener's with the mount's. */
static int open_fuse(struct stage *stage)
{
	stage->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	return stage->fuse_fd < 0 ? -errno : 0;
}

static int mount_fuse(struct stage *stage)
{
	char options[128];

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", stage->fuse_fd);
	if (mkdir(SCRATCH_FUSE, 0755) ||
	    mount("cxl-sim", SCRATCH_FUSE, "fuse.cxl-sim", MS_NOSUID | MS_NODEV | MS_NOEXEC, options))
		return -errno;
	return 0;
}

const struct stage_step stage_steps[] = {
	{ "user-mapping", true, "map the user into a user namespace", stage_namespace_remedy, map_user },
	{ "own-network", false, "make a private network (without it no program hears of devices that come and go)",
	  "allow network namespaces (sysctl user.max_net_namespaces above 0)", make_network },
	{ "private-mounts", true, "make mounts private", stage_namespace_remedy, make_private },
	{ "own-proc", false, "mount a fresh /proc (without it the run sees the machine's processes)",
	  "nothing must be mounted over parts of /proc: in a container, unmask it", mount_proc },
	{ "scratch", true, "mount a tmpfs over /sys", "run on a system that has a /sys directory, outside of "
	  "sandboxes that forbid mount(2)", mount_scratch },
	{ "dev", true, "build a private /dev", "run on a system that has a /dev, outside of sandboxes that forbid "
	  "mount(2)", mount_dev },
	{ "own-etc", true, "make /etc and /var/lib private", "run outside of sandboxes that forbid mount(2)", make_etc },
	{ "own-modules", true, "see to it that no module of the machine's kernel is loaded or removed", "run as root, or where user "
	  "namespaces are allowed", keep_modules },
	{ "hide-modules", false, "hide the machine's /lib/modules", "run outside of sandboxes that forbid mount(2)", hide_modules },
	{ "fuse-open", true, "open /dev/fuse", "load the module with 'modprobe fuse'; where only root may open the "
	  "device, allow it with the udev rule KERNEL==\"fuse\", MODE=\"0666\" or with 'chmod 666 /dev/fuse'",
	  open_fuse },
	{ "fuse-mount", true, "mount a FUSE file system", "run as root, or on Linux 4.18 or newer, where user "
	  "namespaces may mount FUSE", mount_fuse },
	{ 0 }
};

pid_t stage_fork(struct stage *stage)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | SIGCHLD;
	long pid = -EPERM;

	stage->uid = geteuid();
	stage->gid = getegid();
	if (!stage->uid) {
		pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
		if (pid < 0)
			pid = -errno;
	}
	if (pid == -EPERM) {	/* not root, or a root without privilege */
		stage->user_namespace = true;
		pid = syscall(SYS_clone, flags | CLONE_NEWUSER, NULL, NULL, NULL, NULL);
		if (pid < 0)
			pid = -errno;
	}
	return (pid_t)pid;
}

int stage_set(struct stage *stage, struct err *err)
{
	for (const struct stage_step *s = stage_steps; s->id; s++) {
		int rc = s->run(stage);

		if (rc && s->required)
			return err_set(err, EXIT_PREREQ, -rc, "cannot run a simulated host here: cannot %s: %s; "
				       "'cxl-sim doctor' says what to do", s->what, strerror(-rc));
	}
	return 0;
}

static int bind(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND, NULL) ? -errno : 0;
}

static int bind_proc(const struct sim *sim)
{
	const struct node *proc = tree_dir(&sim->tree, "/proc");

	for (const char *const *name = load_proc_files; proc && *name; name++) {
		char from[64], to[64];
		int rc;

		snprintf(from, sizeof(from), SCRATCH_FUSE "/proc/%s", *name);
		snprintf(to, sizeof(to), "/proc/%s", *name);
		rc = tree_child(proc, *name) ? bind(from, to) : 0;
		if (rc && rc != -ENOENT)	/* this kernel has no such file */
			return rc;
	}
	return 0;
}

/* A file of its own over the machine's: a host that starts again has another one. */
static int bind_boot_id(void)
{
	_cleanup_close_ int fd = open(SCRATCH "/boot_id", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	int rc = fd < 0 ? -errno : bind(SCRATCH "/boot_id", BOOT_ID);

	return rc == -ENOENT ? 0 : rc ? rc : stage_boot();
}

int stage_boot(void)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return n ? -errno : -EIO;
	text[n] = '\0';
	return write_file(BOOT_ID, text);
}

/*
 * Programs that want debugfs look for it among the mounts, as libcxl does from ndctl 84 on: the
 * machine's, below the simulated one.  Where it cannot be mounted, as in a user namespace,
 * the simulated files are there all the same.
 */
static int show_debugfs(void)
{
	static const char debug[] = "/sys/kernel/debug";
	_cleanup_close_ int fd = open(debug, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char from[32];
	int rc;

	if (fd < 0 || mount("none", debug, "debugfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return 0;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	rc = bind(from, debug);
	return rc && umount(debug) ? rc : 0;	/* never the machine's own */
}

int stage_finish(struct stage *stage, struct err *err)
{
	int rc = bind(SCRATCH_FUSE "/ctl", SCRATCH EVENT_FILE);

	rc = rc ? rc : bind_proc(stage->sim);
	rc = rc ? rc : bind_boot_id();
	if (!rc && mount(SCRATCH_DEV, "/dev", NULL, MS_MOVE, NULL))
		rc = -errno;
	rc = rc ? rc : bind(SCRATCH_FUSE "/sys", "/sys");
	rc = rc ? rc : show_debugfs();
	if (rc)
		return err_set(err, EXIT_PREREQ, -rc, "cannot mount the simulated host: %s; 'cxl-sim doctor' says "
			       "what to do", strerror(-rc));
	return 0;
}
