/*
 * Who sends: the command line, the settings and the header of a message may
 * each say so; envelope-from tells which of them counts. Then the address is
 * rewritten (mail/rewrite.h).
 *
 *	option		-f, else own
 *	header		-f, else the header's author, else own
 *	header-always	the header's author, else -f, else own
 *	fixed		from
 *
 * own is, of these the first: with --account, the first address among the
 * account's patterns; from; login@origin. "-f ''" and "-f '<>'" are the null
 * reverse-path, whatever is set.
 */
#ifndef CMD_SENDER_H
#define CMD_SENDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/options.h"
#include "cmd/settings.h"
#include "mail/message.h"

/* What is the same for all messages of one run. */
struct sender {
	const struct settings *settings;
	char	*own;		/* canonical; owned */
	char	*given;		/* where the header does not count, canonical;
				 * "" is null; owned */
	bool	 null;		/* asked for with -f */
	bool	 from_header;	/* the header counts */
};

/* Who sends one message. */
struct sending {
	struct buf path;	/* the reverse-path; "" is null */
	struct buf from;	/* for From: the same, or else his own */
	bool	 own;		/* from is the caller's own address */
};

/*
 * Look at the command line. Returns 0, or -1 with *err; the caller releases
 * either way. ERR_USAGE: no such account; ERR_DATA 5.1.7 and others: -f, or
 * login@origin, is no address.
 */
int	sender_init(struct sender *, const struct options *,
	    const struct settings *, const char *login, struct err *);
void	sender_release(struct sender *);

/*
 * Fill sending, all zero on entry; the caller releases it.
 *
 * m  complete as far as its header; NULL: as far as one can tell without.
 */
void	sender_find(const struct sender *, const struct message *m,
	    struct sending *);
void	sending_release(struct sending *);

#endif
