/*
 * run/RUN: the directory that belongs to this process, and what others left.
 */
#ifndef SPOOL_RUN_H
#define SPOOL_RUN_H

#include <stdbool.h>

#include "base/err.h"
#include "spool/spool.h"

/*
 * Make sure that we hold a directory in run: s->mine_fd, locked. Takes the
 * first one of our names that nobody holds, and puts back what a dead process
 * left in it. Returns 0, or -1 with *err.
 */
int	run_ready(struct spool *s, struct err *err);

/* The names of directories in run: "0", "1", ...; of the guest with the uid
 * 1000 "1000-0", "1000-1", ... */
bool	run_name_valid(const char *name);

/*
 * An administrator may have removed our directory while it was empty. To be
 * asked after ENOENT: returns true when that is so; run_ready() makes another.
 */
bool	run_lost(struct spool *s);

/* Bring run/RUN's own name, or what is in it too, to stable storage. */
int	run_sync_name(struct spool *s, struct err *err);
int	run_sync(struct spool *s, struct err *err);

/* Give it up: let the lock go; the directory stays for the next process. */
void	run_close(struct spool *s);

#endif
