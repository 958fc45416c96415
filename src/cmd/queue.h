/*
 * Walking through the queue: the messages that were asked for, in the order of
 * their ids, which is that of their arrival. A guest (process_serves_guest())
 * meets his own only.
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include <time.h>

#include "base/err.h"
#include "cmd/select.h"
#include "spool/spool.h"

struct queue_row {
	char	 id[SPOOL_ID_MAX];
	enum spool_place place;
	unsigned seen_in;	/* of PLACE_RUN; inside of queue_walk() */
	time_t	 due;		/* of PLACE_QUEUE */
};

/*
 * One message: as it was read, without a claim; or entry NULL and *why, when
 * it is damaged (ERR_DATA) or cannot be read now.
 */
typedef void queue_walk_fn(void *arg, const struct queue_row *,
	    struct entry *entry, const struct err *why);

/* Returns 0, or -1 with *err when not all of the queue could be looked at; fn
 * has seen the rest. */
int	queue_walk(struct spool *, struct select *, queue_walk_fn *, void *arg,
	    struct err *);

/* How many messages there are, everybody's, without damaged ones. */
int	queue_count(struct spool *, size_t *n, struct err *);

/* "deferred", "active", "hold", "damaged": what listings call a place. */
const char *queue_place_name(enum spool_place);

/* May the caller deal with it, and read it? */
bool	queue_is_mine(const struct entry *);

#endif
