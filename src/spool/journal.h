/*
 * The journal of an entry: what became of its forward-paths, a line each,
 * appended to the file as it becomes known; and what somebody did with the
 * entry. Recording costs one write(2) whatever the number of forward-paths.
 *
 *	delivered|deferred|failed ROW TIME CODE STATUS HOST TEXT CRC
 *	reported|warned ROW CRC
 *	held|released|requeued TIME UID CRC
 *
 * ROW counts the envelope's "to" lines from 0. CRC is of the line before it,
 * its blank included, going on from the CRC of the envelope, so that a line
 * that a disk has brought here from another entry does not count.
 *
 * Losing a record costs a duplicate; a wrong one costs the mail. So a line
 * counts only with its CRC, and what has none is forgiven only where a crash
 * leaves such things:
 *
 *	at the end	What has no line end was being written: it counts as
 *			not written. It is cut off before the next line is
 *			appended, hence there is none elsewhere.
 *	around zeros	After a power cut, octets that never reached the disk
 *			read as NUL, up to the end of a disk block, where
 *			lines that did may follow. Those lines count.
 *
 * Any other bad line is damage, and a person has to look at the entry.
 */
#ifndef SPOOL_JOURNAL_H
#define SPOOL_JOURNAL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "spool/event.h"

/* Append a line to out. kind is one of the three above, or of the last three:
 * what a user has done. */
void	journal_outcome(struct buf *out, uint32_t seed, size_t row,
	    const struct outcome *, time_t now);
void	journal_reported(struct buf *out, uint32_t seed, size_t row);
void	journal_warned(struct buf *out, uint32_t seed, size_t row);
void	journal_deed(struct buf *out, uint32_t seed, enum event_kind,
	    uint32_t uid, time_t now);

/*
 * Append the lines that say how an envelope's forward-paths stand already.
 */
void	journal_carry(struct buf *out, uint32_t seed,
	    const struct envelope *);

/*
 * Parse one line (n bytes without its end). Returns 1; 0 when its CRC is
 * wrong; -1 when it is right and the line means nothing.
 */
int	journal_parse(const char *line, size_t n, uint32_t seed,
	    struct event *);

/* Note it in the envelope, which has that row. */
void	journal_apply(const struct event *, struct envelope *);

/*
 * Read the whole journal: from at to the end of the file. fn is told of each
 * line that counts.
 *
 * nrcpt  of the envelope: rows are below.
 * end    set to behind the last line that counts.
 *
 * Returns 0, or -1 with *err (ERR_DATA damaged, ERR_TEMP cannot be read).
 */
typedef void journal_fn(void *arg, const struct event *);
int	journal_read(int fd, uint64_t at, uint32_t seed, size_t nrcpt,
	    journal_fn *fn, void *arg, uint64_t *end, struct err *);

#endif
