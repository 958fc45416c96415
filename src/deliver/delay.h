/*
 * The warning that a message still waits (RFC 3461 4.1, "delayed" in RFC 3464
 * 2.3.3): once for each forward-path, to the sender, if there is one.
 *
 * Who has asked for it (NOTIFY=DELAY) gets it after how.delay_warning_s, or
 * after DELAY_ASKED_S when that is 0; who has not said what he wants, only
 * when it is set; who wants other reports and not this one, never.
 */
#ifndef DELIVER_DELAY_H
#define DELIVER_DELAY_H

#include <time.h>

#include "deliver/delivery.h"
#include "deliver/item.h"
#include "deliver/settle.h"

#define DELAY_ASKED_S (4 * 3600)

/*
 * When the sender is to be warned next, because something was deferred; 0:
 * no more (pure). Not when the message is given up before.
 */
time_t	delay_due(const struct delivery *, const struct envelope *);

/*
 * Send the warning that is due now, if one is, and note it in the journal. One
 * that cannot be noted is not sent: it would be sent with each attempt. What
 * fails is logged.
 */
void	delay_warn(struct settle *, struct item *);

#endif
