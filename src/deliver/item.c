#include "config.h"

#include "deliver/item.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/xalloc.h"
#include "spool/retry.h"

struct item *
item_new(struct entry *entry)
{
	struct item *item = xcalloc(1, sizeof(*item));

	item->reader = -1;
	item->entry = *entry;
	item->utf8 = envelope_needs_utf8(&entry->env);
	item->born_ms = clock_ms();
	/* arrival is kept in whole seconds: one second may be none */
	item->age_s = clock_wall() - entry->env.arrived_s;
	if (item->age_s <= 1)
		item->age_s = 0;
	*entry = (struct entry){ .fd = -1 };
	return item;
}

void
item_free(struct item *item)
{
	if (item == NULL)
		return;
	entry_release(&item->entry);
	free(item->relayed);
	free(item);
}

double
item_age_s(const struct item *item)
{
	return (double)item->age_s +
	    (double)(clock_ms() - item->born_ms) / 1000.0;
}

void
item_relayed(struct item *item, size_t rcpt)
{
	item->relayed = xgrow(item->relayed, item->nrelayed,
	    &item->relayed_cap, sizeof(*item->relayed));
	item->relayed[item->nrelayed++] = rcpt;
}

void
item_due(struct item *item, time_t due)
{
	const struct envelope *env = &item->entry.env;

	due = retry_in_life(due, clock_wall(), env->arrived_s, env->expires_s,
	    process_random_below(10000));
	if (item->due == 0 || due < item->due)
		item->due = due;
}
