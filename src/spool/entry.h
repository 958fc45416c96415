/*
 * The file of an entry, for the other files of this floor. Its parts, one
 * behind the other:
 *
 *	head		HEAD_LEN bytes (head.h)
 *	message		CRLF lines, not dot-stuffed
 *	envelope	lines of text (envtext.h)
 *	journal		lines of text, appended (journal.h)
 *
 * The verbs for everybody are in spool.h.
 */
#ifndef SPOOL_ENTRY_H
#define SPOOL_ENTRY_H

#include "base/err.h"
#include "spool/spool.h"

/*
 * Read head, envelope and journal of an open file into e: env, message_at,
 * end, seed, torn. The message is not read (entry_verify()).
 *
 * Returns 0, or -1 with *err (ERR_DATA damaged, ERR_TEMP cannot be read);
 * e is to be released either way.
 */
int	entry_load(int fd, struct entry *e, struct err *err);

/* fsync the file; a failure is remembered. Returns 0, or -1 with *err. */
int	entry_sync(struct spool *s, struct entry *e, struct err *err);

#endif
