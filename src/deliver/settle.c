#include "config.h"

#include "deliver/settle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/bounce.h"
#include "deliver/delay.h"
#include "deliver/words.h"

/* After trouble of our own with an entry, it is looked at again then. */
#define TROUBLE_RETRY_S 300

#define DAY_S 86400

/* By the usual rule more than a fortnight. */
#define FUTURE_ATTEMPTS 100

static void
complain(const struct item *item, const struct err *err)
{
	log_line(LOG_LEVEL_ERROR, "qmgr", "%s: %s", item->entry.id,
	    err->text);
}

/* The end of waiting: it failed, but with the temporary status and the words
 * of the last attempt, which is what the sender wants to know (RFC 3463 2:
 * a temporary condition that went on has caused abandonment). */
static void
given_up(const struct rcpt *rcpt, struct outcome *o)
{
	bool temp = rcpt->status != NULL && rcpt->status[0] == '4';

	*o = (struct outcome){ .kind = OUTCOME_FAILED };
	str_copy(o->status, sizeof(o->status), temp ? rcpt->status : "4.4.7");
	str_copy(o->text, sizeof(o->text),
	    rcpt->text != NULL ? rcpt->text : "never tried");
	if (rcpt->host != NULL)
		str_copy(o->host, sizeof(o->host), rcpt->host);
}

/*
 * Was it too old before this pass, so that everything has been tried once more
 * (RFC 5321 4.5.4.1)? A message that comes from the future, by a clock that
 * was ahead, never is; enough is enough then, too. An attempt without a
 * network is none, and the machine may have slept for all of the time; but a
 * network that never comes is waited for twice as long, not for ever.
 */
static bool
is_over(const struct item *item, const struct rcpt *rcpt, time_t now)
{
	const struct envelope *env = &item->entry.env;
	time_t end = env->expires_s;

	if (env->arrived_s > now + DAY_S)
		return rcpt->attempts > FUTURE_ATTEMPTS;
	if (rcpt->status != NULL && strcmp(rcpt->status, STATUS_OFFLINE) == 0)
		end += env->expires_s - env->arrived_s;
	return env->arrived_s + item->age_s >= end;
}

/* Too old: what was deferred has failed. So has what goes to a site that has
 * long been lost. */
static void
expire(struct settle *s, struct item *item)
{
	struct envelope *env = &item->entry.env;
	time_t now = clock_wall();
	struct outcome o = { 0 };
	struct err err;

	for (size_t i = 0; i < env->nrcpt; i++) {
		struct rcpt *rcpt = &env->rcpts[i];

		if (rcpt->state != OUTCOME_DEFERRED || (!rcpt->cut_off &&
		    !is_over(item, rcpt, now)))
			continue;
		given_up(rcpt, &o);
		words_expired(&item->entry, i);
		words_attempt(&item->entry, i, &o, item_age_s(item));
		if (entry_record(s->spool, &item->entry, i, &o, now,
		    &err) < 0) {
			item->unrecorded = true;
			complain(item, &err);
		}
		s->expired++;
		dispatch_tell(s->dispatch, item, i, &o);
	}
}

bool
settle_wants_failure(const struct rcpt *rcpt)
{
	return rcpt->notify == 0 || (rcpt->notify & NOTIFY_FAILURE) != 0;
}

/* Rows that failed and of which no DSN tells yet. Returns all of them; the
 * first *nwanted are those that the sender wants to hear of. */
static size_t *
unreported(const struct envelope *env, size_t *n, size_t *nwanted)
{
	size_t *rows = xcalloc(env->nrcpt, sizeof(*rows));

	*n = 0;
	for (int wanted = 1; wanted >= 0; wanted--) {
		for (size_t i = 0; i < env->nrcpt; i++)
			if (env->rcpts[i].state == OUTCOME_FAILED &&
			    !env->rcpts[i].reported &&
			    settle_wants_failure(&env->rcpts[i]) == (wanted == 1))
				rows[(*n)++] = i;
		if (wanted == 1)
			*nwanted = *n;
	}
	return rows;
}

/* To whom: the sender; for a bounce that bounces, who is set for that, but
 * not when that is who could not be reached. NULL: nobody. */
static const char *
report_to(const struct settle *s, const struct envelope *env,
    const size_t *rows, size_t n)
{
	if (env->reverse_path[0] != '\0')
		return env->reverse_path;
	for (size_t i = 0; i < n; i++)
		if (s->how->double_bounce == NULL ||
		    strcmp(env->rcpts[rows[i]].path,
		    s->how->double_bounce) == 0)
			return NULL;
	return s->how->double_bounce;
}

void
settle_send_dsn(struct settle *s, struct entry *dsn)
{
	struct item *item = item_new(dsn);

	item->made_here = true;
	dispatch_add(s->dispatch, item);
}

/* Make the DSN about n rows. Returns as settle_bounce(). */
static int
report(struct settle *s, struct item *item, const size_t *rows, size_t n,
    struct entry *dsn, struct err *err)
{
	struct entry *entry = &item->entry;
	const char *to = report_to(s, &entry->env, rows, n);
	int allowed;

	if (to == NULL)
		return 1;
	allowed = bounce_allowed(s->spool, entry, err);
	if (allowed == 0) {
		words_loop(entry);
		return 1;
	}
	if (allowed < 0 || bounce_make(s->spool, s->how, DSN_FAILED, entry,
	    rows, n, to, dsn, err) < 0)
		return -1;
	words_bounced(entry, dsn->id);
	words_queued(dsn);
	return 0;
}

int
settle_bounce(struct settle *s, struct item *item)
{
	struct envelope *env = &item->entry.env;
	size_t n, nwanted, *rows = unreported(env, &n, &nwanted);
	struct entry dsn = { .fd = -1 };
	struct err err;
	int rc = 0;

	if (nwanted > 0)
		rc = report(s, item, rows, nwanted, &dsn, &err);
	if (rc == 0 && n > 0 && entry_record_reported(s->spool, &item->entry,
	    rows, n, &err) < 0) {
		item->unrecorded = true;
		complain(item, &err);
	} else if (dsn.id[0] != '\0' &&
	    /* a power cut could bring back both, and make a third report */
	    entry_promise(s->spool, &item->entry, &err) < 0)
		complain(item, &err);
	if (rc < 0)
		complain(item, &err);
	if (dsn.id[0] != '\0')
		settle_send_dsn(s, &dsn);
	free(rows);
	return rc;
}

/* Tell the sender of successes that the next host will not tell of. What a
 * crash loses of this is not worth a place in the journal. */
static void
report_relayed(struct settle *s, struct item *item)
{
	struct entry dsn = { .fd = -1 };
	struct err err;
	int allowed;

	if (item->nrelayed == 0 ||
	    item->entry.env.reverse_path[0] == '\0')
		return;
	allowed = bounce_allowed(s->spool, &item->entry, &err);
	if (allowed == 0)
		return;
	if (allowed < 0 || bounce_make(s->spool, s->how, DSN_RELAYED,
	    &item->entry, item->relayed, item->nrelayed,
	    item->entry.env.reverse_path, &dsn, &err) < 0) {
		complain(item, &err);
		return;
	}
	words_queued(&dsn);
	settle_send_dsn(s, &dsn);
}

/* Back into the queue; or, where that cannot be done, safe where it is: from
 * run/ it is recovered. */
static int
put_back(struct settle *s, struct item *item, time_t due, struct err *err)
{
	struct err ignored;

	if (entry_defer(s->spool, &item->entry, due, s->promise, err) == 0)
		return 0;
	complain(item, err);
	if (!s->promise)
		return -1;
	return entry_promise(s->spool, &item->entry, &ignored);
}

static void
keep(struct settle *s, struct item *item, time_t due)
{
	struct err err;

	if (put_back(s, item, due, &err) < 0) {
		s->unkept++;
		s->trouble = err;
		if (s->drop && !item->entry.promised &&
		    entry_complete(s->spool, &item->entry, &err) < 0)
			complain(item, &err);
		return;
	}
	s->kept++;
	if (s->next_due == 0 || due < s->next_due)
		s->next_due = due;
}

/* It goes on. A warning that is owed later than now is a reason to come back
 * at that time. */
static void
keep_waiting(struct settle *s, struct item *item)
{
	time_t now = clock_wall(), warning;
	time_t due = item->due != 0 ? item->due : now + TROUBLE_RETRY_S;

	delay_warn(s, item);
	warning = delay_due(s->how, &item->entry.env);
	if (warning > now && warning < due)
		due = warning;
	keep(s, item, due);
}

static void
hold(struct settle *s, struct item *item)
{
	struct err err;

	/* somebody may be told 0 on the strength of it */
	if (s->promise && entry_promise(s->spool, &item->entry, &err) < 0)
		complain(item, &err);
	if (entry_hold(s->spool, &item->entry, &err) < 0) {
		complain(item, &err);
		return;
	}
	s->held++;
	log_line(LOG_LEVEL_WARNING, "bounce",
	    "%s: %s; kept in hold",
	    item->entry.id, item->unrecorded ? "what became of it could not be "
	    "recorded" : "it failed, and there is nobody to tell");
}

/*
 * Something final is not written down: once more. In the queue without it the
 * entry would be sent, or reported, twice.
 */
static bool
record_again(struct settle *s, struct item *item)
{
	const struct envelope *env = &item->entry.env;
	struct err err;

	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *rcpt = &env->rcpts[i];
		struct outcome o = { .kind = rcpt->state };

		if (o.kind != OUTCOME_DELIVERED && o.kind != OUTCOME_FAILED)
			continue;
		str_copy(o.status, sizeof(o.status),
		    rcpt->status != NULL ? rcpt->status : "");
		str_copy(o.text, sizeof(o.text),
		    rcpt->text != NULL ? rcpt->text : "");
		if (entry_record(s->spool, &item->entry, i, &o, clock_wall(),
		    &err) < 0)
			return false;
	}
	item->unrecorded = false;
	return true;
}

/* What cannot be removed is found again, and must say then that all is done:
 * the last delivery is not in the journal, because that was about to go. */
static void
finish(struct settle *s, struct item *item)
{
	struct err err;

	if (entry_complete(s->spool, &item->entry, &err) == 0) {
		words_removed(&item->entry);
		return;
	}
	complain(item, &err);
	if (!record_again(s, item) ||
	    entry_promise(s->spool, &item->entry, &err) < 0)
		log_line(LOG_LEVEL_ERROR, "qmgr", "%s: what became of it "
		    "could not be recorded", item->entry.id);
}

void
settle_item(struct settle *s, struct item *item)
{
	const struct envelope *env = &item->entry.env;
	int bounced;

	expire(s, item);
	/* before a report of it: one that was reported must not be sent */
	if (item->unrecorded && envelope_count(env, OUTCOME_DELIVERED) <
	    env->nrcpt && !record_again(s, item)) {
		hold(s, item);
		item_free(item);
		return;
	}
	report_relayed(s, item);
	bounced = settle_bounce(s, item);
	if (item->unrecorded && envelope_count(env, OUTCOME_DEFERRED) > 0)
		hold(s, item);
	else if (bounced < 0)
		keep(s, item, clock_wall() + TROUBLE_RETRY_S);
	else if (envelope_count(env, OUTCOME_DEFERRED) +
	    envelope_count(env, OUTCOME_NONE) > 0)
		keep_waiting(s, item);
	else if (bounced > 0)
		hold(s, item);
	else
		finish(s, item);
	item_free(item);
}
