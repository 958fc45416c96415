#include "config.h"

#include "deliver/flush.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/settle.h"
#include "spool/sites.h"

/* An entry that cannot be read is looked at again then. */
#define TROUBLE_RETRY_S 300

/* What is remembered of a site that nobody wrote to for so long is dropped. */
#define SITE_MEMORY_S (7u * 24 * 3600)

struct flush {
	struct spool *spool;
	const struct flush_options *options;
	struct flush_result *result;
	struct settle settle;
	time_t	 now;
	char	(*ids)[SPOOL_ID_MAX];	/* due; owned */
	size_t	 n, cap, next;
	int	 rc;
	struct err *err;
};

static void
note_due(struct flush_result *result, time_t due)
{
	if (result->next_due == 0 || due < result->next_due)
		result->next_due = due;
}

static bool
collect(void *arg, const char *id, enum spool_place place, time_t due)
{
	struct flush *f = arg;

	if (place != PLACE_QUEUE || (f->options->could != NULL &&
	    !f->options->could(f->options->arg, id)))
		return true;
	due = retry_sane(&f->settle.how->retry, due, f->now);
	if (due > f->now && !f->options->now && f->options->wanted == NULL) {
		f->result->waiting++;
		note_due(f->result, due);
		return true;
	}
	f->ids = xgrow(f->ids, f->n, &f->cap, sizeof(*f->ids));
	str_copy(f->ids[f->n++], SPOOL_ID_MAX, id);
	return true;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*
 * Is it one that was asked for? Looked at without touching it. One that is
 * damaged is claimed as well, to be set aside, but not by somebody who could
 * not have seen it. Returns 1, 0, or -1 for that.
 */
static int
wanted(struct flush *f, const char *id)
{
	struct entry entry = { .fd = -1 };
	struct err err;
	int rc;

	if (f->options->wanted == NULL && !f->options->own_only)
		return 1;
	rc = spool_peek(f->spool, id, PLACE_QUEUE, &entry, &err);
	if (rc < 0)
		rc = err.kind == ERR_DATA && !f->options->own_only ? -1 : 0;
	else if (rc > 0)
		rc = (!f->options->own_only || entry.env.uid == getuid()) &&
		    (f->options->wanted == NULL ||
		    f->options->wanted(f->options->arg, &entry));
	entry_release(&entry);
	return rc;
}

static void
log_damaged(struct flush *f, const struct err *why)
{
	f->result->damaged++;
	log_line(LOG_LEVEL_ERROR, "qmgr", "%s; it is in damaged/ now",
	    why->text);
}

/* Its message is not what was put in: not to be sent, not to be lost. */
static void
spoiled(struct flush *f, struct entry *entry, const struct err *why)
{
	struct err err;

	if (why->kind == ERR_DATA) {
		log_damaged(f, why);
		if (entry_set_aside(f->spool, entry, &err) < 0)
			log_line(LOG_LEVEL_ERROR, "qmgr", "%s", err.text);
	} else {
		log_line(LOG_LEVEL_ERROR, "qmgr", "%s", why->text);
		entry_defer(f->spool, entry, f->now + TROUBLE_RETRY_S, false,
		    &err);
	}
	entry_release(entry);
}

/* Nothing can be claimed now, whatever it is: the pass is over. */
static void
give_up(struct flush *f)
{
	log_line(LOG_LEVEL_ERROR, "qmgr", "%s", f->err->text);
	f->rc = -1;
	f->next = f->n;
}

/* Claim the next entry and give it to the dispatcher. */
static void
claim(struct flush *f, const char *id)
{
	struct entry entry = { .fd = -1 };
	struct err err;
	int rc;

	rc = wanted(f, id);
	if (rc == 0)
		return;
	f->result->matched += rc > 0;
	if (spool_ready(f->spool, f->err) < 0) {
		give_up(f);
		return;
	}
	rc = spool_claim(f->spool, id, PLACE_QUEUE, &entry, &err);
	if (rc < 0 && err.kind == ERR_DATA)
		log_damaged(f, &err);
	else if (rc < 0)
		log_line(LOG_LEVEL_ERROR, "qmgr", "%s", err.text);
	if (rc <= 0)
		return;
	if (entry_verify(f->spool, &entry, &err) < 0) {
		spoiled(f, &entry, &err);
		return;
	}
	f->result->attempted++;
	dispatch_add(f->settle.dispatch, item_new(&entry));
}

static bool
more(void *arg)
{
	struct flush *f = arg;

	/* one at a time: it may have as many forward-paths as there is room */
	if (f->next < f->n)
		claim(f, f->ids[f->next++]);
	return f->next < f->n;
}

static void
outcome(void *arg, struct item *item, size_t rcpt, const struct outcome *o)
{
	struct flush *f = arg;

	/* reports that are made meanwhile are not what was in the queue */
	if (!item->made_here) {
		f->result->delivered += o->kind == OUTCOME_DELIVERED;
		f->result->deferred += o->kind == OUTCOME_DEFERRED;
		f->result->failed += o->kind == OUTCOME_FAILED;
	}
	if (f->options->outcome != NULL)
		f->options->outcome(f->options->arg, item, rcpt, o);
}

static void
settled(void *arg, struct item *item)
{
	struct flush *f = arg;

	settle_item(&f->settle, item);
}

int
flush_run(struct spool *spool, const struct delivery *how,
    const struct flush_options *options, struct flush_result *result,
    struct err *err)
{
	struct flush f = { .spool = spool, .options = options,
		.result = result, .now = clock_wall(), .err = err,
		.settle = { .spool = spool, .how = how } };
	const struct dispatch_owner owner = { .arg = &f, .outcome = outcome,
		.settled = settled, .more = more,
		.many_users = spool->shared && !options->own_only };

	*result = (struct flush_result){ 0 };
	if (spool_recover(spool, NULL, err) < 0)
		f.rc = -1;
	if (spool_scan(spool, collect, &f, err) < 0)
		f.rc = -1;
	if (f.n > 0) {
		qsort(f.ids, f.n, sizeof(*f.ids), by_id);
		f.settle.dispatch = dispatch_new(spool, how, &owner);
		dispatch_run(f.settle.dispatch, 0);
		dispatch_free(f.settle.dispatch);
	}
	result->kept = f.settle.kept;
	result->deferred -= f.settle.expired < result->deferred ?
	    f.settle.expired : result->deferred;
	if (f.settle.next_due != 0)
		note_due(result, f.settle.next_due);
	sites_sweep(spool, f.now, SITE_MEMORY_S);
	free(f.ids);
	return f.rc;
}
