#include "config.h"

#include "deliver/item.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct item *
item_new(struct entry *entry)
{
	struct item *item = xcalloc(1, sizeof(*item));

	item->reader = -1;
	item->entry = *entry;
	*entry = (struct entry){ .fd = -1 };
	return item;
}

void
item_free(struct item *item)
{
	if (item == NULL)
		return;
	entry_release(&item->entry);
	free(item);
}

void
item_due(struct item *item, time_t due)
{
	if (item->due == 0 || due < item->due)
		item->due = due;
}
