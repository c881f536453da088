/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was changed last on each root port, in one file of the state directory: by which
 * command, what the settings were before, and whether it came to its end.  It is written
 * before the first write and after the last one, so that a command that was killed is known
 * to the next one, and what was done can be taken back.  It counts for this boot: a reboot
 * resets the settings of ports.
 *
 * Written only with the host's lock (util/lock.h).
 */
#ifndef CXL_LAST_CHANGE_H
#define CXL_LAST_CHANGE_H

#include "lib/model/host.h"

enum changed_by { BY_ENABLE, BY_DISABLE, BY_TIMEOUT, BY_PREPARE };
enum { N_CHANGED_BY = BY_PREPARE + 1 };

struct last_change {
	const char *root_port;	/* NULL: there is none */
	enum changed_by by;
	const char *typed;	/* "cxl enable-isolation --timeout=B2 root0" */
	bool is_finished;
	bool registers;		/* register writes were allowed */
	bool cache;		/* CXL.cache was meant, too */
	/* With BY_PREPARE all unknown: what was there is in the record of the memory itself. */
	struct iso_control was, set;	/* all settings before, and as they shall be; */
	struct iso_control asked;	/* of them, those that were asked for */
	uint64_t group;		/* those of the same number were changed as one */
};

struct last_changes {
	struct last_change *v;	/* two of each host.root_ports[]: of its settings, of the memory below */
	size_t n;
};

/*
 * All of this boot, memory from @a.  A file that is damaged or cannot be read tells nothing:
 * *@ret_why is then why, for after "...: ".  -ENOMEM or 0.
 */
int last_changes_read(const struct cxl_host *host, struct arena *a, struct last_changes *ret,
		      const char **ret_why);

/* Write it, whole or not at all.  -errno. */
int last_changes_write(const struct cxl_host *host, const struct last_changes *all);

/* That of @rp's settings, or (@by_prepare) of the memory below it; NULL: there is none. */
struct last_change *last_change_of(const struct last_changes *all, const struct cxl_host *host,
				   const struct cxl_root_port *rp, bool by_prepare);

/* @change takes the place of what there was of @rp. */
void last_change_put(struct last_changes *all, const struct cxl_host *host,
		     const struct cxl_root_port *rp, const struct last_change *change);
void last_change_drop(struct last_changes *all, const struct cxl_host *host,
		      const struct cxl_root_port *rp, bool by_prepare);

/* A copy of @all, memory from @a.  -ENOMEM or 0. */
int last_changes_copy(const struct last_changes *all, struct arena *a, struct last_changes *ret);

/* "cxl enable-isolation --undo-last 0000:0c:00.0" into @buf, which is returned. */
const char *last_change_undo_text(const struct last_change *change, char *buf, size_t size);

#endif
