#include "config.h"

#include "net/conn_curl_impl.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/certificate.h"
#include "net/dial.h"

/* libcurl's own words; those that repeat a URL could hold a password. */
static const char *
why(const struct conn_curl *c, CURLcode rc)
{
	return *c->why != '\0' && strstr(c->why, "://") == NULL ? c->why :
	    c->lib->easy_strerror(rc);
}

/* host:port of the proxy, without its password. */
static const char *
proxy_name(const struct conn_curl *c)
{
	const char *name = strstr(c->o->proxy, "://") + 3;
	const char *at = strrchr(name, '@');

	return at != NULL ? at + 1 : name;
}

static int
no_connection(struct conn_curl *c, CURLcode rc, struct err *err)
{
	const char *words = why(c, rc);
	long failure = c->failure;

	if (failure == 0)
		c->lib->easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &failure);
	if (rc != CURLE_COULDNT_CONNECT && rc != CURLE_INTERFACE_FAILED)
		failure = 0;
	if (failure != 0)
		words = strerror((int)failure);
	return err_set(err, ERR_TEMP,
	    dial_is_offline((int)failure) ? "4.4.0" : "4.4.1",
	    "connect by proxy %s: %s", proxy_name(c), words);
}

/* The server does not want us: its own words. */
static int
refused(struct conn_curl *c, CURLcode rc, struct err *err)
{
	char line[ERR_TEXT_MAX];

	(void)rc;
	overheard_reply(&c->heard, line, sizeof(line));
	return err_set(err, ERR_TEMP, "4.3.2", "%s", line);
}

static int
no_starttls(struct conn_curl *c, CURLcode rc, struct err *err)
{
	char line[ERR_TEXT_MAX];

	(void)rc;
	overheard_reply(&c->heard, line, sizeof(line));
	if (c->heard.said == OVERHEARD_STARTTLS)
		return err_set(err, ERR_TEMP, "4.7.4",
		    "%s declines STARTTLS: %s", c->o->host, line);
	return err_set(err, ERR_TEMP, "4.7.4", "%s does not offer STARTTLS: "
	    "is it smtps:// that port %u speaks?", c->o->host, c->o->port);
}

/* AUTH was not even tried. */
static int
no_mechanism(struct conn_curl *c, struct err *err)
{
	char offered[128];

	overheard_mechanisms(&c->heard, offered, sizeof(offered));
	if (*offered == '\0')
		return err_set(err, ERR_TEMP, "4.7.4",
		    "%s does not offer AUTH", c->o->host);
	return err_set(err, ERR_TEMP, "4.7.4",
	    "%s offers AUTH %s, none of which can be used with %s%s",
	    c->o->host, offered, c->o->is_token ? "a token" :
	    c->o->secret != NULL ? "a password" : "a certificate",
	    c->o->auth != NULL ? " and the setting auth" : "");
}

/* Decode base64 in place, up to what is none. */
static void
unbase64(char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long word = 0;
	unsigned bits = 0;
	char *out = text;
	const char *digit;

	for (; *text != '\0' && (digit = strchr(digits, *text)) != NULL;
	     text++) {
		word = (word << 6 | (unsigned long)(digit - digits)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*out++ = (char)(word >> bits & 0xff);
		}
	}
	*out = '\0';
}

/* A challenge where there should be an answer: the server says in it what is
 * wrong with a token (RFC 7628 3.2.2). */
static int
auth_in_vain(struct conn_curl *c, CURLcode rc, struct err *err)
{
	char *text;

	if (c->heard.code != 334)
		return err_set(err, ERR_TEMP, "4.7.0", "AUTH %s: %s",
		    c->heard.mechanism, why(c, rc));
	buf_str(&c->heard.reply);
	text = c->heard.reply.data;
	unbase64(text);
	return err_set(err, ERR_TEMP, "4.7.8", "AUTH %s refused: %s",
	    c->heard.mechanism, text);
}

/*
 * Mechanisms with MD5 need the password itself on the server; some servers
 * offer them and have only its hash.
 */
static int
auth_refused(struct conn_curl *c, CURLcode rc, struct err *err)
{
	char line[ERR_TEXT_MAX - 128];
	bool hint = c->o->auth == NULL &&
	    strstr(c->heard.mechanism, "-MD5") != NULL;

	if (c->heard.said != OVERHEARD_AUTH)
		return no_mechanism(c, err);
	if (c->heard.code < 400)
		return auth_in_vain(c, rc, err);
	overheard_reply(&c->heard, line, sizeof(line));
	return err_set(err, ERR_TEMP,
	    c->heard.code >= 500 ? "4.7.8" : "4.7.0", "%s%s%s%s", line,
	    hint ? " (AUTH " : "", hint ? c->heard.mechanism : "",
	    hint ? "; \"auth plain login\" avoids it)" : "");
}

static int
bad_certificate(struct conn_curl *c, CURLcode rc, struct err *err)
{
	struct certificate_question q = { .host = c->o->host,
		.ca_file = c->ca_file, .now = clock_wall() };
	struct curl_certinfo *info = NULL;
	struct buf text = { 0 };
	const struct curl_slist *field;
	int i;

	if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
		q.tls_pin = c->o->tls_pin;
	c->lib->easy_getinfo(c->easy, CURLINFO_CERTINFO, &info);
	for (i = 0; info != NULL && i < info->num_of_certs &&
	     q.n < CERTIFICATE_CHAIN_MAX; i++)
		for (field = info->certinfo[i]; field != NULL;
		     field = field->next)
			if (str_starts(field->data, "Cert:") &&
			    q.n < CERTIFICATE_CHAIN_MAX)
				q.chain[q.n++] = field->data + 5;
	certificate_explain(&q, &text);
	/* other TLS libraries than GnuTLS keep no chain that they refused */
	if (text.len == 0)
		buf_printf(&text, "certificate of %s: %s: if it is known to "
		    "be right, give its CA as ca-file, or its key as tls-pin",
		    c->o->host, why(c, rc));
	err_set(err, ERR_TEMP, "4.7.5", "%s", buf_str(&text));
	buf_release(&text);
	return -1;
}

static int
bad_client_cert(struct conn_curl *c, CURLcode rc, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.7.5",
	    "client-cert %s and its client-key: %s",
	    c->o->client_cert != NULL ? c->o->client_cert : "(none)",
	    why(c, rc));
}

static int
handshake_failed(struct conn_curl *c, CURLcode rc, struct err *err)
{
	/* libcurl has a code for that, but not for GnuTLS */
	if (c->o->client_cert != NULL &&
	    strstr(c->why, "X.509 key or certificate") != NULL)
		return bad_client_cert(c, rc, err);
	return err_set(err, ERR_TEMP, "4.7.5", "TLS handshake: %s%s",
	    why(c, rc), c->o->tls == CONN_CURL_TLS ?
	    " (does this port want smtp:// instead of smtps://?)" : "");
}

static int
no_ca(struct conn_curl *c, CURLcode rc, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.7.5", "the CA certificates cannot be "
	    "read: %s: %s", why(c, rc), c->o->ca_file != NULL ?
	    "see ca-file" : "install ca-certificates or set ca-file");
}

/* Newer ones have a code for it. */
static int
too_much(struct conn_curl *c, CURLcode rc, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.5.0",
	    "a reply that is too long: %s", why(c, rc));
}

static int
lost(struct conn_curl *c, CURLcode rc, struct err *err)
{
	char line[ERR_TEXT_MAX - 128];

	if (c->heard.stage == CONN_CURL_CONNECT)
		return no_connection(c, rc, err);
	if (c->heard.stage == CONN_CURL_HANDSHAKE)
		return handshake_failed(c, rc, err);
	if (str_starts(c->why, "Too large"))
		return too_much(c, rc, err);
	if (c->heard.code < 400)
		return err_set(err, ERR_TEMP, "4.4.2",
		    "connection closed by the other side");
	overheard_reply(&c->heard, line, sizeof(line));
	return err_set(err, ERR_TEMP, "4.3.2", "%s", line);
}

/* What came behind the 220 to STARTTLS could be anybody's (RFC 3207). */
static int
weird(struct conn_curl *c, CURLcode rc, struct err *err)
{
	if (c->heard.said == OVERHEARD_STARTTLS)
		return err_set(err, ERR_TEMP, "4.7.5",
		    "plain text behind the reply to STARTTLS");
	if (c->heard.said == OVERHEARD_AUTH)
		return auth_refused(c, rc, err);
	return c->heard.code != 0 ? refused(c, rc, err) : lost(c, rc, err);
}

static int
timed_out(struct conn_curl *c, CURLcode rc, struct err *err)
{
	const struct conn_curl_options *o = c->o;

	(void)rc;
	if (c->heard.stage == CONN_CURL_CONNECT)
		return err_set(err, ERR_TEMP, "4.4.1",
		    "connect by proxy %s: timed out", proxy_name(c));
	if (c->heard.stage == CONN_CURL_HANDSHAKE)
		return err_set(err, ERR_TEMP, "4.7.5",
		    "TLS handshake: timed out");
	return err_set(err, ERR_TEMP, "4.4.2", "timed out%s",
	    c->heard.stage == CONN_CURL_GREETING &&
	    o->tls == CONN_CURL_STARTTLS && o->port == 465 ?
	    " (port 465 wants smtps://)" : "");
}

/* Only AUTH that the server has said yes to is one. */
static int
finished(struct conn_curl *c, CURLcode rc, struct err *err)
{
	(void)rc;
	if (!conn_curl_wants_auth(c->o) || c->heard.proven)
		return 0;
	c->heard.stage = CONN_CURL_AUTH;
	return no_mechanism(c, err);
}

/* Neither resolved nor connected: with a proxy that is its matter. */
static int
not_there(struct conn_curl *c, CURLcode rc, struct err *err)
{
	return c->o->proxy != NULL ? no_connection(c, rc, err) :
	    lost(c, rc, err);
}

static int
anything(struct conn_curl *c, CURLcode rc, struct err *err)
{
	if (c->heard.said == OVERHEARD_AUTH)
		return auth_refused(c, rc, err);
	return err_set(err, ERR_TEMP, "4.3.0", "libcurl: %s", why(c, rc));
}

#define AS_HEARD -1	/* the stage is where the dialogue stands */

static const struct {
	CURLcode rc;
	int	 stage;		/* enum conn_curl_stage */
	int	 (*say)(struct conn_curl *, CURLcode, struct err *);
} ends[] = {
	{ CURLE_OK, AS_HEARD, finished },
	{ CURLE_COULDNT_RESOLVE_PROXY, AS_HEARD, not_there },
	{ CURLE_COULDNT_RESOLVE_HOST, AS_HEARD, not_there },
	{ CURLE_COULDNT_CONNECT, AS_HEARD, not_there },
	{ CURLE_INTERFACE_FAILED, AS_HEARD, not_there },
#if LIBCURL_VERSION_NUM >= 0x074900
	{ CURLE_PROXY, AS_HEARD, not_there },
#endif
	{ CURLE_OPERATION_TIMEDOUT, AS_HEARD, timed_out },
	{ CURLE_ABORTED_BY_CALLBACK, AS_HEARD, timed_out },
	{ CURLE_REMOTE_ACCESS_DENIED, AS_HEARD, refused },
	{ CURLE_WEIRD_SERVER_REPLY, AS_HEARD, weird },
	{ CURLE_USE_SSL_FAILED, CONN_CURL_HANDSHAKE, no_starttls },
	{ CURLE_PEER_FAILED_VERIFICATION, CONN_CURL_HANDSHAKE,
	    bad_certificate },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, CONN_CURL_HANDSHAKE,
	    bad_certificate },
	{ CURLE_SSL_CACERT_BADFILE, CONN_CURL_HANDSHAKE, no_ca },
	{ CURLE_SSL_CERTPROBLEM, CONN_CURL_HANDSHAKE, bad_client_cert },
	{ CURLE_SSL_CONNECT_ERROR, CONN_CURL_HANDSHAKE, handshake_failed },
	{ CURLE_SSL_CIPHER, CONN_CURL_HANDSHAKE, handshake_failed },
	{ CURLE_LOGIN_DENIED, CONN_CURL_AUTH, auth_refused },
	{ CURLE_SEND_ERROR, AS_HEARD, lost },
	{ CURLE_RECV_ERROR, AS_HEARD, lost },
	{ CURLE_GOT_NOTHING, AS_HEARD, lost },
#if LIBCURL_VERSION_NUM >= 0x080600
	{ CURLE_TOO_LARGE, AS_HEARD, too_much },
#endif
};

static int
describe(struct conn_curl *c, CURLcode rc, struct err *err)
{
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends[i].rc != rc)
			continue;
		if (ends[i].stage != AS_HEARD)
			c->heard.stage = (enum conn_curl_stage)ends[i].stage;
		return ends[i].say(c, rc, err);
	}
	return anything(c, rc, err);
}

int
conn_curl_result(struct conn_curl *c, CURLcode rc,
    enum conn_curl_stage *stage, struct err *err)
{
	curl_off_t handshake_us = 0;
	int result;

	/* TLS from the start has come up: it is the greeting we wait for */
	c->lib->easy_getinfo(c->easy, CURLINFO_APPCONNECT_TIME_T,
	    &handshake_us);
	if (handshake_us > 0 && c->heard.stage == CONN_CURL_HANDSHAKE &&
	    c->o->tls == CONN_CURL_TLS)
		c->heard.stage = CONN_CURL_GREETING;
	if (c->gone)
		result = err_set(err, ERR_TEMP, "4.4.2",
		    "the process that wants the result is gone");
	else if (c->babble)
		result = err_set(err, ERR_TEMP, "4.5.0",
		    "what %s says is no reply", c->o->host);
	else
		result = describe(c, rc, err);
	*stage = c->heard.stage;
	return result;
}
