/*
 * What a server offers (RFC 5321 4.1.1.1): EHLO's reply, line by line. Pure.
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include <stdbool.h>
#include <stdint.h>

struct ehlo {
	bool	 extended;	/* EHLO was accepted, not only HELO */
	bool	 pipelining;	/* RFC 2920 */
	bool	 size;		/* RFC 1870 */
	uint64_t size_max;	/* octets; 0: no limit told */
	bool	 eightbit;	/* 8BITMIME, RFC 6152 */
	bool	 status_codes;	/* RFC 2034 */
	bool	 starttls;	/* RFC 3207 */
	bool	 chunking;	/* RFC 3030 */
	bool	 dsn;		/* RFC 3461 */
	bool	 utf8;		/* SMTPUTF8, RFC 6531 */
	unsigned rcpt_max;	/* LIMITS RCPTMAX, RFC 9422; 0: none told */
	unsigned mail_max;	/* LIMITS MAILMAX; 0: none told */
};

/* Read the joined text of a reply to EHLO (struct reply's text; the first
 * line is the greeting and no keyword). Unknown and malformed are ignored. */
void	ehlo_parse(struct ehlo *, const char *text);

#endif
