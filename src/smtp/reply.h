/*
 * Replies (RFC 5321 4.2), joined from their lines.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/status.h"
#include "net/conn.h"

#define REPLY_LINE_MAX 4096	/* RFC says 512; servers say more */
#define REPLY_MAX 16384		/* kept of all lines together */
#define REPLY_LINES_MAX 1024

struct reply {
	int	 code;			/* 200..599 */
	char	 status[STATUS_MAX];	/* enhanced, agreeing with code; "" */
	struct buf text;		/* lines joined by '\n', without codes;
					 * as received, not sanitised */
};

/* One line of a reply (pure): returns 1 when it is the last, 0 when more
 * follow, -1 with *err (ERR_TEMP 4.5.0) when it is not a reply line or its
 * code differs from the lines before (reply->code, 0 at first). Bare digits
 * ("250") are the last line. */
int	reply_add(struct reply *, const char *line, size_t n, struct err *);

/*
 * Read the next reply.
 *
 * conn    open connection; not kept.
 * wait_s  seconds for the whole reply, not for each line.
 * reply   all zero or cleared on entry; filled; the caller releases it.
 *
 * Returns 0, or -1 with *err. Errors: ERR_TEMP 4.4.2 connection lost or
 * silent; ERR_TEMP 4.5.0 not a reply, over a limit.
 */
int	reply_read(struct conn *, unsigned wait_s, struct reply *,
	    struct err *);

/* First digit. */
bool	reply_is_ok(const struct reply *);	/* 2 */
bool	reply_is_temp(const struct reply *);	/* 4 */
bool	reply_is_perm(const struct reply *);	/* 5 */

/* The reply in one line, "250 2.0.0 Ok", sanitised and cut to size, with "..."
 * at its end then. */
void	reply_line(const struct reply *, char *out, size_t size);

void	reply_release(struct reply *);

#endif
