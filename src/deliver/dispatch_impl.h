/*
 * Shared by dispatch.c (the loop, workers) and dispatch_dns.c (domains become
 * sites); nobody else includes it.
 */
#ifndef DELIVER_DISPATCH_IMPL_H
#define DELIVER_DISPATCH_IMPL_H

#include "base/strmap.h"
#include "deliver/dispatch.h"
#include "deliver/lookup.h"
#include "deliver/site.h"
#include "deliver/worker.h"

/* What a domain is to the dispatcher: unknown, or a site, or a failure. */
struct domain {
	char	*name;			/* owned */
	bool	 known;
	struct site *site;		/* when known and not failed */
	struct outcome failure;		/* when known and site is NULL */
	time_t	 not_before;		/* DNS failures have a memory as well */
	struct task_list waiting;	/* while it is unknown */
};

/* A name to be looked up. */
struct question {
	const char *name;		/* the domain's */
	size_t	 turn;			/* its place among those of one user */
	size_t	 place;			/* among all */
};

struct dispatch {
	struct spool *spool;
	const struct delivery *how;
	const struct dispatch_owner *owner;
	struct mx_self self;		/* when self_known */
	bool	 self_known;

	struct strmap domains;		/* name -> struct domain */
	struct question *ask;		/* names to be looked up; owned */
	size_t	 nask, ask_cap;
	struct strmap turns;		/* uid -> how many of them are his */
	struct lookup lookup;
	int64_t	 asked_ms;		/* when the lookup began */

	struct strmap sites;		/* key -> struct site */
	struct site *first_ready, **last_ready;

	struct worker *workers;		/* how->jobs of them */
	size_t	 nworker;		/* running */
	pid_t	*leaving;		/* say goodbye to their servers; at most
					 * how->jobs */
	size_t	 nleaving;

	struct item **items;		/* not settled; sparse order */
	size_t	 nitem, item_cap;
	struct item **ready;		/* decided, to be settled */
	size_t	 nready, ready_cap;
};

/* Put a site with tasks into the line. */
void	dispatch_line_up(struct dispatch *, struct site *);

/* Decide one forward-path. */
void	dispatch_decide(struct dispatch *, struct item *, size_t rcpt,
	    const struct outcome *, time_t due);

/* Leave one forward-path for later without an attempt. */
void	dispatch_skip(struct dispatch *, struct item *, time_t due);

/* A forward-path of an item needs its domain's way. */
void	dispatch_dns_add(struct dispatch *, struct item *, size_t rcpt);

/*
 * Put the questions in order: users take turns, so that one with many names
 * that do not answer delays nobody else's.
 */
void	dispatch_dns_sort(struct dispatch *);

/* Start a lookup when there are questions and none is running. */
void	dispatch_dns_start(struct dispatch *);

/* Take the answers that have come. */
void	dispatch_dns_read(struct dispatch *);

/* May workers start: is everything resolved, or was it waited long enough? */
bool	dispatch_dns_ready(const struct dispatch *);

void	dispatch_dns_free(struct dispatch *);

#endif
