/*
 * Listing the queue: mailq, --queue, -bp; and -bP.
 */
#ifndef CMD_LIST_H
#define CMD_LIST_H

#include "cmd/options.h"
#include "deliver/delivery.h"
#include "spool/spool.h"

/* In Postfix's layout, or as JSON. Returns the exit status. */
int	list_run(const struct options *, const struct delivery *,
	    struct spool *);

/* Only how many there are. */
int	list_count(const struct options *, struct spool *);

#endif
