/*
 * The sites that wait for a worker, in a line for each user whose mail is
 * first there. Users take turns, so that one whose servers drip for as long
 * as they may does not hold up the mail of others.
 */
#ifndef DELIVER_LINE_H
#define DELIVER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/site.h"

struct line {
	uint32_t uid;
	unsigned workers;	/* at work for him */
	uint64_t served;	/* when it was his turn; counts */
	struct site *first, *last;
};

struct lines {
	struct line *v;		/* owned */
	size_t	 n, cap;
	uint64_t turn;
};

/* Put a site with tasks at the end of its line; it must be in none. */
void	lines_put(struct lines *, struct site *);

/*
 * Take the first site of the user who has the fewest workers, of several the
 * one who was not served for longest.
 *
 * most  a user with so many workers gets no more.
 * ripe  whether it is worth a worker now; those behind one that is not wait
 *       as well.
 *
 * Returns NULL when there is none.
 */
typedef bool lines_ripe_fn(const void *arg, const struct site *);
struct site *lines_take(struct lines *, unsigned most, lines_ripe_fn *ripe,
	    const void *arg);

/*
 * A worker has begun at a site that was taken. Returns the line it is counted
 * in, for lines_leave() when it has ended.
 */
size_t	lines_join(struct lines *, const struct site *);
void	lines_leave(struct lines *, size_t line);

void	lines_release(struct lines *);

#endif
