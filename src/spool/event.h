/*
 * One line of an entry's journal: what became of a forward-path, or what
 * somebody did with the entry.
 */
#ifndef SPOOL_EVENT_H
#define SPOOL_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "mail/outcome.h"

enum event_kind {
	EVENT_DELIVERED, EVENT_DEFERRED, EVENT_FAILED,	/* of an attempt */
	EVENT_REPORTED,		/* a DSN about the failure was committed */
	EVENT_WARNED,		/* one about the delay was */
	EVENT_HELD, EVENT_RELEASED, EVENT_REQUEUED	/* by somebody */
};

struct event {
	enum event_kind kind;
	size_t	 rcpt;		/* row; 0 where somebody did it */
	time_t	 time_s;	/* 0 of EVENT_REPORTED, _WARNED */
	uint32_t uid;		/* where somebody did it */
	struct outcome outcome;	/* of an attempt: kind, code, status, host,
				 * and, but for deliveries, text */
};

/* "delivered", ..., "requeued". */
const char *event_name(enum event_kind);

#endif
