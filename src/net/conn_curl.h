/*
 * A connection that libcurl opens: proxy, TLS with the certificate checked,
 * EHLO and AUTH with every mechanism it knows (CURLOPT_CONNECT_ONLY). Then it
 * is a struct conn as any other, and libcurl carries bytes and nothing else:
 * never a message.
 *
 * The only file that knows libcurl's connections. libcurl is loaded when the
 * first is opened (curllib.h).
 */
#ifndef NET_CONN_CURL_H
#define NET_CONN_CURL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/conn.h"
#include "net/mx.h"

enum conn_curl_tls { CONN_CURL_CLEAR, CONN_CURL_STARTTLS, CONN_CURL_TLS };

/* How far it came. */
enum conn_curl_stage {
	CONN_CURL_CONNECT,	/* proxy, TCP */
	CONN_CURL_GREETING,
	CONN_CURL_HELLO,
	CONN_CURL_HANDSHAKE,	/* STARTTLS, TLS, the certificate */
	CONN_CURL_AUTH
};

/* Strings may be NULL unless it says otherwise. */
struct conn_curl_options {
	const char *host;	/* name or IP address; never NULL; it is what
				 * the certificate must be for */
	uint16_t port;
	enum conn_curl_tls tls;
	const struct mx_addr *addr;	/* connect there; NULL: the proxy looks
					 * the host up */
	const char *source;	/* IP address to connect from */
	const char *proxy;	/* "socks5://host:port", "http://host:port", a
				 * "user:password@" before host; no environment
				 * has a say in it */
	const char *hostname;	/* for EHLO; a name without a dot is replaced
				 * by the literal of our address, as smtp_new()
				 * does; by [127.0.0.1] behind a proxy, where
				 * that address means nothing */
	const char *user;	/* NULL: no AUTH, unless client_cert and
				 * "external" */
	const char *secret;	/* password or token; libcurl's copies are wiped
				 * when it frees them */
	bool	 is_token;
	const char *auth;	/* mechanisms that may be used, blanks between:
				 * plain login cram-md5 digest-md5 scram-sha-1
				 * scram-sha-256 xoauth2 oauthbearer external
				 * gssapi ntlm; NULL: all but the last two */
	const char *ca_file;
	const char *client_cert, *client_key;	/* paths or pkcs11: URIs */
	const char *tls_pin;	/* "sha256//BASE64": this key, whatever CA, name
				 * and dates its certificate has */
	int64_t	 connect_deadline, deadline;	/* clock_ms(): TCP, all; once
				 * connected, what is between the two is left */
	int	 watch_fd, trace_fd;		/* as in struct conn; -1 */
};

/*
 * Open.
 *
 * conn    filled; to be closed by conn_close() either way.
 * offers  cleared; the text of the last complete EHLO reply, its lines without
 *         codes, '\n' between, as struct reply has it.
 * stage   how far it came, when it failed.
 *
 * Returns 0, or -1 with *err, always ERR_TEMP:
 *   4.4.1  connection refused, silent; proxy trouble
 *   4.4.0  our own network is down (as dial())
 *   4.4.2  later: closed, silent; nobody wants the result any more
 *   4.5.0  the other side does not speak SMTP
 *   4.3.2  greeting or EHLO refused: the reply
 *   4.7.4  STARTTLS or AUTH is not offered, or no mechanism in common; there
 *          is nothing to prove ourselves with, or it would go in clear
 *   4.7.5  TLS, certificate: names its subject, issuer, names and dates as far
 *          as they matter, and what would mend it
 *   4.7.8  AUTH refused: the reply, "535 5.7.8 ..."
 *   4.7.0  AUTH put off: the reply, "454 4.7.0 ..."
 *   4.3.5  libcurl is missing or too old
 */
int	conn_curl_open(struct conn *, const struct conn_curl_options *,
	    struct buf *offers, enum conn_curl_stage *stage, struct err *);

/* "TLS1.3 TLS_AES_256_GCM_SHA384 X25519 (verified)"; "" when it is clear;
 * "(pinned)" where tls_pin decided. */
void	conn_curl_describe(const struct conn *, char *out, size_t size);

/* Version of the library ("7.88.1 GnuTLS/3.7.9"), for --version. */
const char *conn_curl_library(void);

#endif
