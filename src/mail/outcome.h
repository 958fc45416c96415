/*
 * What became of one forward-path in one attempt.
 *
 * Fixed in size and without pointers, because a worker writes it into a pipe
 * as it is; text from the network in it is sanitised and cut.
 */
#ifndef MAIL_OUTCOME_H
#define MAIL_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/status.h"

enum outcome_kind {
	OUTCOME_NONE,		/* not yet known */
	OUTCOME_DELIVERED,	/* the next hop took responsibility */
	OUTCOME_DEFERRED,	/* try later */
	OUTCOME_FAILED		/* never */
};

/* Where the dialogue stood; names for the log in outcome_stage_name(). */
enum outcome_stage {
	STAGE_NONE,		/* before anything was tried */
	STAGE_DNS,
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_HELLO,
	STAGE_TLS,
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_DOT		/* the message was sent, its reply decides */
};

#define OUTCOME_TEXT_MAX 1024
#define OUTCOME_HOST_MAX 256
#define OUTCOME_ADDR_MAX 48
#define OUTCOME_TLS_MAX 96

struct outcome {
	uint8_t	kind;			/* enum outcome_kind */
	uint8_t	stage;			/* enum outcome_stage */
	bool	whole_site;		/* the site as such is at fault: no
					 * use to try others there now */
	bool	offline;		/* our own network is down: nobody
					 * else's fault, nothing to remember */
	bool	in_doubt;		/* lost between dot and reply: it may
					 * have been accepted (RFC 1047) */
	bool	relayed_no_dsn;		/* accepted by a host without DSN */
	int16_t	code;			/* reply code; 0: no reply */
	char	status[STATUS_MAX];
	char	text[OUTCOME_TEXT_MAX];	/* the reply ("250 2.0.0 Ok"), or
					 * our own words when code is 0 */
	char	host[OUTCOME_HOST_MAX];	/* MX host, "" before one */
	char	address[OUTCOME_ADDR_MAX]; /* its address as text */
	uint16_t port;
	char	tls[OUTCOME_TLS_MAX];	/* "TLS1.3 AES_256_GCM", "" = none */
	uint32_t connect_ms;		/* dial, greeting, EHLO, TLS */
	uint32_t transfer_ms;		/* MAIL to the last reply */
};

/* "delivered", "deferred", "failed", "pending". */
const char *outcome_name(enum outcome_kind);

/* The command or step in words: "MAIL FROM", "end of DATA", ... */
const char *outcome_stage_name(enum outcome_stage);

/*
 * Fill *o from a failure of our own (no reply): kind from err->kind (ERR_PERM
 * and ERR_DATA: failed; every other: deferred), stage, status of that class,
 * text; what *o says of the host, TLS and times stays.
 */
struct err;
void	outcome_from_err(struct outcome *, enum outcome_stage,
	    const struct err *);

/*
 * Is *o sound? Checks what came through a pipe from a process that read the
 * network: kinds in range, strings terminated and without control bytes.
 */
bool	outcome_valid(const struct outcome *);

#endif
