#include "config.h"

#include "net/conn_curl_impl.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { PASSWORD = 1, TOKEN = 2, NEITHER = 4, NAMED = 8, GSASL = 16 };

/* What a mechanism works with; NAMED: only when asked for; GSASL: where
 * libcurl was built with it. */
static const struct {
	const char *name;
	unsigned flags;
} mechanisms[] = {
	{ "PLAIN", PASSWORD },
	{ "LOGIN", PASSWORD },
	{ "CRAM-MD5", PASSWORD },
	{ "DIGEST-MD5", PASSWORD },
	{ "SCRAM-SHA-1", PASSWORD | GSASL },
	{ "SCRAM-SHA-256", PASSWORD | GSASL },
	{ "XOAUTH2", TOKEN },
	{ "OAUTHBEARER", TOKEN },
	{ "EXTERNAL", NEITHER | NAMED },
	{ "GSSAPI", PASSWORD | NEITHER | NAMED },
	{ "NTLM", PASSWORD | NAMED },
};

#define NMECHANISM (sizeof(mechanisms) / sizeof(mechanisms[0]))

static bool
has_secret(const struct conn_curl_options *o)
{
	return o->secret != NULL && *o->secret != '\0';
}

/* Is the name among the words of list? */
static bool
names(const char *list, const char *name)
{
	size_t n;

	for (; *list != '\0'; list += n) {
		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n == strlen(name) && strncasecmp(list, name, n) == 0)
			return true;
	}
	return false;
}

bool
conn_curl_wants_auth(const struct conn_curl_options *o)
{
	return o->user != NULL || (o->client_cert != NULL && o->auth != NULL &&
	    names(o->auth, "external"));
}

/* OAUTHBEARER writes ',' and '=' in another way (RFC 5801 4), and libcurl does
 * not know it. */
static bool
can_say_user(const struct conn_curl_options *o, const char *mechanism)
{
	return strcmp(mechanism, "OAUTHBEARER") != 0 || o->user == NULL ||
	    strpbrk(o->user, ",=") == NULL;
}

/*
 * Those that may be used with what there is, as libcurl wants it:
 * "AUTH=PLAIN;AUTH=LOGIN".
 */
static void
usable(const struct curllib *lib, const struct conn_curl_options *o,
    struct buf *out)
{
#ifdef CURL_VERSION_GSASL
	bool gsasl = (lib->version_info(CURLVERSION_NOW)->features &
	    CURL_VERSION_GSASL) != 0;
#else
	bool gsasl = lib == NULL;
#endif
	unsigned with = !has_secret(o) ? NEITHER : o->is_token ? TOKEN :
	    PASSWORD;
	size_t i;

	for (i = 0; i < NMECHANISM; i++) {
		unsigned flags = mechanisms[i].flags;

		if ((flags & with) == 0 ||
		    !can_say_user(o, mechanisms[i].name) || (o->auth == NULL ?
		    (flags & NAMED) != 0 : !names(o->auth, mechanisms[i].name)))
			continue;
		if ((flags & GSASL) != 0 && !gsasl)
			continue;
		buf_printf(out, "%sAUTH=%s", out->len > 0 ? ";" : "",
		    mechanisms[i].name);
	}
}

/* A host that could end the host in a URL is none. */
static bool
is_host(const char *host)
{
	size_t n = strlen(host);

	return n > 0 && n < 256 && !str_has_control(host) &&
	    strpbrk(host, " \"#%/<>?@[\\]^`{|}") == NULL;
}

/* A pin in another form would be the name of a file to libcurl. */
static bool
is_pin(const char *pin)
{
	return str_starts(pin, "sha256//") && strchr(pin, '\n') == NULL &&
	    pin[8] != '\0';
}

static bool
is_proxy(const char *proxy)
{
	return str_istarts(proxy, "socks5://") ||
	    str_istarts(proxy, "socks5h://") || str_istarts(proxy, "http://");
}

/* What proves who we are must be there, and protected. */
static int
check_auth(const struct curllib *lib, const struct conn_curl_options *o,
    struct err *err)
{
	struct buf mechanisms_left = { 0 };

	if (o->tls == CONN_CURL_CLEAR && (o->secret != NULL ||
	    conn_curl_wants_auth(o)))
		return err_set(err, ERR_TEMP, "4.7.4",
		    "nothing secret is told without TLS: %s must be smtp:// "
		    "or smtps:// to log in", o->host);
	if (!conn_curl_wants_auth(o))
		return 0;
	usable(lib, o, &mechanisms_left);
	if (mechanisms_left.len == 0)
		return err_set(err, ERR_TEMP, "4.7.4", has_secret(o) ?
		    "no mechanism that auth allows can be used for %s" :
		    "there is no password or token for %s",
		    o->user != NULL ? o->user : o->host);
	buf_release(&mechanisms_left);
	return 0;
}

int
conn_curl_check(const struct curllib *lib, const struct conn_curl_options *o,
    enum conn_curl_stage *stage, struct err *err)
{
	*stage = CONN_CURL_CONNECT;
	if (!is_host(o->host))
		return err_set(err, ERR_TEMP, "4.4.1", "not a host: %s",
		    o->host);
	if (o->proxy != NULL && !is_proxy(o->proxy))
		return err_set(err, ERR_TEMP, "4.4.1", "a proxy must be "
		    "socks5://HOST:PORT or http://HOST:PORT");
	if (o->proxy == NULL && o->addr == NULL)
		return err_set(err, ERR_TEMP, "4.4.1", "no address of %s",
		    o->host);
	*stage = CONN_CURL_HANDSHAKE;
	if (o->tls_pin != NULL && !is_pin(o->tls_pin))
		return err_set(err, ERR_TEMP, "4.7.5",
		    "tls-pin must be sha256//BASE64");
	*stage = CONN_CURL_AUTH;
	return check_auth(lib, o, err);
}

/*
 * Telling libcurl. Its function takes anything; these take what is meant, and
 * the first that fails ends it.
 */
struct telling {
	const struct curllib *lib;
	CURL	*easy;
	CURLcode rc;
	CURLoption failed;
};

static void
tell_long(struct telling *t, CURLoption option, long value)
{
	if (t->rc != CURLE_OK)
		return;
	t->rc = t->lib->easy_setopt(t->easy, option, value);
	t->failed = option;
}

static void
tell_ptr(struct telling *t, CURLoption option, const void *value)
{
	if (t->rc != CURLE_OK)
		return;
	t->rc = t->lib->easy_setopt(t->easy, option, value);
	t->failed = option;
}

#define TELL_FN(t, option, fn) do { \
	if ((t)->rc == CURLE_OK) { \
		(t)->rc = (t)->lib->easy_setopt((t)->easy, (option), (fn)); \
		(t)->failed = (option); \
	} \
} while (0)

static void
tell_callbacks(struct telling *t, struct conn_curl *c,
    const struct conn_curl_callbacks *f)
{
	TELL_FN(t, CURLOPT_OPENSOCKETFUNCTION, f->opensocket);
	TELL_FN(t, CURLOPT_SOCKOPTFUNCTION, f->sockopt);
	TELL_FN(t, CURLOPT_CLOSESOCKETFUNCTION, f->closesocket);
	TELL_FN(t, CURLOPT_XFERINFOFUNCTION, f->progress);
	TELL_FN(t, CURLOPT_DEBUGFUNCTION, f->debug);
	TELL_FN(t, CURLOPT_HEADERFUNCTION, f->header);
	tell_ptr(t, CURLOPT_OPENSOCKETDATA, c);
	tell_ptr(t, CURLOPT_SOCKOPTDATA, c);
	tell_ptr(t, CURLOPT_CLOSESOCKETDATA, c);
	tell_ptr(t, CURLOPT_XFERINFODATA, c);
	tell_ptr(t, CURLOPT_DEBUGDATA, c);
	tell_ptr(t, CURLOPT_HEADERDATA, c);
	tell_ptr(t, CURLOPT_ERRORBUFFER, c->why);
	tell_long(t, CURLOPT_NOPROGRESS, 0);
	tell_long(t, CURLOPT_VERBOSE, 1);
	tell_long(t, CURLOPT_NOSIGNAL, 1);
	/* what an HTTP proxy says is not the server's */
	tell_long(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
}

static void
tell_times(struct telling *t, const struct conn_curl_options *o)
{
	int64_t left = o->deadline - clock_ms();
	int64_t talk = o->deadline - o->connect_deadline;
	long ms;

	/* time that TCP did not need is not the server's */
	if (o->proxy == NULL && talk > 0 && talk < left)
		left = talk;
	ms = left > 1 ? (long)left : 1;

	tell_long(t, CURLOPT_TIMEOUT_MS, ms);
	/* it counts until AUTH is done; TCP alone is for watch() */
	tell_long(t, CURLOPT_CONNECTTIMEOUT_MS, ms);
	/* a reply may take as long as all of it */
	tell_long(t, CURLOPT_SERVER_RESPONSE_TIMEOUT, ms / 1000 + 1);
}

/* No environment has a say in this. */
static void
tell_proxy(struct telling *t, const struct conn_curl_options *o)
{
	struct buf url = { 0 };

	tell_ptr(t, CURLOPT_NOPROXY, "");
	if (o->proxy == NULL) {
		tell_ptr(t, CURLOPT_PROXY, "");
		return;
	}
	/* socks5h: the proxy looks names up */
	if (str_istarts(o->proxy, "socks5://"))
		buf_printf(&url, "socks5h://%s", o->proxy + 9);
	else
		buf_adds(&url, o->proxy);
	tell_ptr(t, CURLOPT_PROXY, buf_str(&url));
	explicit_bzero(url.data, url.len);
	buf_release(&url);
	tell_long(t, CURLOPT_HTTPPROXYTUNNEL, 1);
	tell_long(t, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* do not wait for a lookup of the proxy that was given up; an older
	 * library does not know this */
	if (t->rc == CURLE_OK)
		(void)t->lib->easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* Connect there, whatever the host's name is: libcurl looks nothing up. */
static void
tell_address(struct telling *t, struct conn_curl *c)
{
	char text[INET6_ADDRSTRLEN];
	struct buf to = { 0 };

	if (c->o->addr == NULL)
		return;
	mx_addr_text(c->o->addr, text);
	buf_printf(&to, c->o->addr->family == 6 ? "::[%s]:" : "::%s:", text);
	c->connect_to = t->lib->slist_append(NULL, buf_str(&to));
	buf_release(&to);
	tell_ptr(t, CURLOPT_CONNECT_TO, c->connect_to);
}

static void
tell_url(struct telling *t, const struct conn_curl_options *o,
    const char *ehlo)
{
	bool literal = strchr(o->host, ':') != NULL;
	char *path = t->lib->easy_escape(t->easy, ehlo, 0);
	struct buf url = { 0 };
	size_t n = strlen(o->host);

	/* certificates and server names have no final dot */
	if (n > 1 && o->host[n - 1] == '.')
		n--;
	buf_printf(&url, "%s://%s%.*s%s:%u/%s",
	    o->tls == CONN_CURL_TLS ? "smtps" : "smtp", literal ? "[" : "",
	    (int)n, o->host, literal ? "]" : "", o->port,
	    path != NULL ? path : "");
	t->lib->free(path);
	tell_ptr(t, CURLOPT_URL, buf_str(&url));
	buf_release(&url);
	tell_long(t, CURLOPT_CONNECT_ONLY, 1);
	tell_long(t, CURLOPT_USE_SSL, o->tls == CONN_CURL_CLEAR ?
	    (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
}

/*
 * Where the CAs are: libcurl knows a file, or one of the usual ones, the same
 * that GnuTLS looks for. The directory that libcurl may know instead is the
 * last resort: each certificate stands there three times, and all are read.
 */
static const char *
default_ca(const struct curllib *lib)
{
	static const char *const usual[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
		"/usr/local/share/certs/ca-root-nss.crt" };
	size_t i;
#if LIBCURL_VERSION_NUM >= 0x074600
	const curl_version_info_data *v = lib->version_info(CURLVERSION_NOW);

	if (v->age >= CURLVERSION_SEVENTH && v->cainfo != NULL)
		return v->cainfo;
#else
	(void)lib;
#endif
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (access(usual[i], R_OK) == 0)
			return usual[i];
	return NULL;
}

static void
tell_tls(struct telling *t, struct conn_curl *c)
{
	const struct conn_curl_options *o = c->o;
	long check = o->tls_pin == NULL;

	/* with a pin the key says it all: no CA, no name, no date */
	tell_long(t, CURLOPT_SSL_VERIFYPEER, check);
	tell_long(t, CURLOPT_SSL_VERIFYHOST, check * 2);
	if (o->tls_pin != NULL)
		tell_ptr(t, CURLOPT_PINNEDPUBLICKEY, o->tls_pin);
	tell_long(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	c->ca_file = o->ca_file != NULL ? o->ca_file : default_ca(t->lib);
	if (c->ca_file != NULL) {
		tell_ptr(t, CURLOPT_CAINFO, c->ca_file);
		/* or the system's directory would count as well */
		tell_ptr(t, CURLOPT_CAPATH, NULL);
	}
	if (o->client_cert != NULL) {
		tell_ptr(t, CURLOPT_SSLCERT, o->client_cert);
		tell_ptr(t, CURLOPT_SSLKEY, o->client_key != NULL ?
		    o->client_key : o->client_cert);
	}
	/* for what went wrong */
	tell_long(t, CURLOPT_CERTINFO, 1);
}

static void
tell_auth(struct telling *t, const struct conn_curl_options *o)
{
	struct buf options = { 0 };

	if (!conn_curl_wants_auth(o))
		return;
	usable(t->lib, o, &options);
	tell_ptr(t, CURLOPT_LOGIN_OPTIONS, buf_str(&options));
	buf_release(&options);
	tell_long(t, CURLOPT_SASL_IR, 1);
	if (o->user != NULL)
		tell_ptr(t, CURLOPT_USERNAME, o->user);
	if (has_secret(o))
		tell_ptr(t, o->is_token ? CURLOPT_XOAUTH2_BEARER :
		    CURLOPT_PASSWORD, o->secret);
}

int
conn_curl_set(struct conn_curl *c, const char *ehlo,
    const struct conn_curl_callbacks *f, struct err *err)
{
	struct telling t = { .lib = c->lib, .easy = c->easy };

	if (c->easy == NULL)
		return err_set(err, ERR_TEMP, "4.3.0", "libcurl: no memory");
	tell_callbacks(&t, c, f);
	tell_times(&t, c->o);
	tell_proxy(&t, c->o);
	tell_address(&t, c);
	tell_url(&t, c->o, ehlo);
	if (c->o->tls != CONN_CURL_CLEAR)
		tell_tls(&t, c);
	tell_auth(&t, c->o);
	if (t.rc == CURLE_OK)
		return 0;
	return err_set(err, ERR_TEMP, "4.3.5", "libcurl %s does not know "
	    "option %d: %s", curllib_version(), (int)t.failed,
	    c->lib->easy_strerror(t.rc));
}
