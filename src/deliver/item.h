/*
 * One entry of the queue while it is being delivered.
 */
#ifndef DELIVER_ITEM_H
#define DELIVER_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "spool/spool.h"

struct item {
	struct entry entry;
	int64_t	 born_ms;	/* clock_ms() when it came into our hands */
	time_t	 age_s;		/* of the message at that time */
	size_t	 pending;	/* forward-paths not yet decided in this pass */
	bool	 utf8;		/* needs SMTPUTF8 */
	bool	 made_here;	/* a DSN that this process has made */
	bool	 unrecorded;	/* something final is not in the journal */
	time_t	 due;		/* earliest next attempt of those deferred in
				 * this pass; 0: none was */
	int	 reader;	/* for the worker that is being forked; -1 */
	size_t	*relayed;	/* rows whose sender wants to hear of success,
				 * delivered to hosts that will not tell */
	size_t	 nrelayed, relayed_cap;
	struct item *next;	/* the owner's list */
	size_t	 place;		/* the dispatcher's table */
};

/* Takes the entry; *entry is empty afterwards. */
struct item *item_new(struct entry *entry);
void	item_free(struct item *);

/* How old the message is, in seconds, as finely as is known. */
double	item_age_s(const struct item *);

/* Note a row for the report of success that is owed (RFC 3461 5.2.2). */
void	item_relayed(struct item *, size_t rcpt);

/* Note that a forward-path is due at that time, or earlier: within the life of
 * its message. */
void	item_due(struct item *, time_t due);

#endif
