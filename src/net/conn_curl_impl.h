/*
 * Inside of conn_curl; only its own files include this.
 *
 *	conn_curl.c	opens, listens while libcurl does; then carries bytes
 *	conn_curl_set.c	what libcurl is told
 *	conn_curl_err.c	what went wrong, in our words
 *	overheard.c	what was said meanwhile
 */
#ifndef NET_CONN_CURL_IMPL_H
#define NET_CONN_CURL_IMPL_H

#include "net/conn_curl.h"
#include "net/curllib.h"
#include "net/overheard.h"

#define CONN_CURL_TLS_MAX 96

/* conn.tls of such a connection. */
struct conn_curl {
	const struct curllib *lib;
	CURL	*easy;
	struct curl_slist *connect_to;	/* owned, as long as easy */
	int	 fd;		/* the socket that is ours to close, not
				 * libcurl's; -1: none yet */
	char	 tls[CONN_CURL_TLS_MAX];	/* as conn_curl_describe() */
	char	 why[CURL_ERROR_SIZE];		/* libcurl's words */

	/* while it opens */
	const struct conn_curl_options *o;
	struct conn *conn;
	struct overheard heard;
	const char *ca_file;	/* in effect; NULL: whatever libcurl knows */
	char	 suite[CONN_CURL_TLS_MAX];	/* as libcurl tells it */
	int	 failure;	/* errno of a socket of ours */
	bool	 connected;	/* TCP, to the proxy if there is one */
	bool	 gone;		/* nobody wants the result */
	bool	 babble;	/* what the server said is no reply */
};

/* Callbacks, in conn_curl.c. */
struct conn_curl_callbacks {
	curl_opensocket_callback opensocket;
	curl_sockopt_callback sockopt;
	curl_closesocket_callback closesocket;
	curl_xferinfo_callback progress;
	curl_debug_callback debug;
	curl_write_callback header;
};

/* Does it prove who we are? */
bool	conn_curl_wants_auth(const struct conn_curl_options *);

/* Check what we were given, before anything is opened. Returns 0, or -1 with
 * *stage and *err. */
int	conn_curl_check(const struct curllib *,
	    const struct conn_curl_options *, enum conn_curl_stage *stage,
	    struct err *);

/* Tell libcurl all of it. ehlo: our name. Returns 0, or -1 with *err. */
int	conn_curl_set(struct conn_curl *, const char *ehlo,
	    const struct conn_curl_callbacks *, struct err *);

/*
 * libcurl came back with rc. Returns 0 when the connection is as it was to be;
 * else -1 with *stage and *err.
 */
int	conn_curl_result(struct conn_curl *, CURLcode rc,
	    enum conn_curl_stage *stage, struct err *);

#endif
