/*
 * A message as it comes in, made fit to be sent.
 *
 * Bytes are pushed in as they are read, in pieces of any size; what comes out
 * is the message as it goes over the wire, less dot-stuffing: every line ends
 * in CRLF, whatever it ended in (LF, CRLF, any number of CR before LF); CRs
 * inside a line have become a blank, one for each run of them; body lines
 * over 998 octets are broken before a blank in their second half, or else by
 * CRLF and a blank (never inside a UTF-8 sequence); the last line is ended.
 * So neither a lone CR nor a lone LF can leave the machine (SMTP smuggling).
 *
 * No files, no clock: the caller reads and writes. The header block is kept
 * in memory (MESSAGE_HEADER_MAX); the body only passes through.
 *
 *	message_feed() until header_done
 *	message_recipients(), message_fix()          the header, mended
 *	message_feed() ... message_finish()          the body, streamed
 *
 * Where the header ends: at the first empty line, or before the first line
 * that is neither a field nor the continuation of one. A field begins with
 * a name of printable ASCII, perhaps blanks (RFC 5322 4.5), and a colon in
 * the first 998 octets. A continuation may be all blanks (RFC 5322 4.2).
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "mail/rewrite.h"

#define MESSAGE_HEADER_MAX (4u << 20)
#define MESSAGE_HOPS_MAX 50	/* Received fields; RFC 5321 6.3 */
#define MESSAGE_LINE_MAX 998

struct message {
	bool	dot_ends;	/* set before: a line "." ends the message,
				 * a leading ".." becomes "." (no -i) */
	bool	mbox_quoted;	/* set before: undo mboxrd quoting (">From "
				 * in the body loses one '>') */

	bool	header_done;	/* the block is complete in header */
	bool	ended;		/* the lone dot was seen; feed no more */
	struct buf header;	/* CRLF lines; leading "From " and ">From "
				 * lines dropped; no empty line at the end */
	uint8_t	body;		/* BODY_* of envelope.h, so far */
	unsigned hops;		/* Received fields in the header */

	/* inside of message.c: the line being gathered and what it is */
	struct buf line;
	uint8_t	line_kind;	/* 0: not yet judged */
	bool	pending_cr;	/* CRs seen: a line end or a blank */
	size_t	line_number;	/* of the header line, from 0 */
};

/*
 * Push n bytes in. A message may begin without header fields: the first line
 * that is neither a field nor a continuation begins the body (no empty line
 * is lost then).
 *
 * out  body bytes are appended, once header_done; before that nothing is.
 *
 * Returns the number of bytes used: n, or fewer (even none) when the header
 * has just been completed (mend it, then go on with the rest) or the message
 * ended. Returns -1 with *err (ERR_DATA 5.6.0) naming the line: NUL in the
 * header, header block over MESSAGE_HEADER_MAX.
 */
ssize_t	message_feed(struct message *, const char *, size_t n,
	    struct buf *out, struct err *);

/*
 * End of input: ends the last line; header_done is true afterwards. When it
 * was not before, mend the header then and write it before out.
 */
int	message_finish(struct message *, struct buf *out, struct err *);

void	message_release(struct message *);

/*
 * Recipients from the header, for -t: To, Cc and Bcc; when any Resent- field
 * is present, Resent-To, -Cc and -Bcc of all blocks instead.
 * Appends as addrlist_parse() does.
 */
void	message_recipients(const struct message *, const char *default_domain,
	    struct strlist *good, struct strlist *bad);

/*
 * The author as an envelope could have him: the first address of From, or of
 * the newest Resent-From; of Sender (Resent-Sender, of the same block) when
 * there is one, for that is who sent it (RFC 5322 3.6.2). Appends the canonical
 * address and returns true, or false when there is none.
 */
bool	message_author(const struct message *, const char *default_domain,
	    struct buf *out);

/* What message_fix() adds. Strings are the caller's. */
struct message_fix {
	const char *queue_id;
	const char *hostname;	/* for Received and Message-ID */
	const char *from;	/* canonical address for a missing From */
	const char *full_name;	/* display name for it, or NULL */
	unsigned    uid;	/* of the submitter */
	time_t	    now;
	bool	    no_received; /* for messages of our own making */
	const struct rewrite *rewrite; /* NULL: nothing. Applied to From,
				 * Sender, Reply-To, Resent-From, -Sender,
				 * -Reply-To */
	const char *set_from;	/* NULL, or: the address that From gets in place
				 * of its own, with full_name in place of its
				 * names, unless it has that one alone (the
				 * first Resent-From of a resent message, which
				 * is the newest) */
	const char *default_domain; /* of addresses without one */
};

/*
 * The header as it leaves, appended to out with the empty line behind it:
 * a Received field on top ("by hostname (Postrider, from userid N)" with id
 * and date, RFC 5321 4.4); Bcc, Resent-Bcc, Return-Path and Content-Length
 * dropped with their folded lines; missing From, Date and Message-ID added
 * at the end (for a resent message: Resent-From, -Date, -Message-ID, added
 * below Received where the newest block belongs, RFC 5322 3.6.6), an empty
 * one counts as missing and is dropped; lines over 998 octets folded.
 *
 * Returns 0, or -1 with *err: ERR_PERM 5.4.6 too many hops.
 */
int	message_fix(const struct message *, const struct message_fix *,
	    struct buf *out, struct err *);

#endif
