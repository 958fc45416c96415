#include "config.h"

#include "base/strlist.h"

#include <stdlib.h>

#include "base/xalloc.h"

void
strlist_add(struct strlist *list, const char *s)
{
	strlist_take(list, xstrdup(s));
}

void
strlist_take(struct strlist *list, char *s)
{
	list->v = xgrow(list->v, list->n, &list->cap, sizeof(list->v[0]));
	list->v[list->n++] = s;
}

void
strlist_release(struct strlist *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct strlist){ 0 };
}
