/*
 * Removes entries that are done with.
 *
 * To free the blocks of a file takes some disks milliseconds, one after the
 * other (those that are told of each: "discard" without a journal), and would
 * take most of the time of a pass over the queue. The broom looks how long it
 * takes; where it is long, an entry is only marked as done (entry_finish()),
 * and children remove such files by the hundred, several at a time. They have
 * nothing open but run/RUN, and so the claim on it: nobody else touches what
 * they remove. Should all of them die, the next process removes the rest.
 */
#ifndef DELIVER_BROOM_H
#define DELIVER_BROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "spool/spool.h"

#define BROOM_CHILDREN 8

struct broom {
	int64_t	 took_us;	/* to remove a file, lately; on average */
	char	(*ids)[SPOOL_ID_MAX];	/* done with, still to go; owned */
	size_t	 n, cap;
	pid_t	 children[BROOM_CHILDREN];	/* 0: none */
};

/*
 * The entry is done with. Returns 0, or -1 with *err: it is still in run/RUN
 * then. All zero is a new broom.
 */
int	broom_sweep(struct broom *, struct spool *, struct entry *,
	    struct err *);

/* Remove what is left, wait for the children, free. */
void	broom_end(struct broom *, struct spool *);

#endif
