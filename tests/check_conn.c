/* conn, tls and dial, against peers in child processes. */
#include "config.h"

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/xalloc.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/tls.h"

#define LINE_MAX_TEST 64
#define BIG ((size_t)25 * 1024 * 1024)

static struct conn conn;
static struct buf line;
static struct err err;
static pid_t peer;

/* Run f with the other end in a child. */
static void
with_peer(void (*f)(int fd, const void *arg), const void *arg)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	peer = fork();
	ck_assert_int_ge(peer, 0);
	if (peer == 0) {
		close(fds[0]);
		f(fds[1], arg);
		_exit(0);
	}
	close(fds[1]);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	conn_init(&conn, fds[0]);
}

static void
setup(void)
{
	peer = 0;
}

static void
teardown(void)
{
	conn_close(&conn);
	conn_close(&conn);
	buf_release(&line);
	if (peer > 0) {
		kill(peer, SIGKILL);
		waitpid(peer, NULL, 0);
	}
}

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static int
get(int64_t ms)
{
	return conn_line(&conn, clock_ms() + ms, LINE_MAX_TEST, &line, &err);
}

/* Everything fails at once, and says nothing else. */
static void
check_broken(void)
{
	int64_t began = clock_ms();

	ck_assert(conn.broken);
	ck_assert_int_eq(get(5000), -1);
	ck_assert_int_eq(conn_write(&conn, "x", 1, 5, &err), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_eq(conn_flush(&conn, 5, &err), -1);
	ck_assert_int_eq(conn_wait(&conn, 1, clock_ms() + 5000, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_int_lt(clock_ms() - began, 500);
}

/* Reading */

struct text {
	const char *data;
	size_t n;
	long	ms;		/* between bytes; 0: all at once; -1: one by one */
};

static void
say(int fd, const void *arg)
{
	const struct text *t = arg;
	size_t i;

	if (t->ms == 0)
		write_all(fd, t->data, t->n);
	for (i = 0; t->ms != 0 && i < t->n; i++) {
		write_all(fd, t->data + i, 1);
		pause_ms(t->ms > 0 ? t->ms : 0);
	}
}

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BYTES(s) s, sizeof(s) - 1
static const struct {
	const char *name, *text;
	size_t len;
	const char *want;	/* lines with '|' behind each */
	size_t want_len;
	const char *status;	/* what follows the last line */
} reads[] = {
	{ "CRLF", BYTES("220 hi\r\n250 ok\r\n"), BYTES("220 hi|250 ok|"),
	    "4.4.2" },
	{ "LF", BYTES("220 hi\n250 ok\n"), BYTES("220 hi|250 ok|"), "4.4.2" },
	{ "empty", BYTES("\r\n\n\r\n"), BYTES("|||"), "4.4.2" },
	{ "CR inside", BYTES("a\rb\r\r\n"), BYTES("a\rb\r|"), "4.4.2" },
	{ "NUL inside", BYTES("a\0b\r\n"), BYTES("a\0b|"), "4.4.2" },
	{ "no end", BYTES("220 hi"), BYTES(""), "4.4.2" },
	{ "nothing", BYTES(""), BYTES(""), "4.4.2" },
	{ "as long as may be", BYTES(A32 A32 "\r\n" A32 A32 "\n"),
	    BYTES(A32 A32 "|" A32 A32 "|"), "4.4.2" },
	{ "too long", BYTES("x\r\n" A32 A32 "a\r\n"), BYTES("x|"), "4.5.0" },
	{ "too long, LF", BYTES(A32 A32 "a\n"), BYTES(""), "4.5.0" },
	{ "too long, no end", BYTES(A32 A32 A32 A32), BYTES(""), "4.5.0" },
};

static void
check_read(int row, long ms)
{
	struct text t = { reads[row].text, reads[row].len, ms };
	struct buf got = { 0 };

	with_peer(say, &t);
	while (get(5000) == 0) {
		buf_add(&got, line.data, line.len);
		buf_addc(&got, '|');
	}
	ck_assert_msg(got.len == reads[row].want_len &&
	    memcmp(buf_str(&got), reads[row].want, got.len) == 0,
	    "%s: %s", reads[row].name, buf_str(&got));
	ck_assert_msg(strcmp(err.status, reads[row].status) == 0, "%s: %s",
	    reads[row].name, err.text);
	buf_release(&got);
	check_broken();
}

START_TEST(lines)
{
	check_read(_i, 0);
}
END_TEST

START_TEST(lines_by_bytes)
{
	check_read(_i, -1);
}
END_TEST

/* The limit is for the line, not for each byte. */
START_TEST(drip)
{
	struct text t = { BYTES(A32), 40 };
	int64_t began = clock_ms();

	with_peer(say, &t);
	ck_assert_int_eq(get(300), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_ge(clock_ms() - began, 250);
	ck_assert_int_lt(clock_ms() - began, 900);
	check_broken();
}
END_TEST

/* Lines that each come in time do not pass the ceiling. */
START_TEST(drip_of_lines)
{
	struct text t = { BYTES("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"), 40 };
	int64_t began = clock_ms();

	with_peer(say, &t);
	conn.ceiling = began + 300;
	while (get(1000) == 0)
		continue;
	ck_assert_int_ge(clock_ms() - began, 250);
	ck_assert_int_lt(clock_ms() - began, 700);
	check_broken();
}
END_TEST

static void
flood(int fd, const void *arg)
{
	static const char some[] = "250-x\r\n250-y\r\n250-z\r\n";

	(void)arg;
	signal(SIGPIPE, SIG_DFL);
	for (;;)
		write_all(fd, some, sizeof(some) - 1);
}

/* Nor do lines of which there is always one more. */
START_TEST(flood_of_lines)
{
	int64_t began = clock_ms();

	with_peer(flood, NULL);
	conn.ceiling = began + 300;
	while (get(1000) == 0)
		continue;
	ck_assert_int_lt(clock_ms() - began, 900);
	ck_assert_uint_lt(conn.in.cap, 16384);
	check_broken();
}
END_TEST

static void
hold(int fd, const void *arg)
{
	(void)fd;
	(void)arg;
	pause();
}

START_TEST(dispatcher_gone)
{
	int64_t began = clock_ms();
	int fds[2];

	with_peer(hold, NULL);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(conn_wanted(&conn, &err), 0);
	conn.watch_fd = fds[1];
	ck_assert_int_eq(conn_wanted(&conn, &err), 0);
	ck_assert_int_eq(get(100), -1);
	conn.broken = false;
	close(fds[0]);
	ck_assert_int_eq(conn_wanted(&conn, &err), -1);
	check_broken();
	conn.broken = false;
	ck_assert_int_eq(get(5000), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_lt(clock_ms() - began, 1000);
	check_broken();
	close(fds[1]);
}
END_TEST

START_TEST(has_input)
{
	struct text t = { BYTES("a\r\nb\r\n"), 0 };

	with_peer(say, &t);
	ck_assert(!conn_has_input(&conn));
	ck_assert_int_eq(get(1000), 0);
	ck_assert(conn_has_input(&conn));
	ck_assert_int_eq(get(1000), 0);
	ck_assert(!conn_has_input(&conn));
}
END_TEST

/* Writing */

/* Read all, and say how much it was and its sum. */
static void
count(int fd, const void *arg)
{
	static unsigned char some[65536];
	const size_t *end = arg;
	char text[80];
	size_t n = 0, sum = 0;
	ssize_t got;
	ssize_t i;

	while (n < *end && (got = read(fd, some, sizeof(some))) > 0) {
		n += (size_t)got;
		for (i = 0; i < got; i++)
			sum = sum * 31 + some[i];
	}
	snprintf(text, sizeof(text), "%zu %zu\n", n, sum);
	write_all(fd, text, strlen(text));
}

static const size_t pieces[] = { 1, 7, 1000, 65535, 65536, 65537, 200000,
	262144 };

START_TEST(big_write)
{
	size_t piece = pieces[_i], total = piece < 10 ? 300000 : BIG;
	size_t at, n, sum = 0;
	char *data = xmalloc(total), want[80];
	int64_t began;

	for (at = 0; at < total; at++) {
		data[at] = (char)(at * 7 + at / 1000);
		sum = sum * 31 + (unsigned char)data[at];
	}
	snprintf(want, sizeof(want), "%zu %zu", total, sum);
	with_peer(count, &total);
	began = clock_ms();
	for (at = 0; at < total; at += n) {
		n = total - at < piece ? total - at : piece;
		ck_assert_int_eq(conn_write(&conn, data + at, n, 5, &err), 0);
		ck_assert_uint_lt(conn.out.len, CONN_OUT_MAX);
	}
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	if (getenv("CHECK_VERBOSE") != NULL)
		fprintf(stderr, "%zu in pieces of %zu: %d ms\n", total,
		    piece, (int)(clock_ms() - began));
	ck_assert_int_eq(get(5000), 0);
	ck_assert_str_eq(buf_str(&line), want);
	free(data);
}
END_TEST

/* What belongs together leaves together, and not before. */
START_TEST(one_flight)
{
	char got[100];
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	conn_init(&conn, fds[0]);
	ck_assert_int_eq(conn_write(&conn, "MAIL\r\n", 6, 5, &err), 0);
	ck_assert_int_eq(conn_write(&conn, "RCPT\r\n", 6, 5, &err), 0);
	ck_assert_int_eq(read(fds[1], got, sizeof(got)), -1);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	ck_assert_int_eq(read(fds[1], got, sizeof(got)), 12);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	ck_assert_int_eq(read(fds[1], got, sizeof(got)), -1);
	close(fds[1]);
}
END_TEST

/* A peer that does not read costs the time of one block. */
START_TEST(zero_window)
{
	static char some[1 << 20];
	int64_t began = clock_ms();

	with_peer(hold, NULL);
	while (conn_write(&conn, some, sizeof(some), 1, &err) == 0)
		continue;
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_ge(clock_ms() - began, 900);
	ck_assert_int_lt(clock_ms() - began, 3000);
	check_broken();
}
END_TEST

static void
say_and_leave(int fd, const void *arg)
{
	static const char text[] = "552 too large\r\n421 bye\r\n";

	(void)arg;
	write_all(fd, text, sizeof(text) - 1);
}

/* The last words of a server that closes while we send are heard. */
START_TEST(last_words)
{
	static char some[1 << 20];

	signal(SIGPIPE, SIG_DFL);	/* must not be needed */
	with_peer(say_and_leave, NULL);
	waitpid(peer, NULL, 0);
	peer = 0;
	while (conn_write(&conn, some, sizeof(some), 1, &err) == 0)
		continue;
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_eq(get(1000), 0);
	ck_assert_str_eq(buf_str(&line), "552 too large");
	ck_assert_int_eq(get(1000), 0);
	ck_assert_str_eq(buf_str(&line), "421 bye");
	check_broken();
}
END_TEST

START_TEST(trace)
{
	static const char text[] = "MAIL FROM:<>\r\nRCPT\0x\x1b[2m\r\nlast";
	char got[500];
	int fds[2];
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	conn_init(&conn, -1);
	conn_trace(&conn, '>', "nothing", 7);
	conn.trace_fd = fds[1];
	snprintf(conn.trace_name, sizeof(conn.trace_name),
	    "mx.test[192.0.2.1]");
	conn_trace(&conn, '>', text, sizeof(text) - 1);
	n = read(fds[0], got, sizeof(got) - 1);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, "mx.test[192.0.2.1] > MAIL FROM:<>\n"
	    "mx.test[192.0.2.1] > RCPT?x?[2m\n"
	    "mx.test[192.0.2.1] > last\n");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(zero_is_closed)
{
	struct conn c = { 0 };

	conn_close(&c);
	ck_assert_int_ge(fcntl(0, F_GETFD), 0);
	ck_assert_int_eq(conn_flush(&c, 1, &err), -1);
}
END_TEST

/* Connecting */

static int
listener(int backlog, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, size), 0);
	if (backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static const struct mx_addr loopback = { 4, { 127, 0, 0, 1 } };

START_TEST(connects)
{
	int fd, on = 0, l;
	socklen_t size = sizeof(on);
	uint16_t port;

	l = listener(5, &port);
	fd = dial(&loopback, port, NULL, clock_ms() + 1000, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size);
	ck_assert_int_ne(on, 0);
	close(fd);
	close(l);
}
END_TEST

START_TEST(refused)
{
	uint16_t port;
	char want[80];
	int l = listener(-1, &port);

	ck_assert_int_eq(dial(&loopback, port, NULL, clock_ms() + 1000, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_str_eq(err.status, "4.4.1");
	snprintf(want, sizeof(want),
	    "connect to [127.0.0.1]:%u: Connection refused", port);
	ck_assert_str_eq(err.text, want);
	close(l);
}
END_TEST

/* The source of the family is bound to; none of it: any. */
static const struct {
	const char *name, *source, *from, *status, *text;
} sources[] = {
	{ "none", NULL, "127.0.0.1", "", "" },
	{ "empty", "", "127.0.0.1", "", "" },
	{ "one", "127.0.0.9", "127.0.0.9", "", "" },
	{ "a family each", "::1 127.0.0.9", "127.0.0.9", "", "" },
	{ "the other way round", " 127.0.0.9\t 2001:db8::1 ", "127.0.0.9",
	    "", "" },
	{ "the other family only", "2001:db8::1", "127.0.0.1", "", "" },
	{ "not ours", "192.0.2.1", "", "4.4.0",
	    "from [192.0.2.1]: Cannot assign" },
};

START_TEST(dial_source)
{
	struct sockaddr_in in = { 0 };
	socklen_t size = sizeof(in);
	char from[INET_ADDRSTRLEN] = "";
	uint16_t port;
	int l = listener(5, &port);
	int fd = dial(&loopback, port, sources[_i].source, clock_ms() + 1000,
	    &err);

	if (*sources[_i].status != '\0') {
		ck_assert_int_eq(fd, -1);
		ck_assert_int_eq(err.kind, ERR_TEMP);
		ck_assert_str_eq(err.status, sources[_i].status);
		ck_assert_msg(strstr(err.text, sources[_i].text) != NULL,
		    "%s: %s", sources[_i].name, err.text);
	} else {
		ck_assert_msg(fd >= 0, "%s: %s", sources[_i].name, err.text);
		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in,
		    &size), 0);
		inet_ntop(AF_INET, &in.sin_addr, from, sizeof(from));
		close(fd);
	}
	ck_assert_msg(strcmp(from, sources[_i].from) == 0, "%s: %s",
	    sources[_i].name, from);
	close(l);
}
END_TEST

/* Without a way out nobody else is at fault. */
START_TEST(dial_offline)
{
	static const struct mx_addr far = { 4, { 192, 0, 2, 1 } };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return;
	ck_assert_int_eq(dial(&far, 25, NULL, clock_ms() + 1000, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_str_eq(err.status, "4.4.0");
	ck_assert_str_eq(err.text,
	    "connect to [192.0.2.1]:25: Network is unreachable");
}
END_TEST

/* With its backlog full a listener lets SYNs drop. */
START_TEST(black_hole)
{
	int fd[8], i, l;
	int64_t began;
	uint16_t port;

	l = listener(0, &port);
	for (i = 0; i < 8; i++) {
		began = clock_ms();
		fd[i] = dial(&loopback, port, NULL, began + 200, &err);
		if (fd[i] < 0)
			break;
	}
	ck_assert_int_lt(i, 8);
	ck_assert_int_ge(clock_ms() - began, 150);
	ck_assert_int_lt(clock_ms() - began, 1000);
	ck_assert_str_eq(err.status, "4.4.1");
	while (i-- > 0)
		close(fd[i]);
	close(l);
}
END_TEST

/* TLS */

struct server {
	const char *priority;
	void	(*serve)(gnutls_session_t, int fd);
};

static void
server_key(gnutls_certificate_credentials_t cred)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	unsigned char serial = 1;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	/* Expired, and for another name: nobody is to care. */
	gnutls_x509_crt_set_activation_time(crt, 1000000);
	gnutls_x509_crt_set_expiration_time(crt, 2000000);
	gnutls_x509_crt_set_dn(crt, "CN=wrong.test", NULL);
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	gnutls_certificate_set_x509_key(cred, &crt, 1, key);
}

static void
tls_server(int fd, const void *arg)
{
	const struct server *s = arg;
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	gnutls_datum_t ticket_key;
	int rc;

	gnutls_global_init();
	gnutls_certificate_allocate_credentials(&cred);
	server_key(cred);
	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_priority_set_direct(session, s->priority, NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_session_ticket_key_generate(&ticket_key);
	gnutls_session_ticket_enable_server(session, &ticket_key);
	gnutls_transport_set_int(session, fd);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc == 0)
		s->serve(session, fd);
	_exit(0);
}

static void
tell(gnutls_session_t s, const char *text)
{
	gnutls_record_send(s, text, strlen(text));
}

/* What name did the client ask for? Then echo whatever comes. */
static void
serve_echo(gnutls_session_t s, int fd)
{
	static char some[65536];
	char name[200] = "";
	size_t size = sizeof(name) - 3;
	unsigned type;
	ssize_t n;

	(void)fd;
	if (gnutls_server_name_get(s, name, &size, &type, 0) < 0)
		strcpy(name, "no name");
	strcat(name, "\r\n");
	tell(s, name);
	while ((n = gnutls_record_recv(s, some, sizeof(some))) > 0)
		gnutls_record_send(s, some, (size_t)n);
}

static int
start_tls(const char *host, int64_t ms)
{
	return tls_start(&conn, host, clock_ms() + ms, &err);
}

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static const struct {
	const char *priority, *host, *name, *describe;
} handshakes[] = {
	{ TLS13, "mx.test", "mx.test", "TLS1.3 TLS_AES_" },
	{ TLS12, "mx.test", "mx.test", "TLS1.2 TLS_ECDHE_ECDSA_" },
	{ TLS13, "mx.test.", "mx.test", "TLS1.3 TLS_" },
	{ TLS13, "192.0.2.1", "no name", "TLS1.3 TLS_" },
	{ TLS13, "[192.0.2.1]", "no name", "TLS1.3 TLS_" },
	{ TLS13, "2001:db8::1", "no name", "TLS1.3 TLS_" },
	{ TLS13, NULL, "no name", "TLS1.3 TLS_" },
};

START_TEST(tls_works)
{
	struct server s = { handshakes[_i].priority, serve_echo };
	char text[100];

	with_peer(tls_server, &s);
	tls_describe(&conn, text, sizeof(text));
	ck_assert_str_eq(text, "");
	ck_assert_msg(start_tls(handshakes[_i].host, 10000) == 0, "%s",
	    err.text);
	tls_describe(&conn, text, sizeof(text));
	ck_assert_msg(strstr(text, handshakes[_i].describe) == text &&
	    strstr(text, " (unverified)") != NULL, "%s", text);
	ck_assert_int_eq(get(5000), 0);
	ck_assert_str_eq(buf_str(&line), handshakes[_i].name);
	ck_assert_int_eq(conn_write(&conn, "EHLO\r\n", 6, 5, &err), 0);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
	ck_assert_int_eq(get(5000), 0);
	ck_assert_str_eq(buf_str(&line), "EHLO");
	ck_assert_int_eq(get(100), -1);
	check_broken();
}
END_TEST

static void
serve_count(gnutls_session_t s, int fd)
{
	static char some[65536];
	size_t n = 0;
	ssize_t got;
	char text[40];

	(void)fd;
	while (n < BIG && (got = gnutls_record_recv(s, some,
	    sizeof(some))) > 0)
		n += (size_t)got;
	snprintf(text, sizeof(text), "%zu\r\n", n);
	tell(s, text);
}

START_TEST(tls_big_write)
{
	struct server s = { TLS13, serve_count };
	char *data = xcalloc(1, BIG);
	int64_t began;

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 10000), 0);
	began = clock_ms();
	ck_assert_int_eq(conn_write(&conn, data, BIG, 10, &err), 0);
	ck_assert_int_eq(conn_flush(&conn, 10, &err), 0);
	if (getenv("CHECK_VERBOSE") != NULL)
		fprintf(stderr, "%zu by TLS: %d ms\n", BIG,
		    (int)(clock_ms() - began));
	ck_assert_int_eq(get(10000), 0);
	ck_assert_str_eq(buf_str(&line), "26214400");
	free(data);
}
END_TEST

/* Things that the library deals with between two lines. */
static void
serve_extras(gnutls_session_t s, int fd)
{
	char some[100];

	tell(s, "one\r\n");
	if (gnutls_protocol_get_version(s) == GNUTLS_TLS1_3) {
		gnutls_session_ticket_send(s, 3, 0);
		gnutls_session_key_update(s, GNUTLS_KU_PEER);
	} else {
		gnutls_rehandshake(s);
		gnutls_alert_send(s, GNUTLS_AL_WARNING,
		    GNUTLS_A_USER_CANCELED);
	}
	pause_ms(100);
	tell(s, "tw");
	pause_ms(100);
	tell(s, "o\r\n");
	gnutls_record_recv(s, some, sizeof(some));
	gnutls_record_recv(s, some, sizeof(some));
	hold(fd, NULL);
}

static const char *const versions[] = { TLS12, TLS13 };

START_TEST(tls_extras)
{
	struct server s = { versions[_i], serve_extras };

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 10000), 0);
	ck_assert_int_eq(get(5000), 0);
	ck_assert_str_eq(buf_str(&line), "one");
	ck_assert_msg(get(5000) == 0, "%s", err.text);
	ck_assert_str_eq(buf_str(&line), "two");
	ck_assert_int_eq(conn_write(&conn, "QUIT\r\n", 6, 5, &err), 0);
	ck_assert_int_eq(conn_flush(&conn, 5, &err), 0);
}
END_TEST

static void
serve_cut(gnutls_session_t s, int fd)
{
	tell(s, "250 o");
	close(fd);
}

static void
serve_bye(gnutls_session_t s, int fd)
{
	(void)fd;
	tell(s, "250 o");
	gnutls_bye(s, GNUTLS_SHUT_WR);
	hold(fd, NULL);
}

START_TEST(tls_cut)
{
	struct server s = { versions[_i], serve_cut };

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 10000), 0);
	ck_assert_int_eq(get(5000), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	check_broken();
}
END_TEST

START_TEST(tls_closed)
{
	struct server s = { versions[_i], serve_bye };

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 10000), 0);
	ck_assert_int_eq(get(5000), -1);
	ck_assert_str_eq(err.text, "connection closed by the other side");
	check_broken();
}
END_TEST

/* Our own end says goodbye. */
static void
serve_until_bye(gnutls_session_t s, int fd)
{
	char some[10];

	(void)fd;
	tell(s, "220\r\n");
	_exit(gnutls_record_recv(s, some, sizeof(some)) == 0 ? 42 : 43);
}

START_TEST(tls_goodbye)
{
	struct server s = { TLS13, serve_until_bye };
	int status;

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 10000), 0);
	ck_assert_int_eq(get(5000), 0);
	conn_close(&conn);
	ck_assert_int_eq(waitpid(peer, &status, 0), peer);
	peer = 0;
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

static void
leave(int fd, const void *arg)
{
	(void)fd;
	(void)arg;
}

static const struct text garbage = { BYTES("250 this is no TLS\r\n"), 0 };
static const struct text drops = { BYTES("\x16\x03\x03\x40\x00" A32), 40 };

static const struct {
	const char *name;
	void	(*f)(int fd, const void *arg);
	const void *arg;
	int	 min_ms, max_ms;
} failures[] = {
	{ "closes", leave, NULL, 0, 900 },
	{ "talks", say, &garbage, 0, 900 },
	{ "hangs", hold, NULL, 500, 1500 },
	{ "drips", say, &drops, 500, 1500 },
};

START_TEST(tls_fails)
{
	int64_t ms, began;

	with_peer(failures[_i].f, failures[_i].arg);
	began = clock_ms();
	ck_assert_int_eq(start_tls("mx.test", 600), -1);
	ms = clock_ms() - began;
	ck_assert_str_eq(err.status, "4.7.5");
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_msg(ms >= failures[_i].min_ms && ms <= failures[_i].max_ms,
	    "%s: %d ms", failures[_i].name, (int)ms);
	check_broken();
	ck_assert_int_eq(start_tls("mx.test", 600), -1);
}
END_TEST

START_TEST(tls_no_common_version)
{
	struct server s = { "NORMAL:-VERS-ALL:+VERS-DTLS1.2", serve_echo };

	with_peer(tls_server, &s);
	ck_assert_int_eq(start_tls("mx.test", 5000), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	check_broken();
}
END_TEST

/* What was sent in clear must not seem protected. */
START_TEST(tls_injection)
{
	struct text t = { BYTES("220 ready\r\n250 injected\r\n"), 0 };

	with_peer(say, &t);
	ck_assert_int_eq(get(1000), 0);
	ck_assert_int_eq(start_tls("mx.test", 1000), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	ck_assert(conn.broken);
	ck_assert_int_eq(conn_flush(&conn, 1, &err), -1);
}
END_TEST

START_TEST(tls_unsent)
{
	struct server s = { TLS13, serve_echo };

	with_peer(tls_server, &s);
	ck_assert_int_eq(conn_write(&conn, "x", 1, 1, &err), 0);
	ck_assert_int_eq(start_tls("mx.test", 1000), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	check_broken();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conn");
	TCase *tc = tcase_create("conn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lines, 0, CHECK_ROWS(reads));
	tcase_add_loop_test(tc, lines_by_bytes, 0, CHECK_ROWS(reads));
	tcase_add_test(tc, drip);
	tcase_add_test(tc, drip_of_lines);
	tcase_add_test(tc, flood_of_lines);
	tcase_add_test(tc, dispatcher_gone);
	tcase_add_test(tc, has_input);
	tcase_add_loop_test(tc, big_write, 0, CHECK_ROWS(pieces));
	tcase_add_test(tc, one_flight);
	tcase_add_test(tc, zero_window);
	tcase_add_test(tc, last_words);
	tcase_add_test(tc, trace);
	tcase_add_test(tc, zero_is_closed);
	tcase_add_test(tc, connects);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, black_hole);
	tcase_add_loop_test(tc, dial_source, 0, CHECK_ROWS(sources));
	tcase_add_test(tc, dial_offline);
	tcase_add_loop_test(tc, tls_works, 0, CHECK_ROWS(handshakes));
	tcase_add_test(tc, tls_big_write);
	tcase_add_loop_test(tc, tls_extras, 0, CHECK_ROWS(versions));
	tcase_add_loop_test(tc, tls_cut, 0, CHECK_ROWS(versions));
	tcase_add_loop_test(tc, tls_closed, 0, CHECK_ROWS(versions));
	tcase_add_test(tc, tls_goodbye);
	tcase_add_loop_test(tc, tls_fails, 0, CHECK_ROWS(failures));
	tcase_add_test(tc, tls_no_common_version);
	tcase_add_test(tc, tls_injection);
	tcase_add_test(tc, tls_unsent);
	suite_add_tcase(s, tc);
	return check_run(s);
}
