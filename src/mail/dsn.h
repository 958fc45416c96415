/*
 * The text of a delivery status notification (RFC 3464 in a multipart/report,
 * RFC 6522): failure, delay, relay. Pure: header and body are handed out in
 * pieces. What comes back of the original is its header, or the whole of it,
 * which the caller then appends.
 *
 *	dsn_write(), the original when it comes back whole, dsn_close()
 *
 * A report has to arrive itself, so it does not grow with what it reports:
 * with the bounds below it has less than the 10240000 octets that Postfix takes
 * by default. Rows that are not told are counted in both parts.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"

/* Rows that are told: to people, and to programs; and the octets that these
 * take, before those for people are in quoted-printable. */
#define DSN_TEXT_ROWS 1000
#define DSN_TEXT_MAX ((size_t)1 << 20)
#define DSN_REPORT_ROWS 10000
#define DSN_REPORT_MAX ((size_t)6 << 20)

enum dsn_kind { DSN_FAILED, DSN_DELAYED, DSN_RELAYED };

struct dsn {
	enum dsn_kind kind;
	const char *hostname;	/* Reporting-MTA */
	const char *queue_id;	/* of the original */
	const char *boundary;	/* unpredictable; the caller makes it */
	const char *message_id;	/* local part for the DSN's Message-ID */
	const struct envelope *env;	/* of the original */
	const size_t *rcpts;	/* rows of env that are reported */
	size_t	 nrcpt;
	const struct buf *header;	/* of the original, CRLF */
	unsigned depth;		/* dsn_depth() of the original, and one more */
	bool	 whole;		/* the caller appends the whole original
				 * (message/rfc822), else dsn_write() its
				 * header (text/rfc822-headers) */
	time_t	 now;
};

/*
 * Of how many reports, one about the other, is the message with this header the
 * last: what its X-Postrider-Depth says; 0 when it is none of ours. Whoever
 * sends our reports on, back to us or to another Postrider that cannot
 * deliver them, is found by it: each report is a new message, so there are no
 * Received fields to count.
 */
unsigned dsn_depth(const struct buf *header);

/*
 * Takes the next n bytes, which are its caller's. Returns 0, or -1 with *err.
 */
typedef int dsn_sink_fn(void *arg, const void *, size_t n, struct err *);

/*
 * Hand header, empty line, the part for people, the message/delivery-status
 * part and the opening of the third part to sink. The header: From
 * MAILER-DAEMON at hostname, To the reverse-path (postmaster at hostname for the null one),
 * Subject, Date, Message-ID, Auto-Submitted: auto-replied (RFC 3834),
 * X-Postrider-Depth, References and In-Reply-To the original's Message-ID, MIME fields.
 * Everything is 7-bit except To and the original where they are not; lines
 * within 998; text from the network cannot begin a line of its own, and no
 * line but one of the original begins with '.'.
 *
 * Returns 0, or -1 with the *err of sink.
 */
int	dsn_write(const struct dsn *, dsn_sink_fn *sink, void *arg,
	    struct err *);

/* Append the closing boundary. */
void	dsn_close(const struct dsn *, struct buf *out);

#endif
