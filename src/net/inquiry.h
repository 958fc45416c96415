/*
 * One question of a resolver run: what was asked, what has come to light of
 * it, and the answer that is made of that. No locks here, and nothing is asked
 * here: the resolver does that, and brings what it hears.
 *
 * Of a domain the MX are asked for, of a place with srv its two SRV. They name
 * hosts, the candidates; other places are candidates from the start.
 */
#ifndef NET_INQUIRY_H
#define NET_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/hosts.h"
#include "net/mx.h"
#include "net/resolver.h"
#include "net/srv.h"

/* A host that will be in the answer when it has an address. */
struct candidate {
	struct host *host;
	uint16_t pref, port;
	uint8_t	 place;
	bool	 tls;
};

struct place {
	char	*name;		/* owned */
	uint16_t pref, port;
	bool	 srv;
	/* the rest is for srv only */
	uint8_t	 unheard;	/* questions without an answer so far */
	bool	 open;		/* its candidates are not known */
	bool	 denied;	/* a record says that there is no service */
	int64_t	 known_at;	/* clock_ms() of the first records; 0: none */
	struct srv_list targets;
	struct err *why;	/* owned; no candidates, or NULL */
};

enum inquiry_state { INQUIRY_NEW, INQUIRY_ASKED, INQUIRY_ANSWERED };

struct inquiry {
	char	*name;		/* owned; the domain */
	enum inquiry_state state;
	bool	 implicit;
	size_t	 open;		/* MX or places, candidates not known */
	struct candidate *host;	/* owned; by preference */
	size_t	 nhost, cap;
	struct place *place;	/* owned; NULL: the MX are asked for */
	size_t	 nplace;
	int64_t	 asked;		/* clock_ms() */
	int64_t	 deadline;
	size_t	 active;	/* for the resolver */
};

/* Fill *q, all zero before, with a copy of the question. */
void	inquiry_init(struct inquiry *, const struct resolver_question *);
void	inquiry_release(struct inquiry *);

/* Add a candidate; only where and how it is to be reached counts, and pref. */
void	inquiry_add(struct inquiry *, const struct candidate *);

/* Is a host of that name among the candidates? */
bool	inquiry_has(const struct inquiry *, const char *name);

/*
 * Keep what came of an SRV question of that place.
 *
 * answer  NULL: it failed as err says.
 */
void	inquiry_learn_srv(struct inquiry *, size_t place, enum srv_service,
	    const struct dns_answer *answer, const struct err *err);

/* Is enough known of an open place for its candidates? Both answers; or one,
 * and the other has been waited for long enough. */
bool	inquiry_srv_is_known(const struct place *, int64_t now);

/*
 * Close an open place: its targets are in order then, and may be used; none
 * are left when it says why.
 */
void	inquiry_close_srv(struct inquiry *, size_t place);

/*
 * Can it be answered? When all is known; when the time is over; or when the
 * best host has had an address for a while, and what is missing (often its
 * AAAA, at name servers that do not answer for what they do not know) shall
 * not hold up the mail.
 */
bool	inquiry_is_ready(const struct inquiry *, int64_t now);

/* Answer with what is known. *a is all zero before. */
void	inquiry_answer(const struct inquiry *, bool six_first,
	    struct mx_answer *);

#endif
