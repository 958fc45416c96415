#include "config.h"

#include "check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "smtp/reply.h"

static const struct {
	const char *name, *bytes;
	int code;
	const char *status, *text, *line;
} good[] = {
	{ "plain", "250 Ok\r\n", 250, "", "Ok", "250 Ok" },
	{ "digits alone", "250\r\n", 250, "", "", "250" },
	{ "digits and a blank", "250 \r\n", 250, "", "", "250" },
	{ "bare LF", "250 Ok\n", 250, "", "Ok", "250 Ok" },
	{ "two lines", "250-one\r\n250 two\r\n", 250, "", "one\ntwo",
		"250 one two" },
	{ "last line bare", "250-one\r\n250\r\n", 250, "", "one\n",
		"250 one" },
	{ "empty first line", "250-\r\n250 two\r\n", 250, "", "\ntwo",
		"250 two" },
	{ "with status", "550 5.1.1 no such user\r\n", 550, "5.1.1",
		"5.1.1 no such user", "550 5.1.1 no such user" },
	{ "class of the code decides", "550 4.2.2 full\r\n", 550, "5.2.2",
		"4.2.2 full", "550 4.2.2 full" },
	{ "status on each line is said once",
		"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", 550,
		"5.1.1", "5.1.1 no\n5.1.1 such\n5.1.1 user",
		"550 5.1.1 no such user" },
	{ "another status stays", "550-5.1.1 a\r\n550 5.7.1 b\r\n", 550,
		"5.1.1", "5.1.1 a\n5.7.1 b", "550 5.1.1 a 5.7.1 b" },
	{ "no status, but a host", "421 5.6.7.8 is busy\r\n", 421, "",
		"5.6.7.8 is busy", "421 5.6.7.8 is busy" },
	{ "escape sequence", "550 \033[2Jgone\r\n", 550, "", "\033[2Jgone",
		"550 ?[2Jgone" },
	{ "CR inside", "550 a\rb\r\n", 550, "", "a\rb", "550 a?b" },
	{ "not UTF-8", "550 \xff%n\r\n", 550, "", "\xff%n", "550 ?%n" },
	{ "354", "354 go\r\n", 354, "", "go", "354 go" },
	{ "any digits", "599 hm\r\n", 599, "", "hm", "599 hm" },
};

static const struct {
	const char *name, *bytes;
	size_t n;
} bad[] = {
#define BAD(name, bytes) { name, bytes, sizeof(bytes) - 1 }
	BAD("empty line", "\r\n"),
	BAD("class 1", "150 hm\r\n"),
	BAD("class 6", "650 hm\r\n"),
	BAD("a letter", "2X0 ok\r\n"),
	BAD("two digits", "99 ok\r\n"),
	BAD("four digits", "1000 ok\r\n"),
	BAD("four digits of class 2", "2500 ok\r\n"),
	BAD("leading blank", " 250 ok\r\n"),
	BAD("tab behind the digits", "250\tok\r\n"),
	BAD("NUL inside", "250 o\0k\r\n"),
	BAD("of two minds", "250-ok\r\n550 no\r\n"),
	BAD("words", "hello\r\n"),
	BAD("closed in the middle", "250-ok\r\n"),
	BAD("closed inside a line", "250 ok"),
	BAD("closed at once", ""),
#undef BAD
};

/* The reply to bytes that came at once, or one by one. */
static int
read_bytes(const char *bytes, size_t n, size_t step, struct reply *reply,
    struct err *err)
{
	struct conn conn;
	int fd[2], rc;
	size_t i;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	conn_init(&conn, fd[0]);
	for (i = 0; i < n; i += step)
		ck_assert_int_gt(write(fd[1], bytes + i,
		    n - i < step ? n - i : step), 0);
	close(fd[1]);
	rc = reply_read(&conn, 2, reply, err);
	conn_close(&conn);
	return rc;
}

START_TEST(reply_good)
{
	const char *bytes = good[_i].bytes;
	struct reply reply = { 0 };
	char line[128];
	struct err err;
	size_t step;

	for (step = 1; step < 100; step += 98) {
		ck_assert_msg(read_bytes(bytes, strlen(bytes), step, &reply,
		    &err) == 0, "%s: %s", good[_i].name, err.text);
		ck_assert_int_eq(reply.code, good[_i].code);
		ck_assert_str_eq(reply.status, good[_i].status);
		ck_assert_str_eq(buf_str(&reply.text), good[_i].text);
		reply_line(&reply, line, sizeof(line));
		ck_assert_str_eq(line, good[_i].line);
		reply_release(&reply);
	}
}
END_TEST

START_TEST(reply_bad)
{
	struct reply reply = { 0 };
	struct err err;

	ck_assert_msg(read_bytes(bad[_i].bytes, bad[_i].n, 100, &reply,
	    &err) == -1, "%s: taken", bad[_i].name);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_ptr_null(reply.text.data);
	ck_assert_int_eq(reply.code, 0);
}
END_TEST

START_TEST(reply_cut)
{
	struct reply reply = { 0 };
	char line[12];
	struct err err;

	ck_assert_int_eq(reply_add(&reply, "550 much too long", 17, &err), 1);
	reply_line(&reply, line, sizeof(line));
	ck_assert_str_eq(line, "550 much...");
	reply_line(&reply, line, 4);
	ck_assert_str_eq(line, "550");
	reply_release(&reply);
	/* no half of a character */
	ck_assert_int_eq(reply_add(&reply, "550 zu gro\303\237", 12, &err), 1);
	reply_line(&reply, line, sizeof(line));
	ck_assert_str_eq(line, "550 zu g...");
	reply_release(&reply);
	ck_assert_int_eq(reply_add(&reply, "550 abc\303\237xyz", 12, &err), 1);
	reply_line(&reply, line, sizeof(line));
	ck_assert_str_eq(line, "550 abc...");
	reply_release(&reply);
}
END_TEST

/* However much a server says, what is kept has a limit. */
START_TEST(reply_much)
{
	struct reply reply = { 0 };
	char line[1000];
	struct err err;
	int i;

	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(reply_add(&reply, line, sizeof(line), &err),
		    0);
	ck_assert_uint_eq(reply.text.len, REPLY_MAX);
	reply_release(&reply);
}
END_TEST

static const struct {
	const char *name, *line;
	int times;
} endless[] = {
	{ "lines without end", "250-more\r\n", REPLY_LINES_MAX + 1 },
	{ "a line without end", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		REPLY_LINE_MAX / 40 + 2 },
};

START_TEST(reply_endless)
{
	struct reply reply = { 0 };
	struct buf bytes = { 0 };
	struct err err;
	int i;

	for (i = 0; i < endless[_i].times; i++)
		buf_adds(&bytes, endless[_i].line);
	ck_assert_msg(read_bytes(bytes.data, bytes.len, bytes.len, &reply,
	    &err) == -1, "%s: taken", endless[_i].name);
	ck_assert_str_eq(err.status, "4.5.0");
	buf_release(&bytes);
}
END_TEST

START_TEST(reply_silence)
{
	struct reply reply = { 0 };
	struct conn conn;
	struct err err;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	conn_init(&conn, fd[0]);
	ck_assert_int_eq(write(fd[1], "250-wait\r\n", 10), 10);
	ck_assert_int_eq(reply_read(&conn, 1, &reply, &err), -1);
	ck_assert_str_eq(err.status, "4.4.2");
	conn_close(&conn);
	close(fd[1]);
}
END_TEST

START_TEST(reply_class)
{
	struct reply reply = { .code = 250 };

	ck_assert(reply_is_ok(&reply));
	reply.code = 452;
	ck_assert(reply_is_temp(&reply) && !reply_is_perm(&reply));
	reply.code = 550;
	ck_assert(reply_is_perm(&reply) && !reply_is_ok(&reply));
	reply.code = 354;
	ck_assert(!reply_is_ok(&reply) && !reply_is_temp(&reply));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply");
	TCase *tc = tcase_create("reply");

	tcase_add_loop_test(tc, reply_good, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, reply_bad, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, reply_endless, 0, CHECK_ROWS(endless));
	tcase_add_test(tc, reply_cut);
	tcase_add_test(tc, reply_much);
	tcase_add_test(tc, reply_silence);
	tcase_add_test(tc, reply_class);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
