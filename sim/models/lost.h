/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What devices lose by a reset or a link that was down: decoders forget what they
 * were programmed to, base addresses are gone.
 */
#ifndef SIM_LOST_H
#define SIM_LOST_H

#include <stdbool.h>

struct node;
struct sim;

/* Something lost what software had programmed. */
struct lost {
	const struct node *function;	/* gone with its directory */
	bool wiped;			/* its base addresses, too: nothing in it can be reached */
	struct lost *next;
};

/* Every endpoint below @dir was reset: the end of a kernel that uses their memory.  @wiped: nobody gave them their base
 * addresses back. */
void lost_below(struct sim *sim, const struct node *dir, bool wiped);

/* Did the endpoint lose its base addresses? */
bool lost_is_wiped(const struct sim *sim, const struct node *function);

/*
 * A region is to be committed: 0, or the errno with which its decoders fail.
 * With 0 they are programmed again.
 */
int lost_commit(struct sim *sim, struct node *region);

/* Dax devices of the region appeared: their memory is as good as what is behind it. */
void lost_show(struct sim *sim, const struct node *region);

void lost_free(struct sim *sim);

#endif
