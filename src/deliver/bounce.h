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
 * Make a DSN about rows of an entry and commit it to the queue, synced, ready
 * to be delivered by this process.
 *
 * entry  the original, claimed by this process.
 * kind   what the rows have in common: failed, relayed.
 * rcpts  rows of it; n of them.
 * to     canonical address; the DSN itself has the null reverse-path.
 * out    the new entry.
 *
 * Returns 0, or -1 with *err; nothing is left behind then.
 */
int	bounce_make(struct spool *, const struct delivery *, enum dsn_kind,
	    struct entry *entry, const size_t *rcpts, size_t n,
	    const char *to, struct entry *out, struct err *);

#endif
