/*
 * One entry of the queue while it is being delivered.
 */
#ifndef DELIVER_ITEM_H
#define DELIVER_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "spool/spool.h"

struct item {
	struct entry entry;
	size_t	 pending;	/* forward-paths not yet decided in this pass */
	time_t	 due;		/* earliest next attempt of those deferred in
				 * this pass; 0: none was */
	int	 reader;	/* for the worker that is being forked; -1 */
	struct item *next;	/* the owner's list */
	size_t	 place;		/* the dispatcher's table */
};

/* Takes the entry; *entry is empty afterwards. */
struct item *item_new(struct entry *entry);
void	item_free(struct item *);

/* Note that a forward-path is due at that time. */
void	item_due(struct item *, time_t due);

#endif
