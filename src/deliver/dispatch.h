/*
 * The dispatcher: who runs when.
 *
 * Entries go in; their forward-paths are resolved in a child, grouped into
 * sites, and handed to workers, at most delivery.jobs at a time. Every outcome
 * is written to the entry's journal as it comes, logged, and told to the
 * owner. When all forward-paths of an entry are decided for this pass, the
 * owner is told that it is settled, and does with it what its mode asks for
 * (settle.h).
 *
 * The dispatcher never reads a byte from the network; what its children say is
 * bounded and checked.
 */
#ifndef DELIVER_DISPATCH_H
#define DELIVER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/delivery.h"
#include "deliver/item.h"
#include "mail/outcome.h"
#include "spool/spool.h"

struct dispatch;

struct dispatch_owner {
	void	*arg;
	/* One outcome, already recorded and logged; NULL to go without. */
	void	(*outcome)(void *arg, struct item *, size_t rcpt,
		    const struct outcome *);
	/* Nothing of the item is pending any more; the owner has it now. */
	void	(*settled)(void *arg, struct item *);
	/* Called while there is room for more items: add some, or return false
	 * when there are none left. NULL to go without. */
	bool	(*more)(void *arg);
	/* What more brings may be of several users, who share the workers. */
	bool	many_users;
};

/* Items that are in hand at the same time, when the owner brings more, and
 * their forward-paths, about: memory is for these. */
#define DISPATCH_WINDOW 4000
#define DISPATCH_PATHS 100000

/* All are kept by reference until dispatch_free(). */
struct dispatch *dispatch_new(struct spool *, const struct delivery *,
	    const struct dispatch_owner *);

/* Frees; items that were not settled are the owner's to look after. */
void	dispatch_free(struct dispatch *);

/*
 * Add a claimed entry: every forward-path that is neither delivered nor failed
 * is attempted. May be called from owner->settled. The item stays the
 * dispatcher's until it is settled.
 */
void	dispatch_add(struct dispatch *, struct item *);

/*
 * Work until everything is settled, or until clock_ms() is deadline (0: no
 * deadline) and the owner has no more, or *delivery.stop is set.
 *
 * Returns true when everything is settled. Otherwise it can be called again,
 * also from a forked copy of the process.
 */
bool	dispatch_run(struct dispatch *, int64_t deadline);

/* Tell the owner of an outcome that was decided and recorded elsewhere. */
void	dispatch_tell(struct dispatch *, struct item *, size_t rcpt,
	    const struct outcome *);

/* How many items are not settled. */
size_t	dispatch_unsettled(const struct dispatch *);

/* Call fn for each item that is not settled. */
void	dispatch_each(struct dispatch *, void (*fn)(void *, struct item *),
	    void *arg);

#endif
