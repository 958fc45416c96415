#include "config.h"

#include "cmd/manage.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "cmd/action.h"
#include "cmd/exitcode.h"
#include "cmd/lost.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "cmd/result.h"
#include "deliver/giveup.h"
#include "deliver/words.h"
#include "spool/held.h"

struct manage {
	const struct options *options;
	struct spool *spool;
	const struct action *action;
	struct select select;
	struct giveup giveup;
	struct action_tools tools;
	size_t	 done, passed;
	const char *why_passed;		/* of the last one */
	int	 code;			/* of what was not done; 0: none */
};

/* What became of one message: an object, or words for what was not done. */
static void
tell(const struct manage *m, const char *id, bool done, const char *reason)
{
	struct buf line = { 0 };

	reason = result_reason(id, reason);
	if (!m->options->json) {
		if (!done)
			result_complain(m->options->name, "%s: not %s: %s", id,
			    m->action->done, reason);
		return;
	}
	json_open(&line, NULL);
	json_number(&line, "version", RESULT_VERSION);
	json_string(&line, "queue_id", id);
	json_string(&line, "action", m->action->word);
	json_bool(&line, "done", done);
	json_string(&line, "reason", reason);
	json_close(&line);
	buf_addc(&line, '\n');
	output_write(&line);
	buf_release(&line);
}

static void
not_done(struct manage *m, const char *id, int code, const char *reason)
{
	tell(m, id, false, reason);
	/* what may be tried again is what a caller should know of */
	if (m->code != EX_TEMPFAIL)
		m->code = code;
}

/* Not now; or, not to this one, which is no failure of the others. */
static void
failed(struct manage *m, const char *id, const struct err *err)
{
	if (err->kind == ERR_TEMP)
		not_done(m, id, EX_TEMPFAIL, err->text);
	else {
		tell(m, id, false, err->text);
		m->passed++;
	}
}

/* Not one that this can be done to; worth a word only when it was named. */
static void
pass_over(struct manage *m, const char *id, const char *reason)
{
	if (select_names(&m->select, id))
		tell(m, id, false, reason);
	else
		m->why_passed = reason;
	m->passed++;
}

static void
busy(struct manage *m, const char *id)
{
	not_done(m, id, EX_TEMPFAIL,
	    "a process is delivering it at this moment");
}

static void
count_done(struct manage *m, const char *id)
{
	tell(m, id, true, "");
	m->done++;
}

/* Its id may be another by now; what it was is what was asked for. */
static void
done(struct manage *m, const char *id, const struct entry *e)
{
	words_deed(e, m->action->done, getuid());
	count_done(m, id);
}

/* It was seen a while ago: is it still one that was asked for? */
static bool
still_fits(const struct manage *m, const struct entry *e,
    enum spool_place place)
{
	return queue_is_mine(e) && select_fits(&m->select, e, place);
}

/* It is in damaged/, and may go when it is what was named. */
static void
discard(struct manage *m, const char *id)
{
	struct err err;
	int rc = spool_discard(m->spool, id, &err);

	if (rc > 0) {
		/* of whom it was, nobody knows */
		log_line(LOG_LEVEL_INFO, "queue", "%s: %s by uid=%lu, damaged",
		    id, m->action->done, (unsigned long)getuid());
		count_done(m, id);
	} else if (rc == 0)
		pass_over(m, id, "is gone");
	else
		failed(m, id, &err);
}

static bool
may_discard(const struct manage *m, const char *id)
{
	return m->action->mode == MODE_DELETE && select_names(&m->select, id);
}

/* It was found to be damaged just now, and is in damaged/ since. */
static void
set_aside(struct manage *m, const char *id, const struct err *err)
{
	log_line(LOG_LEVEL_ERROR, "queue", "%s; it is in damaged/ now",
	    err->text);
	if (may_discard(m, id)) {
		discard(m, id);
		return;
	}
	tell(m, id, false, err->text);
	m->passed++;
}

/* Neither where it was, nor necessarily gone. */
static void
gone(struct manage *m, const char *id)
{
	struct entry e = { .fd = -1 };
	struct err err;
	int rc = spool_peek(m->spool, id, PLACE_RUN, &e, &err);

	entry_release(&e);
	if (rc != 0)
		busy(m, id);
	else
		pass_over(m, id, "is gone");
}

/* A message that waits, claimed. */
static void
work_on(struct manage *m, const char *id, struct entry *e)
{
	struct err err, ignored;

	if (!still_fits(m, e, PLACE_QUEUE)) {
		if (entry_unclaim(m->spool, e, &err) < 0)
			failed(m, id, &err);
		return;
	}
	if (m->action->waiting(&m->tools, e, &err) < 0) {
		failed(m, id, &err);
		(void)entry_unclaim(m->spool, e, &ignored);
		return;
	}
	done(m, id, e);
	if (m->action->mode == MODE_RETURN)
		giveup_settle(&m->giveup, e);
}

static void
work_on_waiting(struct manage *m, const char *id)
{
	struct entry e = { .fd = -1 };
	struct err err;
	int rc;

	if (m->action->waiting == NULL) {
		pass_over(m, id, m->action->not_waiting);
		return;
	}
	rc = spool_claim(m->spool, id, PLACE_QUEUE, &e, &err);
	if (rc > 0)
		work_on(m, id, &e);
	else if (rc == 0)
		gone(m, id);
	else if (err.kind == ERR_DATA)
		set_aside(m, id, &err);
	else
		failed(m, id, &err);
	entry_release(&e);
}

/* What an administrator holds is not for its sender to let go. */
static bool
may_touch(const struct entry *e)
{
	return !process_serves_guest() ||
	    (e->env.held_s != 0 && e->env.held_by == getuid());
}

/* A message that is held, in hand. */
static void
work_in_hold(struct manage *m, const char *id, struct entry *e)
{
	struct err err;

	if (!still_fits(m, e, PLACE_HOLD))
		return;
	if (!may_touch(e))
		not_done(m, id, EX_NOPERM, "somebody else holds it");
	else if (m->action->held(&m->tools, e, &err) < 0)
		failed(m, id, &err);
	else {
		done(m, id, e);
		if (m->action->mode == MODE_RETURN)
			giveup_settle(&m->giveup, e);
	}
}

/* Why it is not one for this; seen, as mailq sees it, or NULL. */
static void
pass_over_held(struct manage *m, const char *id, struct entry *seen)
{
	bool lost = m->action->mode == MODE_REQUEUE && seen != NULL &&
	    lost_entry(m->spool, seen, m->giveup.how->double_bounce);

	pass_over(m, id, lost ? LOST_WORDS : m->action->not_held);
}

static void
work_on_held(struct manage *m, const char *id, struct entry *seen)
{
	struct entry e = { .fd = -1 };
	struct err err;
	int rc;

	if (m->action->held == NULL) {
		pass_over_held(m, id, seen);
		return;
	}
	rc = held_open(m->spool, id, &e, &err);
	if (rc > 0)
		work_in_hold(m, id, &e);
	else if (rc == 0)
		gone(m, id);
	else if (err.kind == ERR_DATA)
		set_aside(m, id, &err);
	else
		failed(m, id, &err);
	entry_release(&e);
}

static void
work_on_row(void *arg, const struct queue_row *row, struct entry *entry,
    const struct err *why)
{
	struct manage *m = arg;

	(void)why;
	switch (row->place) {
	case PLACE_RUN:
		if (m->action->waiting == NULL)
			pass_over(m, row->id, m->action->not_waiting);
		else
			busy(m, row->id);
		break;
	case PLACE_QUEUE:
		work_on_waiting(m, row->id);
		break;
	case PLACE_HOLD:
		work_on_held(m, row->id, entry);
		break;
	case PLACE_DAMAGED:
		if (may_discard(m, row->id))
			discard(m, row->id);
		else
			pass_over(m, row->id, m->action->mode == MODE_DELETE ?
			    "is damaged; name its id to remove it" :
			    "is damaged");
		break;
	}
}

/* Ids that were named, and that no message of the caller's has. */
static void
tell_missing(struct manage *m)
{
	const char *id;
	size_t i = 0;

	while ((id = select_missing(&m->select, &i)) != NULL) {
		tell(m, id, false, "there is no such message");
		m->passed++;
	}
}

static void
tell_all(struct manage *m)
{
	const char *name = m->options->name;
	struct buf line = { 0 };

	if (m->done > 0 && !m->options->json && isatty(STDOUT_FILENO)) {
		buf_printf(&line, "%zu message%s %s\n", m->done,
		    m->done == 1 ? "" : "s", m->action->done);
		output_write(&line);
		buf_release(&line);
	}
	if (m->done > 0 || m->code != 0)
		return;
	if (m->why_passed != NULL)
		result_complain(name, "nothing to %s: what matches %s",
		    m->action->word, m->why_passed);
	else if (m->passed == 0)
		result_complain(name, "nothing to %s: no message in the queue "
		    "matches", m->action->word);
}

/* What was moved and removed stays so. */
static void
sync_all(struct manage *m)
{
	struct err err;

	if (m->done == 0 || spool_sync(m->spool, &err) == 0)
		return;
	result_complain(m->options->name, "%s", err.text);
	m->code = EX_TEMPFAIL;
}

static int
run(struct manage *m)
{
	struct err err;

	/* what a dead process has left is not busy */
	if (spool_recover(m->spool, NULL, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "queue", "%s", err.text);
	if (queue_walk(m->spool, &m->select, work_on_row, m, &err) < 0) {
		result_complain(m->options->name, "%s", err.text);
		m->code = exitcode_of_err(&err);
	}
	tell_missing(m);
	sync_all(m);
	if (m->action->mode == MODE_RETURN)
		giveup_finish(&m->giveup);
	tell_all(m);
	if (m->code != 0)
		return m->code;
	return m->done > 0 ? EX_OK : EX_UNAVAILABLE;
}

int
manage_run(const struct options *options, const struct delivery *how,
    struct spool *spool)
{
	struct manage m = { .options = options, .spool = spool,
		.action = action_of(options->mode),
		.tools = { spool, &m.giveup } };
	struct err err;
	int code;

	if (select_init(&m.select, options, &err) == 0) {
		giveup_init(&m.giveup, spool, how, process_serves_guest() ?
		    "its sender" : "the administrator");
		code = run(&m);
		giveup_release(&m.giveup);
	} else {
		result_complain(options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	}
	select_release(&m.select);
	return code;
}
