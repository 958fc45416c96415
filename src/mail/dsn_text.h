/*
 * The part of a DSN that people read (RFC 6522 3, first part): what happened
 * to whom, what the remote host said, what that means and what may help.
 */
#ifndef MAIL_DSN_TEXT_H
#define MAIL_DSN_TEXT_H

#include "mail/dsn.h"

/*
 * Append the part with its MIME fields, without boundaries. ASCII as it is;
 * quoted-printable UTF-8 when a name or a host's words need more.
 */
void	dsn_text_write(const struct dsn *, struct buf *out);

/*
 * The status of a row as the DSN has it: what the attempt said, or else what
 * goes with the kind of DSN. out has STATUS_MAX bytes. (In dsn.c.)
 */
void	dsn_status(const struct dsn *, const struct rcpt *, char *out);

#endif
