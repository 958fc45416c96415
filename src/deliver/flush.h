/*
 * One pass over the queue, as cron calls it.
 */
#ifndef DELIVER_FLUSH_H
#define DELIVER_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "deliver/delivery.h"
#include "deliver/dispatch.h"
#include "spool/spool.h"

struct flush_options {
	bool	 now;		/* -qf, --now: attempt everything at once */
	/* Does the entry belong to the pass, due or not? NULL: all that are
	 * due do. First it is asked whether it could, as far as its id tells,
	 * which saves looking at it; may be NULL. */
	bool	(*could)(void *arg, const char *id);
	bool	(*wanted)(void *arg, const struct entry *);
	void	*arg;
	bool	 own_only;	/* only what the calling user has sent */
	/* Told of each outcome, or NULL. */
	void	(*outcome)(void *arg, struct item *, size_t rcpt,
		    const struct outcome *);
};

struct flush_result {
	size_t	 matched;	/* entries that were asked for, and sound */
	size_t	 attempted;	/* and were free to be attempted */
	size_t	 damaged;	/* entries that were set aside */
	size_t	 delivered, deferred, failed;	/* forward-paths, without
				 * those of reports made in this pass */
	size_t	 kept;		/* entries that went back into the queue */
	size_t	 waiting;	/* entries that were not due */
	time_t	 next_due;	/* of all that wait; 0: none does */
};

/*
 * Put back what dead processes left, attempt what is due, settle it, and
 * return. Entries are claimed as room comes free, oldest first. One that is
 * damaged, or not ours, or no entry at all, is logged and set aside, and stops
 * nothing.
 *
 * Returns 0, or -1 with *err when not all of the spool can be read, and what
 * could be has been attempted; or when from some point on nothing could be
 * claimed (no directory in run is free), and the rest was left alone.
 */
int	flush_run(struct spool *, const struct delivery *,
	    const struct flush_options *, struct flush_result *,
	    struct err *);

#endif
