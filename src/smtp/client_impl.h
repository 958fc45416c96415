/*
 * Inside of the client; only its own files and their tests include this.
 *
 *	client.c	life, greeting, EHLO, STARTTLS
 *	dialogue.c	say and hear: each reply meets the command it answers
 *	heard.c		what a reply means to its transaction
 *	transaction.c	which flights there are, message after message
 *	body.c		the text and its end, by DATA or BDAT
 *	verdict.c	outcomes, kept back and told
 *
 * A transaction is one MAIL with its RCPTs and the body (RFC 5321 3.3). Two
 * may be in play: one whose body has no reply yet, and the next one, whose
 * MAIL and RCPT travel behind that body.
 */
#ifndef SMTP_CLIENT_IMPL_H
#define SMTP_CLIENT_IMPL_H

#include "base/buf.h"
#include "smtp/client.h"
#include "smtp/reply.h"

/* Commands said and not heard. Their replies must fit into the buffers of
 * both sides, or each would wait for the other to read (RFC 2920 3.1). */
#define PENDING_MAX 120

/* A body up to this size is sent before its RCPTs are heard (BDAT): a round
 * trip saved is worth more than the octets lost when all are refused. */
#define AT_ONCE_MAX 65536

#define BLOCK_MAX 65536		/* read from the message at a time */

enum step {
	STEP_RSET,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_NOBODY,		/* the dot after a 354 nobody is behind */
	STEP_DOT,		/* end of the text */
	STEP_BDAT		/* the same by BDAT LAST */
};

/* A forward-path in a transaction. */
struct slot {
	struct smtp_rcpt *rcpt;
	bool	 accepted;	/* RCPT was; the body decides */
	bool	 dsn;		/* RCPT was said with what DSN has for it */
	bool	 again;		/* into another transaction: "too many" */
	struct outcome *held;	/* owned: refused, but not told before the
				 * whole flight was heard and makes sense */
};

struct transaction {
	struct smtp_message *m;
	struct slot *slots;	/* owned */
	size_t	 n, cap;
	size_t	 accepted;
	bool	 refused;	/* MAIL was: replies to RCPT mean nothing */
	bool	 go_ahead;	/* 354 */
	uint64_t end;		/* client.put at the body's end; 0: not yet */
	int64_t	 began_ms;
};

struct pending {
	enum step step;
	struct transaction *t;	/* NULL for RSET */
	size_t	 slot;		/* of RCPT */
	uint64_t end;		/* client.put behind the command */
};

/* A forward-path for another transaction of its message. */
struct again {
	struct smtp_message *m;
	struct smtp_rcpt *rcpt;
};

struct smtp_client {
	bool	careful;		/* see smtp_be_careful() */
	struct conn *conn;
	char	*hostname;	/* owned */
	const struct smtp_patience *patience;
	unsigned rcpt_max;
	smtp_verdict_fn *verdict;
	void	*arg;

	struct ehlo offers;
	struct pending pending[PENDING_MAX];	/* a ring */
	size_t	 oldest, npending;
	struct buf line;	/* the command being built */
	uint64_t put;		/* octets put out so far, and how many of */
	uint64_t sent;		/* them have left for certain */

	struct transaction t[2];
	struct transaction *unheard;	/* its body has no reply yet */
	struct again *again;	/* owned */
	size_t	 nagain, again_cap;
	unsigned mails;		/* transactions begun */
	bool	 open;		/* the server has a transaction that no body
				 * ended: RSET before the next */
	bool	 closing;	/* 421: it takes nothing any more */
	bool	 desync;	/* its replies cannot be trusted */
	bool	 quit;		/* said */
	enum outcome_stage stage;
	struct buf block, stuffed;	/* body.c */
};

/* Where in the dialogue a step stands. */
enum outcome_stage step_stage(enum step);

/*
 * Put the command in c->line into the output and note that its reply belongs
 * to slot of t. An empty line is noted only. dialogue_say() hears the reply
 * at once unless the server pipelines.
 * Return 0, or -1 with *err: the session is over.
 */
int	dialogue_queue(struct smtp_client *, enum step, struct transaction *,
	    size_t slot, struct err *);
int	dialogue_say(struct smtp_client *, enum step, struct transaction *,
	    size_t slot, struct err *);

/* Write part of what was said; and the last of it, which ends the body. As
 * conn_write(), but a failure first hears what the server may have said before
 * it went away. */
int	dialogue_write(struct smtp_client *, const void *, size_t, struct err *);
int	dialogue_end(struct smtp_client *, struct transaction *, const void *,
	    size_t, struct err *);

/* Flush, and hear until nothing is pending. */
int	dialogue_hear_all(struct smtp_client *, struct err *);

/* Has the server said something nobody has heard? Takes in what has arrived,
 * never waits. Returns 1, 0, or -1 with *err when the connection is gone. */
int	dialogue_arrived(struct smtp_client *, struct err *);

/* Nothing is pending, so nothing may be there: taken for the next reply it
 * would deliver or refuse the wrong thing. Returns 0, or -1 with *err. */
int	dialogue_check(struct smtp_client *, struct err *);

/* The session has lost its thread (reply may be NULL); the server closes it
 * (421). Both return -1. */
int	dialogue_desync(struct smtp_client *, struct err *, const char *why,
	    const struct reply *);
int	dialogue_closing(struct smtp_client *, struct err *,
	    const struct reply *);

/* Give up while the body is on its way, because the server spoke: hear it. */
int	dialogue_interrupted(struct smtp_client *, struct err *);

/* Hand a reply to what it answers. Returns 0, or -1: the session is over. */
int	heard(struct smtp_client *, const struct pending *, struct reply *,
	    struct err *);

/* Send the text of t and its end; the reply is pending afterwards. */
int	body_data(struct smtp_client *, struct transaction *, struct err *);
int	body_bdat(struct smtp_client *, struct transaction *, struct err *);

/* What a reply means: kind NONE when it is neither yes nor no. */
void	verdict_reply(struct outcome *, enum step, const struct reply *);

/* Tell the outcome of one forward-path; of all that were accepted. */
void	verdict_tell(struct smtp_client *, struct smtp_message *,
	    struct smtp_rcpt *, const struct outcome *);
void	verdict_accepted(struct smtp_client *, struct transaction *,
	    struct outcome *);

/* Keep a copy of the outcome for a slot, for verdict_settle(). */
void	verdict_hold(struct slot *, const struct outcome *);

/* The replies up to here make sense: tell what was held, and move those that
 * want another transaction to c->again. */
void	verdict_settle(struct smtp_client *, struct transaction *);

/* The session is over before its end, for that reason: tell what is known and
 * who is in doubt. */
void	verdict_lost(struct smtp_client *, const struct err *);

/* Forget what was held. */
void	verdict_drop(struct transaction *);

#endif
