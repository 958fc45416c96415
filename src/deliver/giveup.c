#include "config.h"

#include "deliver/giveup.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
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

bool
giveup_possible(const struct giveup *g, const struct entry *entry)
{
	return entry->env.reverse_path[0] != '\0' ||
	    g->how->double_bounce != NULL;
}

/* What the sender reads: who has done it, and why it was not delivered. */
static void
outcome_of(const struct giveup *g, const struct rcpt *rcpt, struct outcome *o)
{
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

int
giveup_record(struct giveup *g, struct entry *entry, struct err *err)
{
	struct envelope *env = &entry->env;
	struct outcome o;

	for (size_t i = 0; i < env->nrcpt; i++) {
		if (env->rcpts[i].state == OUTCOME_DELIVERED ||
		    env->rcpts[i].state == OUTCOME_FAILED)
			continue;
		outcome_of(g, &env->rcpts[i], &o);
		if (entry_record(g->spool, entry, i, &o, clock_wall(),
		    err) < 0)
			return -1;
		words_attempt(entry, i, &o, age_s(entry));
	}
	return 0;
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
