#include "config.h"

#include "cmd/action.h"

#include <unistd.h>

#include "base/clock.h"
#include "cmd/lost.h"
#include "spool/held.h"

static int
hold(const struct action_tools *t, struct entry *e, struct err *err)
{
	/* on a full disk it is held all the same, only not said by whom */
	(void)entry_record_deed(t->spool, e, EVENT_HELD, (uint32_t)getuid(),
	    clock_wall(), err);
	return entry_hold(t->spool, e, err);
}

static int
release(const struct action_tools *t, struct entry *e, struct err *err)
{
	if (lost_entry(t->spool, e, t->giveup->how->double_bounce))
		return err_set(err, ERR_PERM, NULL, LOST_WORDS);
	(void)entry_record_deed(t->spool, e, EVENT_RELEASED,
	    (uint32_t)getuid(), clock_wall(), err);
	return held_release(t->spool, e, err);
}

static int
delete(const struct action_tools *t, struct entry *e, struct err *err)
{
	return entry_complete(t->spool, e, err);
}

static int
delete_held(const struct action_tools *t, struct entry *e, struct err *err)
{
	return held_remove(t->spool, e, err);
}

static int
requeue(const struct action_tools *t, struct entry *e, struct err *err)
{
	if (entry_record_deed(t->spool, e, EVENT_REQUEUED,
	    (uint32_t)getuid(), clock_wall(), err) < 0)
		return -1;
	return entry_defer(t->spool, e, clock_wall(), true, err);
}

static int
give_up(const struct action_tools *t, struct entry *e, struct err *err)
{
	if (giveup_check(t->giveup, e, err) < 0)
		return err->kind != ERR_PERM ? -1 : err_set(err, ERR_PERM,
		    NULL, "%s; --delete removes it", err->text);
	return giveup_record(t->giveup, e, err);
}

/* The failures are in its journal before it leaves hold/: what died behind
 * that is not sent. */
static int
give_up_held(const struct action_tools *t, struct entry *e, struct err *err)
{
	if (give_up(t, e, err) < 0)
		return -1;
	return held_claim(t->spool, e, err);
}

static const struct action actions[] = {
	{ MODE_HOLD, "hold", "held", hold, NULL,
	    NULL, "is held already" },
	{ MODE_RELEASE, "release", "released", NULL, "is not held",
	    release, NULL },
	{ MODE_DELETE, "delete", "deleted", delete, NULL,
	    delete_held, NULL },
	{ MODE_REQUEUE, "requeue", "requeued", requeue, NULL,
	    NULL, "is held; --release makes it due" },
	{ MODE_RETURN, "return", "returned", give_up, NULL,
	    give_up_held, NULL },
};

const struct action *
action_of(enum mode mode)
{
	const struct action *action = actions;

	while (action->mode != mode)
		action++;
	return action;
}
