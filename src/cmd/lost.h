/*
 * Messages that have failed and of which nobody can be told: to let them be
 * tried again is of no use.
 */
#ifndef CMD_LOST_H
#define CMD_LOST_H

#include <stdbool.h>

#include "spool/spool.h"

#define LOST_WORDS "has failed, and nobody can be told: see --show, then " \
	"--delete"

/*
 * Would a flush put it back into hold/ as it is (settle_item())? Its file is
 * open. double_bounce: delivery.double_bounce.
 */
bool	lost_entry(struct spool *, struct entry *, const char *double_bounce);

#endif
