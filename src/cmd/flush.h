/*
 * Working off the queue: --flush, -q, runq.
 */
#ifndef CMD_FLUSH_H
#define CMD_FLUSH_H

#include "cmd/options.h"
#include "deliver/delivery.h"
#include "spool/spool.h"

/* Returns the exit status. */
int	flush_queue(const struct options *, const struct delivery *,
	    struct spool *);

#endif
