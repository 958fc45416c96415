/* log: the lines that a file gets, and where they go when it cannot be. */
#include "config.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/log.h"

static char path[] = "/tmp/check_log.XXXXXX";
static struct buf text;

static void
set_up(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
tear_down(void)
{
	log_close();
	unlink(path);
	buf_release(&text);
}

static const char *
written(void)
{
	struct err err;

	buf_clear(&text);
	ck_assert_int_eq(file_read(path, 1000000, &text, &err), 0);
	return buf_str(&text);
}

static bool
matches(const char *s, const char *pattern)
{
	regex_t re;
	int rc;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED), 0);
	rc = regexec(&re, s, 0, NULL, 0);
	regfree(&re);
	return rc == 0;
}

START_TEST(line)
{
	struct err err;

	ck_assert_int_eq(log_open(path, "postrider", &err), 0);
	errno = ENOENT;
	log_line(LOG_LEVEL_INFO, "smtp", "to=<%s> stat=%d", "a@b", 250);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_msg(matches(written(),
	    "^[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} "
	    "[^ .]+ postrider/smtp\\[[0-9]+\\]: to=<a@b> stat=250\n$"),
	    "%s", buf_str(&text));
}
END_TEST

START_TEST(no_service)
{
	struct err err;

	ck_assert_int_eq(log_open(path, "mailer", &err), 0);
	log_line(LOG_LEVEL_ERROR, NULL, "x");
	ck_assert(matches(written(), " mailer\\[[0-9]+\\]: x\n$"));
}
END_TEST

START_TEST(harmless)
{
	struct err err;

	ck_assert_int_eq(log_open(path, "postrider", &err), 0);
	log_line(LOG_LEVEL_INFO, "smtp", "a\nNov 22 host x: forged\x1b[2J");
	ck_assert(matches(written(), ": a\\?Nov 22 host x: forged\\?\\[2J\n$"));
	ck_assert_ptr_eq(strchr(buf_str(&text), '\n'),
	    buf_str(&text) + text.len - 1);
}
END_TEST

START_TEST(appends)
{
	struct err err;

	ck_assert_int_eq(log_open(path, "a", &err), 0);
	log_line(LOG_LEVEL_INFO, "x", "one");
	ck_assert_int_eq(log_open(path, "b", &err), 0);
	log_line(LOG_LEVEL_INFO, "x", "two");
	log_open("none", "b", &err);
	log_line(LOG_LEVEL_INFO, "x", "three");
	ck_assert(matches(written(), " a/x[^\n]*: one\n.* b/x[^\n]*: two\n$"));
}
END_TEST

START_TEST(stderr_sink)
{
	struct err err;
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(log_open("stderr", "postrider", &err), 0);
	log_line(LOG_LEVEL_WARNING, "flush", "said");
	log_close();
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFD), 0);
	ck_assert(matches(written(), "postrider/flush\\[[0-9]+\\]: said\n$"));
	close(fd);
}
END_TEST

static const char *const bad_places[] = {
	"", "relative", "Syslog", "/nonexistent/dir/log", "/",
};

START_TEST(bad_place)
{
	struct err err = { 0 };

	ck_assert_int_eq(log_open(bad_places[_i], "postrider", &err), -1);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	log_line(LOG_LEVEL_INFO, "test", "goes to syslog");
}
END_TEST

/* Lines of several processes: whole, and none lost. */
START_TEST(together)
{
	struct err err;
	char *lines, *next;
	int i, j, count = 0;

	ck_assert_int_eq(log_open(path, "postrider", &err), 0);
	for (i = 0; i < 4; i++) {
		if (fork() == 0) {
			for (j = 0; j < 200; j++) {
				log_line(LOG_LEVEL_INFO, "t", "%0*d", 500,
				    i);
			}
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		ck_assert_int_gt(wait(NULL), 0);
	written();
	lines = text.data;
	while ((next = strchr(lines, '\n')) != NULL) {
		*next = '\0';
		ck_assert(matches(lines, "t\\[[0-9]+\\]: 0{499}[0-3]$"));
		lines = next + 1;
		count++;
	}
	ck_assert_int_eq(count, 800);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, line);
	tcase_add_test(tc, no_service);
	tcase_add_test(tc, harmless);
	tcase_add_test(tc, appends);
	tcase_add_test(tc, stderr_sink);
	tcase_add_loop_test(tc, bad_place, 0, CHECK_ROWS(bad_places));
	tcase_add_test(tc, together);
	suite_add_tcase(s, tc);
	return check_run(s);
}
