#include "config.h"

#include "cmd/queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/xalloc.h"

const char *
queue_place_name(enum spool_place place)
{
	switch (place) {
	case PLACE_RUN:
		return "active";
	case PLACE_HOLD:
		return "hold";
	case PLACE_DAMAGED:
		return "damaged";
	case PLACE_QUEUE:
		break;
	}
	return "deferred";
}

bool
queue_is_mine(const struct entry *entry)
{
	return !process_serves_guest() || entry->env.uid == getuid();
}

struct walk {
	struct spool *spool;
	struct select *select;
	struct queue_row *rows;
	size_t	 n, cap;
	struct strlist runs;	/* directories in run, by seen_in */
	queue_walk_fn *fn;
	void	*arg;
};

/* The one that the scan is in. It tells all that is in one, then of another. */
static unsigned
run_seen(struct walk *w)
{
	const char *name = w->spool->seen_in;

	if (w->runs.n == 0 || strcmp(w->runs.v[w->runs.n - 1], name) != 0)
		strlist_add(&w->runs, name);
	return (unsigned)w->runs.n - 1;
}

static bool
collect(void *arg, const char *id, enum spool_place place, time_t due)
{
	struct walk *w = arg;

	if (!select_could(w->select, id, place))
		return true;
	w->rows = xgrow(w->rows, w->n, &w->cap, sizeof(*w->rows));
	str_copy(w->rows[w->n].id, SPOOL_ID_MAX, id);
	w->rows[w->n].place = place;
	w->rows[w->n].seen_in = place == PLACE_RUN ? run_seen(w) : 0;
	w->rows[w->n++].due = due;
	return true;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct queue_row *)a)->id,
	    ((const struct queue_row *)b)->id);
}

static int
look_where_seen(struct walk *w, const struct queue_row *row,
    struct entry *entry, struct err *err)
{
	if (row->place == PLACE_RUN)
		return spool_peek_run(w->spool, row->id,
		    w->runs.v[row->seen_in], entry, err);
	return spool_peek(w->spool, row->id, row->place, entry, err);
}

/* Returns as spool_peek(). What has moved since it was seen is looked for where
 * it may have gone, but not when it was seen there as well. */
static int
look(struct walk *w, size_t i, struct entry *entry, struct err *err)
{
	static const enum spool_place places[] = { PLACE_RUN, PLACE_QUEUE,
		PLACE_HOLD, PLACE_DAMAGED };
	struct queue_row *row = &w->rows[i];
	int rc = look_where_seen(w, row, entry, err);

	if (rc != 0 || (i > 0 && strcmp(row[-1].id, row->id) == 0) ||
	    (i + 1 < w->n && strcmp(row[1].id, row->id) == 0))
		return rc;
	for (size_t p = 0; rc == 0 && p < sizeof(places) / sizeof(places[0]);
	    p++) {
		rc = spool_peek(w->spool, row->id, places[p], entry, err);
		row->place = places[p];
	}
	return rc;
}

static void
visit(struct walk *w, size_t i)
{
	struct queue_row *row = &w->rows[i];
	struct entry entry = { .fd = -1 };
	struct err err;
	int rc = look(w, i, &entry, &err);

	if (rc > 0 && queue_is_mine(&entry) &&
	    select_fits(w->select, &entry, row->place)) {
		select_seen(w->select, row->id);
		w->fn(w->arg, row, &entry, NULL);
	} else if (rc < 0 && !process_serves_guest() &&
	    select_fits_damaged(w->select, row->id)) {
		select_seen(w->select, row->id);
		w->fn(w->arg, row, NULL, &err);
	}
	entry_release(&entry);
}

int
queue_walk(struct spool *spool, struct select *select, queue_walk_fn *fn,
    void *arg, struct err *err)
{
	struct walk w = { .spool = spool, .select = select, .fn = fn,
		.arg = arg };
	int rc = spool_scan(spool, collect, &w, err);

	if (w.n > 0)
		qsort(w.rows, w.n, sizeof(*w.rows), by_id);
	for (size_t i = 0; i < w.n; i++)
		visit(&w, i);
	free(w.rows);
	strlist_release(&w.runs);
	return rc;
}

static bool
count(void *arg, const char *id, enum spool_place place, time_t due)
{
	size_t *n = arg;

	(void)id;
	(void)due;
	*n += place != PLACE_DAMAGED;
	return true;
}

int
queue_count(struct spool *spool, size_t *n, struct err *err)
{
	*n = 0;
	return spool_scan(spool, count, n, err);
}
