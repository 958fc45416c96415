/*
 * What is wrong with the certificate that a server has shown, in words for the
 * person who must mend it. Whether it is wrong is decided elsewhere: by the
 * library that did the handshake.
 */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <stddef.h>
#include <time.h>

#include "base/buf.h"

#define CERTIFICATE_CHAIN_MAX 16

struct certificate_question {
	/* PEM, as it was sent: the server's own first */
	const char *chain[CERTIFICATE_CHAIN_MAX];
	size_t	 n;
	const char *host;	/* it should be for that */
	const char *ca_file;	/* NULL: the system's */
	const char *tls_pin;	/* NULL: no key was asked for */
	time_t	 now;
};

/*
 * Append all that is wrong, with what would mend it:
 *
 *	certificate of mx.example (issued by Example CA) expired on 2024-05-01:
 *	it must be renewed there
 *
 * The settings named are ca-file, tls-pin, smarthost. Nothing is appended when
 * nothing wrong is found, or there is no certificate. Text of it is not
 * sanitised.
 */
void	certificate_explain(const struct certificate_question *,
	    struct buf *out);

#endif
