#include "config.h"

#include "net/conn_curl_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/dial.h"
#include "net/ourname.h"
#include "net/tls.h"

/*
 * Sockets: without a proxy libcurl gets one that is connected; with one it
 * connects a socket of ours, bound to the source.
 */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct conn_curl *c = arg;
	int fd;

	(void)purpose;
	if (c->fd >= 0)
		return c->fd;
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd >= 0 && dial_bind(fd, to->family, c->o->source) == 0)
		return fd;
	c->failure = errno;
	if (fd >= 0)
		close(fd);
	return CURL_SOCKET_BAD;
}

static int
set_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct conn_curl *c = arg;

	(void)purpose;
	return fd == c->fd ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

/* Whose conn.fd it is closes it. */
static int
close_socket(void *arg, curl_socket_t fd)
{
	struct conn_curl *c = arg;

	return fd == c->fd ? 0 : close(fd);
}

/* Asked at least once a second. */
static int
watch(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
    curl_off_t ulnow)
{
	struct conn_curl *c = arg;
	struct pollfd p = { .fd = c->o->watch_fd };
	curl_off_t connect_us = 0;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	if (p.fd >= 0 && poll(&p, 1, 0) > 0)
		c->gone = true;
	c->lib->easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	c->connected = c->connected || connect_us > 0;
	return c->gone || (!c->connected &&
	    clock_left_ms(c->o->connect_deadline) == 0);
}

/* "TLSv1.3 / TLS_AES_256_GCM_SHA384 / X25519 / RSASSA-PSS", as we say it. */
static void
note_suite(struct conn_curl *c, const char *text, size_t n)
{
	char copy[CONN_CURL_TLS_MAX], *word, *save;
	unsigned words = 0;
	size_t at = 0;

	str_copy(copy, n + 1 < sizeof(copy) ? n + 1 : sizeof(copy), text);
	for (word = strtok_r(copy, " /\r\n", &save); word != NULL && words < 3;
	     word = strtok_r(NULL, " /\r\n", &save)) {
		bool version = words++ == 0 && str_starts(word, "TLSv");

		at += (size_t)snprintf(c->suite + at, sizeof(c->suite) - at,
		    "%s%s%s", words > 1 ? " " : "", version ? "TLS" : "",
		    word + (version ? 4 : 0));
	}
	str_sanitise(c->suite);
}

#define SUITE_TEXT "SSL connection using "

static int
debug(CURL *easy, curl_infotype type, char *data, size_t n, void *arg)
{
	struct conn_curl *c = arg;
	struct buf shown = { 0 };
	size_t skip = strlen(SUITE_TEXT);

	(void)easy;
	if (type == CURLINFO_TEXT && n > skip &&
	    strncmp(data, SUITE_TEXT, skip) == 0)
		note_suite(c, data + skip, n - skip);
	if (type != CURLINFO_HEADER_OUT)
		return 0;
	/* to an HTTP proxy, with its password */
	if (n >= 8 && strncmp(data, "CONNECT ", 8) == 0) {
		conn_trace(c->conn, '>', data, strcspn(data, "\r\n"));
		return 0;
	}
	overheard_said(&c->heard, data, n, &shown);
	conn_trace(c->conn, '>', buf_str(&shown), shown.len);
	buf_release(&shown);
	return 0;
}

/* The session can be asked for as long as libcurl is at work. */
static void
note_tls(struct conn_curl *c)
{
	struct curl_tlssessioninfo *session = NULL;
	const char *trust = c->o->tls_pin != NULL ? "pinned" : "verified";

	c->lib->easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &session);
	if (session != NULL && session->internals != NULL &&
	    session->backend == CURLSSLBACKEND_GNUTLS)
		tls_describe_session(session->internals, trust, c->tls,
		    sizeof(c->tls));
	else
		(void)!snprintf(c->tls, sizeof(c->tls), "%.*s (%s)",
		    (int)sizeof(c->tls) - 12, *c->suite != '\0' ? c->suite :
		    "TLS", trust);
}

/* One line of the server's; not of an HTTP proxy's. */
static size_t
header(char *data, size_t one, size_t n, void *arg)
{
	struct conn_curl *c = arg;
	bool in_tls = c->o->tls == CONN_CURL_TLS ||
	    (c->heard.starttls && c->heard.said != OVERHEARD_STARTTLS);

	n *= one;
	conn_trace(c->conn, '<', data, n);
	c->babble = !overheard_line(&c->heard, data, n);
	if (in_tls && *c->tls == '\0')
		note_tls(c);
	return c->babble ? 0 : n;
}

static const struct conn_curl_callbacks callbacks = {
	open_socket, set_socket, close_socket, watch, debug, header
};

/* Afterwards */

static ssize_t
carry_send(struct conn *conn, const void *data, size_t n, short *want,
    struct err *err)
{
	struct conn_curl *c = conn->tls;
	size_t sent = 0;
	CURLcode rc = c->lib->easy_send(c->easy, data, n, &sent);

	if (rc == CURLE_OK)
		return (ssize_t)sent;
	*want = rc == CURLE_AGAIN ? POLLOUT : 0;
	return *want != 0 ? -1 : err_set(err, ERR_TEMP, "4.4.2",
	    "connection lost in sending: %s", c->lib->easy_strerror(rc));
}

static ssize_t
carry_recv(struct conn *conn, void *data, size_t n, short *want,
    struct err *err)
{
	struct conn_curl *c = conn->tls;
	size_t got = 0;
	CURLcode rc = c->lib->easy_recv(c->easy, data, n, &got);

	if (rc == CURLE_OK)
		return (ssize_t)got;
	*want = rc == CURLE_AGAIN ? POLLIN : 0;
	return *want != 0 ? -1 : err_set(err, ERR_TEMP, "4.4.2",
	    "connection lost: %s", c->lib->easy_strerror(rc));
}

/* The descriptor stays, conn_close() closes it. */
static void
conn_curl_free(struct conn_curl *c)
{
	c->lib->easy_cleanup(c->easy);
	c->lib->slist_free_all(c->connect_to);
	overheard_release(&c->heard);
	free(c);
}

static void
carry_bye(struct conn *conn)
{
	conn_curl_free(conn->tls);
	conn->tls = NULL;
}

static const struct conn_io carry_io = { carry_send, carry_recv, carry_bye };

/* Opening */

/* Through a proxy nobody sees our address, and nobody needs to. */
static char *
our_name(const struct conn_curl *c)
{
	if (c->o->proxy != NULL && !ourname_is_public(c->o->hostname))
		return xstrdup("[127.0.0.1]");
	return ourname(c->fd, c->o->hostname);
}

static int
open_connection(struct conn_curl *c, enum conn_curl_stage *stage,
    struct err *err)
{
	const struct conn_curl_options *o = c->o;
	curl_socket_t fd = CURL_SOCKET_BAD;
	char *name;
	CURLcode rc;

	if (o->proxy == NULL) {
		c->fd = dial(o->addr, o->port, o->source,
		    o->connect_deadline < o->deadline ? o->connect_deadline :
		    o->deadline, err);
		*stage = CONN_CURL_CONNECT;
		if (c->fd < 0)
			return -1;
		c->connected = true;
		c->heard.stage = o->tls == CONN_CURL_TLS ?
		    CONN_CURL_HANDSHAKE : CONN_CURL_GREETING;
	}
	name = our_name(c);
	if (conn_curl_set(c, name, &callbacks, err) < 0) {
		free(name);
		return -1;
	}
	free(name);
	rc = c->lib->easy_perform(c->easy);
	if (conn_curl_result(c, rc, stage, err) < 0)
		return -1;
	c->lib->easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
	c->fd = fd;
	return fd != CURL_SOCKET_BAD ? 0 : err_set(err, ERR_TEMP, "4.4.2",
	    "connection lost");
}

/* Take what is needed further on; what is not must not dangle. */
static void
hand_over(struct conn_curl *c, struct buf *offers)
{
	struct conn *conn = c->conn;

	buf_add(offers, c->heard.offers.data, c->heard.offers.len);
	overheard_release(&c->heard);
	c->lib->easy_setopt(c->easy, CURLOPT_PASSWORD, NULL);
	c->lib->easy_setopt(c->easy, CURLOPT_XOAUTH2_BEARER, NULL);
	conn->fd = c->fd;
	conn->io = &carry_io;
	conn->tls = c;
	c->o = NULL;
	c->conn = NULL;
}

int
conn_curl_open(struct conn *conn, const struct conn_curl_options *o,
    struct buf *offers, enum conn_curl_stage *stage, struct err *err)
{
	const struct curllib *lib;
	struct conn_curl *c;

	conn_init(conn, -1);
	conn->watch_fd = o->watch_fd;
	conn->trace_fd = o->trace_fd;
	(void)!snprintf(conn->trace_name, sizeof(conn->trace_name), "%.40s",
	    o->host);
	buf_clear(offers);
	*stage = CONN_CURL_CONNECT;
	if ((lib = curllib_get(err)) == NULL ||
	    conn_curl_check(lib, o, stage, err) < 0)
		return -1;
	c = xcalloc(1, sizeof(*c));
	*c = (struct conn_curl){ .lib = lib, .fd = -1, .o = o, .conn = conn,
		.easy = lib->easy_init() };
	if (open_connection(c, stage, err) < 0) {
		int fd = c->fd;

		conn_curl_free(c);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	hand_over(c, offers);
	return 0;
}

void
conn_curl_describe(const struct conn *conn, char *out, size_t size)
{
	const struct conn_curl *c = conn->tls;

	str_copy(out, size, c != NULL && conn->io == &carry_io ? c->tls : "");
}

const char *
conn_curl_library(void)
{
	return curllib_version();
}
