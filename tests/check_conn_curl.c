/* Connections that libcurl opens, against a scripted server, in clear and with
 * TLS, behind proxies, and one that is wrong in each way there is. */
#include "config.h"

#include "check.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/conn_curl.h"
#include "net/overheard.h"

#define TURNS 14
#define NOW_TLS "\001"		/* at the end of what is said: handshake */
#define HANG_UP "\004"		/* likewise: close */
#define SILENCE "\005"		/* likewise: only listen */
#define WAIT_MS 5000

/* Hear this line ("" nothing; '*' at its end: whatever follows), say that. */
struct turn {
	const char *hear, *say;
};

/* Certificates, and what the client takes for right. */
enum identity { GOOD, EXPIRED, EARLY, OTHER_NAME, NO_ALT, SELF, OTHER_CA,
	OLD_CA, IDENTITIES };
enum pin { NO_PIN, RIGHT_PIN, WRONG_PIN, BAD_PIN };
enum proxy { NO_PROXY, SOCKS, SOCKS_REFUSES, SOCKS_PASSWORD, HTTP,
	HTTP_REFUSES, HTTP_PASSWORD, DEAD_PROXY };

static struct {
	gnutls_x509_privkey_t key, ca_key, stranger_key;
	gnutls_x509_crt_t ca, stranger, old_ca, crt[IDENTITIES];
	gnutls_certificate_credentials_t cred[IDENTITIES];
	char	ca_file[64];
	char	cert_file[64];	/* GOOD and its key */
	char	pin[80];
} pki;

struct server {
	int	 listener, fd;
	uint16_t port;
	const struct turn *turns;
	enum identity identity;
	bool	 tls_at_once;
	enum proxy proxy;
	char	 asked[128];	/* of the proxy: "host:port" or a line */
	gnutls_session_t tls;
	struct buf wrong, rest;	/* not as scripted; heard at the end */
	bool	 goodbye;	/* TLS was closed in order */
	const char *priority;	/* NULL: the usual */
	const char *address;	/* "127.0.0.1"; of the server */
	char	 from[64];	/* the client's address */
	bool	 saw_cert;	/* the client has shown one */
	void	(*instead)(struct server *);	/* of what is scripted */
	pthread_t thread;
};

static struct server server;
static struct conn conn;
static struct buf offers;
static struct err err;
static enum conn_curl_stage stage;
static int trace_fd;

/* Certificates */

static gnutls_x509_crt_t
certificate(const char *dn, gnutls_x509_privkey_t key, time_t from, time_t to)
{
	static unsigned char serial;
	gnutls_x509_crt_t crt;

	serial++;
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, from);
	gnutls_x509_crt_set_expiration_time(crt, to);
	/* nor does a control byte in it do harm */
	if (gnutls_x509_crt_set_dn(crt, dn, NULL) < 0)
		gnutls_x509_crt_set_dn_by_oid(crt,
		    GNUTLS_OID_X520_COMMON_NAME, 0, dn + 3,
		    (unsigned)strlen(dn + 3));
	gnutls_x509_crt_set_key(crt, key);
	return crt;
}

static gnutls_x509_crt_t
authority(const char *dn, gnutls_x509_privkey_t key, time_t from, time_t to)
{
	gnutls_x509_crt_t ca = certificate(dn, key, from, to);

	gnutls_x509_crt_set_ca_status(ca, 1);
	gnutls_x509_crt_set_key_usage(ca, GNUTLS_KEY_KEY_CERT_SIGN);
	gnutls_x509_crt_sign2(ca, ca, key, GNUTLS_DIG_SHA256, 0);
	return ca;
}

static gnutls_x509_privkey_t
new_key(void)
{
	gnutls_x509_privkey_t key;

	gnutls_x509_privkey_init(&key);
	ck_assert_int_eq(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	return key;
}

static void
issue(enum identity i, const char *dn, const char *const *names, time_t from,
    time_t to, gnutls_x509_crt_t ca, gnutls_x509_privkey_t ca_key)
{
	gnutls_x509_crt_t crt = certificate(dn, pki.key, from, to);
	gnutls_x509_crt_t chain[2];

	for (; names != NULL && *names != NULL; names++)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME,
		    *names, (unsigned)strlen(*names), GNUTLS_FSAN_APPEND);
	if (i == GOOD)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS,
		    (unsigned char[]){ 127, 0, 0, 1 }, 4, GNUTLS_FSAN_APPEND);
	gnutls_x509_crt_sign2(crt, ca != NULL ? ca : crt, ca_key,
	    GNUTLS_DIG_SHA256, 0);
	pki.crt[i] = crt;
	chain[0] = crt;
	chain[1] = ca;
	gnutls_certificate_allocate_credentials(&pki.cred[i]);
	ck_assert_int_eq(gnutls_certificate_set_x509_key(pki.cred[i], chain,
	    ca != NULL ? 2 : 1, pki.key), 0);
}

static void
pin_make(void)
{
	unsigned char hash[32];
	size_t size = sizeof(hash);
	gnutls_datum_t in = { hash, sizeof(hash) }, out;

	gnutls_x509_crt_get_key_id(pki.crt[GOOD], GNUTLS_KEYID_USE_SHA256,
	    hash, &size);
	gnutls_base64_encode2(&in, &out);
	snprintf(pki.pin, sizeof(pki.pin), "sha256//%.*s", (int)out.size,
	    (char *)out.data);
	gnutls_free(out.data);
}

static void
file_make(char *name)
{
	int fd;

	strcpy(name, "/tmp/check_conn_curl.XXXXXX");
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
file_add(const char *name, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	FILE *f = fopen(name, "a");
	gnutls_datum_t pem;

	ck_assert_ptr_nonnull(f);
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	fwrite(pem.data, 1, pem.size, f);
	gnutls_free(pem.data);
	if (key != NULL) {
		gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
		fwrite(pem.data, 1, pem.size, f);
		gnutls_free(pem.data);
	}
	ck_assert_int_eq(fclose(f), 0);
}

static void
pki_make(void)
{
	static const char *const mx[] = { "mx.test", NULL };
	static const char *const others[] = { "a.test", "b.test", "c.test",
		"d.test", NULL };
	time_t now = time(NULL), year = 365 * 86400;

	pki.key = new_key();
	pki.ca_key = new_key();
	pki.stranger_key = new_key();
	pki.ca = authority("CN=Lab CA,O=Lab", pki.ca_key, now - year,
	    now + year);
	pki.stranger = authority("O=Strangers", pki.stranger_key, now - year,
	    now + year);
	pki.old_ca = authority("CN=Lab CA,O=Lab", pki.ca_key, now - year,
	    now - 86400);
	issue(GOOD, "CN=mx.test", mx, now - 60, now + year, pki.ca,
	    pki.ca_key);
	issue(EXPIRED, "CN=mx.test", mx, 1000000000, 1100000000, pki.ca,
	    pki.ca_key);
	issue(EARLY, "CN=mx.test", mx, 4000000000, 4100000000, pki.ca,
	    pki.ca_key);
	issue(OTHER_NAME, "CN=a.test", others, now - 60, now + year, pki.ca,
	    pki.ca_key);
	issue(NO_ALT, "CN=old.test\n\x1b[31m", NULL, now - 60, now + year,
	    pki.ca, pki.ca_key);
	issue(SELF, "CN=mx.test", mx, now - 60, now + year, NULL, pki.key);
	issue(OTHER_CA, "CN=mx.test", mx, now - 60, now + year, pki.stranger,
	    pki.stranger_key);
	issue(OLD_CA, "CN=a.test", others, 1000000000, 1100000000,
	    pki.stranger, pki.stranger_key);
	pin_make();
	file_make(pki.ca_file);
	file_add(pki.ca_file, pki.ca, NULL);
	file_make(pki.cert_file);
	file_add(pki.cert_file, pki.crt[GOOD], pki.key);
}

/* The server */

static ssize_t
server_read(struct server *s, void *data, size_t n)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t got;

	if ((s->tls == NULL || gnutls_record_check_pending(s->tls) == 0) &&
	    poll(&p, 1, WAIT_MS) <= 0)
		return -1;
	if (s->tls == NULL)
		return read(s->fd, data, n);
	do
		got = gnutls_record_recv(s->tls, data, n);
	while (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN);
	if (got == 0)
		s->goodbye = true;
	return got < 0 ? -1 : got;
}

static void
serve_nothing(struct server *s)
{
	char some[100];

	while (server_read(s, some, sizeof(some)) > 0)
		continue;
}

/* Read a line with its end, or as much as there is. */
static void
server_line(struct server *s, struct buf *line)
{
	char c = 0;

	buf_clear(line);
	while (c != '\n' && server_read(s, &c, 1) == 1)
		buf_addc(line, c);
}

static bool
as_scripted(const char *got, const char *want)
{
	size_t n = strlen(want);

	if (n > 0 && want[n - 1] == '*')
		return strncmp(got, want, n - 1) == 0;
	return strcmp(got, want) == 0;
}

static bool
server_handshake(struct server *s)
{
	int rc;

	gnutls_init(&s->tls, GNUTLS_SERVER);
	gnutls_priority_set_direct(s->tls, s->priority != NULL ? s->priority :
	    "NORMAL", NULL);
	gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUEST);
	gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE,
	    pki.cred[s->identity]);
	gnutls_transport_set_int(s->tls, s->fd);
	gnutls_handshake_set_timeout(s->tls, WAIT_MS);
	do
		rc = gnutls_handshake(s->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	s->saw_cert = gnutls_certificate_get_peers(s->tls, &(unsigned){ 0 })
	    != NULL;
	return rc == 0;
}

/* Returns false when it is to end. */
static bool
server_say(struct server *s, const char *text)
{
	size_t n = strcspn(text, NOW_TLS HANG_UP SILENCE);

	if (n > 0 && s->tls != NULL)
		gnutls_record_send(s->tls, text, n);
	else if (n > 0 && send(s->fd, text, n, MSG_NOSIGNAL) < 0)
		return false;
	if (text[n] == *NOW_TLS)
		return server_handshake(s);
	if (text[n] == *SILENCE)
		serve_nothing(s);
	return text[n] == '\0';
}

static void
read_n(int fd, unsigned char *data, size_t n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n && (got = read(fd, data + have, n - have)) > 0)
		have += (size_t)got;
}

/* SOCKS 5 (RFC 1928, 1929), which ends at this same server. */
static bool
serve_socks(struct server *s)
{
	unsigned char in[300], method = s->proxy == SOCKS_PASSWORD ? 2 : 0;
	unsigned char reply[10] = { 5, 0, 0, 1 };
	size_t n;

	read_n(s->fd, in, 2);
	n = in[1];
	read_n(s->fd, in, n);
	if (memchr(in, method, n) == NULL)
		return false;
	(void)!write(s->fd, (unsigned char[]){ 5, method }, 2);
	if (method == 2) {
		read_n(s->fd, in, 2);
		n = in[1];
		read_n(s->fd, in, n + 1);
		read_n(s->fd, in, in[n]);
		(void)!write(s->fd, (unsigned char[]){ 1, 0 }, 2);
	}
	read_n(s->fd, in, 5);
	if (in[3] == 3) {
		n = in[4];
		read_n(s->fd, in, n + 2);
		snprintf(s->asked, sizeof(s->asked), "%.*s:%u", (int)n,
		    (char *)in, in[n] * 256 + in[n + 1]);
	} else {
		read_n(s->fd, in + 5, 5);
		snprintf(s->asked, sizeof(s->asked), "%u.%u.%u.%u:%u", in[4],
		    in[5], in[6], in[7], in[8] * 256 + in[9]);
	}
	if (s->proxy == SOCKS_REFUSES)
		reply[1] = 5;
	(void)!write(s->fd, reply, sizeof(reply));
	return s->proxy != SOCKS_REFUSES;
}

static bool
serve_http(struct server *s)
{
	static const char yes[] = "HTTP/1.1 200 yes\r\nX-Word: 220 no\r\n\r\n";
	static const char no[] =
	    "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n";
	const char *say = s->proxy == HTTP_REFUSES ? no : yes;
	struct buf line = { 0 };

	server_line(s, &line);
	snprintf(s->asked, sizeof(s->asked), "%.*s",
	    (int)strcspn(buf_str(&line), "\r\n"), buf_str(&line));
	while (line.len > 2) {
		server_line(s, &line);
		if (strcmp(buf_str(&line),
		    "Proxy-Authorization: Basic dTpwcjB4eQ==\r\n") == 0)
			strcat(s->asked, " as u:pr0xy");
	}
	buf_release(&line);
	(void)!write(s->fd, say, strlen(say));
	return s->proxy != HTTP_REFUSES;
}

static void
serve(struct server *s)
{
	struct buf line = { 0 };
	size_t i;

	if (s->tls_at_once && !server_handshake(s))
		return;
	for (i = 0; i < TURNS && s->turns[i].hear != NULL; i++) {
		if (*s->turns[i].hear != '\0')
			server_line(s, &line);
		if (!as_scripted(buf_str(&line), s->turns[i].hear)) {
			buf_printf(&s->wrong, "heard: %s\nnot: %s\n",
			    buf_str(&line), s->turns[i].hear);
			break;
		}
		if (s->turns[i].say != NULL && !server_say(s, s->turns[i].say))
			break;
	}
	if (i == TURNS || s->turns[i].hear == NULL)
		do
			server_line(s, &s->rest);
		while (s->rest.len > 0 && buf_str(&s->rest)[0] != '\0' &&
		    !s->goodbye && (buf_adds(&s->wrong, "heard too much: "),
		    buf_adds(&s->wrong, buf_str(&s->rest)), true));
	buf_release(&line);
}

static void *
server_run(void *arg)
{
	struct server *s = arg;
	struct pollfd p = { .fd = s->listener, .events = POLLIN };
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	bool go = true;

	if (poll(&p, 1, WAIT_MS) <= 0)
		return NULL;
	s->fd = accept(s->listener, (struct sockaddr *)&from, &size);
	getnameinfo((struct sockaddr *)&from, size, s->from, sizeof(s->from),
	    NULL, 0, NI_NUMERICHOST);
	if (s->proxy == SOCKS || s->proxy == SOCKS_REFUSES ||
	    s->proxy == SOCKS_PASSWORD)
		go = serve_socks(s);
	else if (s->proxy != NO_PROXY)
		go = serve_http(s);
	if (go && s->instead != NULL)
		s->instead(s);
	else if (go)
		serve(s);
	if (s->tls != NULL)
		gnutls_deinit(s->tls);
	close(s->fd);
	return NULL;
}

static void
server_start(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM }, *ai;
	struct sockaddr_in6 sa;
	socklen_t size = sizeof(sa);

	ck_assert_int_eq(getaddrinfo(server.address != NULL ? server.address :
	    "127.0.0.1", NULL, &hints, &ai), 0);
	server.listener = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server.listener, ai->ai_addr, ai->ai_addrlen),
	    0);
	freeaddrinfo(ai);
	ck_assert_int_eq(listen(server.listener, 5), 0);
	ck_assert_int_eq(getsockname(server.listener, (struct sockaddr *)&sa,
	    &size), 0);
	server.port = ntohs(sa.sin6_port);	/* in the same place */
	ck_assert_int_eq(pthread_create(&server.thread, NULL, server_run,
	    &server), 0);
}

static void
server_join(void)
{
	pthread_join(server.thread, NULL);
	close(server.listener);
}

/* The client */

static const struct mx_addr loopback = { 4, { 127, 0, 0, 1 } };

static struct conn_curl_options
options(enum conn_curl_tls tls)
{
	return (struct conn_curl_options){ .host = "mx.test",
		.port = server.port, .tls = tls, .addr = &loopback,
		.hostname = "c.example", .ca_file = pki.ca_file,
		.connect_deadline = clock_ms() + WAIT_MS,
		.deadline = clock_ms() + WAIT_MS, .watch_fd = -1,
		.trace_fd = trace_fd };
}

static const char *
trace(void)
{
	static char text[65536];
	ssize_t n = pread(trace_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
setup(void)
{
	gnutls_global_init();
	signal(SIGPIPE, SIG_DFL);
	(void)conn_curl_library();	/* loading takes its time */
	pki_make();
	trace_fd = memfd_create("trace", MFD_CLOEXEC);
	ck_assert_int_ge(trace_fd, 0);
	/* no environment has a say */
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	setenv("smtp_proxy", "http://127.0.0.1:1", 1);
	setenv("no_proxy", "*", 1);
}

static void
teardown(void)
{
	conn_close(&conn);
	conn_close(&conn);
	buf_release(&offers);
	unlink(pki.ca_file);
	unlink(pki.cert_file);
}

#define EHLO "EHLO c.example\r\n"
#define GREETING { "", "220 mx.test hi\r\n" }
#define CLEAR_HELLO { EHLO, "250-mx.test\r\n250-CHUNKING\r\n250 STARTTLS\r\n" }
#define SECURED GREETING, CLEAR_HELLO, { "STARTTLS\r\n", "220 go\r\n" NOW_TLS }
#define HELLO_AUTH(mechanisms) \
	{ EHLO, "250-mx.test\r\n250-AUTH " mechanisms "\r\n250 DSN\r\n" }
#define OFFERS(mechanisms) "mx.test\nAUTH " mechanisms "\nDSN"
#define PLAIN "AUTH PLAIN AHUAczNjcmV0\r\n"
#define OK "235 2.7.0 yes\r\n"
#define MAIL { "MAIL\r\n", "250 heard\r\n" }
#define XOAUTH2 "AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQwa2VuAQE=\r\n"
#define CRAM "dSBhZDlhYjdmNzk1YzQxYzVmMDk2ZGE4NGI2OWJkODAwMA=="
#define XOAUTH2_NO "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"

struct scene {
	const char *name;
	enum conn_curl_tls tls;
	const char *user, *secret, *auth;
	bool	    is_token;
	enum identity identity;
	enum pin    pin;
	struct turn turns[TURNS];
	const char *offers;	/* when it works, */
	enum conn_curl_stage stage;	/* and when not */
	const char *status, *text;	/* text: a part of it */
};

#define CLEAR CONN_CURL_CLEAR, NULL, NULL, NULL, false, GOOD, NO_PIN
#define STARTTLS CONN_CURL_STARTTLS, NULL, NULL, NULL, false, GOOD, NO_PIN
#define TLS CONN_CURL_TLS, NULL, NULL, NULL, false, GOOD, NO_PIN
#define PASSWORD(auth) \
	CONN_CURL_STARTTLS, "u", "s3cret", auth, false, GOOD, NO_PIN
#define TOKEN(auth) \
	CONN_CURL_STARTTLS, "u", "t0ken", auth, true, GOOD, NO_PIN
#define SHOWS(identity, pin) \
	CONN_CURL_STARTTLS, "u", "s3cret", NULL, false, identity, pin

static const struct scene good[] = {
	{ "in clear", CLEAR, { GREETING, CLEAR_HELLO, MAIL },
	    "mx.test\nCHUNKING\nSTARTTLS", 0, "", "" },
	{ "in clear, AUTH offered, nobody to log in", CLEAR, { GREETING,
	    HELLO_AUTH("PLAIN LOGIN"), MAIL }, OFFERS("PLAIN LOGIN"), 0, "",
	    "" },
	{ "a server from before EHLO", CLEAR, { GREETING,
	    { EHLO, "500 what?\r\n" }, { "HELO c.example\r\n", "250 mx\r\n" },
	    MAIL }, "", 0, "", "" },
	{ "bare line ends, codes without text", CLEAR, { { "", "220\r\n" },
	    { EHLO, "250-mx\n250-\r\n250\r\n" }, MAIL }, "mx\n\n", 0, "",
	    "" },
	{ "STARTTLS, nobody to log in", STARTTLS, { SECURED,
	    HELLO_AUTH("PLAIN"), MAIL }, OFFERS("PLAIN"), 0, "", "" },
	{ "TLS at once", TLS, { GREETING, HELLO_AUTH("PLAIN"), MAIL },
	    OFFERS("PLAIN"), 0, "", "" },
	{ "PLAIN", PASSWORD(NULL), { SECURED, HELLO_AUTH("LOGIN PLAIN"),
	    { PLAIN, OK }, MAIL }, OFFERS("LOGIN PLAIN"), 0, "", "" },
	{ "PLAIN, TLS at once", CONN_CURL_TLS, "u", "s3cret", NULL, false,
	    GOOD, NO_PIN, { GREETING, HELLO_AUTH("PLAIN"), { PLAIN, OK },
	    MAIL }, OFFERS("PLAIN"), 0, "", "" },
	{ "LOGIN", PASSWORD("login"), { SECURED, HELLO_AUTH("PLAIN LOGIN"),
	    { "AUTH LOGIN dQ==\r\n", "334 UGFzc3dvcmQ6\r\n" },
	    { "czNjcmV0\r\n", OK }, MAIL }, OFFERS("PLAIN LOGIN"), 0, "", "" },
	{ "CRAM-MD5", PASSWORD(NULL), { SECURED, HELLO_AUTH("CRAM-MD5"),
	    { "AUTH CRAM-MD5\r\n", "334 PDEuMkBteC50ZXN0Pg==\r\n" },
	    { CRAM "\r\n", OK }, MAIL }, OFFERS("CRAM-MD5"), 0, "", "" },
	{ "several allowed, one offered", PASSWORD("cram-md5 plain"), {
	    SECURED, HELLO_AUTH("LOGIN PLAIN GSSAPI NTLM"), { PLAIN, OK },
	    MAIL }, OFFERS("LOGIN PLAIN GSSAPI NTLM"), 0, "", "" },
	{ "no Kerberos, no NTLM unless named", PASSWORD(NULL), { SECURED,
	    HELLO_AUTH("GSSAPI NTLM PLAIN"), { PLAIN, OK }, MAIL },
	    OFFERS("GSSAPI NTLM PLAIN"), 0, "", "" },
	{ "XOAUTH2", TOKEN(NULL), { SECURED, HELLO_AUTH("PLAIN XOAUTH2"),
	    { XOAUTH2, OK }, MAIL }, OFFERS("PLAIN XOAUTH2"), 0, "", "" },
	{ "OAUTHBEARER", TOKEN(NULL), { SECURED,
	    HELLO_AUTH("XOAUTH2 OAUTHBEARER"),
	    { "AUTH OAUTHBEARER bixhPXUsAWhvc3Q9bXgudGVzdAFwb3J0P*", OK },
	    MAIL }, OFFERS("XOAUTH2 OAUTHBEARER"), 0, "", "" },
	{ "the right key", SHOWS(GOOD, RIGHT_PIN), { SECURED,
	    HELLO_AUTH("PLAIN"), { PLAIN, OK }, MAIL }, OFFERS("PLAIN"), 0,
	    "", "" },
	{ "the right key, nothing else", SHOWS(OLD_CA, RIGHT_PIN), { SECURED,
	    HELLO_AUTH("PLAIN"), { PLAIN, OK }, MAIL }, OFFERS("PLAIN"), 0,
	    "", "" },
};

static const struct scene bad[] = {
	/* not wanted */
	{ "greeting 554", STARTTLS, { { "", "554 5.7.1 go away\r\n" } }, NULL,
	    CONN_CURL_GREETING, "4.3.2", "554 5.7.1 go away" },
	{ "greeting 421", TLS, { { "", "421-4.3.2 busy,\r\n"
	    "421 4.3.2 come again\r\n" HANG_UP } }, NULL, CONN_CURL_GREETING,
	    "4.3.2", "421 4.3.2 busy, come again" },
	{ "EHLO refused", STARTTLS, { GREETING,
	    { EHLO, "550 5.7.0 who\r\n" } }, NULL, CONN_CURL_HELLO, "4.3.2",
	    "550 5.7.0 who" },
	{ "EHLO and HELO refused", CLEAR, { GREETING,
	    { EHLO, "550 a\r\n" }, { "HELO c.example\r\n", "550 b\r\n" } },
	    NULL, CONN_CURL_HELLO, "4.3.2", "550 b" },
	{ "not SMTP", STARTTLS, { { "", "SSH-2.0-OpenSSH\r\n" } }, NULL,
	    CONN_CURL_GREETING, "4.5.0", "no reply" },
	{ "closed", STARTTLS, { { "", HANG_UP } }, NULL, CONN_CURL_GREETING,
	    "4.4.2", "closed" },
	{ "closed at EHLO", STARTTLS, { GREETING, { EHLO, HANG_UP } }, NULL,
	    CONN_CURL_HELLO, "4.4.2", "closed" },
	{ "421 in the middle of EHLO", CLEAR, { GREETING,
	    { EHLO, "421 4.4.2 too slow\r\n" HANG_UP },
	    { "HELO c.example\r\n", HANG_UP } }, NULL,
	    CONN_CURL_HELLO, "4.3.2", "421 4.4.2 too slow" },
	/* TLS */
	{ "no STARTTLS", STARTTLS, { GREETING, HELLO_AUTH("PLAIN") }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.4", "mx.test does not offer STARTTLS" },
	{ "STARTTLS declined", STARTTLS, { GREETING, CLEAR_HELLO,
	    { "STARTTLS\r\n", "454 4.7.0 not now\r\n" } }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.4",
	    "mx.test declines STARTTLS: 454 4.7.0 not now" },
	{ "words behind the 220", STARTTLS, { GREETING, CLEAR_HELLO,
	    { "STARTTLS\r\n", "220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n" } },
	    NULL, CONN_CURL_HANDSHAKE, "4.7.5", "plain text behind" },
	{ "closed behind the 220", STARTTLS, { GREETING, CLEAR_HELLO,
	    { "STARTTLS\r\n", "220 go\r\n" HANG_UP } }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "TLS handshake: " },
	{ "expired", SHOWS(EXPIRED, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "certificate of mx.test (issued by "
	    "Lab CA) expired on 2004-11-09 11:33 UTC: " },
	{ "not yet valid", SHOWS(EARLY, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "certificate of mx.test (issued by "
	    "Lab CA) is not valid before 2096-10-02 07:06 UTC: " },
	{ "another name", SHOWS(OTHER_NAME, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "certificate of a.test (issued by "
	    "Lab CA) is for a.test, b.test, c.test and 1 more, not for "
	    "mx.test: " },
	{ "another name, the old way", SHOWS(NO_ALT, NO_PIN), { SECURED },
	    NULL, CONN_CURL_HANDSHAKE, "4.7.5", "certificate of old.test??"
	    "[31m (issued by Lab CA) is for old.test??[31m, not for mx.test" },
	{ "signed by itself", SHOWS(SELF, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "certificate of mx.test is signed "
	    "by itself: if it is known to be right, give it as ca-file, or "
	    "set tls-pin to sha256//" },
	{ "unknown CA", SHOWS(OTHER_CA, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "certificate of mx.test (issued by "
	    "Strangers) comes from a CA that is unknown here: give that CA "
	    "as ca-file" },
	{ "everything wrong", SHOWS(OLD_CA, NO_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "expired on 2004-11-09 11:33 UTC: "
	    "it must be renewed there; it is for a.test" },
	{ "TLS at once, unknown CA", CONN_CURL_TLS, NULL, NULL, NULL, false,
	    OTHER_CA, NO_PIN, { { "", "" } }, NULL, CONN_CURL_HANDSHAKE,
	    "4.7.5", "issued by Strangers" },
	{ "another key", SHOWS(GOOD, WRONG_PIN), { SECURED }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "the server has the key sha256//" },
	{ "no pin at all", SHOWS(GOOD, BAD_PIN), { { NULL, NULL } }, NULL,
	    CONN_CURL_HANDSHAKE, "4.7.5", "tls-pin must be" },
	/* AUTH */
	{ "in clear", CONN_CURL_CLEAR, "u", "s3cret", NULL, false, GOOD,
	    NO_PIN, { { NULL, NULL } }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "without TLS" },
	{ "in clear, a user alone", CONN_CURL_CLEAR, "u", NULL, NULL, false,
	    GOOD, NO_PIN, { { NULL, NULL } }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "without TLS" },
	{ "in clear, a secret alone", CONN_CURL_CLEAR, NULL, "s3cret", NULL,
	    false, GOOD, NO_PIN, { { NULL, NULL } }, NULL, CONN_CURL_AUTH,
	    "4.7.4", "without TLS" },
	{ "no password", CONN_CURL_STARTTLS, "u", NULL, NULL, false, GOOD,
	    NO_PIN, { { NULL, NULL } }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "no password or token for u" },
	{ "a token, but passwords wanted", TOKEN("plain login"),
	    { { NULL, NULL } }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "no mechanism that auth allows" },
	{ "not offered", PASSWORD(NULL), { SECURED,
	    { EHLO, "250-mx.test\r\n250 DSN\r\n" } }, NULL, CONN_CURL_AUTH,
	    "4.7.4", "mx.test does not offer AUTH" },
	{ "offered in clear only", PASSWORD(NULL), { GREETING,
	    { EHLO, "250-mx.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n" },
	    { "STARTTLS\r\n", "220 go\r\n" NOW_TLS },
	    { EHLO, "250-mx.test\r\n250 DSN\r\n" } }, NULL, CONN_CURL_AUTH,
	    "4.7.4", "mx.test does not offer AUTH" },
	{ "nothing in common", PASSWORD("plain"), { SECURED,
	    HELLO_AUTH("LOGIN XOAUTH2") }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "mx.test offers AUTH LOGIN XOAUTH2, none of which can be used "
	    "with a password and the setting auth" },
	{ "a token for a server with passwords", TOKEN(NULL), { SECURED,
	    HELLO_AUTH("PLAIN LOGIN") }, NULL, CONN_CURL_AUTH, "4.7.4",
	    "can be used with a token" },
	{ "a password for a server with tokens", PASSWORD(NULL), { SECURED,
	    HELLO_AUTH("XOAUTH2 OAUTHBEARER EXTERNAL") }, NULL,
	    CONN_CURL_AUTH, "4.7.4", "can be used with a password" },
	{ "refused", PASSWORD(NULL), { SECURED, HELLO_AUTH("PLAIN"), { PLAIN,
	    "535 5.7.8 Error: authentication failed\r\n" } }, NULL,
	    CONN_CURL_AUTH, "4.7.8",
	    "535 5.7.8 Error: authentication failed" },
	{ "refused in many words", PASSWORD(NULL), { SECURED,
	    HELLO_AUTH("PLAIN"), { PLAIN, "535-5.7.8 Username and Password "
	    "not accepted. See\r\n535 5.7.8  https://x.test/ \x1b[m\r\n" } },
	    NULL, CONN_CURL_AUTH, "4.7.8", "535 5.7.8 Username and Password "
	    "not accepted. See https://x.test/ ?[m" },
	{ "refused, MD5", PASSWORD(NULL), { SECURED,
	    HELLO_AUTH("CRAM-MD5 PLAIN"),
	    { "AUTH CRAM-MD5\r\n", "334 PDEuMkBteC50ZXN0Pg==\r\n" },
	    { CRAM "\r\n", "535 no\r\n" } }, NULL, CONN_CURL_AUTH, "4.7.8",
	    "535 no (AUTH CRAM-MD5; \"auth plain login\" avoids it)" },
	{ "refused for now", PASSWORD(NULL), { SECURED, HELLO_AUTH("PLAIN"),
	    { PLAIN, "454 4.7.0 later\r\n" } }, NULL, CONN_CURL_AUTH,
	    "4.7.0", "454 4.7.0 later" },
	{ "token refused", TOKEN(NULL), { SECURED, HELLO_AUTH("XOAUTH2"),
	    { XOAUTH2, XOAUTH2_NO } }, NULL, CONN_CURL_AUTH, "4.7.8",
	    "AUTH XOAUTH2 refused: {\"status\":\"401\"}" },
	{ "token refused, OAUTHBEARER", TOKEN("oauthbearer"), { SECURED,
	    HELLO_AUTH("OAUTHBEARER"),
	    { "AUTH OAUTHBEARER bixhPXUsAWhvc3Q9bXgudGVzdAFwb3J0P*",
	    XOAUTH2_NO }, { "AQ==\r\n", "535 5.7.8 expired\r\n" } }, NULL,
	    CONN_CURL_AUTH, "4.7.8", "535 5.7.8 expired" },
	{ "another yes than 235", PASSWORD(NULL), { SECURED,
	    HELLO_AUTH("PLAIN"), { PLAIN, "250 ok\r\n" } }, NULL,
	    CONN_CURL_AUTH, "4.7.0", "AUTH PLAIN" },
	{ "closed at AUTH", PASSWORD(NULL), { SECURED, HELLO_AUTH("PLAIN"),
	    { PLAIN, HANG_UP } }, NULL, CONN_CURL_AUTH, "4.4.2", "closed" },
};

/* Nothing secret is in what was shown or said. */
static void
check_secrets(const char *name)
{
	static const char *const secrets[] = { "s3cret", "czNjcmV0",
		"AHUAczNjcmV0", "t0ken", "dXNlcj11", "bixhPX", CRAM,
		"pr0xy", "dTpwcjB4eQ" };
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		ck_assert_msg(strstr(trace(), secrets[i]) == NULL,
		    "%s: %s", name, trace());
		ck_assert_msg(strstr(err.text, secrets[i]) == NULL,
		    "%s: %s", name, err.text);
	}
}

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static int
play(const struct scene *s)
{
	static const char *const none = "sha256//"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct conn_curl_options o;

	server.turns = s->turns;
	server.identity = s->identity;
	server.tls_at_once = s->tls == CONN_CURL_TLS;
	if (s->turns[0].hear != NULL)
		server_start();
	o = options(s->tls);
	o.user = s->user;
	o.secret = s->secret;
	o.is_token = s->is_token;
	o.auth = s->auth;
	o.tls_pin = s->pin == RIGHT_PIN ? pki.pin : s->pin == WRONG_PIN ?
	    none : s->pin == BAD_PIN ? "/etc/passwd" : NULL;
	buf_adds(&offers, "left over");
	return conn_curl_open(&conn, &o, &offers, &stage, &err);
}

/* A line to and fro. */
static void
talk(const char *name)
{
	struct buf line = { 0 };

	ck_assert_int_eq(conn_write(&conn, "MAIL\r\n", 6, 5, &err), 0);
	ck_assert_msg(conn_flush(&conn, 5, &err) == 0, "%s: %s", name,
	    err.text);
	ck_assert_msg(conn_line(&conn, clock_ms() + WAIT_MS, 100, &line,
	    &err) == 0, "%s: %s", name, err.text);
	ck_assert_str_eq(buf_str(&line), "250 heard");
	buf_release(&line);
}

START_TEST(works)
{
	const struct scene *s = &good[_i];
	int before = descriptors();
	int64_t began;
	char tls[100];

	ck_assert_msg(play(s) == 0, "%s: %s\n%s", s->name, err.text, trace());
	ck_assert_msg(strcmp(buf_str(&offers), s->offers) == 0, "%s: %s",
	    s->name, buf_str(&offers));
	ck_assert(fcntl(conn.fd, F_GETFL) & O_NONBLOCK);
	conn_curl_describe(&conn, tls, sizeof(tls));
	if (s->tls == CONN_CURL_CLEAR)
		ck_assert_str_eq(tls, "");
	else
		ck_assert_msg(strncmp(tls, "TLS1.3 TLS_AES", 14) == 0 &&
		    strstr(tls, s->pin != NO_PIN ? " (pinned)" :
		    " (verified)") != NULL, "%s: %s", s->name, tls);
	talk(s->name);
	began = clock_ms();
	conn_close(&conn);
	ck_assert_int_lt(clock_ms() - began, 500);
	ck_assert_int_eq(conn.fd, -1);
	server_join();
	ck_assert_msg(server.wrong.len == 0, "%s: %s", s->name,
	    buf_str(&server.wrong));
	ck_assert(s->tls == CONN_CURL_CLEAR || server.goodbye);
	ck_assert_int_eq(descriptors(), before);
	check_secrets(s->name);
}
END_TEST

START_TEST(fails)
{
	const struct scene *s = &bad[_i];
	int64_t began = clock_ms();
	int before = descriptors();

	ck_assert_msg(play(s) == -1, "%s\n%s", s->name, trace());
	ck_assert_int_lt(clock_ms() - began, 4000);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	/* with another TLS library the words are libcurl's */
	ck_assert_msg(strcmp(err.status, s->status) == 0 &&
	    (strstr(err.text, s->text) != NULL ||
		(strstr(conn_curl_library(), "GnuTLS/") == NULL &&
		strstr(err.text, "certificate of mx.test: ") == err.text)),
	    "%s: %s %s\n%s", s->name, err.status, err.text, trace());
	ck_assert_msg(stage == s->stage, "%s: stage %d\n%s", s->name,
	    (int)stage, trace());
	ck_assert_int_eq(conn.fd, -1);
	conn_close(&conn);
	if (s->turns[0].hear != NULL)
		server_join();
	ck_assert_msg(server.wrong.len == 0, "%s: %s", s->name,
	    buf_str(&server.wrong));
	ck_assert_int_eq(descriptors(), before);
	check_secrets(s->name);
}
END_TEST


/* Open with these options, in the way of a scene that has none. */
static int
open_with(const struct turn *turns, enum conn_curl_tls tls,
    void (*change)(struct conn_curl_options *))
{
	struct conn_curl_options o;

	server.turns = turns;
	server.tls_at_once = tls == CONN_CURL_TLS;
	server_start();
	o = options(tls);
	if (change != NULL)
		change(&o);
	return conn_curl_open(&conn, &o, &offers, &stage, &err);
}

static void
finish(const char *name)
{
	conn_close(&conn);
	server_join();
	ck_assert_msg(server.wrong.len == 0, "%s: %s", name,
	    buf_str(&server.wrong));
	check_secrets(name);
}

/* All of the dialogue is seen, and nothing that is secret. */
START_TEST(traced)
{
	ck_assert_int_eq(play(&good[8]), 0);
	ck_assert_str_eq(trace(),
	    "mx.test < 220 mx.test hi\n"
	    "mx.test > EHLO c.example\n"
	    "mx.test < 250-mx.test\n"
	    "mx.test < 250-CHUNKING\n"
	    "mx.test < 250 STARTTLS\n"
	    "mx.test > STARTTLS\n"
	    "mx.test < 220 go\n"
	    "mx.test > EHLO c.example\n"
	    "mx.test < 250-mx.test\n"
	    "mx.test < 250-AUTH PLAIN LOGIN\n"
	    "mx.test < 250 DSN\n"
	    "mx.test > AUTH LOGIN ****\n"
	    "mx.test < 334 UGFzc3dvcmQ6\n"
	    "mx.test > ****\n"
	    "mx.test < 235 2.7.0 yes\n");
	talk("trace");
	finish("trace");
}
END_TEST

/* Limits of time */

#define SOON_MS 1200

static void
log_in(struct conn_curl_options *o)
{
	o->user = "u";
	o->secret = "s3cret";
}

static void
soon(struct conn_curl_options *o)
{
	log_in(o);
	o->deadline = clock_ms() + SOON_MS;
}

static const struct {
	const char *name;
	enum conn_curl_tls tls;
	struct turn turns[TURNS];
	enum conn_curl_stage stage;
	const char *status;
} silences[] = {
	{ "no greeting", CONN_CURL_STARTTLS, { { "", SILENCE } },
	    CONN_CURL_GREETING, "4.4.2" },
	{ "half a greeting", CONN_CURL_STARTTLS,
	    { { "", "220-mx\r\n220 " SILENCE } },
	    CONN_CURL_GREETING, "4.4.2" },
	{ "no greeting in TLS", CONN_CURL_TLS, { { "", SILENCE } },
	    CONN_CURL_GREETING, "4.4.2" },
	{ "no reply to EHLO", CONN_CURL_STARTTLS, { GREETING,
	    { EHLO, SILENCE } }, CONN_CURL_HELLO, "4.4.2" },
	{ "no reply to STARTTLS", CONN_CURL_STARTTLS, { GREETING, CLEAR_HELLO,
	    { "STARTTLS\r\n", SILENCE } }, CONN_CURL_HANDSHAKE, "4.7.5" },
	{ "no handshake", CONN_CURL_STARTTLS, { GREETING, CLEAR_HELLO,
	    { "STARTTLS\r\n", "220 go\r\n" SILENCE } },
	    CONN_CURL_HANDSHAKE, "4.7.5" },
	{ "no reply to EHLO in TLS", CONN_CURL_STARTTLS, { SECURED,
	    { EHLO, SILENCE } }, CONN_CURL_HELLO, "4.4.2" },
	{ "no reply to AUTH", CONN_CURL_STARTTLS, { SECURED,
	    HELLO_AUTH("PLAIN"), { PLAIN, SILENCE } }, CONN_CURL_AUTH,
	    "4.4.2" },
};

START_TEST(silence)
{
	int64_t began = clock_ms();

	ck_assert_int_eq(open_with(silences[_i].turns, silences[_i].tls,
	    soon), -1);
	ck_assert_int_ge(clock_ms() - began, SOON_MS - 100);
	ck_assert_msg(clock_ms() - began < SOON_MS + 1500, "%s: %d ms",
	    silences[_i].name, (int)(clock_ms() - began));
	ck_assert_msg(strcmp(err.status, silences[_i].status) == 0 &&
	    strstr(err.text, "timed out") != NULL, "%s: %s %s",
	    silences[_i].name, err.status, err.text);
	ck_assert_msg(stage == silences[_i].stage, "%s: stage %d",
	    silences[_i].name, (int)stage);
	finish(silences[_i].name);
}
END_TEST

/* A server that has always one more line does not pass the limits. */
static void
serve_flood(struct server *s)
{
	static const char line[] = "250-X-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";

	(void)!write(s->fd, "220 mx\r\n", 8);
	while (send(s->fd, line, sizeof(line) - 1, MSG_NOSIGNAL) > 0)
		continue;
}

static void
in_seconds(struct conn_curl_options *o)
{
	o->deadline = clock_ms() + 3000;
}

START_TEST(flood)
{
	server.instead = serve_flood;
	ck_assert_int_eq(open_with(NULL, CONN_CURL_STARTTLS, in_seconds), -1);
	ck_assert_str_eq(err.status, "4.5.0");
	ck_assert_int_eq(stage, CONN_CURL_HELLO);
	finish("flood");
}
END_TEST

/* Lines that come one by one, in time each, do not either. */
static void
serve_drip(struct server *s)
{
	struct timespec t = { 0, 40000000 };

	(void)!write(s->fd, "220 mx\r\n", 8);
	while (send(s->fd, "250-X\r\n", 7, MSG_NOSIGNAL) > 0)
		nanosleep(&t, NULL);
}

START_TEST(drip)
{
	int64_t began = clock_ms();

	server.instead = serve_drip;
	ck_assert_int_eq(open_with(NULL, CONN_CURL_STARTTLS, soon), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_lt(clock_ms() - began, SOON_MS + 1500);
	finish("drip");
}
END_TEST

static int watched[2];

static void
watching(struct conn_curl_options *o)
{
	o->watch_fd = watched[1];
}

static void *
go_away(void *arg)
{
	struct timespec t = { 0, 300000000 };

	(void)arg;
	nanosleep(&t, NULL);
	close(watched[0]);
	return NULL;
}

/* Nobody wants the result any more. */
START_TEST(dispatcher_gone)
{
	const struct turn turns[TURNS] = { GREETING, { EHLO, SILENCE } };
	int64_t began = clock_ms();
	pthread_t thread;

	ck_assert_int_eq(pipe(watched), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, go_away, NULL), 0);
	ck_assert_int_eq(open_with(turns, CONN_CURL_STARTTLS, watching), -1);
	ck_assert_int_ge(clock_ms() - began, 200);
	ck_assert_int_lt(clock_ms() - began, 2500);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert(strstr(err.text, "gone") != NULL);
	pthread_join(thread, NULL);
	close(watched[1]);
	finish("gone");
}
END_TEST

/* Afterwards it is a connection as any other, which looks there, too. */
START_TEST(watched_later)
{
	const struct turn turns[TURNS] = { GREETING, CLEAR_HELLO };
	struct buf line = { 0 };

	ck_assert_int_eq(pipe(watched), 0);
	ck_assert_int_eq(open_with(turns, CONN_CURL_CLEAR, watching), 0);
	ck_assert_int_eq(conn.watch_fd, watched[1]);
	ck_assert_int_eq(conn.trace_fd, trace_fd);
	ck_assert_str_eq(conn.trace_name, "mx.test");
	close(watched[0]);
	ck_assert_int_eq(conn_line(&conn, clock_ms() + 3000, 100, &line,
	    &err), -1);
	ck_assert(strstr(err.text, "gone") != NULL);
	buf_release(&line);
	close(watched[1]);
	finish("watched");
}
END_TEST

/* What the server says */

/* A long reply to EHLO, in many lines, some of them long themselves. */
static const char *
long_reply(struct buf *reply)
{
	size_t i, j;

	buf_adds(reply, "250-mx.test\r\n");
	for (i = 0; i < 50; i++) {
		buf_printf(reply, "250-X-%03zu", i);
		for (j = 0; i == 0 && j < 1000; j++)
			buf_addc(reply, 'a');
		buf_adds(reply, "\r\n");
	}
	buf_adds(reply, "250 STARTTLS\r\n");
	return buf_str(reply);
}

START_TEST(long_ehlo)
{
	struct buf reply = { 0 };
	const char *text = long_reply(&reply);
	const struct turn turns[TURNS] = { GREETING, { EHLO, text },
		{ "STARTTLS\r\n", "220 go\r\n" NOW_TLS }, { EHLO, text },
		MAIL };

	ck_assert_msg(open_with(turns, CONN_CURL_STARTTLS, NULL) == 0, "%s",
	    err.text);
	ck_assert_uint_gt(offers.len, 1300);
	ck_assert(strncmp(buf_str(&offers), "mx.test\nX-000aaa", 16) == 0);
	ck_assert(strstr(buf_str(&offers), "\nX-049\nSTARTTLS") != NULL);
	talk("long");
	finish("long");
	buf_release(&reply);
}
END_TEST

/* What stands behind the last reply is not taken for an answer to what we say
 * next. */
START_TEST(words_behind)
{
	const struct turn turns[TURNS] = { SECURED, HELLO_AUTH("PLAIN"),
		{ PLAIN, "235 yes\r\n250 2.0.0 stray\r\n" }, MAIL };

	ck_assert_msg(open_with(turns, CONN_CURL_STARTTLS, log_in) == 0, "%s",
	    err.text);
	talk("behind");
	finish("behind");
}
END_TEST

/* And the server's words when it goes away are heard. */
START_TEST(closed_later)
{
	const struct turn turns[TURNS] = { SECURED, HELLO_AUTH("PLAIN"),
		{ PLAIN, OK }, { "MAIL\r\n", "421 bye\r\n" HANG_UP } };
	struct buf line = { 0 };

	ck_assert_int_eq(open_with(turns, CONN_CURL_STARTTLS, log_in), 0);
	ck_assert_int_eq(conn_write(&conn, "MAIL\r\n", 6, 5, &err), 0);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	ck_assert_int_eq(conn_line(&conn, clock_ms() + WAIT_MS, 100, &line,
	    &err), 0);
	ck_assert_str_eq(buf_str(&line), "421 bye");
	ck_assert_int_eq(conn_line(&conn, clock_ms() + WAIT_MS, 100, &line,
	    &err), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert(conn.broken);
	buf_release(&line);
	finish("closed");
}
END_TEST

/* A message of some size, against a server that takes its time. */
#define BIG ((size_t)8 * 1024 * 1024)

static void
serve_count(struct server *s)
{
	static char some[65536];
	static const struct turn turns[TURNS] = { SECURED,
		HELLO_AUTH("PLAIN"), { PLAIN, OK HANG_UP } };
	struct timespec t = { 0, 50000000 };
	size_t n = 0, sum = 0;
	struct buf told = { 0 };
	ssize_t got, i;

	s->turns = turns;
	serve(s);
	nanosleep(&t, NULL);
	while (n < BIG && (got = server_read(s, some, sizeof(some))) > 0) {
		n += (size_t)got;
		for (i = 0; i < got; i++)
			sum = sum * 31 + (unsigned char)some[i];
	}
	buf_printf(&told, "250 %zu %zu\r\n", n, sum);
	server_say(s, buf_str(&told));
	buf_release(&told);
	while (server_read(s, some, sizeof(some)) > 0)
		continue;
}

START_TEST(big)
{
	char *data = malloc(BIG), want[80];
	struct buf line = { 0 };
	size_t i, sum = 0;

	for (i = 0; i < BIG; i++) {
		data[i] = (char)(i * 7 + i / 1000);
		sum = sum * 31 + (unsigned char)data[i];
	}
	snprintf(want, sizeof(want), "250 %zu %zu", BIG, sum);
	server.instead = serve_count;
	ck_assert_int_eq(open_with(NULL, CONN_CURL_STARTTLS, log_in), 0);
	ck_assert_msg(conn_write(&conn, data, BIG, 5, &err) == 0, "%s",
	    err.text);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	ck_assert_msg(conn_line(&conn, clock_ms() + WAIT_MS, 100, &line,
	    &err) == 0, "%s", err.text);
	ck_assert_str_eq(buf_str(&line), want);
	buf_release(&line);
	free(data);
	finish("big");
}
END_TEST

/* Addresses and names */

static void
unnamed(struct conn_curl_options *o)
{
	o->hostname = "laptop";
}

static void
unnamed_by_ip6(struct conn_curl_options *o)
{
	static const struct mx_addr one = { 6, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 1 } };

	o->hostname = "localhost.localdomain";
	o->addr = &one;
	o->host = "::1";
}

static void
from_there(struct conn_curl_options *o)
{
	o->source = "::1 127.0.0.77";
}

static void
by_address(struct conn_curl_options *o)
{
	o->host = "127.0.0.1";
}

static void
final_dot(struct conn_curl_options *o)
{
	o->host = "mx.test.";
}

static const struct {
	const char *name, *address;
	enum conn_curl_tls tls;
	void	(*change)(struct conn_curl_options *);
	const char *ehlo, *from;
} places[] = {
	{ "a literal", NULL, CONN_CURL_CLEAR, unnamed,
	    "EHLO [127.0.0.1]\r\n", "127.0.0.1" },
	{ "a literal of IPv6", "::1", CONN_CURL_CLEAR, unnamed_by_ip6,
	    "EHLO [IPv6:::1]\r\n", "::1" },
	{ "from another address", NULL, CONN_CURL_CLEAR, from_there,
	    "EHLO c.example\r\n", "127.0.0.77" },
	{ "a certificate for an address", NULL, CONN_CURL_TLS, by_address,
	    "EHLO c.example\r\n", "127.0.0.1" },
	{ "a name with its dot", NULL, CONN_CURL_TLS, final_dot,
	    "EHLO c.example\r\n", "127.0.0.1" },
};

START_TEST(place)
{
	const struct turn turns[TURNS] = { GREETING,
		{ places[_i].ehlo, "250 mx\r\n" }, MAIL };

	server.address = places[_i].address;
	ck_assert_msg(open_with(turns, places[_i].tls, places[_i].change) == 0,
	    "%s: %s", places[_i].name, err.text);
	talk(places[_i].name);
	finish(places[_i].name);
	ck_assert_str_eq(server.from, places[_i].from);
}
END_TEST

/* What cannot be opened at all: nobody is at the other end. */
static void
not_ours(struct conn_curl_options *o)
{
	o->source = "192.0.2.1";
}

static void
nowhere(struct conn_curl_options *o)
{
	o->addr = NULL;
}

static void
path_in_host(struct conn_curl_options *o)
{
	o->host = "mx.test:25/x";
}

static void
user_in_host(struct conn_curl_options *o)
{
	o->host = "evil@mx.test";
}

static void
no_host(struct conn_curl_options *o)
{
	o->host = "";
}

static void
odd_proxy(struct conn_curl_options *o)
{
	o->proxy = "ftp://u:pr0xy@127.0.0.1:1";
}

static void
dead_socks(struct conn_curl_options *o)
{
	o->proxy = "socks5://u:pr0xy@127.0.0.1:1";
}

static void
dead_http(struct conn_curl_options *o)
{
	o->proxy = "http://u:pr0xy@127.0.0.1:1";
}

static void
proxy_from_nowhere(struct conn_curl_options *o)
{
	o->proxy = "http://127.0.0.1:1";
	o->source = "192.0.2.1";
}

static void
no_ca_file(struct conn_curl_options *o)
{
	o->ca_file = "/nonexistent/ca.pem";
}

static void
no_client_cert(struct conn_curl_options *o)
{
	o->client_cert = "/nonexistent/client.pem";
}

static const struct {
	const char *name;
	void	(*change)(struct conn_curl_options *);
	enum conn_curl_stage stage;
	const char *status, *text;
} nobodies[] = {
	{ "refused", unnamed, CONN_CURL_CONNECT, "4.4.1",
	    "connect to [127.0.0.1]:1: Connection refused" },
	{ "an address that is not ours", not_ours, CONN_CURL_CONNECT, "4.4.0",
	    "from [192.0.2.1]" },
	{ "no address", nowhere, CONN_CURL_CONNECT, "4.4.1", "no address" },
	{ "a host with a path", path_in_host, CONN_CURL_CONNECT, "4.4.1",
	    "not a host" },
	{ "a host with a user", user_in_host, CONN_CURL_CONNECT, "4.4.1",
	    "not a host" },
	{ "no host", no_host, CONN_CURL_CONNECT, "4.4.1", "not a host" },
	{ "an odd proxy", odd_proxy, CONN_CURL_CONNECT, "4.4.1",
	    "a proxy must be" },
	{ "a dead proxy", dead_socks, CONN_CURL_CONNECT, "4.4.1",
	    "connect by proxy 127.0.0.1:1: Connection refused" },
	{ "a dead proxy, HTTP", dead_http, CONN_CURL_CONNECT, "4.4.1",
	    "connect by proxy 127.0.0.1:1: Connection refused" },
	{ "a proxy, from an address that is not ours", proxy_from_nowhere,
	    CONN_CURL_CONNECT, "4.4.0", "Cannot assign" },
};

START_TEST(nobody)
{
	struct conn_curl_options o = options(CONN_CURL_STARTTLS);

	o.port = 1;
	o.user = "u";
	o.secret = "s3cret";
	nobodies[_i].change(&o);
	ck_assert_int_eq(conn_curl_open(&conn, &o, &offers, &stage, &err), -1);
	ck_assert_msg(strcmp(err.status, nobodies[_i].status) == 0 &&
	    strstr(err.text, nobodies[_i].text) != NULL, "%s: %s %s",
	    nobodies[_i].name, err.status, err.text);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_int_eq(stage, nobodies[_i].stage);
	check_secrets(nobodies[_i].name);
}
END_TEST

/* Files that are not there. */
static const struct {
	const char *name;
	void	(*change)(struct conn_curl_options *);
	const char *text;
} missing[] = {
	{ "CA", no_ca_file, "the CA certificates cannot be read" },
	{ "client certificate", no_client_cert,
	    "client-cert /nonexistent/client.pem" },
};

START_TEST(file_missing)
{
	const struct turn turns[TURNS] = { SECURED };

	ck_assert_int_eq(open_with(turns, CONN_CURL_STARTTLS,
	    missing[_i].change), -1);
	ck_assert_msg(strcmp(err.status, "4.7.5") == 0 &&
	    strstr(err.text, missing[_i].text) != NULL, "%s: %s %s",
	    missing[_i].name, err.status, err.text);
	ck_assert_int_eq(stage, CONN_CURL_HANDSHAKE);
	finish(missing[_i].name);
}
END_TEST

START_TEST(old_tls)
{
	const struct turn turns[TURNS] = { SECURED };

	server.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0";
	ck_assert_int_eq(open_with(turns, CONN_CURL_STARTTLS, log_in), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	ck_assert_int_eq(stage, CONN_CURL_HANDSHAKE);
	finish("old");
}
END_TEST

/* A certificate of ours. */
static void
with_cert(struct conn_curl_options *o)
{
	o->client_cert = pki.cert_file;
}

static void
external(struct conn_curl_options *o)
{
	o->client_cert = pki.cert_file;
	o->client_key = pki.cert_file;
	o->auth = "external plain";
}

static void
external_as(struct conn_curl_options *o)
{
	external(o);
	o->user = "u";
}

static const struct {
	const char *name;
	void	(*change)(struct conn_curl_options *);
	struct turn auth;
} proofs[] = {
	{ "shown, no AUTH", with_cert, MAIL },
	{ "EXTERNAL", external, { "AUTH EXTERNAL =\r\n", OK } },
	{ "EXTERNAL, as somebody", external_as,
	    { "AUTH EXTERNAL dQ==\r\n", OK } },
};

START_TEST(own_certificate)
{
	const struct turn turns[TURNS] = { SECURED,
		HELLO_AUTH("PLAIN EXTERNAL"), proofs[_i].auth, MAIL };

	ck_assert_msg(open_with(turns, CONN_CURL_STARTTLS, proofs[_i].change)
	    == 0, "%s: %s", proofs[_i].name, err.text);
	ck_assert_msg(server.saw_cert, "%s", proofs[_i].name);
	talk(proofs[_i].name);
	if (_i == 0)
		talk(proofs[_i].name);
	finish(proofs[_i].name);
}
END_TEST

/* Proxies */

static char proxy_url[100];

static const struct {
	const char *name;
	enum proxy proxy;
	const char *url;	/* "%u": the port */
	bool	    addr;	/* we have looked the server up */
	const char *asked;	/* for mx.test:2525 */
	const char *error;	/* part of it, or "" */
} proxies[] = {
	{ "SOCKS", SOCKS, "socks5://127.0.0.1:%u", false, "mx.test:2525", "" },
	{ "SOCKS, address known", SOCKS, "socks5://127.0.0.1:%u", true,
	    "192.0.2.55:2525", "" },
	{ "SOCKS, password", SOCKS_PASSWORD, "socks5://u:pr0xy@127.0.0.1:%u",
	    false, "mx.test:2525", "" },
	{ "SOCKS, refused", SOCKS_REFUSES, "SOCKS5://u:pr0xy@127.0.0.1:%u",
	    false, "mx.test:2525", "connect by proxy 127.0.0.1:" },
	{ "SOCKS, password missing", SOCKS_PASSWORD, "socks5://127.0.0.1:%u",
	    false, "", "connect by proxy 127.0.0.1:" },
	{ "HTTP", HTTP, "http://127.0.0.1:%u", false,
	    "CONNECT mx.test:2525 HTTP/1.1", "" },
	{ "HTTP, password", HTTP_PASSWORD, "http://u:pr0xy@127.0.0.1:%u",
	    false, "CONNECT mx.test:2525 HTTP/1.1 as u:pr0xy", "" },
	{ "HTTP, refused", HTTP_REFUSES, "http://u:pr0xy@127.0.0.1:%u", false,
	    "CONNECT mx.test:2525 HTTP/1.1 as u:pr0xy", "403" },
};

START_TEST(by_proxy)
{
	static const struct mx_addr far = { 4, { 192, 0, 2, 55 } };
	const struct turn turns[TURNS] = { GREETING,
		{ "EHLO [127.0.0.1]\r\n", "250-mx\r\n250 STARTTLS\r\n" },
		{ "STARTTLS\r\n", "220 go\r\n" NOW_TLS },
		{ "EHLO [127.0.0.1]\r\n", "250-mx\r\n250 AUTH PLAIN\r\n" },
		{ PLAIN, OK }, MAIL };
	struct conn_curl_options o;
	char tls[100];
	int rc;

	server.turns = turns;
	server.proxy = proxies[_i].proxy;
	server_start();
	o = options(CONN_CURL_STARTTLS);
	(void)snprintf(proxy_url, sizeof(proxy_url), "%.*s%u",
	    (int)strlen(proxies[_i].url) - 2, proxies[_i].url, server.port);
	o.proxy = proxy_url;
	o.port = 2525;
	o.addr = proxies[_i].addr ? &far : NULL;
	o.hostname = "laptop";
	o.source = "127.0.0.44";
	o.user = "u";
	o.secret = "s3cret";
	rc = conn_curl_open(&conn, &o, &offers, &stage, &err);
	if (*proxies[_i].error != '\0') {
		ck_assert_msg(rc == -1, "%s", proxies[_i].name);
		ck_assert_str_eq(err.status, "4.4.1");
		ck_assert_int_eq(stage, CONN_CURL_CONNECT);
		ck_assert_msg(strstr(err.text, proxies[_i].error) != NULL,
		    "%s: %s", proxies[_i].name, err.text);
	} else {
		ck_assert_msg(rc == 0, "%s: %s\n%s", proxies[_i].name,
		    err.text, trace());
		ck_assert_str_eq(buf_str(&offers), "mx\nAUTH PLAIN");
		conn_curl_describe(&conn, tls, sizeof(tls));
		ck_assert(strncmp(tls, "TLS1.3", 6) == 0);
		talk(proxies[_i].name);
	}
	finish(proxies[_i].name);
	ck_assert_str_eq(server.asked, proxies[_i].asked);
	ck_assert_str_eq(server.from, "127.0.0.44");
}
END_TEST

/* A proxy that says nothing. */
START_TEST(silent_proxy)
{
	struct conn_curl_options o;
	int64_t began = clock_ms();

	server.instead = serve_nothing;
	server_start();
	o = options(CONN_CURL_TLS);
	(void)snprintf(proxy_url, sizeof(proxy_url), "socks5://127.0.0.1:%u",
	    server.port);
	o.proxy = proxy_url;
	o.addr = NULL;
	o.deadline = clock_ms() + SOON_MS;
	ck_assert_int_eq(conn_curl_open(&conn, &o, &offers, &stage, &err), -1);
	ck_assert_str_eq(err.status, "4.4.1");
	ck_assert_int_eq(stage, CONN_CURL_CONNECT);
	ck_assert_int_lt(clock_ms() - began, SOON_MS + 1500);
	finish("silent proxy");
}
END_TEST

START_TEST(library)
{
	ck_assert_msg(strchr("789", conn_curl_library()[0]) != NULL &&
	    strchr(conn_curl_library(), '/') != NULL, "%s",
	    conn_curl_library());
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("conn_curl");
	TCase *tc = new_case(suite, "opening");

	tcase_add_loop_test(tc, works, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, fails, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, traced);
	tcase_add_test(tc, library);

	tc = new_case(suite, "time");
	tcase_add_loop_test(tc, silence, 0, CHECK_ROWS(silences));
	tcase_add_test(tc, drip);
	tcase_add_test(tc, dispatcher_gone);
	tcase_add_test(tc, watched_later);
	tcase_add_test(tc, silent_proxy);

	tc = new_case(suite, "talk");
	tcase_add_test(tc, flood);
	tcase_add_test(tc, long_ehlo);
	tcase_add_test(tc, words_behind);
	tcase_add_test(tc, closed_later);
	tcase_add_test(tc, big);

	tc = new_case(suite, "place");
	tcase_add_loop_test(tc, place, 0, CHECK_ROWS(places));
	tcase_add_loop_test(tc, nobody, 0, CHECK_ROWS(nobodies));
	tcase_add_loop_test(tc, by_proxy, 0, CHECK_ROWS(proxies));

	tc = new_case(suite, "tls");
	tcase_add_loop_test(tc, file_missing, 0, CHECK_ROWS(missing));
	tcase_add_test(tc, old_tls);
	tcase_add_loop_test(tc, own_certificate, 0, CHECK_ROWS(proofs));
	return check_run(suite);
}
