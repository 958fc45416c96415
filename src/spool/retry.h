/*
 * When to try again (pure). First after first_s, doubling up to max_s, each
 * +-20 % so that many do not come at once; greylisting has its own
 * schedule of 6, 12 and 25 minutes (then the ordinary one). A message that does
 * not live long is tried more often, so that its life has some attempts.
 */
#ifndef SPOOL_RETRY_H
#define SPOOL_RETRY_H

#include <stdbool.h>
#include <time.h>

struct retry_rule {
	unsigned first_s;	/* default 300 */
	unsigned max_s;		/* default 14400 */
};

/*
 * failures   attempts that failed so far, this one included (>= 1).
 * greylisted the reply looked like greylisting.
 * random     0..9999, for the jitter.
 *
 * Returns the seconds to wait.
 */
unsigned retry_delay(const struct retry_rule *, unsigned failures,
	    bool greylisted, unsigned random);

/* The longest wait of a message that lives from arrived until expires: a sixth
 * of its life; at least a second. */
time_t	retry_longest(time_t arrived, time_t expires);

/*
 * When a message is due that would be due at due: not later than its longest
 * wait (less up to a fifth) from now, and not later than its end.
 */
time_t	retry_in_life(time_t due, time_t now, time_t arrived, time_t expires,
	    unsigned random);

/*
 * A time to come again as it was read from the disk: no later than the rule,
 * or a day, makes anybody wait. What is later comes from a clock that was
 * ahead, or this one is behind, and is now.
 */
time_t	retry_sane(const struct retry_rule *, time_t due, time_t now);

/*
 * Has a site failed, time after time since first, for as long as a message of
 * life_s may wait? Nothing that comes for it then waits so long once more.
 * A few failures do not count, however far apart: the clock may have jumped,
 * or the machine was off.
 */
bool	retry_cut_off(unsigned failures, time_t first, time_t now,
	    time_t life_s);

/* Does a reply look like greylisting? */
bool	retry_is_greylisting(int code, const char *status, const char *text);

#endif
