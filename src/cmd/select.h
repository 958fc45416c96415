/*
 * Which messages of the queue it is about: the operands of --flush, --queue,
 * --show and of all that manages the queue, and -qI, -qR and -qS.
 *
 *	ID, id:ID		this message; a mark of mailq may be behind it
 *	ADDRESS			messages to this recipient
 *	DOMAIN			messages to recipients at this domain
 *	from:PATTERN		by sender; from:<> is the null one, and so is
 *				from:MAILER-DAEMON
 *	to:PATTERN		by recipient (mail/pattern.h)
 *	domain:PATTERN		by recipient's domain
 *	site:PATTERN		by the host that recipients were last tried at
 *	older:TIME newer:TIME	by age: 90s, 2h, 5d
 *	status:WORD		deferred, held (or hold), active, damaged
 *	all			everything
 *
 * Of one kind, one of them has to fit; of each kind, one. The first three, and
 * id:, are one kind. What is said of recipients must hold for one and the same
 * who is not yet done with.
 */
#ifndef CMD_SELECT_H
#define CMD_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "cmd/options.h"
#include "spool/spool.h"

enum select_kind {
	SELECT_NAME,		/* id, address, domain */
	SELECT_TO, SELECT_DOMAIN, SELECT_SITE, SELECT_ONLY_RECIPIENT,
	SELECT_FROM, SELECT_OLDER, SELECT_NEWER, SELECT_STATUS,
	SELECT_ONLY_ID, SELECT_ONLY_SENDER, SELECT_KINDS
};

struct selector {
	enum select_kind kind;
	char	*text;		/* canonical; owned */
	bool	 is_id;		/* of SELECT_NAME */
	bool	 seen;		/* select_seen() */
	time_t	 age_s;
	enum spool_place place;
};

struct select {
	struct selector *v;
	size_t	 n, cap;
	bool	 asked;		/* something was said, be it "all" */
	time_t	 now;
};

/* Returns 0, or -1 with *err (ERR_USAGE: what is not understood). Release it
 * either way. */
int	select_init(struct select *, const struct options *, struct err *);
void	select_release(struct select *);

/* Could the message fit, as far as its place and its id tell? */
bool	select_could(const struct select *, const char *id,
	    enum spool_place);

bool	select_fits(const struct select *, const struct entry *,
	    enum spool_place);

/* One that cannot be read: only "all", its id and its status fit. */
bool	select_fits_damaged(const struct select *, const char *id);

/* Is it named by its id? */
bool	select_names(const struct select *, const char *id);

/* Note that there is such a message. And then: the next id that was named and
 * that no message has, from *i on; NULL when there is none. */
void	select_seen(struct select *, const char *id);
const char *select_missing(const struct select *, size_t *i);

#endif
