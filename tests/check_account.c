/* account: the URLs of a smarthost, read and written back. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "deliver/account.h"

/* "scheme rank host port user;", for each. */
static void
describe(const struct account *a, struct buf *out)
{
	static const char *const schemes[] = {
		[ENDPOINT_STARTTLS] = "starttls", [ENDPOINT_TLS] = "tls",
		[ENDPOINT_CLEAR] = "clear", [ENDPOINT_AUTO] = "auto",
	};

	for (size_t i = 0; i < a->nendpoint; i++) {
		const struct endpoint *e = &a->endpoints[i];

		buf_printf(out, "%s %u %s %u %s;", schemes[e->scheme],
		    e->rank, e->host, e->port,
		    e->user != NULL ? e->user : "-");
	}
}

static const struct {
	const char *name, *text, *want;
	const char *again;	/* written back; NULL: as the text */
} good[] = {
	{ "TLS", "smtps://smtp.example.org:465",
	    "tls 0 smtp.example.org 465 -;", NULL },
	{ "port left out", "smtps://smtp.example.org",
	    "tls 0 smtp.example.org 465 -;", "smtps://smtp.example.org:465" },
	{ "STARTTLS", "smtp://smtp.example.org",
	    "starttls 0 smtp.example.org 587 -;",
	    "smtp://smtp.example.org:587" },
	{ "clear", "smtp+plain://localhost",
	    "clear 0 localhost 25 -;", "smtp+plain://localhost:25" },
	{ "other port", "smtp://smtp.example.org:2525",
	    "starttls 0 smtp.example.org 2525 -;", NULL },
	{ "largest port", "smtp://a:65535", "starttls 0 a 65535 -;", NULL },
	{ "slash at the end", "smtps://smtp.example.org:10/",
	    "tls 0 smtp.example.org 10 -;", "smtps://smtp.example.org:10" },
	{ "made canonical", "SMTPS://Smtp.EXAMPLE.org",
	    "tls 0 smtp.example.org 465 -;", "smtps://smtp.example.org:465" },
	{ "Unicode", "smtps://b\xc3\xbc" "cher.example",
	    "tls 0 xn--bcher-kva.example 465 -;",
	    "smtps://xn--bcher-kva.example:465" },
	{ "IPv4", "smtp://192.0.2.1", "starttls 0 192.0.2.1 587 -;",
	    "smtp://192.0.2.1:587" },
	{ "IPv6", "smtp://[2001:DB8::0:1]:25",
	    "starttls 0 2001:db8::1 25 -;", "smtp://[2001:db8::1]:25" },
	{ "IPv6, port left out", "smtps://ann@[2001:db8::1]",
	    "tls 0 2001:db8::1 465 ann;", "smtps://ann@[2001:db8::1]:465" },

	{ "user", "smtps://ann@a.example:465", "tls 0 a.example 465 ann;",
	    NULL },
	{ "user is an address", "smtps://ann@example.org@a.example",
	    "tls 0 a.example 465 ann@example.org;",
	    "smtps://ann%40example.org@a.example:465" },
	{ "user is an escaped address",
	    "smtps://ann%40example.org@a.example:465",
	    "tls 0 a.example 465 ann@example.org;", NULL },
	{ "user with a colon", "smtps://a%3Ab@a.example:465",
	    "tls 0 a.example 465 a:b;", NULL },
	{ "user with what ends words", "smtps://a%20b%2Cc%25%23@a.example:465",
	    "tls 0 a.example 465 a b,c%#;", NULL },
	{ "user with plus, slash, backslash",
	    "smtps://a+b/c\\d@a.example:465",
	    "tls 0 a.example 465 a+b/c\\d;",
	    "smtps://a+b%2Fc\\d@a.example:465" },
	{ "user in UTF-8", "smtps://\xc3\xa4@a.example:465",
	    "tls 0 a.example 465 \xc3\xa4;", NULL },
	{ "user in escaped UTF-8", "smtps://%c3%a4@a.example:465",
	    "tls 0 a.example 465 \xc3\xa4;",
	    "smtps://\xc3\xa4@a.example:465" },

	{ "auto", "auto:example.org", "auto 0 example.org 0 -;", NULL },
	{ "auto with a user", "auto:ann@example.org",
	    "auto 0 example.org 0 ann@example.org;",
	    "auto:ann%40example.org@example.org" },
	{ "auto with an address", "auto:ann@example.org@example.org",
	    "auto 0 example.org 0 ann@example.org;",
	    "auto:ann%40example.org@example.org" },

	{ "in order", "smtps://a:1 smtps://b:2  smtp://c:3",
	    "tls 0 a 1 -;tls 1 b 2 -;starttls 2 c 3 -;",
	    "smtps://a:1 smtps://b:2 smtp://c:3" },
	{ "of equal rank", "smtps://a:1,smtps://b:2 smtp://u@c:3,smtp://d:4",
	    "tls 0 a 1 -;tls 0 b 2 -;starttls 1 c 3 u;starttls 1 d 4 -;",
	    NULL },
	{ "tabs and a line end", "\tsmtps://a:1\tsmtps://b:2\r\n",
	    "tls 0 a 1 -;tls 1 b 2 -;", "smtps://a:1 smtps://b:2" },
	{ "eight", "smtp://a:1,smtp://b:1,smtp://c:1,smtp://d:1,"
	    "smtp://e:1,smtp://f:1,smtp://g:1,smtp://h:1",
	    "starttls 0 a 1 -;starttls 0 b 1 -;starttls 0 c 1 -;"
	    "starttls 0 d 1 -;starttls 0 e 1 -;starttls 0 f 1 -;"
	    "starttls 0 g 1 -;starttls 0 h 1 -;", NULL },
	{ "none", "none", "", NULL },
	{ "none with blanks", " none \n", "", "none" },
};

START_TEST(accepted)
{
	const char *again = good[_i].again != NULL ? good[_i].again :
	    good[_i].text;
	struct account a = { 0 }, copy = { 0 };
	struct buf got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(account_set_smarthost(&a, good[_i].text, &err) == 0,
	    "%s: %s", good[_i].name, err.text);
	describe(&a, &got);
	ck_assert_msg(strcmp(buf_str(&got), good[_i].want) == 0,
	    "%s: got %s", good[_i].name, buf_str(&got));
	buf_clear(&got);
	account_write_smarthost(&a, &got);
	ck_assert_msg(strcmp(buf_str(&got), again) == 0,
	    "%s: wrote %s", good[_i].name, buf_str(&got));
	/* that reads as the same, and so does a copy of it */
	ck_assert_int_eq(account_set_smarthost(&a, buf_str(&got), &err), 0);
	account_copy_smarthost(&copy, &a);
	account_release(&a);
	buf_clear(&got);
	describe(&copy, &got);
	ck_assert_str_eq(buf_str(&got), good[_i].want);
	account_release(&copy);
	buf_release(&got);
}
END_TEST

/* "hunter2" is in none of the errors. */
static const struct {
	const char *name, *text, *says;
} bad[] = {
	{ "empty", "", "a URL is missing" },
	{ "blank", " \t ", "a URL is missing" },
	{ "no scheme", "smtp.example.org", "URL 1: is no URL that begins" },
	{ "other scheme", "http://hunter2", "URL 1: is no URL that begins" },
	{ "scheme without slashes", "smtps:hunter2", "URL 1: is no URL" },
	{ "second one", "smtps://a hunter2", "URL 2: is no URL" },
	{ "none and more", "none smtps://a", "none stands alone" },
	{ "more and none", "smtps://a none", "URL 2: is no URL" },
	{ "comma at the end", "smtps://a,", "URL 2: is no URL" },
	{ "comma alone", ",", "URL 1: is no URL" },
	{ "nine", "smtp://a,smtp://b,smtp://c,smtp://d smtp://e smtp://f "
	    "smtp://g smtp://h smtp://i", "more than 8" },

	{ "password", "smtps://ann:hunter2@a", "URL 1: a password" },
	{ "empty password", "smtps://ann:@a", "URL 1: a password" },
	{ "password with an @", "smtps://ann:hunter2@x@a", "URL 1: a pass" },
	{ "password with a blank", "smtps://ann:hunter2 x@a",
	    "URL 1: the host, or the port" },
	{ "password with a comma", "smtps://ann:12,hunter2@a",
	    "URL 2: is no URL" },
	{ "password with auto", "auto:ann:hunter2@a", "URL 1: a password" },
	{ "password in clear", "smtp+plain://ann:hunter2@a", "URL 1: a p" },
	{ "no user", "smtps://@a", "URL 1: the user in front" },
	{ "empty user", "smtps://%@a", "URL 1: the user holds a %" },
	{ "percent alone", "smtps://a%b@a", "URL 1: the user holds a %" },
	{ "no such digits", "smtps://a%zz@a", "URL 1: the user holds a %" },
	{ "NUL", "smtps://a%00@a", "URL 1: the user holds a %" },
	{ "line end in the user", "smtps://a%0d%0ab@a", "URL 1: the user" },
	{ "control in the user", "smtps://a%01@a", "URL 1: the user" },
	{ "C1 control in the user", "smtps://a%c2%9b@a", "URL 1: the user" },
	{ "no UTF-8 in the user", "smtps://a%ff@a", "URL 1: the user" },
	{ "user in clear", "smtp+plain://ann@a", "URL 1: a password would" },

	{ "no host", "smtps://", "URL 1: the host" },
	{ "no host behind the user", "smtps://ann@", "URL 1: the host" },
	{ "only a slash", "smtps:///", "URL 1: the host" },
	{ "path", "smtps://a/hunter2", "URL 1: the host" },
	{ "query", "smtps://a?hunter2", "URL 1: the host" },
	{ "bad label", "smtps://a..b", "URL 1: the host" },
	{ "half an IPv4 address", "smtps://192.0.2", "URL 1: the host" },
	{ "IPv6 without brackets", "smtps://2001:db8::1:465hunter2",
	    "URL 1: the host" },
	{ "open bracket", "smtps://[2001:db8::1", "URL 1: the host" },
	{ "name in brackets", "smtps://[a.example]", "URL 1: the host" },
	{ "port 0", "smtps://a:0", "URL 1: the host" },
	{ "port too large", "smtps://a:65536", "URL 1: the host" },
	{ "empty port", "smtps://a:", "URL 1: the host" },
	{ "port is no number", "smtps://a:smtp", "URL 1: the host" },
	{ "auto with a port", "auto:example.org:465", "URL 1: auto: wants" },
	{ "auto with an address", "auto:192.0.2.1", "URL 1: auto: wants" },
	{ "auto with a slash", "auto:example.org/", "URL 1: the host" },
	{ "auto alone", "auto:", "URL 1: the host" },
};

START_TEST(refused)
{
	struct account a = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(account_set_smarthost(&a, "smtps://x", &err), 0);
	ck_assert_msg(account_set_smarthost(&a, bad[_i].text, &err) == -1,
	    "%s: accepted", bad[_i].name);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_msg(str_starts(err.text, bad[_i].says), "%s: says \"%s\"",
	    bad[_i].name, err.text);
	ck_assert_msg(strstr(err.text, "hunter2") == NULL, "%s: says \"%s\"",
	    bad[_i].name, err.text);
	ck_assert_uint_eq(a.nendpoint, 0);
	ck_assert_ptr_null(a.endpoints[0].host);
	account_release(&a);
}
END_TEST

START_TEST(long_user)
{
	struct account a = { 0 };
	struct buf text = { 0 };
	struct err err = { 0 };

	buf_adds(&text, "smtps://");
	for (int i = 0; i < 255; i++)
		buf_addc(&text, 'u');
	buf_adds(&text, "@a");
	ck_assert_int_eq(account_set_smarthost(&a, buf_str(&text), &err), 0);
	buf_clear(&text);
	buf_adds(&text, "smtps://");
	for (int i = 0; i < 256; i++)
		buf_addc(&text, 'u');
	buf_adds(&text, "@a");
	ck_assert_int_eq(account_set_smarthost(&a, buf_str(&text), &err), -1);
	account_release(&a);
	buf_release(&text);
}
END_TEST

static const struct {
	const char *name, *text, *cert;
	bool user, auth;
} needs[] = {
	{ "nothing", "none", NULL, false, false },
	{ "a certificate for nobody", "none", "/c", false, false },
	{ "no user", "smtps://a smtps://b", NULL, false, false },
	{ "a user of one", "smtps://a smtps://u@b", NULL, true, true },
	{ "a certificate", "smtps://a", "/c", false, true },
	{ "both", "smtps://u@a", "/c", true, true },
};

START_TEST(auth)
{
	struct account a = { 0 };
	struct err err = { 0 };
	char cert[] = "/c";

	ck_assert_int_eq(account_set_smarthost(&a, needs[_i].text, &err), 0);
	a.client_cert = needs[_i].cert != NULL ? cert : NULL;
	ck_assert_msg(account_has_user(&a) == needs[_i].user, "%s",
	    needs[_i].name);
	ck_assert_msg(account_needs_auth(&a) == needs[_i].auth, "%s",
	    needs[_i].name);
	a.client_cert = NULL;
	account_release(&a);
}
END_TEST

/* The trouble travels with the endpoints, and so does its end. */
START_TEST(trouble)
{
	struct account a = { 0 }, copy = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(account_set_smarthost(&copy, "smtps://u@a", &err),
	    0);
	err_set(&a.trouble, ERR_TEMP, NULL, "no network");
	account_copy_smarthost(&copy, &a);
	ck_assert_uint_eq(copy.nendpoint, 0);
	ck_assert_int_eq(copy.trouble.kind, ERR_TEMP);
	a.trouble = (struct err){ 0 };
	account_copy_smarthost(&copy, &a);
	ck_assert_int_eq(copy.trouble.kind, ERR_NONE);
	account_release(&a);
	account_release(&copy);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("account");
	TCase *tc = tcase_create("account");

	tcase_add_loop_test(tc, accepted, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, long_user);
	tcase_add_loop_test(tc, auth, 0, CHECK_ROWS(needs));
	tcase_add_test(tc, trouble);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
