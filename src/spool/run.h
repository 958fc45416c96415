/*
 * run/RUN: the directory that belongs to this process, and what others left.
 */
#ifndef SPOOL_RUN_H
#define SPOOL_RUN_H

#include <stdbool.h>

#include "base/err.h"
#include "spool/spool.h"

/*
 * Make sure that there is run/RUN, locked: s->mine_fd. Returns 0, or -1 with
 * *err.
 */
int	run_ready(struct spool *s, struct err *err);

/*
 * Somebody who inherited the lock may have removed our empty directory. To be
 * asked after ENOENT: returns true when that is so; run_ready() makes another.
 */
bool	run_lost(struct spool *s);

/* Bring run/RUN's own name, or what is in it too, to stable storage. */
int	run_sync_name(struct spool *s, struct err *err);
int	run_sync(struct spool *s, struct err *err);

/* Give it up: remove it when it is empty, let the lock go. */
void	run_close(struct spool *s);

#endif
