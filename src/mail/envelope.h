/*
 * The envelope (RFC 5321 2.3.1, RFC 3461): who sends, to whom, and under
 * which promises. Beside it what we know of each forward-path.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/outcome.h"

/* NOTIFY of RFC 3461 4.1, as bits; 0: not given. */
enum {
	NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8
};

enum envelope_ret { RET_NONE, RET_FULL, RET_HDRS };

/* Body facts found while the message was read. */
enum {
	BODY_8BIT = 1,		/* a byte above 0x7f, in header or body */
	BODY_DOTS = 2,		/* a line begins with '.' */
	BODY_UTF8_HEADER = 4,	/* header bytes above 0x7f */
	BODY_NUL = 8		/* a NUL, which is in no text (RFC 2045 2.8) */
};

#define ORCPT_MAX 500		/* octets (RFC 3461 4.2) */

struct rcpt {
	char	*path;		/* canonical (mail/address.h); owned */
	char	*orcpt;		/* "rfc822;xtext", or NULL; owned */
	uint8_t	 notify;	/* NOTIFY_* bits */
	uint8_t	 state;		/* enum outcome_kind, over all attempts */
	bool	 reported;	/* a DSN about the failure is committed */
	bool	 warned;	/* one about the delay was */
	uint16_t attempts;	/* that ended in a deferral, since the last
				 * envelope_requeue() */
	bool	 cut_off;	/* of this pass: nobody has reached its site for
				 * as long as the message may live */
	bool	 forced;	/* requeued, and not tried since: it is tried
				 * whatever is remembered of its site */
	time_t	 last_s;	/* of the last attempt */
	char	*status;	/* of the last attempt, or NULL; owned */
	char	*text;		/* its reply or reason, or NULL; owned */
	char	*host;		/* the host that said so, or NULL; owned */
};

struct envelope {
	char	*reverse_path;	/* canonical; "" is the null reverse-path */
	char	*envid;		/* ENVID in xtext, or NULL */
	char	*account;	/* named when it was sent, or NULL */
	char	*submitter;	/* login of who sent it, or NULL */
	uint32_t uid;		/* and the number */
	uint8_t	 ret;		/* enum envelope_ret */
	uint8_t	 body;		/* BODY_* bits */
	bool	 utf8;		/* SMTPUTF8 was asked for (-U) */
	time_t	 arrived_s;
	time_t	 expires_s;	/* give up after this */
	time_t	 held_s;	/* when somebody held it; 0: nobody does */
	uint32_t held_by;	/* and his uid */
	uint64_t size;		/* of the message as stored, in octets */
	struct rcpt *rcpts;	/* owned */
	size_t	 nrcpt;
	size_t	 cap;
};

/*
 * Add a forward-path (canonical). One that is there already is not added
 * again, and its row is returned. Looks at all rows: for many of them
 * envelope_append() and then envelope_unique() are meant. The row is valid
 * until the next one is added.
 */
struct rcpt *envelope_add(struct envelope *, const char *path);

/* Add a forward-path without looking whether it is there already. */
struct rcpt *envelope_append(struct envelope *, const char *path);

/* Drop later duplicates of a forward-path; O(n log n), order is kept. */
void	envelope_unique(struct envelope *);

/*
 * Put one attempt's outcome into rcpts[i]: state, attempts, words. Delivered
 * and failed are final: what is noted after them changes nothing, and neither
 * does OUTCOME_NONE.
 */
void	envelope_note(struct envelope *, size_t i, const struct outcome *,
	    time_t now);

/* Is a forward-path not yet done with: neither delivered, nor failed and
 * reported? */
bool	rcpt_is_open(const struct rcpt *);

/* Is its text a server's reply ("550", "550 no"), or are these our own words?
 * And what host did with it, for people: "said", or "at". */
bool	rcpt_has_reply(const struct rcpt *);
const char *rcpt_host_word(const struct rcpt *);

/* Begin anew with all that is not final: no attempts, and the next is forced. */
void	envelope_requeue(struct envelope *);

/* How many forward-paths are in that state. */
size_t	envelope_count(const struct envelope *, enum outcome_kind);

/* Is SMTPUTF8 needed: asked for, or an address that needs it? */
bool	envelope_needs_utf8(const struct envelope *);

void	envelope_release(struct envelope *);

/*
 * "never" or a comma list of "success", "failure", "delay" (any case) to
 * NOTIFY_* bits. Returns 0, or -1 with *err (ERR_USAGE). And back, for the
 * wire ("SUCCESS,FAILURE"), appended.
 */
int	notify_parse(const char *text, uint8_t *bits, struct err *);
void	notify_write(struct buf *out, uint8_t bits);

/*
 * Is s xtext of 1 to 100 octets (RFC 3461 4)? Append s as xtext. And back:
 * what is not xtext in s is appended as it is. The result may hold control
 * characters and NUL ("+0A"): it is somebody's text. What an ENVID stands for
 * must not (RFC 3461 4.4).
 */
bool	xtext_valid(const char *s);
bool	xtext_printable(const char *s);
void	xtext_write(struct buf *out, const char *s);
void	xtext_read(struct buf *out, const char *s);

#endif
