/*
 * Which way a forward-path goes (pure): the table of routes, the accounts.
 *
 *	route PATTERN... [from:PATTERN...] direct
 *	route PATTERN... [from:PATTERN...] smarthost [ACCOUNT]
 *	route PATTERN... [from:PATTERN...] host NAME[:PORT]
 *	route PATTERN... [from:PATTERN...] discard
 *	route PATTERN... [from:PATTERN...] refuse [[5.x.x] TEXT]
 *
 * A rule fits when one of its recipient patterns does (none: all do) and, with
 * from:, one of those. The first that fits counts. Where none does, mail goes
 * through the smarthost of the sender's account, or direct where it has none.
 */
#ifndef DELIVER_ROUTE_H
#define DELIVER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"
#include "deliver/account.h"

enum way_kind {
	WAY_DIRECT,		/* to the MX hosts of the domain */
	WAY_SMARTHOST,		/* through the account's smarthost */
	WAY_HOST,		/* to one host, as to an MX host */
	WAY_DISCARD,		/* accepted and thrown away */
	WAY_REFUSE,		/* failed, with the text */
	WAY_LATER		/* the settings do not tell now: deferred */
};

struct route {
	struct strlist to, from;	/* patterns; of to, none means all */
	enum way_kind kind;
	char	*account;	/* WAY_SMARTHOST: by name; NULL: by sender */
	char	*host;		/* WAY_HOST: name or IP address */
	uint16_t port;		/* WAY_HOST; 0: that of MX hosts */
	char	 status[12];	/* WAY_REFUSE: "5.7.1" */
	char	*text;		/* WAY_REFUSE; owned, never NULL then */
	char	*rule;		/* the line, for people: "FILE:LINE: ..." */
};

struct routing {
	struct account *accounts;	/* [0] is the one without a name */
	size_t	 naccount;
	struct route *routes;
	size_t	 nroute, route_cap;
};

/* The way of one forward-path; points into the routing. */
struct way {
	enum way_kind kind;
	const struct route *route;	/* NULL: no rule fitted */
	const struct account *account;	/* of the sender; never NULL */
	const struct account *global;	/* the one without a name */
	const char *missing;		/* WAY_LATER: an account was named that
					 * there is no more; or NULL */
	bool	 by_sender;		/* the account is one by its patterns */
};

/*
 * Parse one line of the table, without the word "route". where: "FILE:LINE".
 * Names of accounts are checked by routing_check(). Returns 0 and appends, or
 * -1 with *err (ERR_CONFIG).
 */
int	routing_add(struct routing *, const char *text, const char *where,
	    struct err *);

/* Does every rule name an account that there is, with a smarthost? Returns 0,
 * or -1 with *err (ERR_CONFIG, with the rule's place). */
int	routing_check(const struct routing *, struct err *);

/* The account of that name, or NULL. */
const struct account *routing_account(const struct routing *, const char *name);

/* The first account one of whose patterns fits the sender, or [0]. */
const struct account *routing_account_of(const struct routing *,
	    const char *reverse_path);

/*
 * Find the way.
 *
 * account  named when the message was sent (--account), or NULL; kept by
 *          reference in what it leads to.
 */
void	route_find(const struct routing *, const char *account,
	    const char *reverse_path, const char *forward_path, struct way *);

/* Why mail does not go there: *err is empty unless the way is WAY_REFUSE or
 * WAY_LATER. */
void	way_why(const struct way *, struct err *err);

void	routing_release(struct routing *);

#endif
