/*
 * Lines of the log about messages, in the form that tools for Postfix's log
 * read: "ID: to=<a@b>, relay=host[addr]:25, delay=1.2, delays=..., dsn=2.0.0,
 * status=sent (250 2.0.0 Ok)".
 */
#ifndef DELIVER_WORDS_H
#define DELIVER_WORDS_H

#include <stddef.h>
#include <sys/types.h>

#include "mail/outcome.h"
#include "spool/spool.h"

/* An entry was taken into the queue: from, size, number of recipients. */
void	words_queued(const struct entry *);

/* One attempt at one recipient; age_s: seconds since the message arrived. */
void	words_attempt(const struct entry *, size_t rcpt,
	    const struct outcome *, double age_s);

/* One recipient's time is over. */
void	words_expired(const struct entry *, size_t rcpt);

/* An entry is done with. */
void	words_removed(const struct entry *);

/* Somebody has done something with an entry: "held", "deleted". */
void	words_deed(const struct entry *, const char *deed, uid_t);

/* A DSN (id bounce_id) was made for an entry; one about a delay. */
void	words_bounced(const struct entry *, const char *bounce_id);
void	words_warned(const struct entry *, const char *dsn_id);

/* None was made, for it would go round in a circle. */
void	words_loop(const struct entry *);

#endif
