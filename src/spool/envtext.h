/*
 * The envelope as text (pure): lines "key field...", in this order, the
 * fields escaped (str_escape), so that nothing that came from the network or
 * a caller can end a field or a line:
 *
 *	from PATH		reverse-path; "%" is the null one
 *	arrived SECONDS		since 1970
 *	expires SECONDS
 *	uid NUMBER		of who sent it
 *	submitter LOGIN		and the name; may be missing
 *	account NAME		named when it was sent; may be missing
 *	envid XTEXT		may be missing
 *	ret full|hdrs		may be missing
 *	body NUMBER		BODY_* bits; missing: 0
 *	utf8			SMTPUTF8 was asked for; may be missing
 *	to PATH [NOTIFY [ORCPT]]	a forward-path; NOTIFY_* bits. These are the
 *				rows that the journal counts from 0.
 *
 * What became of the forward-paths is not here but in the journal.
 */
#ifndef SPOOL_ENVTEXT_H
#define SPOOL_ENVTEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "mail/envelope.h"

#define ENVTEXT_RCPT_MAX (1u << 20)

/* Append the text of the envelope. */
void	envtext_write(struct buf *out, const struct envelope *);

/*
 * Parse the whole of text into env, all zero on entry. Unknown keys, keys
 * that come twice and fields that are missing are errors: what a later
 * version adds comes with a new version in the head.
 *
 * Returns 0, or -1 with *err (ERR_DATA); env is to be released either way.
 */
int	envtext_parse(const char *text, size_t n, struct envelope *env,
	    struct err *err);

#endif
