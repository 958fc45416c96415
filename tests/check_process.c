/*
 * process: each test runs in its own child (Check forks), so what it gives up
 * is given up there only. Run as root it also proves the loss of root.
 */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/process.h"

START_TEST(descriptors)
{
	struct stat st, null;
	int fd;

	close(0);
	close(2);
	process_sanitise();
	ck_assert_int_eq(stat("/dev/null", &null), 0);
	for (fd = 0; fd <= 2; fd += 2) {
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert(st.st_rdev == null.st_rdev);
	}
}
END_TEST

START_TEST(signals)
{
	struct sigaction act;
	sigset_t set;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	process_sanitise();
	sigprocmask(SIG_SETMASK, NULL, &set);
	ck_assert_int_eq(sigismember(&set, SIGTERM), 0);
	sigaction(SIGCHLD, NULL, &act);
	ck_assert(act.sa_handler == SIG_DFL);
	sigaction(SIGTERM, NULL, &act);
	ck_assert(act.sa_handler == SIG_DFL);
	sigaction(SIGPIPE, NULL, &act);
	ck_assert(act.sa_handler == SIG_IGN);
	sigaction(SIGXFSZ, NULL, &act);
	ck_assert(act.sa_handler == SIG_IGN);
}
END_TEST

START_TEST(timers_and_limits)
{
	struct itimerval timer = { { 0, 0 }, { 100, 0 } };
	struct rlimit lim, low;

	setitimer(ITIMER_REAL, &timer, NULL);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &low), 0);
	low.rlim_cur = 16;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	umask(0);
	process_sanitise();
	ck_assert_int_eq(getitimer(ITIMER_REAL, &timer), 0);
	ck_assert_int_eq(timer.it_value.tv_sec, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &lim), 0);
	ck_assert(lim.rlim_cur == low.rlim_max);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &lim), 0);
	ck_assert(lim.rlim_cur == 0);
	ck_assert_int_eq((int)umask(0), 077);
}
END_TEST

static const struct {
	rlim_t	 soft, hard;
	int	 status;	/* of the exit */
	rlim_t	 then;
} stacks[] = {
	{ 1 << 20, RLIM_INFINITY, 0, 8 << 20 },
	{ 1 << 20, 4 << 20, 0, 4 << 20 },
	{ 16 << 20, 32 << 20, 0, 16 << 20 },
	{ RLIM_INFINITY, RLIM_INFINITY, 0, RLIM_INFINITY },
	{ 256 << 10, 256 << 10, 0, 256 << 10 },
	{ 200 << 10, 200 << 10, EX_TEMPFAIL, 0 },
};

/* In a process of its own, which the limit binds for good. */
START_TEST(stack)
{
	struct rlimit lim = { stacks[_i].soft, stacks[_i].hard };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_STACK, &lim) < 0)
			_exit(99);
		process_sanitise();
		getrlimit(RLIMIT_STACK, &lim);
		_exit(lim.rlim_cur == stacks[_i].then ? 0 : 1);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), stacks[_i].status);
}
END_TEST

static const struct {
	const char *name, *value;
	bool kept;
} variables[] = {
	{ "HOME", "/home/x", true },
	{ "XDG_STATE_HOME", "/home/x/state", true },
	{ "TERM", "xterm", true },
	{ "PATH", "/usr/bin", true },	/* nothing is at stake here */
	{ "SSL_CERT_FILE", "/x", true },
	{ "KRB5CCNAME", "FILE:/tmp/krb5cc_1", true },
	{ "DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1/bus", true },
	{ "XDG_RUNTIME_DIR", "/run/user/1", true },
	{ "GNUPGHOME", "/home/x/.gnupg", true },
	{ "SSH_AUTH_SOCK", "/run/user/1/agent", true },
	{ "PASSWORD_STORE_DIR", "/home/x/.store", true },
	{ "KRB5_CONFIG", "/x", false },
	{ "KRB5_TRACE", "/x", false },
	{ "TZ", "Europe/Berlin", true },
	{ "TZ", ":UTC", true },
	{ "TZ", "/etc/shadow", false },
	{ "TZ", ":/etc/shadow", false },
	{ "TZ", "../../../etc/shadow", false },
	{ "LANG", "de_DE.UTF-8", false },
	{ "LC_ALL", "C", false },
	{ "LD_PRELOAD", "x.so", false },
	{ "IFS", "/", false },
	{ "RES_OPTIONS", "debug", false },
	{ "LOCALDOMAIN", "evil.example", false },
	{ "HOSTALIASES", "/x", false },
	{ "GNUTLS_SYSTEM_PRIORITY_FILE", "/x", false },
	{ "http_proxy", "http://evil.example", false },
};

START_TEST(environment)
{
	const char *got;

	setenv(variables[_i].name, variables[_i].value, 1);
	process_sanitise();
	got = getenv(variables[_i].name);
	ck_assert_msg((got != NULL) == variables[_i].kept, "%s",
	    variables[_i].name);
	if (got != NULL)
		ck_assert_str_eq(got, variables[_i].value);
}
END_TEST

START_TEST(no_group)
{
	ck_assert(!process_has_group());
	process_drop_group();
	ck_assert(!process_has_group());
}
END_TEST

/* What set-group-id gives: another effective and saved group. */
START_TEST(group)
{
	gid_t real, effective, saved;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(setresgid(12345, 54321, 54321), 0);
	ck_assert(process_has_group());
	process_drop_group();
	ck_assert(!process_has_group());
	ck_assert_int_eq(getresgid(&real, &effective, &saved), 0);
	ck_assert_uint_eq(effective, 12345);
	ck_assert_uint_eq(saved, 12345);
}
END_TEST

/* Only the saved group is left: it can still be had back. */
START_TEST(group_in_saved)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(setresgid(12345, 12345, 54321), 0);
	ck_assert(process_has_group());
	process_drop_group();
	ck_assert(!process_has_group());
}
END_TEST

START_TEST(drop_all)
{
	uid_t before = geteuid();

	process_find_user("nobody");
	process_drop_all();
	ck_assert_uint_ne(geteuid(), 0);
	ck_assert_uint_ne(getegid(), 0);
	ck_assert_int_eq(setuid(0), -1);
	if (before == 0)
		ck_assert_int_eq(getgroups(0, NULL), 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}
END_TEST

/* Nobody to become: unknown, none given, root itself. */
static const char *const users[] = { "no such user", NULL, "root" };

START_TEST(drop_to_nobody)
{
	process_find_user(users[_i]);
	process_drop_all();
	ck_assert_uint_ne(getuid(), 0);
	ck_assert_uint_ne(getgid(), 0);
}
END_TEST

START_TEST(drop_without_looking)
{
	process_drop_all();
	ck_assert_uint_ne(getuid(), 0);
	ck_assert_uint_ne(getgid(), 0);
}
END_TEST

/* A worker must not have the group that may write to the spool. */
START_TEST(drop_spool_group)
{
	const struct passwd *pw = getpwnam("daemon");
	gid_t gid;

	if (geteuid() != 0 || pw == NULL)
		return;
	gid = pw->pw_gid;
	ck_assert_int_eq(setresgid(0, gid, gid), 0);
	process_find_user("daemon");
	process_drop_all();
	ck_assert_uint_ne(getgid(), gid);
	ck_assert_int_eq(setegid(gid), -1);
}
END_TEST

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Not through Check's own descriptors: it talks over them to its parent. */
START_TEST(close_all)
{
	int keep[] = { 70, 50, 51, 50 }, fd;
	pid_t pid = fork();

	if (pid == 0) {
		for (fd = 45; fd < 80; fd++)
			dup2(0, fd);
		process_close_all_but(keep, _i > 0 ? 4 : 0);
		for (fd = 3; fd < 100; fd++) {
			if (is_open(fd) != (_i > 0 &&
			    (fd == 50 || fd == 51 || fd == 70)))
				_exit(1);
		}
		_exit(is_open(0) && is_open(1) && is_open(2) ? 0 : 2);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &fd, 0), pid);
	ck_assert_int_eq(fd, 0);
}
END_TEST

START_TEST(random_bytes)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	process_random(a, sizeof(a));
	process_random(b, sizeof(b));
	ck_assert_mem_ne(a, b, sizeof(a));
	process_random(a, 0);
}
END_TEST

START_TEST(random_below)
{
	unsigned seen[5] = { 0 }, i;

	for (i = 0; i < 1000; i++) {
		seen[process_random_below(5)]++;
		ck_assert_uint_eq(process_random_below(1), 0);
		ck_assert_uint_lt(process_random_below(3000000000U),
		    3000000000U);
	}
	for (i = 0; i < 5; i++)
		ck_assert_uint_gt(seen[i], 100);
}
END_TEST

static TCase *
inherited(void)
{
	TCase *tc = tcase_create("inherited");

	tcase_add_test(tc, descriptors);
	tcase_add_test(tc, signals);
	tcase_add_test(tc, timers_and_limits);
	tcase_add_loop_test(tc, stack, 0, CHECK_ROWS(stacks));
	tcase_add_loop_test(tc, environment, 0, CHECK_ROWS(variables));
	tcase_add_loop_test(tc, close_all, 0, 2);
	return tc;
}

static TCase *
privilege(void)
{
	TCase *tc = tcase_create("privilege");

	tcase_add_test(tc, no_group);
	tcase_add_test(tc, group);
	tcase_add_test(tc, group_in_saved);
	tcase_add_test(tc, drop_all);
	tcase_add_loop_test(tc, drop_to_nobody, 0, CHECK_ROWS(users));
	tcase_add_test(tc, drop_without_looking);
	tcase_add_test(tc, drop_spool_group);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("process");
	TCase *tc = tcase_create("random");

	tcase_add_test(tc, random_bytes);
	tcase_add_test(tc, random_below);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, inherited());
	suite_add_tcase(s, privilege());
	return check_run(s);
}
