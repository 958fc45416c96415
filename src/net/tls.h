/*
 * TLS on a connection, by GnuTLS, as a client.
 *
 * Opportunistic: certificates are not verified here, because without a policy
 * for the destination there is no name that could be (RFC 3207, RFC 7435).
 * GnuTLS is not loaded before it is needed (tlslib.h), and the CA store not
 * at all.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/conn.h"

/*
 * Do the handshake on a plain connection whose input and output are empty.
 *
 * host      for server name indication; a literal or NULL sends none.
 * deadline  clock_ms() value.
 *
 * Returns 0, the connection then passes everything through TLS; or -1 with
 * *err (ERR_TEMP 4.7.5) and the connection is of no further use.
 */
int	tls_start(struct conn *, const char *host, int64_t deadline,
	    struct err *);

/* "TLS1.3 TLS_AES_256_GCM_SHA384 X25519 (unverified)" into out; "" when it is
 * plain, or not ours (conn_curl_describe()). */
void	tls_describe(const struct conn *, char *out, size_t size);

/* The same for a gnutls_session_t that somebody else has made; trust is what
 * stands in parentheses. */
void	tls_describe_session(void *session, const char *trust, char *out,
	    size_t size);

/* Load the library now, so that processes forked later need not. */
void	tls_prepare(void);

/* Version of the library in use, for --version. */
const char *tls_library(void);

#endif
