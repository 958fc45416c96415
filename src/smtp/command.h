/*
 * Command lines (RFC 5321 4.1). Pure. The one place where they are built:
 * arguments with CR, LF, NUL or other control bytes are refused, so nothing
 * that was put into an address or a parameter can become a command.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "smtp/ehlo.h"

/*
 * Append "VERB argument" and CRLF. argument NULL: the verb alone.
 * Returns 0, or -1 with *err (ERR_DATA 5.1.3) and out unchanged.
 */
int	command_simple(struct buf *out, const char *verb,
	    const char *argument, struct err *);

/* "MAIL FROM:<reverse-path>" with what the server offers of SIZE, BODY,
 * SMTPUTF8, RET and ENVID. */
struct command_mail {
	const char *reverse_path;
	uint64_t    size;	/* on the wire */
	bool	    eightbit, utf8;
	uint8_t	    ret;	/* enum envelope_ret */
	const char *envid;	/* xtext, or NULL */
};
int	command_mail(struct buf *out, const struct ehlo *,
	    const struct command_mail *, struct err *);

/* "RCPT TO:<forward-path>" with NOTIFY and ORCPT where DSN is offered. */
int	command_rcpt(struct buf *out, const struct ehlo *,
	    const char *path, uint8_t notify, const char *orcpt,
	    struct err *);

#endif
