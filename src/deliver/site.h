/*
 * A site: all domains whose mail goes to the same set of MX hosts, or all mail
 * that goes through the same smarthost. Domains are resolved first and then
 * grouped, so that one connection serves them all, and limits mean what people
 * think they mean.
 */
#ifndef DELIVER_SITE_H
#define DELIVER_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "deliver/credential.h"
#include "deliver/item.h"
#include "deliver/route.h"
#include "net/mx.h"
#include "spool/sites.h"

/* One forward-path of one message on its way to a site. */
struct task {
	struct item *item;
	uint32_t rcpt;		/* row of the envelope */
};

struct task_list {
	struct task *v;		/* owned */
	size_t	 n;
	size_t	 cap;
};

void	task_add(struct task_list *, struct item *, size_t rcpt);
void	task_list_release(struct task_list *);

struct site {
	char	*key;		/* owned; see site_key() */
	struct mx_host *hosts;	/* owned; in the order to be tried */
	size_t	 nhost;
	enum way_kind way;	/* of all that goes there */
	const struct account *account;	/* its host name, source address; of a
				 * smarthost, everything */
	struct credential credential;	/* of a smarthost */
	bool	 asked_again;	/* for one that the server may like better */
	struct task_list tasks;	/* from next on: not yet given to a worker */
	size_t	 next;
	size_t	 messages;	/* in tasks from next on, about */
	int64_t	 since_ms;	/* clock_ms() when the first of them came */
	bool	 sorted;	/* tasks from next on are grouped by message */
	unsigned workers;	/* at it now */
	unsigned most;		/* of them; 0: it has set no limit yet */
	struct site_memory memory;
	struct site_memory *refusals;	/* of our credential, by endpoint of the
					 * account; owned; NULL: no smarthost */
	unsigned refused;		/* those not to be tried now, as bits */
	bool	 down;		/* failed as a whole in this run */
	struct outcome *failure; /* when it is down: why; owned */
	bool	 waiting;	/* is in a line of line.h; which, next one */
	size_t	 line;
	struct site *next_ready;
};

/*
 * Append what names a site: its hosts by preference, equal ones by name
 * ("mx a.example b.example;c.example"), with " from NAME" where the account
 * makes a difference; "host a.example:25"; for a smarthost its URLs as they are
 * set, whatever the DNS says today, and the state of the files that it is
 * opened with: who mends a password need not wait for the next attempt.
 */
void	site_key(const struct way *, const struct mx_answer *,
	    struct buf *out);

/* The same for what is remembered of one endpoint's refusal. */
void	site_refusal_key(const char *key, size_t endpoint, struct buf *out);

/* Copies the hosts of the answer; the account stays the caller's. */
struct site *site_new(const char *key, const struct way *,
	    const struct mx_answer *);
void	site_free(struct site *);

/* Add a task at the end. */
void	site_add(struct site *, struct item *, size_t rcpt);

/* Tasks that no worker has yet. */
size_t	site_left(const struct site *);

/*
 * Cut off the next load for one worker: tasks of at most max messages,
 * grouped by message. Returns the first; *n is their number (> 0 when
 * site_left() is). Valid until site_add().
 */
const struct task *site_load(struct site *, unsigned max, size_t *n);

/* Put the load that was cut off last back. */
void	site_unload(struct site *, size_t n);

#endif
