/*
 * --show: the envelope of a message, the history of its attempts, and the
 * message itself; as JSON its header.
 */
#ifndef CMD_SHOW_H
#define CMD_SHOW_H

#include "cmd/options.h"
#include "spool/spool.h"

/* Returns the exit status: 69 when there is none of what was asked for. */
int	show_run(const struct options *, struct spool *);

#endif
