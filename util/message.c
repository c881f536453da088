// SPDX-License-Identifier: GPL-2.0-only
/* The message list: see message.h. */
#include "util/message.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

const char *const severity_names[] = {
	[SEV_INFO] = "info", [SEV_WARNING] = "warning", [SEV_ERROR] = "error",
};

/* Message @i is in its bucket. */
static void enter(struct messages *m, size_t i)
{
	size_t *bucket = &m->buckets[m->v[i].hash % m->capacity];

	m->v[i].next = *bucket;
	*bucket = i + 1;
}

static void enter_all(struct messages *m)
{
	memset(m->buckets, 0, m->capacity * sizeof(*m->buckets));
	for (size_t i = 0; i < m->n; i++)
		enter(m, i);
}

static bool grow(struct messages *m)
{
	size_t capacity = m->capacity ? 2 * m->capacity : 16;
	struct message *v = reallocarray(m->v, capacity, sizeof(*v));
	size_t *buckets;

	if (!v)
		return false;
	m->v = v;
	buckets = reallocarray(m->buckets, capacity, sizeof(*buckets));
	if (!buckets)
		return false;
	m->buckets = buckets;
	m->capacity = capacity;
	enter_all(m);
	return true;
}

static bool is_there(const struct messages *m, const struct message *msg)
{
	for (size_t i = m->buckets[msg->hash % m->capacity]; i; i = m->v[i - 1].next)
		if (m->v[i - 1].hash == msg->hash && m->v[i - 1].code == msg->code &&
		    !strcmp(m->v[i - 1].text, msg->text))
			return true;
	return false;
}

/* What there is no memory for. */
static void __attribute__((format(printf, 3, 0)))
lose(struct messages *m, enum severity severity, const char *fmt, va_list ap)
{
	m->lost++;
	if (severity < m->lost_severity)
		return;
	m->lost_severity = severity;
	vsnprintf(m->lost_text, sizeof(m->lost_text), fmt, ap);
}

void message_add(struct messages *m, enum severity severity, const char *code,
		 const char *target, const char *fmt, ...)
{
	struct message *msg;
	va_list ap;

	if (m->n == m->capacity && !grow(m)) {
		va_start(ap, fmt);
		lose(m, severity, fmt, ap);
		va_end(ap);
		return;
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
		va_start(ap, fmt);
		lose(m, severity, fmt, ap);
		va_end(ap);
		return;
	}
	/* what is read again, after a write, may be said again: once is enough */
	msg->hash = (size_t)hash_bytes(HASH_START, msg->text, strlen(msg->text));
	if (is_there(m, msg)) {
		free(msg->text);
		free(msg->target);
		return;
	}
	enter(m, m->n++);
}

void message_add_err(struct messages *m, const char *code, const struct err *err)
{
	message_add(m, SEV_ERROR, code, err->target, "%s", err->text);
}

void messages_drop(struct messages *m, const char *code, const char *target)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].code, code) || !m->v[i].target ||
		    strcmp(m->v[i].target, target)) {
			m->v[n++] = m->v[i];
			continue;
		}
		free(m->v[i].target);
		free(m->v[i].text);
	}
	m->n = n;
	if (m->capacity)
		enter_all(m);
}

void messages_free(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].target);
		free(m->v[i].text);
	}
	free(m->v);
	free(m->buckets);
	*m = (struct messages){ 0 };
}
