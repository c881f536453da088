/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command has to say beside its records: the "messages" of the output.
 * Errors and warnings also go to stderr, one sentence each.
 */
#ifndef UTIL_MESSAGE_H
#define UTIL_MESSAGE_H

#include <stddef.h>

#include "util/err.h"

enum severity { SEV_INFO, SEV_WARNING, SEV_ERROR };

struct message {
	enum severity severity;
	const char *code;	/* static: a check id, ATTRIBUTE, TARGET, ... */
	char *target;		/* object name, NULL when none */
	char *text;
	size_t hash, next;	/* of the text; the message before it in its bucket, from 1 on (0: none) */
};

struct messages {
	struct message *v;
	size_t n, capacity;
	size_t *buckets;	/* as many as .capacity: the last message in each, from 1 on */
	size_t lost;		/* not kept for lack of memory, */
	char lost_text[1024];	/* and of the gravest of them, the last one, as much as fits */
	enum severity lost_severity;
};

/* A message that is there already, word for word, is not added again. */
void message_add(struct messages *m, enum severity severity, const char *code,
		 const char *target, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* An error object as a message of severity error. */
void message_add_err(struct messages *m, const char *code, const struct err *err);

/* Those with @code about @target are no longer so. */
void messages_drop(struct messages *m, const char *code, const char *target);

void messages_free(struct messages *m);

extern const char *const severity_names[];

#endif
