#include "config.h"

#include "cmd/flush.h"

#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/process.h"
#include "cmd/exitcode.h"
#include "cmd/lost.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "cmd/result.h"
#include "deliver/flush.h"

struct pass {
	const struct options *options;
	const struct delivery *how;
	struct spool *spool;
	struct select select;
	/* that fit and were not attempted */
	size_t	 active, held, lost, damaged;
};

static bool
could(void *arg, const char *id)
{
	const struct pass *p = arg;

	return select_could(&p->select, id, PLACE_QUEUE);
}

static bool
wanted(void *arg, const struct entry *entry)
{
	const struct pass *p = arg;

	return select_fits(&p->select, entry, PLACE_QUEUE);
}

static void
outcome(void *arg, struct item *item, size_t rcpt, const struct outcome *o)
{
	const struct pass *p = arg;

	if (p->options->json)
		result_json(&item->entry, rcpt, o);
}

/* What is left of all, or of what was asked for, and until when. */
static void
tell_left(const struct flush_result *r, bool some, struct buf *out)
{
	size_t left = r->kept + r->waiting;
	char when[32] = "";
	struct tm tm;

	if (left == 0) {
		buf_adds(out, some ? "none of these messages waits" :
		    "no message waits");
		return;
	}
	if (r->next_due != 0 && localtime_r(&r->next_due, &tm) != NULL)
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	buf_printf(out, "%zu %smessage%s wait%s, the next is due %s", left,
	    some ? "of these " : "", some || left > 1 ? "s" : "",
	    left == 1 ? "s" : "", when);
}

static bool
count_held(void *arg, const char *id, enum spool_place place, time_t due)
{
	size_t *n = arg;

	(void)id;
	(void)due;
	*n += place == PLACE_HOLD;
	return true;
}

/* On a terminal somebody wants to know how it went. What is held is told, for
 * nothing else ever comes back to it. */
static void
tell(const struct pass *p, const struct flush_result *r)
{
	bool some = p->select.n > 0;
	struct buf line = { 0 };
	struct err err;
	size_t held = 0;

	buf_printf(&line, "recipients: %zu delivered, %zu deferred, %zu "
	    "failed; ", r->delivered, r->deferred, r->failed);
	tell_left(r, some, &line);
	if (!some && spool_scan(p->spool, count_held, &held, &err) == 0 &&
	    held > 0)
		buf_printf(&line, ", %zu held", held);
	buf_addc(&line, '\n');
	output_write(&line);
	buf_release(&line);
}

static void
count_other(void *arg, const struct queue_row *row, struct entry *entry,
    const struct err *why)
{
	struct pass *p = arg;

	(void)why;
	if (entry == NULL || row->place == PLACE_DAMAGED)
		p->damaged++;
	else if (row->place == PLACE_RUN)
		p->active++;
	else if (row->place == PLACE_HOLD && lost_entry(p->spool, entry,
	    p->how->double_bounce))
		p->lost++;
	else if (row->place == PLACE_HOLD)
		p->held++;
}

/* Nothing that waits was what was asked for: what is, and where? */
static int
explain_nothing(struct pass *p)
{
	const char *name = p->options->name;
	struct err err;

	(void)queue_walk(p->spool, &p->select, count_other, p, &err);
	if (p->active > 0)
		result_complain(name, "what matches is being delivered at this "
		    "moment");
	else if (p->held > 0)
		result_complain(name, "what matches is held; --release makes "
		    "it due");
	else if (p->lost > 0)
		result_complain(name, "what matches " LOST_WORDS);
	else if (p->damaged > 0)
		result_complain(name, "what matches is damaged, and is not "
		    "sent");
	else
		result_complain(name, "no message in the queue matches");
	return p->active > 0 ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

static int
run(struct pass *p)
{
	const struct options *o = p->options;
	bool some = p->select.n > 0;
	struct delivery how = *p->how;
	const struct flush_options flush = { .now = o->now || p->select.asked,
		.could = some ? could : NULL, .wanted = some ? wanted : NULL,
		.arg = p, .outcome = outcome,
		.own_only = process_serves_guest() };
	struct flush_result result;
	struct err err;

	how.force = flush.now;
	if (flush_run(p->spool, &how, &flush, &result, &err) < 0) {
		result_complain(o->name, "%s", err.text);
		return exitcode_of_err(&err);
	}
	if (result.damaged > 0)
		result_complain(o->name, "%zu damaged message%s set aside and "
		    "not sent; mailq tells more", result.damaged,
		    result.damaged == 1 ? " was" : "s were");
	if (p->select.asked && result.matched == 0)
		return explain_nothing(p);
	if (!o->json && isatty(STDOUT_FILENO))
		tell(p, &result);
	return EX_OK;
}

int
flush_queue(const struct options *options, const struct delivery *how,
    struct spool *spool)
{
	struct pass p = { .options = options, .how = how, .spool = spool };
	struct err err;
	int code;

	if (options->interval != NULL)
		result_complain(options->name, "-q%s: there is no daemon; "
		    "this is one pass", options->interval);
	if (select_init(&p.select, options, &err) == 0)
		code = run(&p);
	else {
		result_complain(options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	}
	select_release(&p.select);
	return code;
}
