#include "config.h"

#include "base/command.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#include "check.h"

static const struct {
	const char *name, *command, *want;
} good[] = {
	{ "a line", "echo secret", "secret\n" },
	{ "nothing", "true", "" },
	{ "no line end", "printf secret", "secret" },
	{ "lines", "echo a; echo b", "a\nb\n" },
	{ "a pipe", "echo secret | tr a-z A-Z", "SECRET\n" },
	{ "standard error is apart", "echo no >&2; echo yes", "yes\n" },
	{ "standard input is empty", "cat; echo end", "end\n" },
	{ "output closed early", "exec >&- 2>&-; sleep 0.2", "" },
	{ "a pipe that breaks", "yes | head -1", "y\n" },
	{ "much on standard error", "head -c 300000 /dev/zero >&2; echo x",
	    "x\n" },
	{ "up to the maximum", "printf %0100d 0",
	    "00000000000000000000000000000000000000000000000000"
	    "00000000000000000000000000000000000000000000000000" },
	/* an agent that stays must not be waited for */
	{ "something stays", "sleep 20 & echo x", "x\n" },
};

START_TEST(output)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	int64_t start = clock_ms();
	int rc;

	buf_adds(&out, "before:");
	rc = command_output("token-command", good[_i].command, 10, 100, &out,
	    &err);
	ck_assert_msg(rc == 0, "%s: %s", good[_i].name, err.text);
	ck_assert(str_starts(buf_str(&out), "before:"));
	ck_assert_str_eq(buf_str(&out) + 7, good[_i].want);
	ck_assert_msg(clock_ms() - start < 5000, "%s: slow", good[_i].name);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *command, *want;
} bad[] = {
	{ "status", "exit 3", "token-command: exit status 3" },
	{ "status and words", "echo locked >&2; echo more >&2; exit 1",
	    "token-command: exit status 1: locked" },
	{ "words that are not safe", "printf 'a\\033[31m\\n' >&2; exit 1",
	    "token-command: exit status 1: a?[31m" },
	{ "no such program", "/nonexistent/x 2>/dev/null",
	    "token-command: exit status 127" },
	{ "a signal", "kill -TERM $$", "token-command: killed by signal 15" },
	{ "output, but failed", "echo secret; exit 1",
	    "token-command: exit status 1" },
	{ "too much", "printf %0101d 0",
	    "token-command: it prints too much" },
	{ "without end", "yes", "token-command: it prints too much" },
	{ "silent", "sleep 20",
	    "token-command: it took too long and was ended" },
	{ "says why", "echo enter PIN >&2; sleep 20",
	    "token-command: it took too long and was ended: enter PIN" },
	{ "complains without end", "yes oops >&2",
	    "token-command: it took too long and was ended: oops" },
	{ "closes all", "exec >&- 2>&-; sleep 20",
	    "token-command: it took too long and was ended" },
};

START_TEST(failure)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	int64_t start = clock_ms();

	ck_assert_int_eq(command_output("token-command", bad[_i].command, 1,
	    100, &out, &err), -1);
	ck_assert_str_eq(err.text, bad[_i].want);
	ck_assert_str_eq(err.status, "4.3.0");
	ck_assert_int_eq(err.kind, ERR_TEMP);
	/* not a part of it */
	ck_assert_uint_eq(out.len, 0);
	ck_assert_msg(clock_ms() - start < 3000, "%s: slow", bad[_i].name);
	buf_release(&out);
}
END_TEST

/* Is somebody there? A zombie is not. */
static bool
is_alive(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *file;

	(void)!snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	(void)!fgets(line, sizeof(line), file);
	fclose(file);
	return strstr(line, ") Z ") == NULL && line[0] != '\0';
}

/* Wait for its end for two seconds. */
static bool
ends(pid_t pid)
{
	for (int i = 0; i < 200 && is_alive(pid); i++)
		usleep(10000);
	return !is_alive(pid);
}

/* The number that a command has written into a file of ours. */
static pid_t
pid_in(const char *path)
{
	char text[32] = "";
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)atoi(text);
}

START_TEST(all_of_it_is_ended)
{
	char path[] = "/tmp/check_shell.XXXXXX", command[256];
	struct buf out = { 0 };
	struct err err;
	int fd = mkstemp(path);
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	close(fd);
	/* the grandchild is no shell's job any more */
	(void)!snprintf(command, sizeof(command),
	    "(sh -c 'echo $$ >%s; exec sleep 30' &); sleep 30", path);
	ck_assert_int_eq(command_output("x", command, 1, 100, &out, &err), -1);
	pid = pid_in(path);
	ck_assert_int_gt(pid, 0);
	ck_assert(ends(pid));
	unlink(path);
	buf_release(&out);
}
END_TEST

/* Who asked is killed, and so is what was asked. */
START_TEST(dies_with_the_asker)
{
	char path[] = "/tmp/check_shell.XXXXXX", command[256];
	struct buf out = { 0 };
	struct err err;
	struct stat st;
	int fd = mkstemp(path);
	pid_t asker, shell;

	ck_assert_int_ge(fd, 0);
	close(fd);
	(void)!snprintf(command, sizeof(command),
	    "echo $$ >%s; exec sleep 30", path);
	asker = fork();
	ck_assert_int_ge(asker, 0);
	if (asker == 0) {
		command_output("x", command, 60, 100, &out, &err);
		_exit(0);
	}
	for (int i = 0; i < 500 && (stat(path, &st) < 0 || st.st_size == 0);
	    i++)
		usleep(10000);
	shell = pid_in(path);
	ck_assert(is_alive(shell));
	kill(asker, SIGKILL);
	waitpid(asker, NULL, 0);
	ck_assert(ends(shell));
	unlink(path);
}
END_TEST

/* Nothing of ours is open there, and nobody's terminal is its own. Signals 32
 * and 33 are the C library's, and nobody can change what came with them. */
START_TEST(surroundings)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	int fd = dup2(STDERR_FILENO, 77);

	ck_assert_int_eq(fd, 77);
	signal(SIGHUP, SIG_IGN);
	ck_assert_int_eq(command_output("x", "ls -l /proc/self/fd | "
	    "sed -n 's|.* \\([0-9]*\\) -> \\([a-z/]*\\).*|\\1 \\2|p' | "
	    "grep -v /proc/; "
	    "sed -n 's/^SigIgn:.*\\(.......\\)$/SigIgn:\\1/p' "
	    "/proc/$$/status; "
	    "test $$ = $(cut -d ' ' -f 6 /proc/$$/stat) && echo leader",
	    10, 1000, &out, &err), 0);
	ck_assert_str_eq(buf_str(&out), "0 /dev/null\n1 pipe\n2 pipe\n"
	    "SigIgn:0000000\nleader\n");
	close(fd);
	buf_release(&out);
}
END_TEST

/* No copies of a secret in memory given back: the buf stays where it is. */
START_TEST(buf_is_kept)
{
	struct buf out = { 0 };
	struct err err;
	char *room = buf_reserve(&out, 1001);

	ck_assert_int_eq(command_output("x", "printf %01000d 0", 10, 1000,
	    &out, &err), 0);
	ck_assert_ptr_eq(out.data, room);
	ck_assert_uint_eq(out.len, 1000);
	buf_release(&out);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("shell");
	TCase *tc = tcase_create("command_output");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, output, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, failure, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, all_of_it_is_ended);
	tcase_add_test(tc, dies_with_the_asker);
	tcase_add_test(tc, surroundings);
	tcase_add_test(tc, buf_is_kept);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
