/*
 * A failure becomes a new message: the DSN to the sender (RFC 5321 6.1, RFC
 * 3464).
 */
#ifndef DELIVER_BOUNCE_H
#define DELIVER_BOUNCE_H

#include <stddef.h>

#include "deliver/delivery.h"
#include "mail/dsn.h"
#include "spool/spool.h"

/*
 * A chain of reports, one about the other (dsn_depth()), ends here. A report
 * that cannot be delivered may be reported to the double-bounce address, once;
 * one that somebody has sent on under his own name, to him, some times.
 */
#define BOUNCE_DEPTH_NULL 2
#define BOUNCE_DEPTH_MAX 5

/*
 * May there be a report about an entry? 1; 0 when the chain has become too
 * long; -1 with *err when its header cannot be read.
 */
int	bounce_allowed(struct spool *, struct entry *, struct err *);

/*
 * Make a DSN about rows of an entry and commit it to the queue, synced, ready
 * to be delivered by this process.
 *
 * entry  the original, claimed by this process.
 * kind   what the rows have in common: failed, relayed.
 * rcpts  rows of it; n of them, which it tells as far as dsn.h says.
 * to     canonical address; the DSN itself has the null reverse-path.
 * out    the new entry.
 *
 * Returns 0, or -1 with *err; nothing is left behind then.
 */
int	bounce_make(struct spool *, const struct delivery *, enum dsn_kind,
	    struct entry *entry, const size_t *rcpts, size_t n,
	    const char *to, struct entry *out, struct err *);

#endif
