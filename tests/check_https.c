#include "config.h"

#include "net/https.h"

#include "base/clock.h"
#include "base/str.h"

#include "https_peer.h"

/* A request that is answered; the test may change it. */
static struct https_request
a_request(void)
{
	return (struct https_request){ .url = peer_url, .form = "a=b&c=d",
	    .ca_file = peer_ca, .timeout_s = 10, .max = 1000 };
}

static const struct {
	const char *status, *body;
	unsigned want;
} answers[] = {
	{ "200 OK", "{\"access_token\":\"x\"}", 200 },
	{ "200 OK", "", 200 },
	{ "400 Bad Request", "{\"error\":\"invalid_grant\"}", 400 },
	{ "401 Unauthorized", "x", 401 },
	{ "429 Too Many Requests", "x", 429 },
	{ "503 Service Unavailable", "<html>", 503 },
};

START_TEST(answer)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err = { 0 };
	unsigned status = 0;

	peer_say(answers[_i].status, answers[_i].body);
	ck_assert_msg(https_post(&q, &status, &body, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_eq(status, answers[_i].want);
	ck_assert_str_eq(buf_str(&body), answers[_i].body);
	ck_assert_uint_eq(peer->requests, 1);
	buf_release(&body);
}
END_TEST

START_TEST(request)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err;
	unsigned status;

	peer_say("200 OK", "{}");
	ck_assert_int_eq(https_post(&q, &status, &body, &err), 0);
	ck_assert(str_starts(peer->request, "POST /token HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(peer->request, "\r\nContent-Type: "
	    "application/x-www-form-urlencoded\r\n"));
	ck_assert_ptr_nonnull(strstr(peer->request,
	    "\r\nAccept: application/json\r\n"));
	ck_assert_ptr_null(strstr(peer->request, "\r\nExpect:"));
	ck_assert_ptr_null(strstr(peer->request, "\r\nAuthorization:"));
	ck_assert_str_eq(strstr(peer->request, "\r\n\r\n") + 4, "a=b&c=d");
	buf_release(&body);
}
END_TEST

/* An answer of max octets is one, a longer one is none. */
START_TEST(longest)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	char text[1002];
	struct err err;
	unsigned status;

	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	peer_say("200 OK", text);
	ck_assert_int_eq(https_post(&q, &status, &body, &err), 0);
	ck_assert_uint_eq(body.len, 1000);
	text[1000] = 'x';
	text[1001] = '\0';
	peer_say("200 OK", text);
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text,
	    ": the answer is longer than 1000 octets"));
	buf_release(&body);
}
END_TEST

/* What is refused to be followed is still an answer. */
static const char *const elsewhere[] = {
	"http://127.0.0.1:1/", "file:///etc/passwd", "gopher://127.0.0.1:1/",
};

START_TEST(redirect)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err = { 0 };
	unsigned status = 0;

	(void)!snprintf(peer->answer, sizeof(peer->answer), "HTTP/1.1 302 "
	    "Found\r\nLocation: %s\r\nContent-Length: 2\r\n\r\nhi",
	    elsewhere[_i]);
	ck_assert_msg(https_post(&q, &status, &body, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_eq(status, 302);
	ck_assert_str_eq(buf_str(&body), "hi");
	buf_release(&body);
}
END_TEST

START_TEST(redirect_to_itself)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err;
	unsigned status = 0;

	(void)!snprintf(peer->answer, sizeof(peer->answer), "HTTP/1.1 307 "
	    "Again\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", peer_url);
	ck_assert_int_eq(https_post(&q, &status, &body, &err), 0);
	ck_assert_uint_eq(status, 307);
	ck_assert_uint_eq(peer->requests, 1);
	buf_release(&body);
}
END_TEST

static const struct {
	const char *name;
	enum peer_mode mode;
	const char *status, *want;
} troubles[] = {
	{ "silent", PEER_SILENT, "4.4.1", "timed out" },
	{ "hangs up", PEER_HANGUP, "4.4.1", ": " },
	{ "endless", PEER_ENDLESS, "4.4.1", "longer than 1000 octets" },
	{ "endless header", PEER_ENDLESS_HEADER, "4.4.1", ": " },
	{ "no TLS", PEER_CLEAR, "4.7.5", ": " },
};

START_TEST(trouble)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err = { 0 };
	int64_t start = clock_ms();
	unsigned status;

	q.timeout_s = 1;
	peer->mode = troubles[_i].mode;
	peer_say("200 OK", "{}");
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_msg(strcmp(err.status, troubles[_i].status) == 0,
	    "%s: %s %s", troubles[_i].name, err.status, err.text);
	ck_assert(str_starts(err.text, peer_url));
	ck_assert_ptr_nonnull(strstr(err.text, troubles[_i].want));
	ck_assert_int_lt(clock_ms() - start, 4000);
	buf_release(&body);
}
END_TEST

/* The certificate: of nobody whom we trust, or for another name. */
START_TEST(not_trusted)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	char url[80];
	struct err err;
	unsigned status;

	peer_say("200 OK", "{}");
	q.ca_file = NULL;
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	q.ca_file = peer_ca;
	(void)!snprintf(url, sizeof(url), "https://127.0.0.2:%u/", peer_port);
	q.url = url;
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	/* not there, or not whom it says */
	ck_assert_uint_eq(peer->requests, 0);
	(void)!snprintf(url, sizeof(url), "https://localhost:%u/", peer_port);
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_str_eq(err.status, "4.7.5");
	ck_assert_uint_eq(peer->requests, 0);
	buf_release(&body);
}
END_TEST

static const char *const schemes[] = {
	"http://127.0.0.1:", "ftp://127.0.0.1:", "127.0.0.1:",
	"file:///etc/passwd#", "smtp://127.0.0.1:",
};

START_TEST(only_https)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err;
	char url[80];
	unsigned status;

	peer->mode = PEER_CLEAR;
	peer_say("200 OK", "{}");
	(void)!snprintf(url, sizeof(url), "%s%u", schemes[_i], peer_port);
	q.url = url;
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_uint_eq(body.len, 0);
	buf_release(&body);
}
END_TEST

/* Not by the environment, but by the request. */
START_TEST(proxy)
{
	struct https_request q = a_request();
	struct buf body = { 0 };
	struct err err = { 0 };
	unsigned status = 0;

	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	peer_say("200 OK", "{}");
	ck_assert_msg(https_post(&q, &status, &body, &err) == 0, "%s",
	    err.text);
	q.proxy = "socks5://127.0.0.1:1";
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_str_eq(err.status, "4.4.1");
	q.proxy = "http://127.0.0.1:1";
	ck_assert_int_eq(https_post(&q, &status, &body, &err), -1);
	ck_assert_uint_eq(peer->requests, 1);
	buf_release(&body);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("https");
	TCase *tc = tcase_create("https");

	tcase_add_checked_fixture(tc, peer_start, peer_stop);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, answer, 0, CHECK_ROWS(answers));
	tcase_add_test(tc, request);
	tcase_add_test(tc, longest);
	tcase_add_loop_test(tc, redirect, 0, CHECK_ROWS(elsewhere));
	tcase_add_test(tc, redirect_to_itself);
	tcase_add_loop_test(tc, trouble, 0, CHECK_ROWS(troubles));
	tcase_add_test(tc, not_trusted);
	tcase_add_loop_test(tc, only_https, 0, CHECK_ROWS(schemes));
	tcase_add_test(tc, proxy);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
