// SPDX-License-Identifier: GPL-2.0-only
/* Parsing and counting of faults; io.c carries them out. */
#include "sim/state/fault.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum { MAX_DELAY_MS = 60000, MAX_ERRNO = 133 };

#define GRAMMAR "OP[@GLOB]:N[+]=ACTION, OP one of read write open any, ACTION an errno name, short, " \
	"delay:MS (60000 at most), vanish, isolate, drop, kill-before or kill-after; for example write@*/isolation_ctrl:1=EIO"

static const struct {
	const char *name;
	unsigned int kinds;
} ops[] = {
	{ "read", 1u << OP_READ },
	{ "write", 1u << OP_WRITE },
	{ "open", 1u << OP_OPEN },
	{ "any", 1u << OP_READ | 1u << OP_WRITE | 1u << OP_OPEN },
};

static const struct {
	const char *name;
	enum fault_action action;
	unsigned int kinds;	/* what it makes sense for */
} actions[] = {
	{ "short", FAULT_SHORT, 1u << OP_READ | 1u << OP_WRITE },
	{ "vanish", FAULT_VANISH, ~0u },
	{ "isolate", FAULT_ISOLATE, ~0u },
	{ "drop", FAULT_DROP, 1u << OP_WRITE },
	{ "kill-before", FAULT_KILL_BEFORE, ~0u },
	{ "kill-after", FAULT_KILL_AFTER, ~0u },
};

int fault_errno(const char *name)
{
	for (int e = 1; e <= MAX_ERRNO; e++) {
		const char *known = strerrorname_np(e);

		if (known && !strcmp(known, name))
			return e;
	}
	return 0;
}

static int parse_op(struct fault *f, const char *text)
{
	size_t n = strcspn(text, "@");

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (strlen(ops[i].name) == n && !strncmp(ops[i].name, text, n))
			f->kinds = ops[i].kinds;
	if (!f->kinds || (text[n] && !text[n + 1]))
		return -EINVAL;
	if (!text[n])
		return 0;
	f->glob = strdup(text + n + 1);
	return f->glob ? 0 : -ENOMEM;
}

static int parse_nth(struct fault *f, char *text)
{
	size_t n = strlen(text);
	uint64_t nth;

	if (n && text[n - 1] == '+') {
		f->persistent = true;
		text[n - 1] = '\0';
	}
	if (!isdigit((unsigned char)text[0]) || parse_u64(text, &nth) || !nth || nth > 1000000000)
		return -EINVAL;
	f->nth = (unsigned long)nth;
	return 0;
}

static int parse_action(struct fault *f, const char *text)
{
	uint64_t ms;

	if (!strncmp(text, "delay:", 6)) {
		if (parse_u64(text + 6, &ms) || ms > MAX_DELAY_MS)
			return -EINVAL;
		f->action = FAULT_DELAY;
		f->ms = (unsigned int)ms;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(actions[i].name, text)) {
			f->action = actions[i].action;
			return f->kinds & ~actions[i].kinds ? -EINVAL : 0;
		}
	}
	f->action = FAULT_ERRNO;
	f->errnum = fault_errno(text);
	return f->errnum ? 0 : -EINVAL;
}

int fault_parse(struct fault *fault, const char *spec, struct err *err)
{
	_cleanup_free_ char *copy = strdup(spec);
	char shown[200], *action, *nth;
	int rc = -EINVAL;

	*fault = (struct fault){ .spec = strdup(spec) };
	if (!copy || !fault->spec)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	/* from the end: a glob may hold the ':' of PCI addresses */
	action = strrchr(copy, '=');
	if (action) {
		*action++ = '\0';
		nth = strrchr(copy, ':');
		if (nth) {
			*nth++ = '\0';
			rc = parse_op(fault, copy);
			rc = rc ? rc : parse_nth(fault, nth);
			rc = rc ? rc : parse_action(fault, action);
		}
	}
	if (rc == -ENOMEM)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	if (rc)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a fault: write " GRAMMAR,
			       printable(spec, shown, sizeof(shown)));
	return 0;
}

void faults_free(struct fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(faults[i].spec);
		free(faults[i].glob);
	}
	free(faults);
}

void fault_disarm(struct fault *fault)
{
	fault->kinds = 0;
}

const struct fault *fault_match(struct fault *faults, size_t n, unsigned int kind, const char *path)
{
	const struct fault *hit = NULL;

	for (size_t i = 0; i < n; i++) {
		struct fault *f = &faults[i];

		if (!(f->kinds & 1u << kind) || (f->glob && fnmatch(f->glob, path, 0)))
			continue;
		f->seen++;
		if (!hit && (f->seen == f->nth || (f->persistent && f->seen > f->nth)))
			hit = f;
	}
	return hit;
}
