/*
 * Messages that somebody gives up before their time: what is not delivered has
 * failed, the sender gets the report, and the message goes.
 *
 *	giveup_check(), giveup_record(), giveup_settle() for each of them,
 *	giveup_finish()
 *
 * Once it is recorded it will happen, whatever dies in between: a flush finds
 * failures that were not reported.
 */
#ifndef DELIVER_GIVEUP_H
#define DELIVER_GIVEUP_H

#include <stdbool.h>

#include "deliver/delivery.h"
#include "deliver/settle.h"
#include "spool/spool.h"

struct giveup {
	struct spool *spool;
	const struct delivery *how;
	const char *by;			/* who does it, in words */
	struct settle settle;
	struct dispatch_owner owner;
};

/* All are kept by reference, and so is the struct itself, until
 * giveup_release(). */
void	giveup_init(struct giveup *, struct spool *, const struct delivery *,
	    const char *by);
void	giveup_release(struct giveup *);

/*
 * Is there somebody to be told, who wants to be? A null reverse-path has
 * nobody, unless delivery.double_bounce is set and it is not that who cannot be
 * reached; and at the end of a chain of reports (bounce_allowed()) nobody is.
 *
 * Returns 0, or -1 with *err: ERR_PERM nobody; ERR_TEMP the header cannot be
 * read.
 */
int	giveup_check(const struct giveup *, struct entry *, struct err *);

/* Record that all that is open has failed, in the journal of an entry that was
 * claimed or is in hand (spool/held.h): all of it or nothing. Returns 0, or -1
 * with *err. */
int	giveup_record(struct giveup *, struct entry *, struct err *);

/* Make the report and remove the entry, which was claimed; takes it. What goes
 * wrong is logged, and the next flush tries again. */
void	giveup_settle(struct giveup *, struct entry *);

/* Deliver the reports. */
void	giveup_finish(struct giveup *);

#endif
