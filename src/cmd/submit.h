/*
 * Sending: what a caller hands over is committed, delivered while he waits,
 * and what cannot go now is kept.
 */
#ifndef CMD_SUBMIT_H
#define CMD_SUBMIT_H

#include "cmd/options.h"
#include "cmd/settings.h"
#include "deliver/delivery.h"
#include "spool/spool.h"

/*
 * Send one message from standard input (MODE_SEND), or all of --send's
 * operands. Returns the exit status.
 */
int	submit_run(const struct options *, const struct settings *,
	    const struct delivery *, struct spool *);

/* Read standard input to its end, so that who writes it does not die of
 * SIGPIPE before he reads our exit status. */
void	submit_drain(void);

#endif
