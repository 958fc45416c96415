/*
 * What happens to an entry at the end of a pass when nobody waits for it:
 * removed when all is done, reported to its sender where it failed for good,
 * back into the queue where it was deferred, given up when it is too old.
 *
 * The order makes a crash harmless: the DSN is on stable storage before the
 * original's journal says that it was made, and that before the original goes.
 */
#ifndef DELIVER_SETTLE_H
#define DELIVER_SETTLE_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/delivery.h"
#include "deliver/dispatch.h"
#include "deliver/item.h"

struct settle {
	struct spool *spool;
	const struct delivery *how;
	struct dispatch *dispatch;	/* DSNs are delivered by it at once */
	bool	 promise;		/* sync what goes back into the queue */
	bool	 drop;			/* what cannot be kept, and was not
					 * promised before, is removed: a
					 * caller will be told to send again */
	size_t	 kept;			/* entries that went back into it */
	size_t	 held;			/* double bounces kept in hold/ */
	size_t	 unkept;		/* entries that could not be put back */
	size_t	 expired;		/* forward-paths that were deferred and
					 * have then been given up */
	struct err trouble;		/* the last reason for that */
	time_t	 next_due;		/* the earliest of those kept; 0: none */
};

/*
 * Settle an item; takes it. A failure on the way leaves the entry in the
 * queue, or where the next flush finds it, and is logged.
 */
void	settle_item(struct settle *, struct item *);

/* Deliver a DSN that has just been made; takes it. */
void	settle_send_dsn(struct settle *, struct entry *dsn);

/* Does the sender want to hear of the failure of this forward-path
 * (RFC 3461 4.1)? */
bool	settle_wants_failure(const struct rcpt *);

/*
 * Send the DSN that an item's failures call for, and note it in the journal:
 * rows whose NOTIFY forbids it are noted only; with a null reverse-path
 * delivery.double_bounce gets it, or else the entry is to be held, and so is
 * the end of a chain of reports about reports (bounce_allowed()).
 *
 * Returns 0 when nothing is left unreported; 1 when the entry should be held
 * as a double bounce; -1 when it could not be done now (logged).
 */
int	settle_bounce(struct settle *, struct item *);

#endif
