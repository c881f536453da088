// SPDX-License-Identifier: GPL-2.0-only
/* The message list: see message.h. */
#include "util/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const severity_names[] = {
	[SEV_INFO] = "info", [SEV_WARNING] = "warning", [SEV_ERROR] = "error",
};

void message_add(struct messages *m, enum severity severity, const char *code,
		 const char *target, const char *fmt, ...)
{
	struct message *msg;
	va_list ap;

	if (m->n == m->capacity) {
		size_t capacity = m->capacity ? 2 * m->capacity : 16;
		struct message *v = reallocarray(m->v, capacity, sizeof(*v));

		if (!v) {
			m->lost++;
			return;
		}
		m->v = v;
		m->capacity = capacity;
	}
	msg = &m->v[m->n];
	*msg = (struct message){ .severity = severity, .code = code };
	va_start(ap, fmt);
	if (vasprintf(&msg->text, fmt, ap) < 0)
		msg->text = NULL;
	va_end(ap);
	if (target && *target)
		msg->target = strdup(target);
	if (!msg->text || (target && *target && !msg->target)) {
		free(msg->text);
		free(msg->target);
		m->lost++;
		return;
	}
	/* what is read again, after a write, may be said again: once is enough */
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].code == code && !strcmp(m->v[i].text, msg->text)) {
			free(msg->text);
			free(msg->target);
			return;
		}
	m->n++;
}

void message_add_err(struct messages *m, const char *code, const struct err *err)
{
	message_add(m, SEV_ERROR, code, err->target, "%s", err->text);
}

void messages_drop(struct messages *m, const char *code, const char *target)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].code, code) || !m->v[i].target || strcmp(m->v[i].target, target)) {
			m->v[n++] = m->v[i];
			continue;
		}
		free(m->v[i].target);
		free(m->v[i].text);
	}
	m->n = n;
}

void messages_free(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].target);
		free(m->v[i].text);
	}
	free(m->v);
	*m = (struct messages){ 0 };
}
