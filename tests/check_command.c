#include "config.h"

#include "check.h"

#include "smtp/command.h"

static const struct ehlo nothing = { 0 };
static const struct ehlo all = { .size = true, .eightbit = true, .dsn = true,
	.utf8 = true };

static const struct {
	const char *name;
	const struct ehlo *ehlo;
	struct command_mail mail;
	const char *want;	/* NULL: refused */
} mails[] = {
	{ "plain", &nothing, { .reverse_path = "a@b.example" },
		"MAIL FROM:<a@b.example>\r\n" },
	{ "null reverse-path", &nothing, { .reverse_path = "" },
		"MAIL FROM:<>\r\n" },
	{ "nothing that is not offered", &nothing, { .reverse_path = "a@b",
		.size = 5, .eightbit = true, .utf8 = true, .ret = RET_FULL,
		.envid = "x" }, "MAIL FROM:<a@b>\r\n" },
	{ "everything", &all, { .reverse_path = "a@b", .size = 12345678901,
		.eightbit = true, .utf8 = true, .ret = RET_HDRS,
		.envid = "x+3D1" }, "MAIL FROM:<a@b> SIZE=12345678901 "
		"BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+3D1\r\n" },
	{ "only what it needs", &all, { .reverse_path = "a@b", .size = 1,
		.ret = RET_FULL }, "MAIL FROM:<a@b> SIZE=1 RET=FULL\r\n" },
	{ "blank in quotes", &nothing, { .reverse_path = "\"a> b\"@c" },
		"MAIL FROM:<\"a> b\"@c>\r\n" },
	{ "UTF-8", &nothing, { .reverse_path = "j\xc3\xb6@b" },
		"MAIL FROM:<j\xc3\xb6@b>\r\n" },
	{ "CR LF", &nothing, { .reverse_path = "a@b>\r\nRCPT TO:<c@d" },
		NULL },
	{ "LF in quotes", &nothing, { .reverse_path = "\"a\nb\"@c" }, NULL },
	{ "a parameter behind the path", &nothing,
		{ .reverse_path = "a@b> AUTH=<x" }, NULL },
	{ "quotes left open", &nothing, { .reverse_path = "\"a@b" }, NULL },
	{ "escaped end of quotes", &nothing, { .reverse_path = "\"a\\\"> x" },
		NULL },
	{ "ENVID with a blank", &all, { .reverse_path = "a@b",
		.envid = "x AUTH=<>" }, NULL },
	{ "ENVID with LF", &all, { .reverse_path = "a@b", .envid = "x\ny" },
		NULL },
	{ "empty ENVID", &all, { .reverse_path = "a@b", .envid = "" }, NULL },
};

START_TEST(mail)
{
	struct buf out = { 0 };
	struct err err;
	int rc;

	buf_adds(&out, "before\r\n");
	rc = command_mail(&out, mails[_i].ehlo, &mails[_i].mail, &err);
	ck_assert_msg(rc == (mails[_i].want != NULL ? 0 : -1), "%s",
	    mails[_i].name);
	ck_assert_str_eq(buf_str(&out) + 8,
	    mails[_i].want != NULL ? mails[_i].want : "");
	if (rc < 0)
		ck_assert_int_eq(err.kind, ERR_DATA);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name;
	const struct ehlo *ehlo;
	const char *path;
	uint8_t notify;
	const char *orcpt, *want;
} rcpts[] = {
	{ "plain", &nothing, "a@b", 0, NULL, "RCPT TO:<a@b>\r\n" },
	{ "DSN not offered", &nothing, "a@b", NOTIFY_NEVER, "rfc822;a@b",
		"RCPT TO:<a@b>\r\n" },
	{ "never", &all, "a@b", NOTIFY_NEVER, NULL,
		"RCPT TO:<a@b> NOTIFY=NEVER\r\n" },
	{ "several, and whom it was for", &all, "a@b",
		NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY,
		"rfc822;c+2Bd@e", "RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY "
		"ORCPT=rfc822;c+2Bd@e\r\n" },
	{ "literal", &all, "a@[IPv6:2001:db8::1]", 0, NULL,
		"RCPT TO:<a@[IPv6:2001:db8::1]>\r\n" },
	{ "nobody", &nothing, "", 0, NULL, NULL },
	{ "CR", &nothing, "a@b\r", 0, NULL, NULL },
	{ "DEL", &nothing, "a\x7f@b", 0, NULL, NULL },
	{ "angle bracket", &nothing, "a@b><c@d", 0, NULL, NULL },
	{ "ORCPT with a blank", &all, "a@b", 0, "rfc822;a NOTIFY=NEVER",
		NULL },
	{ "ORCPT with CR LF", &all, "a@b", 0, "rfc822;a\r\nDATA", NULL },
	{ "ORCPT with bytes above 0x7f", &all, "a@b", 0, "rfc822;\xc3\xb6",
		NULL },
};

START_TEST(rcpt)
{
	struct buf out = { 0 };
	struct err err;
	int rc;

	rc = command_rcpt(&out, rcpts[_i].ehlo, rcpts[_i].path,
	    rcpts[_i].notify, rcpts[_i].orcpt, &err);
	ck_assert_msg(rc == (rcpts[_i].want != NULL ? 0 : -1), "%s",
	    rcpts[_i].name);
	ck_assert_str_eq(buf_str(&out),
	    rcpts[_i].want != NULL ? rcpts[_i].want : "");
	buf_release(&out);
}
END_TEST

START_TEST(simple)
{
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(command_simple(&out, "QUIT", NULL, &err), 0);
	ck_assert_int_eq(command_simple(&out, "EHLO", "[192.0.2.1]", &err), 0);
	ck_assert_int_eq(command_simple(&out, "EHLO", "a\r\nDATA", &err), -1);
	ck_assert_str_eq(buf_str(&out), "QUIT\r\nEHLO [192.0.2.1]\r\n");
	ck_assert_str_eq(err.status, "5.1.3");
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command");
	TCase *tc = tcase_create("command");

	tcase_add_loop_test(tc, mail, 0, CHECK_ROWS(mails));
	tcase_add_loop_test(tc, rcpt, 0, CHECK_ROWS(rcpts));
	tcase_add_test(tc, simple);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
