/*
 * The part of a DSN that people read (RFC 6522 3, first part): what happened
 * to whom, what the remote host said, what that means and what may help.
 */
#ifndef MAIL_DSN_TEXT_H
#define MAIL_DSN_TEXT_H

#include "mail/dsn.h"

/*
 * Append the part with its MIME fields, without boundaries. ASCII as it is;
 * quoted-printable UTF-8 when a name or a host's words need more. It is in one
 * piece, because its first line says which: hence DSN_TEXT_MAX.
 */
void	dsn_text_write(const struct dsn *, struct buf *out);

/*
 * The status of a row as the DSN has it: what the attempt said, or else what
 * goes with the kind of DSN. out has STATUS_MAX bytes. (In dsn.c.)
 */
void	dsn_status(const struct dsn *, const struct rcpt *, char *out);

/*
 * How many rows, of the first on, a part tells: the first in any case, and not
 * more than most, nor more than octets as write writes them. (In dsn.c.)
 */
typedef void dsn_row_fn(const struct dsn *, const struct rcpt *,
	    struct buf *out);
size_t	dsn_fit(const struct dsn *, dsn_row_fn *write, size_t most,
	    size_t octets);

/* How many the part for programs tells. (In dsn.c.) */
size_t	dsn_reported(const struct dsn *);

#endif
