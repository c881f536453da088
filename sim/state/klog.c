// SPDX-License-Identifier: GPL-2.0-only
/* See klog.h; records look as in Documentation/ABI/testing/dev-kmsg. */
#include "sim/state/klog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/clock.h"

void klog(const struct sim *sim, int level, const char *fmt, ...)
{
	_cleanup_close_ int fd = sim->running ? open("/dev/kmsg", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW) : -1;
	char text[400];
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(fd, "%d,1,%" PRIu64 ",-;%s\n", level, clock_now_us(), text);
}
