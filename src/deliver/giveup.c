#include "config.h"

#include "deliver/giveup.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/bounce.h"
#include "deliver/item.h"
#include "deliver/words.h"

/* Reports that are delivered together. */
#define GIVEUP_REPORTS 100

/* RFC 3463 knows of no operator. */
#define GIVEUP_STATUS "5.0.0"

static void
settled(void *arg, struct item *item)
{
	struct giveup *g = arg;

	settle_item(&g->settle, item);
}

void
giveup_init(struct giveup *g, struct spool *spool, const struct delivery *how,
    const char *by)
{
	*g = (struct giveup){ .spool = spool, .how = how, .by = by,
		.settle = { .spool = spool, .how = how },
		.owner = { .arg = g, .settled = settled } };
	g->settle.dispatch = dispatch_new(spool, how, &g->owner);
}

void
giveup_release(struct giveup *g)
{
	dispatch_free(g->settle.dispatch);
	g->settle.dispatch = NULL;
}

/* What is open will have failed; will anybody want to hear of this one? */
static bool
is_wanted(const struct rcpt *rcpt)
{
	return rcpt_is_open(rcpt) && settle_wants_failure(rcpt);
}

/* As settle_bounce() finds it. */
static bool
has_reader(const struct giveup *g, const struct envelope *env)
{
	const char *other = g->how->double_bounce;

	if (env->reverse_path[0] != '\0')
		return true;
	for (size_t i = 0; other != NULL && i < env->nrcpt; i++)
		if (is_wanted(&env->rcpts[i]) &&
		    strcmp(env->rcpts[i].path, other) == 0)
			return false;
	return other != NULL;
}

int
giveup_check(const struct giveup *g, struct entry *entry, struct err *err)
{
	const struct envelope *env = &entry->env;
	size_t i = 0;
	int allowed;

	if (!has_reader(g, env))
		return err_set(err, ERR_PERM, NULL,
		    "it has no sender to return it to");
	while (i < env->nrcpt && !is_wanted(&env->rcpts[i]))
		i++;
	/* there will be no report, and none is missed */
	if (i == env->nrcpt)
		return 0;
	allowed = bounce_allowed(g->spool, entry, err);
	if (allowed == 0)
		return err_set(err, ERR_PERM, NULL, "it is the end of a chain "
		    "of reports about reports, and of that nobody is told");
	return allowed < 0 ? -1 : 0;
}

/* What the sender reads: who has done it, and why it was not delivered. */
static void
outcome_of(void *arg, const struct entry *entry, size_t row,
    struct outcome *o)
{
	const struct giveup *g = arg;
	const struct rcpt *rcpt = &entry->env.rcpts[row];
	struct buf text = { 0 };

	buf_printf(&text, "given up by %s before its time", g->by);
	if (rcpt->text != NULL && rcpt->host != NULL)
		buf_printf(&text, "; the last attempt: %s (%s %s)",
		    rcpt->text, rcpt_host_word(rcpt), rcpt->host);
	else if (rcpt->text != NULL)
		buf_printf(&text, "; the last attempt: %s", rcpt->text);
	*o = (struct outcome){ .kind = OUTCOME_FAILED,
		.status = GIVEUP_STATUS };
	str_copy(o->text, sizeof(o->text), buf_str(&text));
	str_sanitise(o->text);
	buf_release(&text);
}

/* How old the message is. */
static double
age_s(const struct entry *entry)
{
	return (double)(clock_wall() - entry->env.arrived_s);
}

/* Rows that are not final; the caller frees them. */
static size_t *
open_rows(const struct envelope *env, size_t *n)
{
	size_t *rows = xcalloc(env->nrcpt, sizeof(*rows));

	*n = 0;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state != OUTCOME_DELIVERED &&
		    env->rcpts[i].state != OUTCOME_FAILED)
			rows[(*n)++] = i;
	return rows;
}

/* From the envelope, which has been told. */
static void
log_rows(const struct entry *entry, const size_t *rows, size_t n)
{
	struct outcome o = { .kind = OUTCOME_FAILED };

	for (size_t i = 0; i < n; i++) {
		const struct rcpt *rcpt = &entry->env.rcpts[rows[i]];

		str_copy(o.status, sizeof(o.status), rcpt->status);
		str_copy(o.text, sizeof(o.text), rcpt->text);
		words_attempt(entry, rows[i], &o, age_s(entry));
	}
}

int
giveup_record(struct giveup *g, struct entry *entry, struct err *err)
{
	size_t n, *rows = open_rows(&entry->env, &n);
	int rc = entry_record_all(g->spool, entry, rows, n, outcome_of, g,
	    clock_wall(), err);

	if (rc == 0)
		log_rows(entry, rows, n);
	free(rows);
	return rc;
}

void
giveup_settle(struct giveup *g, struct entry *entry)
{
	settle_item(&g->settle, item_new(entry));
	if (dispatch_unsettled(g->settle.dispatch) >= GIVEUP_REPORTS)
		giveup_finish(g);
}

void
giveup_finish(struct giveup *g)
{
	dispatch_run(g->settle.dispatch, 0);
}
