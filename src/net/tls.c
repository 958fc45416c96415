#include "config.h"

#include "net/tls.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "net/tlslib.h"

struct tls {
	const struct tlslib *lib;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
};

static short
want_of(const struct tls *t)
{
	return t->lib->record_get_direction(t->session) == 0 ? POLLIN : POLLOUT;
}

/* Describe what the library, or the other side with an alert, says. */
static int
fail(const struct tls *t, int code, const char *status, const char *what,
    struct err *err)
{
	const char *alert = NULL;

	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED ||
	    code == GNUTLS_E_WARNING_ALERT_RECEIVED)
		alert = t->lib->alert_get_name(
		    t->lib->alert_get(t->session));
	return err_set(err, ERR_TEMP, status, "%s: %s%s%s", what,
	    t->lib->strerror(code), alert != NULL ? " " : "",
	    alert != NULL ? alert : "");
}

static ssize_t
tls_send(struct conn *c, const void *data, size_t n, short *want,
    struct err *err)
{
	struct tls *t = c->tls;
	ssize_t sent;

	do
		sent = t->lib->record_send(t->session, data, n);
	while (sent == GNUTLS_E_INTERRUPTED);
	if (sent >= 0)
		return sent;
	*want = sent == GNUTLS_E_AGAIN ? want_of(t) : 0;
	return *want != 0 ? -1 : fail(t, (int)sent, "4.4.2",
	    "TLS connection lost in sending", err);
}

/*
 * Session tickets and key updates arrive between the replies; the library
 * deals with them and says GNUTLS_E_AGAIN. A wish to renegotiate is declined
 * (RFC 5246 7.2.2), other warnings are passed over. Whatever it is, the
 * caller looks at the clock before it comes again.
 */
static ssize_t
tls_recv(struct conn *c, void *data, size_t n, short *want, struct err *err)
{
	struct tls *t = c->tls;
	ssize_t got;

	got = t->lib->record_recv(t->session, data, n);
	if (got >= 0)
		return got;
	if (got == GNUTLS_E_REHANDSHAKE)
		t->lib->alert_send(t->session, GNUTLS_AL_WARNING,
		    GNUTLS_A_NO_RENEGOTIATION);
	*want = 0;
	if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
		*want = want_of(t);
	else if (!t->lib->error_is_fatal((int)got))
		*want = POLLIN;
	return *want != 0 ? -1 :
	    fail(t, (int)got, "4.4.2", "TLS connection lost", err);
}

static void
tls_free(struct tls *t)
{
	t->lib->deinit(t->session);
	t->lib->certificate_free_credentials(t->cred);
	free(t);
}

static void
tls_bye(struct conn *c)
{
	struct tls *t = c->tls;

	if (!c->broken)
		t->lib->bye(t->session, GNUTLS_SHUT_WR);
	tls_free(t);
	c->tls = NULL;
}

static const struct conn_io tls_io = { tls_send, tls_recv, tls_bye };

/* Names only: a literal is no server name (RFC 6066 3). */
static int
set_server_name(const struct tls *t, const char *host)
{
	unsigned char ip[16];
	size_t n;

	if (host == NULL || *host == '[' ||
	    inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1)
		return 0;
	n = strlen(host);
	if (n > 0 && host[n - 1] == '.')
		n--;
	return n == 0 ? 0 : t->lib->server_name_set(t->session,
	    GNUTLS_NAME_DNS, host, n);
}

/* A session ready for its handshake. Returns a GnuTLS code. */
static int
prepare(struct tls *t, int fd, const char *host)
{
	int rc;

	rc = t->lib->certificate_allocate_credentials(&t->cred);
	if (rc < 0)
		return rc;
	/* Nothing is resumed yet, so tickets would be waste. */
	rc = t->lib->init(&t->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
	    GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
	if (rc < 0)
		return rc;
	t->lib->transport_set_int2(t->session, fd, fd);
	t->lib->handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT);
	rc = t->lib->priority_set_direct(t->session, "NORMAL", NULL);
	if (rc < 0)
		return rc;
	rc = t->lib->credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
	    t->cred);
	if (rc < 0)
		return rc;
	return set_server_name(t, host);
}

static int
handshake(struct conn *c, struct tls *t, int64_t deadline, struct err *err)
{
	int rc;

	/* After a warning, too, what comes next is read from the socket. */
	while ((rc = t->lib->handshake(t->session)) < 0) {
		if (t->lib->error_is_fatal(rc))
			return fail(t, rc, "4.7.5", "TLS handshake",
			    err);
		if (conn_wait(c, want_of(t), deadline, err) < 0)
			return err_set(err, ERR_TEMP, "4.7.5",
			    "TLS handshake: %s", err->text);
	}
	return 0;
}

int
tls_start(struct conn *c, const char *host, int64_t deadline, struct err *err)
{
	const struct tlslib *lib;
	struct tls *t;
	int rc;

	if (c->broken || c->tls != NULL)
		return err_set(err, ERR_TEMP, "4.7.5",
		    "no plain connection to start TLS on");
	/* Bytes from before the handshake would count as protected by it
	 * (RFC 3207 4.2 and many a CVE). */
	if (conn_has_input(c) || c->out.len > 0) {
		c->broken = true;
		return err_set(err, ERR_TEMP, "4.7.5",
		    "unencrypted data waiting at the TLS handshake");
	}
	if ((lib = tlslib_get(err)) == NULL) {
		c->broken = true;
		return -1;
	}
	t = xcalloc(1, sizeof(*t));
	t->lib = lib;
	rc = prepare(t, c->fd, host);
	if (rc < 0)
		err_set(err, ERR_TEMP, "4.7.5", "TLS: %s", lib->strerror(rc));
	else
		rc = handshake(c, t, deadline, err);
	if (rc < 0) {
		c->broken = true;
		tls_free(t);
		return -1;
	}
	c->tls = t;
	c->io = &tls_io;
	return 0;
}

static const char *
suite_name(const struct tlslib *lib, gnutls_session_t session)
{
	const char *name;

#if GNUTLS_VERSION_NUMBER >= 0x030704
	name = lib->ciphersuite_get(session);
#else
	name = lib->cipher_get_name(lib->cipher_get(session));
#endif
	return name != NULL ? name : "unknown";
}

void
tls_describe_session(void *session, const char *trust, char *out, size_t size)
{
	struct err err;
	const struct tlslib *lib = tlslib_get(&err);
	const char *group;

	str_copy(out, size, "");
	if (lib == NULL)
		return;
	group = lib->group_get_name(lib->group_get(session));
	(void)!snprintf(out, size, "%s %s%s%s (%s)",
	    lib->protocol_get_name(lib->protocol_get_version(session)),
	    suite_name(lib, session), group != NULL ? " " : "",
	    group != NULL ? group : "", trust);
}

void
tls_describe(const struct conn *c, char *out, size_t size)
{
	const struct tls *t = c->tls;

	str_copy(out, size, "");
	if (t != NULL && c->io == &tls_io)
		tls_describe_session(t->session, "unverified", out, size);
}

const char *
tls_library(void)
{
	struct err err;
	const struct tlslib *lib = tlslib_get(&err);

	return lib != NULL ? lib->check_version(NULL) : "not installed";
}

void
tls_prepare(void)
{
	struct err err;

	/* whoever needs it in vain will say so */
	(void)tlslib_get(&err);
}
