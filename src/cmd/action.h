/*
 * What --hold, --release, --delete, --requeue and --return do to one message:
 * the one step, and which messages it can be done to. Which messages are meant,
 * and what is said of it, is manage.c's.
 */
#ifndef CMD_ACTION_H
#define CMD_ACTION_H

#include "base/err.h"
#include "cmd/options.h"
#include "deliver/giveup.h"
#include "spool/spool.h"

struct action_tools {
	struct spool *spool;
	struct giveup *giveup;		/* for MODE_RETURN, which is to be
					 * settled afterwards; and who could
					 * be told */
};

/*
 * To a message that waits and was claimed, and to one that is held and is in
 * hand (spool/held.h); NULL: nothing, and why. Each returns 0, or -1 with *err:
 * ERR_TEMP not now, ERR_PERM not to this one.
 */
typedef int action_fn(const struct action_tools *, struct entry *,
	    struct err *);

struct action {
	enum mode mode;
	const char *word, *done;	/* "hold", "held" */
	action_fn *waiting;
	const char *not_waiting;
	action_fn *held;
	const char *not_held;
};

/* Of one of the five modes. */
const struct action *action_of(enum mode);

#endif
