/*
 * The dialogue with one server (RFC 5321 3, 4; RFC 2920, 3030, 3207), over a
 * connection that somebody else opened.
 *
 * One code path: say_*() queue a command and note what was said; hear() reads
 * the next reply and hands it to the command that has waited longest. Without
 * PIPELINING each say is heard at once; with it only where something depends
 * on the answer. So no reply can lack its command, and a reply nobody waits
 * for ends the session.
 *
 * Flights, with everything a modern server offers:
 *	first message	MAIL RCPT.. BDAT LAST text QUIT		(CHUNKING)
 *	or		MAIL RCPT.. DATA | text . QUIT
 *	further ones	text . MAIL RCPT.. DATA | ...	one round trip each
 * Never more than one message is sent whose reply is not yet heard: losing the
 * line then leaves at most one in doubt.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "net/conn.h"
#include "smtp/ehlo.h"

/* How long to wait for what, in seconds (features.md section 5). */
struct smtp_patience {
	unsigned greeting_s, hello_s, tls_s, mail_s, rcpt_s, data_s, block_s,
	    dot_s, quit_s;
};
extern const struct smtp_patience smtp_patience_flush;	/* RFC 5321 4.5.3.2 */
extern const struct smtp_patience smtp_patience_caller;	/* somebody waits */

/* A forward-path to be sent to in this session. */
struct smtp_rcpt {
	const char *path;	/* canonical; not owned */
	const char *orcpt;	/* or NULL */
	uint8_t	 notify;
	uint8_t	 done;		/* enum outcome_kind; NONE: still to do */
	uint32_t id;		/* the caller's, handed to verdict() */
};

/* A message to be sent in this session. */
struct smtp_message {
	const char *reverse_path, *envid;
	uint8_t	 ret, body;	/* enum envelope_ret, BODY_* bits */
	bool	 utf8;		/* needs SMTPUTF8 */
	int	 fd;		/* of the stored text; read by pread(2) */
	off_t	 at;
	uint64_t size;
	struct smtp_rcpt *rcpts;
	size_t	 nrcpt;
	uint32_t id;		/* the caller's */
};

/*
 * Told for each forward-path exactly once, as soon as it is known. o is
 * filled but for host, address, port, tls, which the caller knows.
 */
typedef void smtp_verdict_fn(void *arg, struct smtp_message *,
	    struct smtp_rcpt *, const struct outcome *o);

struct smtp_client;

/*
 * Prepare a client on an open connection.
 *
 * conn         taken over for as long as the client lives, not closed.
 * hostname     for EHLO; a name without a dot is replaced by the literal of
 *              our own address on this connection (RFC 5321 4.1.4).
 * rcpt_max     forward-paths in one transaction (the server's LIMITS may be
 *              lower).
 */
struct smtp_client *smtp_new(struct conn *, const char *hostname,
	    const struct smtp_patience *, unsigned rcpt_max,
	    smtp_verdict_fn *, void *arg);
void	smtp_free(struct smtp_client *);

/*
 * Greeting and EHLO, with HELO when EHLO is refused as unknown (500, 502,
 * 550, ...).
 *
 * Returns 0, or -1 with *err; *stage tells where. ERR_TEMP: the next host may
 * do better (4xx or 5xx greeting, 421, lost, silent, desync); ERR_PERM
 * 5.3.2 only for 521 (RFC 7504: a host that never takes mail).
 */
int	smtp_hello(struct smtp_client *, enum outcome_stage *, struct err *);

/*
 * Believe nothing that the server offers but STARTTLS and SMTPUTF8: for one
 * that got something wrong (smtp_send() failed with status 4.5.0). To be said
 * before smtp_hello().
 */
void	smtp_be_careful(struct smtp_client *);

/*
 * Instead of smtp_hello(): somebody else has heard the greeting, said EHLO and
 * proved who we are. offers: text of the reply to EHLO, as struct reply has it.
 */
void	smtp_resume(struct smtp_client *, const char *offers);

/* What the server offered last. */
const struct ehlo *smtp_offers(const struct smtp_client *);

/*
 * STARTTLS, handshake, and EHLO again; what was offered in clear is forgotten.
 * Bytes waiting behind the 220 end the session.
 * Returns 0; 1 when the server declined politely (4xx, 5xx) and the session
 * goes on in clear; -1 with *err when the connection is of no further use.
 */
int	smtp_starttls(struct smtp_client *, const char *host, struct err *);

/*
 * Send n messages, each to its forward-paths that are not done, and end with
 * QUIT (whose reply is not waited for).
 *
 * Every forward-path whose fate this session decides is told to verdict():
 * delivered; refused at MAIL, RCPT, DATA or the dot, each recipient by its own
 * reply; in doubt when the line was lost between the dot and its reply
 * (deferred). What the server never judged stays OUTCOME_NONE in done, and the
 * next host may have it: the line was lost before, 421, the server's limit of
 * recipients or messages on one connection.
 *
 * Returns 0 when the session ended in order, or -1 with *err (ERR_TEMP) and
 * *stage when it was lost; status 4.5.0: the server broke the rules, or did not
 * know what it had offered.
 */
int	smtp_send(struct smtp_client *, struct smtp_message *, size_t n,
	    enum outcome_stage *, struct err *);

#endif
