/*
 * Managing the queue: --hold, --release, --delete, --requeue, --return.
 *
 * One message at a time, each in one step (spool/spool.h), and never one that
 * a process is delivering: that is said to be busy.
 */
#ifndef CMD_MANAGE_H
#define CMD_MANAGE_H

#include "cmd/options.h"
#include "deliver/delivery.h"
#include "spool/spool.h"

/*
 * Returns the exit status: 0 when it was done to one or more messages; 69 when
 * there was none to do it to; 75 when one was busy, or could not be dealt with
 * now; 77 when somebody else holds one.
 */
int	manage_run(const struct options *, const struct delivery *,
	    struct spool *);

#endif
