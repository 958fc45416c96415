/*
 * An entry of hold/ in the hands of a command, where it is: its file is open
 * and locked, so that two commands do not deal with it at the same time, and a
 * process that dies leaves it held.
 *
 * Until entry_release() only these and entry_record(), entry_record_all(),
 * entry_record_deed(), entry_header(), entry_history() and entry_verify() may
 * be used on it.
 */
#ifndef SPOOL_HELD_H
#define SPOOL_HELD_H

#include "base/err.h"
#include "spool/spool.h"

/*
 * Take it in hand. out is to be released.
 *
 * Returns 1; 0 when it is gone; -1 with *err: ERR_DATA it is damaged, and is
 * in damaged/ then; ERR_TEMP another command has it, or it cannot be read.
 */
int	held_open(struct spool *, const char *id, struct entry *out,
	    struct err *);

/* Into queue/, due now; the entry's id is another where there is a copy. Not
 * on stable storage before spool_sync(). Returns 0, or -1 with *err. */
int	held_release(struct spool *, struct entry *, struct err *);

/* Away with it; as before, spool_sync(). Returns 0, or -1 with *err. */
int	held_remove(struct spool *, struct entry *, struct err *);

/*
 * Into run/RUN, as an entry that was claimed. It is no longer held, whatever
 * happens: what must not be lost, as that its forward-paths have failed, has
 * been recorded, and is synced by this. Returns 0, or -1 with *err.
 */
int	held_claim(struct spool *, struct entry *, struct err *);

#endif
