/*
 * Shared by dispatch.c (the loop, workers), dispatch_dns.c (targets become
 * sites) and dispatch_auth.c (sites that want a credential); nobody else
 * includes it.
 */
#ifndef DELIVER_DISPATCH_IMPL_H
#define DELIVER_DISPATCH_IMPL_H

#include "base/strmap.h"
#include "deliver/dispatch.h"
#include "deliver/line.h"
#include "deliver/lookup.h"
#include "deliver/site.h"
#include "deliver/target.h"
#include "deliver/worker.h"

/* What a target is to the dispatcher: unknown, or a site, or a failure. */
struct target {
	char	*name;			/* owned; target_name() */
	char	*domain;		/* owned; of its first forward-path */
	struct way way;
	bool	 known;
	struct site *site;		/* when known and not failed */
	struct outcome *failure;	/* when known and site is NULL; owned */
	time_t	 not_before;		/* DNS failures have a memory as well */
	struct task_list waiting;	/* while it is unknown */
};

/* A target to be looked up. */
struct question {
	struct target *target;
	size_t	 turn;			/* its place among those of one user */
	size_t	 place;			/* among all */
};

struct dispatch {
	struct spool *spool;
	const struct delivery *how;
	const struct dispatch_owner *owner;
	struct mx_self self;		/* when self_known */
	bool	 self_known;

	struct strmap targets;		/* name -> struct target */
	struct question *ask;		/* targets to be looked up; owned */
	size_t	 nask, ask_cap;
	struct strmap turns;		/* uid -> how many of them are his */
	struct lookup lookup;
	int64_t	 first_ask_ms;		/* when the first of ask came */
	int64_t	 asked_ms;		/* when the lookup began */

	struct strmap sites;		/* key -> struct site */
	unsigned nremembered;		/* new files of sites/ */
	struct lines lines;		/* sites with tasks and room */
	bool	 more;			/* the owner will bring more items */
	struct site **asking;		/* a child finds out their credential */
	size_t	 nasking, asking_cap;

	struct worker *workers;		/* how->jobs of them */
	size_t	 nworker;		/* running */
	pid_t	*leaving;		/* say goodbye to their servers; at most
					 * how->jobs */
	size_t	 nleaving;

	struct item **items;		/* not settled; sparse order */
	size_t	 nitem, item_cap;
	size_t	 npath;			/* forward-paths of them */
	struct item **ready;		/* decided, to be settled */
	size_t	 nready, ready_cap;
};

/* Into the dialogue (-v), what was decided without one. */
void	dispatch_trace(const struct dispatch *, const char *about,
	    const char *text);

/* Keep what is remembered of a site, or of a target without one, unless it is
 * a guest's, or there are too many new ones in one run. */
void	dispatch_remember(struct dispatch *, const char *key,
	    const struct site_memory *);

/* A site that has just failed as a whole: note in the row whether that has
 * gone on for too long (not at the row's first attempt). */
void	dispatch_cut_off(const struct site *, struct item *, size_t rcpt);

/* Put a site with tasks into its line. */
void	dispatch_line_up(struct dispatch *, struct site *);

/* Decide one forward-path. */
void	dispatch_decide(struct dispatch *, struct item *, size_t rcpt,
	    const struct outcome *, time_t due);

/* Leave one forward-path for later without an attempt. */
void	dispatch_skip(struct dispatch *, struct item *, time_t due);

/* The site failed as a whole, and what waits for it with it. */
void	dispatch_site_fails(struct dispatch *, struct site *,
	    const struct outcome *);

/* A forward-path of an item is to find its way. */
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

/*
 * Has the site what its server wants to see of us? Begins to find it out when
 * it has not been; a site for which that takes a while comes back into the
 * line by dispatch_auth_read(), one for which it fails has failed.
 */
bool	dispatch_auth_ready(struct dispatch *, struct site *);

/* Look at what the children say of the sites that ask. */
void	dispatch_auth_read(struct dispatch *);

/*
 * Refusals are remembered apart from other failures, for each endpoint: whoever
 * goes on to show a password that was refused is locked out, even if each
 * message is a new one, and even if another endpoint takes it. Note one, in its
 * own words; find them; forget that of the endpoint that has just taken a
 * message.
 */
void	dispatch_auth_note(struct dispatch *, struct site *, size_t endpoint,
	    const struct outcome *);
void	dispatch_auth_recall(struct dispatch *, struct site *);
void	dispatch_auth_forget(struct dispatch *, struct site *,
	    const struct outcome *);

/* No endpoint is left that has not refused us lately: the forward-path is
 * deferred with its words, and true is returned. */
bool	dispatch_auth_spares(struct dispatch *, struct site *, struct item *,
	    size_t rcpt);

/*
 * The server did not accept it. Returns true when another may be had: the site
 * is then as one that never asked.
 */
bool	dispatch_auth_refused(struct dispatch *, struct site *);

#endif
