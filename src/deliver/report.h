/*
 * A worker's words to the dispatcher: fixed-size records on a pipe, one for
 * each forward-path. The dispatcher trusts none of it: a worker has read the
 * network.
 */
#ifndef DELIVER_REPORT_H
#define DELIVER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/outcome.h"

struct report {
	uint32_t magic;		/* REPORT_MAGIC */
	uint32_t slot;		/* place in the worker's load */
	struct outcome outcome;
};

#define REPORT_MAGIC 0x50525031u

/*
 * Not about a forward-path: the endpoint so many behind it (struct account)
 * does not accept what proves who we are. The outcome has its words. To be said
 * even where another endpoint then takes the mail.
 */
#define REPORT_REFUSED 0xffffff00u

/* Send one. Returns 0, or -1 when the dispatcher is gone. */
int	report_send(int fd, uint32_t slot, const struct outcome *);

/* Is a record sound? nslot: size of the load. */
bool	report_valid(const struct report *, size_t nslot);

/* Is it about an endpoint? */
bool	report_is_refusal(const struct report *);

#endif
