/*
 * One POST of a form by HTTPS, for tokens (RFC 6749). libcurl does it, loaded
 * for that (net/curllib.h).
 *
 * Certificates are checked, redirects are not followed, nothing but https is
 * spoken whatever the URL says, and neither time nor octets are without end.
 */
#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct https_request {
	const char *url;	/* "https://..." */
	const char *form;	/* application/x-www-form-urlencoded; the
				 * caller wipes it */
	const char *ca_file;	/* NULL: the system's */
	const char *proxy;	/* "socks5://h:p", "http://h:p"; NULL: none. It
				 * looks the host up. */
	unsigned timeout_s;	/* for all of it */
	size_t	 max;		/* octets of the answer */
};

/*
 * Ask.
 *
 * status  of the answer, as 200, 400.
 * body    cleared, and filled without growing; wipe it if it is a secret.
 *
 * Returns 0, whatever the status; or -1 with *err (ERR_TEMP): 4.4.1 no
 * connection, no answer in time, too long; 4.7.5 TLS, the certificate.
 */
int	https_post(const struct https_request *, unsigned *status,
	    struct buf *body, struct err *);

#endif
