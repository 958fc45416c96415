#include "config.h"

#include "check.h"

#include <string.h>

#include "base/buf.h"
#include "smtp/ehlo.h"

static const struct {
	const char *name, *text;
	struct ehlo want;
} cases[] = {
	{ "greeting alone", "mx.example", { .extended = true } },
	{ "the greeting is no keyword", "PIPELINING", { .extended = true } },
	{ "much of today",
		"mx.example at your service\nPIPELINING\nSIZE 35882577\n"
		"8BITMIME\nSTARTTLS\nENHANCEDSTATUSCODES\nCHUNKING\nDSN\n"
		"SMTPUTF8\nVRFY\nETRN",
		{ .extended = true, .pipelining = true, .size = true,
		    .size_max = 35882577, .eightbit = true,
		    .starttls = true, .status_codes = true, .chunking = true,
		    .dsn = true, .utf8 = true } },
	{ "any case", "mx\npipelining\nChunking",
		{ .extended = true, .pipelining = true, .chunking = true } },
	{ "parameters we do not know", "mx\nDSN FUTURE=1\nAUTH PLAIN LOGIN",
		{ .extended = true, .dsn = true } },
	{ "blank behind", "mx\nPIPELINING \r",
		{ .extended = true, .pipelining = true } },
	{ "keyword with a tail", "mx\nDSNX\nCHUNKING-2\nX",
		{ .extended = true } },
	{ "SIZE without a limit", "mx\nSIZE", { .extended = true,
		.size = true } },
	{ "SIZE 0", "mx\nSIZE 0", { .extended = true, .size = true } },
	{ "SIZE beyond 64 bits", "mx\nSIZE 99999999999999999999",
		{ .extended = true } },
	{ "SIZE -1", "mx\nSIZE -1", { .extended = true } },
	{ "SIZE in words", "mx\nSIZE big", { .extended = true } },
	{ "LIMITS", "mx\nLIMITS MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=1",
		{ .extended = true, .mail_max = 5, .rcpt_max = 100 } },
	{ "LIMITS in small letters", "mx\nlimits rcptmax=7",
		{ .extended = true, .rcpt_max = 7 } },
	{ "LIMITS malformed",
		"mx\nLIMITS RCPTMAX MAILMAX= =3 RCPTMAX=x MAILMAX=9999999",
		{ .extended = true } },
	{ "empty lines", "mx\n\n \nDSN\n", { .extended = true, .dsn = true } },
};

START_TEST(ehlo_lines)
{
	const struct ehlo *want = &cases[_i].want;
	struct ehlo got;

	memset(&got, 0xff, sizeof(got));
	ehlo_parse(&got, cases[_i].text);
#define SAME(field) ck_assert_msg(got.field == want->field, \
	"%s: " #field, cases[_i].name)
	SAME(extended);
	SAME(pipelining);
	SAME(size);
	SAME(size_max);
	SAME(eightbit);
	SAME(status_codes);
	SAME(starttls);
	SAME(chunking);
	SAME(dsn);
	SAME(utf8);
	SAME(rcpt_max);
	SAME(mail_max);
#undef SAME
}
END_TEST

START_TEST(ehlo_much)
{
	struct buf text = { 0 };
	struct ehlo got;
	int i;

	for (i = 0; i < 10000; i++)
		buf_printf(&text, "KEYWORD%d PARAM\n", i);
	for (i = 0; i < 10000; i++)
		buf_addc(&text, 'A');
	buf_adds(&text, "\nDSN");
	ehlo_parse(&got, buf_str(&text));
	ck_assert(got.dsn);
	buf_release(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ehlo");
	TCase *tc = tcase_create("ehlo");

	tcase_add_loop_test(tc, ehlo_lines, 0, CHECK_ROWS(cases));
	tcase_add_test(tc, ehlo_much);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
