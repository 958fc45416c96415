/*
 * --explain: all that decides what becomes of mail to one address, for people
 * and as JSON (described in postrider(1)).
 */
#ifndef CMD_EXPLAIN_H
#define CMD_EXPLAIN_H

#include "cmd/options.h"
#include "cmd/plan.h"
#include "cmd/settings.h"
#include "deliver/delivery.h"

/* Version of the object; raised when a member changes its meaning. */
#define EXPLAIN_VERSION 1

/* On standard output. sender: canonical, as it would be sent. */
void	explain_one(const struct options *, const struct settings *,
	    const struct delivery *, const char *sender,
	    const struct plan_row *);

#endif
