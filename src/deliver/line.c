#include "config.h"

#include "deliver/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Users are few. */
static size_t
line_of(struct lines *l, uint32_t uid)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].uid == uid)
			return i;
	l->v = xgrow(l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n] = (struct line){ .uid = uid };
	return l->n++;
}

void
lines_put(struct lines *l, struct site *site)
{
	const struct task *first = &site->tasks.v[site->next];
	struct line *line;

	site->line = line_of(l, first->item->entry.env.uid);
	site->waiting = true;
	site->next_ready = NULL;
	line = &l->v[site->line];
	if (line->first == NULL)
		line->first = site;
	else
		line->last->next_ready = site;
	line->last = site;
}

static bool
goes_before(const struct line *a, const struct line *b)
{
	if (a->workers != b->workers)
		return a->workers < b->workers;
	return a->served < b->served;
}

struct site *
lines_take(struct lines *l, unsigned most, lines_ripe_fn *ripe,
    const void *arg)
{
	struct line *best = NULL;
	struct site *site;
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct line *line = &l->v[i];

		if (line->first != NULL && line->workers < most &&
		    (best == NULL || goes_before(line, best)) &&
		    ripe(arg, line->first))
			best = line;
	}
	if (best == NULL)
		return NULL;
	best->served = ++l->turn;
	site = best->first;
	best->first = site->next_ready;
	site->waiting = false;
	return site;
}

size_t
lines_join(struct lines *l, const struct site *site)
{
	l->v[site->line].workers++;
	return site->line;
}

void
lines_leave(struct lines *l, size_t line)
{
	l->v[line].workers--;
}

void
lines_release(struct lines *l)
{
	free(l->v);
	memset(l, 0, sizeof(*l));
}
