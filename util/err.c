// SPDX-License-Identifier: GPL-2.0-only
/* The error object: see err.h. */
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int errnum)
{
	return errnum == ENOFILE ? "it is not a regular file" :
	       errnum == EUNTRUSTED ? "others than root may have written it ('chown root' and 'chmod go-w' it after a look at what is in it)" :
	       strerror(errnum);
}

int err_set(struct err *err, enum exit_status status, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->status = status;
		err->errnum = errnum;
		err->target[0] = '\0';
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return errnum ? -errnum : -EINVAL;
}

int err_no_memory(struct err *err, const char *after)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory%s", after);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	int n;

	if (!err)
		return -EINVAL;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
	return err->errnum ? -err->errnum : -EINVAL;
}

void err_target(struct err *err, const char *target)
{
	if (err)
		snprintf(err->target, sizeof(err->target), "%s", target);
}

void status_count_add(struct status_count *c, enum exit_status status)
{
	if (status == EXIT_DONE) {
		c->well++;
		return;
	}
	c->status = !c->failed || c->status == (int)status ? (int)status : EXIT_NEGATIVE;
	c->failed++;
}

int status_count_end(const struct status_count *c)
{
	if (!c->failed)
		return EXIT_DONE;
	return c->well ? EXIT_PARTIAL : c->status;
}
