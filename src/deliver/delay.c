#include "config.h"

#include "deliver/delay.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "deliver/bounce.h"
#include "deliver/words.h"

static bool
wants_warning(const struct delivery *how, const struct rcpt *rcpt)
{
	if (rcpt->state != OUTCOME_DEFERRED || rcpt->warned)
		return false;
	return rcpt->notify == 0 ? how->delay_warning_s > 0 :
	    (rcpt->notify & NOTIFY_DELAY) != 0;
}

/* The rows to tell of; the caller frees them. */
static size_t *
find_rows(const struct delivery *how, const struct envelope *env, size_t *n)
{
	size_t *rows = xcalloc(env->nrcpt, sizeof(*rows));

	*n = 0;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (wants_warning(how, &env->rcpts[i]))
			rows[(*n)++] = i;
	return rows;
}

time_t
delay_due(const struct delivery *how, const struct envelope *env)
{
	time_t due = env->arrived_s + (how->delay_warning_s > 0 ?
	    (time_t)how->delay_warning_s : DELAY_ASKED_S);

	if (env->reverse_path[0] == '\0' || due >= env->expires_s)
		return 0;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (wants_warning(how, &env->rcpts[i]))
			return due;
	return 0;
}

static void
complain(const struct item *item, const struct err *err)
{
	log_line(LOG_LEVEL_ERROR, "qmgr", "%s: %s", item->entry.id,
	    err->text);
}

/* Made and noted; returns 1, 0 when there may be none, -1 with *err and nothing
 * made. */
static int
make(struct settle *s, struct item *item, const size_t *rows, size_t n,
    struct entry *dsn, struct err *err)
{
	struct entry *entry = &item->entry;
	int allowed = bounce_allowed(s->spool, entry, err);
	struct err ignored;

	if (allowed <= 0)
		return allowed;
	if (bounce_make(s->spool, s->how, DSN_DELAYED, entry, rows, n,
	    entry->env.reverse_path, dsn, err) < 0)
		return -1;
	/* on disk, or a power cut behind its delivery makes another one */
	if (entry_record_warned(s->spool, entry, rows, n, err) == 0 &&
	    entry_promise(s->spool, entry, err) == 0)
		return 1;
	(void)entry_complete(s->spool, dsn, &ignored);
	entry_release(dsn);
	return -1;
}

void
delay_warn(struct settle *s, struct item *item)
{
	time_t due = delay_due(s->how, &item->entry.env);
	struct entry dsn = { .fd = -1 };
	struct err err;
	size_t n, *rows;
	int made;

	if (due == 0 || clock_wall() < due)
		return;
	rows = find_rows(s->how, &item->entry.env, &n);
	made = make(s, item, rows, n, &dsn, &err);
	if (made < 0)
		complain(item, &err);
	if (made > 0) {
		words_warned(&item->entry, dsn.id);
		words_queued(&dsn);
		settle_send_dsn(s, &dsn);
	}
	free(rows);
}
