/*
 * What is said while libcurl opens a connection: it tells nobody, so greeting,
 * EHLO, STARTTLS and AUTH are listened to as they pass. Pure.
 *
 * Here it is found out how far the opening came, what the server offers, what
 * it said last, and which of our words a trace may show: none behind the name
 * of the mechanism of AUTH.
 */
#ifndef NET_OVERHEARD_H
#define NET_OVERHEARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "net/conn_curl.h"

#define OVERHEARD_MAX 16384	/* kept of a reply, as REPLY_MAX */
#define OVERHEARD_LINES_MAX 1024

enum overheard_word {
	OVERHEARD_NOTHING,	/* what comes is the greeting */
	OVERHEARD_EHLO,
	OVERHEARD_HELO,
	OVERHEARD_STARTTLS,
	OVERHEARD_AUTH
};

/* All zero but for stage: nothing was said. The buffers are owned. */
struct overheard {
	enum conn_curl_stage stage;
	enum overheard_word said;	/* last, by us */
	struct buf block;	/* the reply that is coming, without codes */
	size_t	 lines;		/* of it */
	struct buf reply;	/* the last that came whole; '\n' between */
	int	 code;		/* its code; 0: none has come */
	struct buf offers;	/* the reply to EHLO in effect */
	char	 mechanism[32];	/* of the last AUTH; "": none */
	bool	 starttls;	/* was said: what comes behind its reply is
				 * in TLS */
	bool	 proven;	/* 235 */
};

/*
 * We have sent this. Appended to shown is what may be seen of it, without a
 * line end: commands, "AUTH PLAIN ****", else "****".
 */
void	overheard_said(struct overheard *, const char *, size_t n,
	    struct buf *shown);

/* A line of the server's. Returns false when it is not one of a reply, or one
 * too many. */
bool	overheard_line(struct overheard *, const char *, size_t n);

/* The last reply in one line, "535 5.7.8 no"; an enhanced status code that is
 * repeated on each line is left out but once. */
void	overheard_reply(struct overheard *, char *out, size_t size);

/* The mechanisms offered, "PLAIN LOGIN"; "" without AUTH. */
void	overheard_mechanisms(struct overheard *, char *out, size_t size);

void	overheard_release(struct overheard *);

#endif
