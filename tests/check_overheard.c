/* What is overheard while libcurl opens a connection. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "net/overheard.h"

static struct overheard heard;
static struct buf shown;

static void
setup(void)
{
	heard = (struct overheard){ .stage = CONN_CURL_CONNECT };
	buf_clear(&shown);
}

static void
teardown(void)
{
	overheard_release(&heard);
	buf_release(&shown);
}

static void
say(const char *text)
{
	buf_clear(&shown);
	overheard_said(&heard, text, strlen(text), &shown);
}

static bool
hear(const char *line)
{
	return overheard_line(&heard, line, strlen(line));
}

/* What a trace may show of what we say. */
static const struct {
	const char *name, *said, *shown, *mechanism;
} commands[] = {
	{ "EHLO", "EHLO c.example\r\n", "EHLO c.example", "" },
	{ "HELO", "HELO c.example\r\n", "HELO c.example", "" },
	{ "STARTTLS", "STARTTLS\r\n", "STARTTLS", "" },
	{ "AUTH at length", "AUTH PLAIN AHUAcGFzcw==\r\n", "AUTH PLAIN ****",
	    "PLAIN" },
	{ "AUTH alone", "AUTH CRAM-MD5\r\n", "AUTH CRAM-MD5", "CRAM-MD5" },
	{ "AUTH without anything", "AUTH\r\n", "AUTH", "" },
	{ "AUTH, a long word", "AUTH aaaaaaaaaabbbbbbbbbbccccccccccdddddd\r\n",
	    "AUTH aaaaaaaaaabbbbbbbbbbccccccccccd ****",
	    "aaaaaaaaaabbbbbbbbbbccccccccccd" },
	{ "an answer", "cGFzcw==\r\n", "****", "" },
	{ "an empty answer", "\r\n", "****", "" },
	{ "nothing", "", "****", "" },
	{ "giving up", "*\r\n", "****", "" },
	{ "the second half of a command", "IN AHUAcGFzcw==\r\n", "****", "" },
	{ "a verb within a word", "EHLOcGFzcw==\r\n", "****", "" },
	{ "another verb", "MAIL FROM:<>\r\n", "****", "" },
	{ "small letters", "auth plain x\r\n", "****", "" },
};

START_TEST(masks)
{
	say(commands[_i].said);
	ck_assert_msg(strcmp(buf_str(&shown), commands[_i].shown) == 0,
	    "%s: %s", commands[_i].name, buf_str(&shown));
	ck_assert_str_eq(heard.mechanism, commands[_i].mechanism);
}
END_TEST

/* Whole dialogues: lines, '>' for ours. */
static const struct {
	const char *name, *lines[12];
	enum conn_curl_stage stage;
	int	    code;
	const char *reply, *offers, *mechanisms;
	bool	    proven;
} dialogues[] = {
	{ "nothing", { NULL }, CONN_CURL_CONNECT, 0, "000", "", "", false },
	{ "half a greeting", { "220-mx\r\n" }, CONN_CURL_GREETING, 0, "000",
	    "", "", false },
	{ "greeting", { "220-mx\r\n", "220 hi\r\n" }, CONN_CURL_HELLO, 220,
	    "220 mx hi", "", "", false },
	{ "greeting refused", { "554 5.7.1 no\r\n" }, CONN_CURL_GREETING, 554,
	    "554 5.7.1 no", "", "", false },
	{ "EHLO", { "220 mx\n", ">EHLO c\r\n", "250-mx\r\n", "250-DSN\r\n",
	    "250 AUTH PLAIN\r\n" }, CONN_CURL_HELLO, 250,
	    "250 mx DSN AUTH PLAIN", "mx\nDSN\nAUTH PLAIN", "PLAIN", false },
	{ "EHLO half", { "220 mx\n", ">EHLO c\r\n", "250-mx\r\n",
	    "250-AUTH PLAIN\r\n" }, CONN_CURL_HELLO, 220, "220 mx", "", "",
	    false },
	{ "EHLO refused, HELO", { "220 mx\n", ">EHLO c\r\n", "500-what\r\n",
	    "500 ever\r\n", ">HELO c\r\n", "250-mx\r\n", "250 AUTH X\r\n" },
	    CONN_CURL_HELLO, 250, "250 mx AUTH X", "", "", false },
	{ "STARTTLS", { "220 mx\n", ">EHLO c\r\n", "250-mx\r\n",
	    "250 AUTH PLAIN\r\n", ">STARTTLS\r\n", "220 go\r\n" },
	    CONN_CURL_HANDSHAKE, 220, "220 go", "", "", false },
	{ "EHLO again", { "220 mx\n", ">EHLO c\r\n", "250-mx\r\n",
	    "250 AUTH PLAIN\r\n", ">STARTTLS\r\n", "220 go\r\n",
	    ">EHLO c\r\n", "250-mx\r\n", "250-auth login\tplain\r\n",
	    "250 DSN\r\n" }, CONN_CURL_HELLO, 250, "250 mx auth login?plain "
	    "DSN", "mx\nauth login\tplain\nDSN", "login?plain", false },
	{ "AUTH", { "220 mx\n", ">EHLO c\r\n", "250-mx\r\n",
	    "250 AUTH PLAIN\r\n", ">AUTH PLAIN\r\n", "334 \r\n", ">x\r\n",
	    "235 2.7.0 yes\r\n" }, CONN_CURL_AUTH, 235, "235 2.7.0 yes",
	    "mx\nAUTH PLAIN", "PLAIN", true },
	{ "AUTH refused", { ">AUTH PLAIN\r\n", "535-5.7.8 a\r\n",
	    "535-5.7.8  b\r\n", "535-5.7.9 c\r\n", "535-\r\n",
	    "535 5.7.8\r\n" }, CONN_CURL_AUTH, 535,
	    "535 5.7.8 a b 5.7.9 c", "", "", false },
	{ "235, but to nothing", { "235 yes\r\n" }, CONN_CURL_HELLO, 235,
	    "235 yes", "", "", false },
	{ "235, then no", { ">AUTH A\r\n", "235 yes\r\n", ">AUTH B\r\n",
	    "535 no\r\n" }, CONN_CURL_AUTH, 535, "535 no", "", "", false },
	{ "no text at all", { "220\r\n", ">EHLO c\r\n", "250-\r\n",
	    "250\r\n" }, CONN_CURL_HELLO, 250, "250", "\n", "", false },
};

START_TEST(dialogue)
{
	char text[600];
	size_t i;

	for (i = 0; dialogues[_i].lines[i] != NULL; i++) {
		const char *line = dialogues[_i].lines[i];

		if (*line == '>')
			say(line + 1);
		else
			ck_assert_msg(hear(line), "%s: %s", dialogues[_i].name,
			    line);
	}
	ck_assert_msg(heard.stage == dialogues[_i].stage, "%s: stage %d",
	    dialogues[_i].name, (int)heard.stage);
	ck_assert_int_eq(heard.code, dialogues[_i].code);
	overheard_reply(&heard, text, sizeof(text));
	ck_assert_msg(strcmp(text, dialogues[_i].reply) == 0, "%s: %s",
	    dialogues[_i].name, text);
	ck_assert_msg(strcmp(buf_str(&heard.offers), dialogues[_i].offers)
	    == 0, "%s: %s", dialogues[_i].name, buf_str(&heard.offers));
	overheard_mechanisms(&heard, text, sizeof(text));
	ck_assert_msg(strcmp(text, dialogues[_i].mechanisms) == 0, "%s: %s",
	    dialogues[_i].name, text);
	ck_assert_int_eq(heard.proven, dialogues[_i].proven);
}
END_TEST

static const struct {
	const char *line;
	size_t n;
} babble[] = {
#define LINE(text) { text, sizeof(text) - 1 }
	LINE(""), LINE("\r\n"), LINE("25\r\n"), LINE("SSH-2.0-x\r\n"),
	LINE("250\thi\r\n"), LINE("250ok\r\n"), LINE("2x0 ok\r\n"),
	LINE("150 ok\r\n"), LINE("650 ok\r\n"), LINE(" 250 ok\r\n"),
	LINE("250 o\0k\r\n"), LINE("HTTP/1.1 200 OK\r\n"),
};

START_TEST(no_reply)
{
	ck_assert(!overheard_line(&heard, babble[_i].line, babble[_i].n));
	ck_assert_int_eq(heard.code, 0);
}
END_TEST

/* A reply is bounded, in lines and in what is kept of it. */
START_TEST(bounds)
{
	static char line[2000];
	size_t i;

	memset(line, 'a', sizeof(line));
	memcpy(line, "250-", 4);
	for (i = 0; i < OVERHEARD_LINES_MAX - 1; i++) {
		ck_assert(overheard_line(&heard, line, sizeof(line)));
		ck_assert_uint_le(heard.block.len, OVERHEARD_MAX);
	}
	ck_assert(hear("250 end\r\n"));
	ck_assert_uint_eq(heard.reply.len, OVERHEARD_MAX);
	/* the next one begins anew */
	for (i = 0; i < OVERHEARD_LINES_MAX; i++)
		ck_assert(hear("250-x\r\n"));
	ck_assert(!hear("250-x\r\n"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("overheard");
	TCase *tc = tcase_create("overheard");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, masks, 0, CHECK_ROWS(commands));
	tcase_add_loop_test(tc, dialogue, 0, CHECK_ROWS(dialogues));
	tcase_add_loop_test(tc, no_reply, 0, CHECK_ROWS(babble));
	tcase_add_test(tc, bounds);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
