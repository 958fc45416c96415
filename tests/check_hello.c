/*
 * How a session begins: greeting, EHLO, HELO, STARTTLS.
 */
#include "config.h"

#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <time.h>

#include "net/tls.h"
#include "smtp/client.h"
#include "smtp_peer.h"

#define EHLO "EHLO c.example\r\n"
/* Whoever turns us away hears goodbye (RFC 5321 4.1.1.10). */
#define BYE "QUIT\r\n"
#define HELO "HELO c.example\r\n"
#define HANG_UP PEER_HANG_UP

static const struct smtp_patience patience = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };

struct opening {
	const char *name;
	struct turn turns[5];
	int	    rc;
	enum err_kind kind;
	const char *status;
	enum outcome_stage stage;
	bool	    extended;
};

static const struct opening good[] = {
	{ "EHLO", { { "", "220 mx\r\n" }, { EHLO, "250-mx\r\n250 DSN\r\n" } },
		0, 0, "", 0, true },
	{ "many lines", { { "", "220-mx\r\n220-is\r\n220 here\r\n" },
		{ EHLO, "250 mx\r\n" } }, 0, 0, "", 0, true },
	{ "EHLO unknown", { { "", "220 mx\r\n" }, { EHLO, "500 what?\r\n" },
		{ HELO, "250 mx\r\n" } }, 0, 0, "", 0, false },
	{ "EHLO not implemented", { { "", "220 mx\r\n" },
		{ EHLO, "502 no\r\n" }, { HELO, "250-mx\r\n250 DSN\r\n" } },
		0, 0, "", 0, false },
	{ "EHLO refused", { { "", "220 mx\r\n" }, { EHLO, "550 no\r\n" },
		{ HELO, "250 mx\r\n" } }, 0, 0, "", 0, false },
};

static const struct opening bad[] = {
	{ "never takes mail", { { "", "521 no mail here\r\n" }, { BYE, "" } }, -1,
		ERR_PERM, "5.3.2", STAGE_GREETING, false },
	{ "not this host", { { "", "554 5.7.1 go away\r\n" },
		{ BYE, "" } }, -1,
		ERR_TEMP, "4.7.1", STAGE_GREETING, false },
	{ "busy", { { "", "421 mx busy\r\n" HANG_UP } }, -1,
		ERR_TEMP, "4.3.2", STAGE_GREETING, false },
	{ "not SMTP", { { "", "SSH-2.0-OpenSSH_9.2\r\n" } }, -1,
		ERR_TEMP, "4.5.0", STAGE_GREETING, false },
	{ "another welcome", { { "", "250 hello\r\n" }, { BYE, "" } }, -1,
		ERR_TEMP, "4.3.2", STAGE_GREETING, false },
	{ "closed", { { "", HANG_UP } }, -1,
		ERR_TEMP, "4.4.2", STAGE_GREETING, false },
	{ "silence", { { "", NULL } }, -1,
		ERR_TEMP, "4.4.2", STAGE_GREETING, false },
	{ "drip", { { "", "220-mx\r\n220-wait" } }, -1,
		ERR_TEMP, "4.4.2", STAGE_GREETING, false },
	{ "talks before EHLO", { { "", "220 mx\r\n250 early\r\n" } }, -1,
		ERR_TEMP, "4.5.0", STAGE_HELLO, false },
	{ "EHLO: later", { { "", "220 mx\r\n" },
		{ EHLO, "450 4.7.0 wait\r\n" }, { BYE, "" } }, -1,
		ERR_TEMP, "4.7.0", STAGE_HELLO, false },
	{ "EHLO: 421", { { "", "220 mx\r\n" }, { EHLO, "421 bye\r\n" } }, -1,
		ERR_TEMP, "4.3.2", STAGE_HELLO, false },
	{ "HELO refused too", { { "", "220 mx\r\n" }, { EHLO, "550 no\r\n" },
		{ HELO, "550 5.7.1 no\r\n" }, { BYE, "" } }, -1,
		ERR_TEMP, "4.7.1", STAGE_HELLO, false },
	{ "EHLO: 354", { { "", "220 mx\r\n" }, { EHLO, "354 go\r\n" },
		{ BYE, "" } }, -1,
		ERR_TEMP, "4.3.2", STAGE_HELLO, false },
	{ "EHLO: no reply", { { "", "220 mx\r\n" }, { EHLO, "250\tmx\r\n" } },
		-1, ERR_TEMP, "4.5.0", STAGE_HELLO, false },
	{ "EHLO: closed", { { "", "220 mx\r\n" }, { EHLO, HANG_UP } }, -1,
		ERR_TEMP, "4.4.2", STAGE_HELLO, false },
};

static void
nobody(void *arg, struct smtp_message *m, struct smtp_rcpt *rcpt,
    const struct outcome *o)
{
	(void)arg;
	(void)m;
	(void)rcpt;
	ck_abort_msg("a verdict: %s", o->text);
}

static void
begin(struct peer *peer, struct conn *conn)
{
	int fd = peer_start(peer);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	conn_init(conn, fd);
}

static void
end(struct peer *peer, struct conn *conn, const char *name)
{
	conn_close(conn);
	peer_join(peer);
	ck_assert_msg(peer->wrong.len == 0, "%s: %s", name,
	    buf_str(&peer->wrong));
	buf_release(&peer->wrong);
}

static void
open_session(const struct opening *o, bool by_octet)
{
	struct peer peer = { .turns = o->turns, .nturns = 5,
		.by_octet = by_octet };
	enum outcome_stage stage = STAGE_NONE;
	struct smtp_client *c;
	struct conn conn;
	struct err err = { 0 };
	int rc;

	begin(&peer, &conn);
	c = smtp_new(&conn, "c.example", &patience, 1, nobody, NULL);
	rc = smtp_hello(c, &stage, &err);
	ck_assert_msg(rc == o->rc, "%s: %s", o->name, err.text);
	ck_assert_int_eq(smtp_offers(c)->extended, o->extended);
	if (rc < 0) {
		ck_assert_msg(err.kind == o->kind && stage == o->stage &&
		    strcmp(err.status, o->status) == 0, "%s: %s %s", o->name,
		    err.status, outcome_stage_name(stage));
	}
	smtp_free(c);
	end(&peer, &conn, o->name);
}

START_TEST(opening_good)
{
	open_session(&good[_i], false);
	open_session(&good[_i], true);
}
END_TEST

START_TEST(opening_bad)
{
	open_session(&bad[_i], false);
}
END_TEST

/* A name without a dot says nothing: our address stands for it, where we have
 * one. */
static const struct {
	const char *name, *hostname, *ehlo;
	int family;
} names[] = {
	{ "a name", "c.example", "EHLO c.example\r\n", AF_INET },
	{ "IPv4", "laptop", "EHLO [127.0.0.1]\r\n", AF_INET },
	{ "IPv6", "laptop", "EHLO [IPv6:::1]\r\n", AF_INET6 },
	{ "no address", "laptop", "EHLO laptop\r\n", AF_UNIX },
	{ "nothing at all", "", "EHLO localhost\r\n", AF_UNIX },
};

/* A connected pair over loopback; false where there is no such family. */
static bool
inet_pair(int family, int fd[2])
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&in :
	    (struct sockaddr *)&in6;
	socklen_t len = family == AF_INET ? sizeof(in) : sizeof(in6);
	int s;

	if (family == AF_UNIX)
		return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0;
	s = socket(family, SOCK_STREAM, 0);
	if (s < 0 || bind(s, sa, len) < 0 || listen(s, 1) < 0 ||
	    getsockname(s, sa, &len) < 0)
		return false;
	fd[0] = socket(family, SOCK_STREAM, 0);
	if (fd[0] < 0 || connect(fd[0], sa, len) < 0)
		return false;
	fd[1] = accept(s, NULL, NULL);
	close(s);
	return fd[1] >= 0;
}

START_TEST(own_name)
{
	static const char said[] = "220 mx\r\n";
	enum outcome_stage stage;
	struct smtp_client *c;
	struct conn conn;
	struct err err;
	char got[64];
	ssize_t n;
	int fd[2];

	if (!inet_pair(names[_i].family, fd))
		return;
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	conn_init(&conn, fd[0]);
	ck_assert_int_gt(write(fd[1], said, strlen(said)), 0);
	c = smtp_new(&conn, names[_i].hostname, &patience, 1, nobody, NULL);
	ck_assert_int_eq(smtp_hello(c, &stage, &err), -1);
	n = read(fd[1], got, sizeof(got) - 1);
	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	ck_assert_msg(strcmp(got, names[_i].ehlo) == 0, "%s: %s",
	    names[_i].name, got);
	smtp_free(c);
	conn_close(&conn);
	close(fd[1]);
}
END_TEST

/* STARTTLS that comes to nothing. */
static const struct {
	const char *name;
	struct turn turns[5];
	int rc;
} no_tls[] = {
#define HELLO { "", "220 mx\r\n" }, { EHLO, "250-mx\r\n250 STARTTLS\r\n" }
	{ "not now", { HELLO, { "STARTTLS\r\n", "454 no\r\n" } }, 1 },
	{ "unknown", { HELLO, { "STARTTLS\r\n", "502 what\r\n" } }, 1 },
	{ "421", { HELLO, { "STARTTLS\r\n", "421 bye\r\n" } }, -1 },
	{ "neither yes nor no", { HELLO, { "STARTTLS\r\n", "354 go\r\n" } },
		-1 },
	{ "words behind the 220", { HELLO,
		{ "STARTTLS\r\n", "220 go\r\n250 mx\r\n" } }, -1 },
	{ "closed behind the 220", { HELLO,
		{ "STARTTLS\r\n", "220 go\r\n" HANG_UP } }, -1 },
	{ "closed", { HELLO, { "STARTTLS\r\n", HANG_UP } }, -1 },
#undef HELLO
};

START_TEST(starttls_declined)
{
	struct peer peer = { .turns = no_tls[_i].turns, .nturns = 5 };
	enum outcome_stage stage;
	struct smtp_client *c;
	struct conn conn;
	struct err err = { 0 };
	int rc;

	begin(&peer, &conn);
	c = smtp_new(&conn, "c.example", &patience, 1, nobody, NULL);
	ck_assert_int_eq(smtp_hello(c, &stage, &err), 0);
	ck_assert(smtp_offers(c)->starttls);
	rc = smtp_starttls(c, "mx.example", &err);
	ck_assert_msg(rc == no_tls[_i].rc, "%s: %s", no_tls[_i].name,
	    err.text);
	if (rc < 0)
		ck_assert_int_eq(err.kind, ERR_TEMP);
	smtp_free(c);
	end(&peer, &conn, no_tls[_i].name);
}
END_TEST

/* And one that works: EHLO is said again, what was offered in clear is
 * forgotten. */

static void
certificate(gnutls_certificate_credentials_t cred)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	gnutls_certificate_set_x509_key(cred, &crt, 1, key);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void *
tls_server(void *arg)
{
	static const char offers[] = "250-mx\r\n250 DSN\r\n";
	int fd = *(int *)arg;
	struct peer plain = { .fd = fd };
	const struct turn turns[] = { { "", "220 mx\r\n" },
		{ EHLO, "250-mx\r\n250-CHUNKING\r\n250 STARTTLS\r\n" },
		{ "STARTTLS\r\n", "220 go\r\n" } };
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	char got[64] = "";
	size_t i;
	int rc;

	for (i = 0; i < 3; i++)
		ck_assert(peer_turn(&plain, &turns[i]));
	gnutls_certificate_allocate_credentials(&cred);
	certificate(cred);
	gnutls_init(&session, GNUTLS_SERVER);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(session, fd);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	ck_assert_msg(rc == 0, "%s", gnutls_strerror(rc));
	gnutls_record_recv(session, got, sizeof(got) - 1);
	ck_assert_str_eq(got, EHLO);
	gnutls_record_send(session, offers, strlen(offers));
	gnutls_record_recv(session, got, sizeof(got) - 1);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(cred);
	close(fd);
	return NULL;
}

START_TEST(starttls)
{
	enum outcome_stage stage;
	struct smtp_client *c;
	struct conn conn;
	struct err err = { 0 };
	char tls[OUTCOME_TLS_MAX];
	pthread_t thread;
	int fd[2];

	gnutls_global_init();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	conn_init(&conn, fd[0]);
	ck_assert_int_eq(pthread_create(&thread, NULL, tls_server, &fd[1]), 0);
	c = smtp_new(&conn, "c.example", &patience, 1, nobody, NULL);
	ck_assert_int_eq(smtp_hello(c, &stage, &err), 0);
	ck_assert(smtp_offers(c)->chunking);
	ck_assert_msg(smtp_starttls(c, "mx.example", &err) == 0, "%s",
	    err.text);
	ck_assert(smtp_offers(c)->dsn);
	ck_assert(!smtp_offers(c)->chunking && !smtp_offers(c)->starttls);
	tls_describe(&conn, tls, sizeof(tls));
	ck_assert(strncmp(tls, "TLS", 3) == 0);
	smtp_free(c);
	conn_close(&conn);
	pthread_join(thread, NULL);
	gnutls_global_deinit();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hello");
	TCase *tc = tcase_create("hello");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, opening_good, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, opening_bad, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, own_name, 0, CHECK_ROWS(names));
	tcase_add_loop_test(tc, starttls_declined, 0, CHECK_ROWS(no_tls));
	tcase_add_test(tc, starttls);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
