/*
 * The modes about the queue: listing it, counting it, working it off.
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include "cmd/options.h"
#include "deliver/delivery.h"
#include "spool/spool.h"

/* mailq, --queue: in Postfix's layout, or as JSON. Returns the exit status. */
int	queue_list(const struct options *, struct spool *);

/* -bP: only how many. */
int	queue_count(const struct options *, struct spool *);

/* --flush, -q, runq. */
int	queue_flush(const struct options *, const struct delivery *,
	    struct spool *);

#endif
