/*
 * A message of the queue as JSON: one object, described in postrider(1).
 */
#ifndef CMD_SHOW_JSON_H
#define CMD_SHOW_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "cmd/queue.h"
#include "spool/spool.h"

/*
 * trouble  what is wrong with its message, or NULL.
 *
 * Returns 0, or -1 with *err when not all of it could be read; the object is
 * whole then, too.
 */
int	show_json(struct spool *, const struct queue_row *, struct entry *,
	    const char *trouble, struct buf *out, struct err *);

/* One of which nothing can be read. */
void	show_json_damaged(const struct queue_row *, const char *why,
	    struct buf *out);

#endif
