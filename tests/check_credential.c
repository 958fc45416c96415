#include "config.h"

#include "deliver/credential.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/netrc.h"
#include "deliver/secretfile.h"

#include "check.h"

static char dir[64], path[128];
static int dir_fd;

static void
setup(void)
{
	umask(077);
	(void)!snprintf(dir, sizeof(dir), "/tmp/check_credential.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)!snprintf(path, sizeof(path), "%s/secret", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
}

static void
teardown(void)
{
	close(dir_fd);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
write_file(const void *text, size_t n, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, text, n), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* An account for ann at smtp.example.org; the rest is the test's to fill. */
static void
set_up(struct account *a)
{
	*a = (struct account){ .nendpoint = 1 };
	a->name = xstrdup("");
	a->endpoints[0].host = xstrdup("smtp.example.org");
	a->endpoints[0].user = xstrdup("ann");
}

static void
tear_down(struct account *a)
{
	free(a->name);
	free(a->endpoints[0].host);
	free(a->endpoints[0].user);
}

/* Read until the child has answered, as the dispatcher does. */
static void
await(struct credential *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	while (c->state == CREDENTIAL_ASKED) {
		poll(&p, 1, clock_left_ms(c->deadline));
		credential_read(c);
	}
}

/* Ask, wait, and expect this secret. */
static void
expect_secret(const struct account *a, const char *want)
{
	struct credential c = { 0 };

	credential_start(&c, a, dir_fd, false);
	await(&c);
	ck_assert_msg(c.state == CREDENTIAL_READY, "%s", c.err.text);
	ck_assert_str_eq(c.secret.text, want);
	ck_assert_uint_eq(c.secret.len, strlen(want));
	credential_release(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_UNKNOWN);
	ck_assert_ptr_null(c.secret.text);
}

/* Or that it fails, and why; PATH stands for the file's. */
static void
expect_failure(const struct account *a, const char *want)
{
	struct credential c = { 0 };
	const char *at = strstr(want, "PATH");
	struct buf text = { 0 };

	for (; at != NULL; want = at + 4, at = strstr(want, "PATH")) {
		buf_add(&text, want, (size_t)(at - want));
		buf_adds(&text, path);
	}
	buf_adds(&text, want);
	credential_start(&c, a, dir_fd, false);
	await(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_FAILED);
	ck_assert_str_eq(c.err.text, buf_str(&text));
	ck_assert_str_eq(c.err.status, "4.7.0");
	ck_assert_int_eq(c.err.kind, ERR_TEMP);
	ck_assert_ptr_null(c.secret.text);
	credential_release(&c);
	buf_release(&text);
}

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *text;
	size_t n;
	mode_t mode;
	const char *want;
} files[] = {
	{ TEXT("blue sky\n"), 0600, "blue sky" },
	{ TEXT("blue sky"), 0600, "blue sky" },
	{ TEXT("blue sky\r\n"), 0600, "blue sky" },
	{ TEXT(" x \nsecond\n"), 0640, " x " },
	{ TEXT("p\xc3\xa9\n"), 0400, "p\xc3\xa9" },
	/* behind the first line nothing is looked at */
	{ TEXT("x\n\0\1"), 0440, "x" },
};

START_TEST(password_file)
{
	struct account a;

	set_up(&a);
	a.password_file = path;
	write_file(files[_i].text, files[_i].n, files[_i].mode);
	expect_secret(&a, files[_i].want);
	tear_down(&a);
}
END_TEST

static const struct {
	const char *text;
	size_t n;
	mode_t mode;
	const char *want;
} bad_files[] = {
	{ TEXT(""), 0600, "password-file PATH: the first line: nothing in it" },
	{ TEXT("\nx\n"), 0600,
	    "password-file PATH: the first line: nothing in it" },
	{ TEXT("\r\n"), 0600,
	    "password-file PATH: the first line: nothing in it" },
	{ TEXT("a\0b\n"), 0600,
	    "password-file PATH: the first line: control characters in it" },
	{ TEXT("a\tb\n"), 0600,
	    "password-file PATH: the first line: control characters in it" },
	{ TEXT("a\x7f\n"), 0600,
	    "password-file PATH: the first line: control characters in it" },
	{ TEXT("a\rb\n"), 0600,
	    "password-file PATH: the first line: control characters in it" },
	{ TEXT("x\n"), 0644,
	    "password-file PATH: open to all users: chmod 640 PATH" },
	{ TEXT("x\n"), 0601,
	    "password-file PATH: open to all users: chmod 640 PATH" },
	{ TEXT("x\n"), 0602,
	    "password-file PATH: open to all users: chmod 640 PATH" },
	{ TEXT("x\n"), 0660,
	    "password-file PATH: its group may change it: chmod 640 PATH" },
};

START_TEST(bad_password_file)
{
	struct account a;
	struct err err;

	set_up(&a);
	a.password_file = path;
	write_file(bad_files[_i].text, bad_files[_i].n, bad_files[_i].mode);
	expect_failure(&a, bad_files[_i].want);
	ck_assert_int_eq(credential_check(&a, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_str_eq(err.status, "5.3.0");
	tear_down(&a);
}
END_TEST

/* Not a file, not there, too long. */
START_TEST(no_password_file)
{
	static char text[SECRETFILE_MAX + 1];
	struct account a;

	set_up(&a);
	a.password_file = path;
	expect_failure(&a, "password-file PATH: No such file or directory");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_failure(&a, "password-file PATH: not a file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_failure(&a, "password-file PATH: not a file");
	rmdir(path);
	memset(text, 'x', sizeof(text));
	write_file(text, SECRET_MAX + 1, 0600);
	expect_failure(&a, "password-file PATH: the first line: longer than "
	    "16384 octets");
	write_file(text, sizeof(text), 0600);
	expect_failure(&a, "password-file PATH: larger than 65536 octets");
	text[SECRET_MAX] = '\0';
	write_file(text, SECRET_MAX, 0600);
	expect_secret(&a, text);
	tear_down(&a);
}
END_TEST

START_TEST(link_to_password_file)
{
	struct account a;
	char name[160];

	set_up(&a);
	(void)!snprintf(name, sizeof(name), "%s.link", path);
	a.password_file = name;
	write_file("x\n", 2, 0600);
	ck_assert_int_eq(symlink(path, name), 0);
	expect_secret(&a, "x");
	/* it is the file's mode that counts */
	ck_assert_int_eq(chmod(path, 0604), 0);
	a.password_file = name;
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), -1);
	unlink(name);
	tear_down(&a);
}
END_TEST

static const struct {
	const char *text, *want;	/* NULL: none */
} netrcs[] = {
	{ "machine smtp.example.org login ann password blue", "blue" },
	{ "machine SMTP.Example.ORG login ann password blue", "blue" },
	{ "machine smtp.example.org\n\tlogin ann\n\tpassword blue\n", "blue" },
	{ "machine smtp.example.org password blue login ann", "blue" },
	{ "machine smtp.example.org password blue", "blue" },
	{ "machine smtp.example.org login bob password red\n"
	    "machine smtp.example.org login ann password blue", "blue" },
	{ "machine smtp.example.org login bob password red", NULL },
	{ "machine smtp.example.org login Ann password red", NULL },
	{ "machine a.example.org login ann password red", NULL },
	{ "machine example.org login ann password red", NULL },
	{ "machine smtp.example.org login ann", NULL },
	{ "machine smtp.example.org login ann\nmachine x password red", NULL },
	{ "default login ann password blue", "blue" },
	{ "default password blue", "blue" },
	{ "machine x password red default password blue", "blue" },
	{ "default login bob password red", NULL },
	{ "machine smtp.example.org login ann password blue "
	    "default password red", "blue" },
	{ "password red", NULL },
	{ "login ann password red machine smtp.example.org", NULL },
	{ "", NULL },
	{ " \r\n\t", NULL },
	{ "# machine smtp.example.org password red\n"
	    "machine smtp.example.org #x\n password blue", "blue" },
	{ "machine smtp.example.org password #blue", "#blue" },
	{ "machine smtp.example.org password blue#sky", "blue#sky" },
	{ "machine smtp.example.org password \"blue sky\"", "blue sky" },
	{ "machine \"smtp.example.org\" login \"ann\" password \"blue\"",
	    "blue" },
	{ "machine smtp.example.org password \"\\\"a\\\\b\\\"\"", "\"a\\b\"" },
	{ "machine smtp.example.org password a\"b", "a\"b" },
	{ "machine smtp.example.org password a\\b", "a\\b" },
	{ "machine smtp.example.org account x password blue", "blue" },
	{ "machine smtp.example.org account password password blue", "blue" },
	{ "machine smtp.example.org login password password blue "
	    "machine smtp.example.org login ann password green", "green" },
	{ "machine smtp.example.org port password blue", "blue" },
	{ "macdef init\nmachine smtp.example.org password red\n\n"
	    "machine smtp.example.org password blue", "blue" },
	{ "machine smtp.example.org login ann macdef init\npassword red\n\n"
	    "password blue", "blue" },
	{ "macdef init\nmachine smtp.example.org password red\n", NULL },
	{ "macdef", NULL },
	{ "machine smtp.example.org password a password b", "b" },
};

START_TEST(netrc_text)
{
	const char *text = netrcs[_i].text;
	struct buf got = { 0 };
	struct err err = { 0 };
	int rc = netrc_find(text, strlen(text), "smtp.example.org", "ann",
	    &got, &err);

	ck_assert_msg(rc == (netrcs[_i].want != NULL), "%s: %d", text, rc);
	if (rc == 1)
		ck_assert_str_eq(buf_str(&got), netrcs[_i].want);
	buf_release(&got);
}
END_TEST

static const struct {
	const char *text;
	size_t n;
	const char *want;
} bad_netrcs[] = {
	{ TEXT("machine"), "netrc PATH: machine with nothing behind it" },
	{ TEXT("machine h login"), "netrc PATH: login with nothing behind it" },
	{ TEXT("machine h password\n"),
	    "netrc PATH: password with nothing behind it" },
	{ TEXT("machine h account"),
	    "netrc PATH: account with nothing behind it" },
	{ TEXT("machine h password \"x"), "netrc PATH: quotes do not end" },
	{ TEXT("machine h password \"x\\"), "netrc PATH: quotes do not end" },
	{ TEXT("machine h password \"x\\\""), "netrc PATH: quotes do not end" },
	{ TEXT("machine h\0"), "netrc PATH: holds a NUL" },
	{ TEXT("machine h login ann password x"), "netrc PATH: no password "
	    "for machine smtp.example.org login ann" },
	{ TEXT("default password \"\""), "netrc PATH: nothing in it" },
	{ TEXT("default password \"a\\nb\""),
	    "netrc PATH: control characters in it" },
};

START_TEST(bad_netrc)
{
	struct account a;

	set_up(&a);
	a.netrc = path;
	write_file(bad_netrcs[_i].text, bad_netrcs[_i].n, 0600);
	expect_failure(&a, bad_netrcs[_i].want);
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), -1);
	tear_down(&a);
}
END_TEST

START_TEST(netrc)
{
	static const char text[] = "machine smtp.example.org login ann "
	    "password blue\n";
	struct account a;

	set_up(&a);
	a.netrc = path;
	write_file(text, sizeof(text) - 1, 0600);
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), 0);
	expect_secret(&a, "blue");
	ck_assert_int_eq(chmod(path, 0644), 0);
	expect_failure(&a,
	    "netrc PATH: open to all users: chmod 640 PATH");
	tear_down(&a);
}
END_TEST

static const struct {
	const char *command, *want, *why;	/* one of the two */
} commands[] = {
	{ "echo blue", "blue", NULL },
	{ "printf blue", "blue", NULL },
	{ "printf 'blue\\r\\nmore\\n'", "blue", NULL },
	{ "printf %016384d 0 | tr 0 x", NULL, NULL },
	{ "true", NULL, "password-command: the first line: nothing in it" },
	{ "echo; echo blue", NULL,
	    "password-command: the first line: nothing in it" },
	{ "printf 'a\\tb'", NULL, "password-command: the first line: control "
	    "characters in it" },
	{ "printf 'a\\0b'", NULL, "password-command: the first line: control "
	    "characters in it" },
	{ "printf %016385d 0", NULL, "password-command: the first line: "
	    "longer than 16384 octets" },
	{ "yes", NULL, "password-command: it prints too much" },
	{ "echo blue; echo locked >&2; exit 2", NULL,
	    "password-command: exit status 2: locked" },
};

START_TEST(password_command)
{
	char command[80], longest[SECRET_MAX + 1] = "";
	struct account a;

	set_up(&a);
	str_copy(command, sizeof(command), commands[_i].command);
	a.password_command = command;
	memset(longest, 'x', SECRET_MAX);
	if (commands[_i].why != NULL)
		expect_failure(&a, commands[_i].why);
	else
		expect_secret(&a, commands[_i].want != NULL ?
		    commands[_i].want : longest);
	tear_down(&a);
}
END_TEST

START_TEST(token_command)
{
	struct credential c = { 0 };
	char command[] = "echo ya29.x";
	struct account a;

	set_up(&a);
	a.token_command = command;
	credential_start(&c, &a, dir_fd, false);
	ck_assert_int_eq(c.state, CREDENTIAL_ASKED);
	ck_assert(c.is_token);
	await(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_READY);
	ck_assert(c.is_token);
	ck_assert_str_eq(c.secret.text, "ya29.x");
	/* again, over what was there */
	credential_start(&c, &a, dir_fd, false);
	ck_assert_ptr_null(c.secret.text);
	await(&c);
	ck_assert_str_eq(c.secret.text, "ya29.x");
	credential_release(&c);
	tear_down(&a);
}
END_TEST

/* The dispatcher does not wait for it. */
START_TEST(goes_on_meanwhile)
{
	struct credential c = { 0 };
	char command[] = "sleep 0.5; echo blue";
	int64_t start = clock_ms();
	struct account a;

	set_up(&a);
	a.password_command = command;
	credential_start(&c, &a, dir_fd, false);
	for (int i = 0; i < 20; i++)
		credential_read(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_ASKED);
	ck_assert_int_lt(clock_ms() - start, 400);
	await(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_READY);
	ck_assert(!c.is_token);
	credential_release(&c);
	tear_down(&a);
}
END_TEST

START_TEST(past_the_deadline)
{
	struct credential c = { 0 };
	char command[] = "sleep 30";
	struct account a;
	pid_t pid;

	set_up(&a);
	a.password_command = command;
	credential_start(&c, &a, dir_fd, false);
	ck_assert_int_eq(c.state, CREDENTIAL_ASKED);
	ck_assert_int_ge(c.deadline - clock_ms(), 60000);
	pid = c.pid;
	c.deadline = clock_ms() - 1;
	credential_read(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_FAILED);
	ck_assert_str_eq(c.err.text,
	    "the process that asks for the password takes too long");
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	credential_release(&c);
	tear_down(&a);
}
END_TEST

START_TEST(child_is_killed)
{
	struct credential c = { 0 };
	char command[] = "sleep 30";
	struct account a;

	set_up(&a);
	a.password_command = command;
	credential_start(&c, &a, dir_fd, false);
	kill(c.pid, SIGKILL);
	await(&c);
	ck_assert_int_eq(c.state, CREDENTIAL_FAILED);
	ck_assert_str_eq(c.err.text,
	    "the process that asks for the password has ended");
	credential_release(&c);
	/* released while it runs: nothing is left */
	credential_start(&c, &a, dir_fd, false);
	credential_release(&c);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	tear_down(&a);
}
END_TEST

/* Locks of the dispatcher and its descriptors do not live on there. */
START_TEST(no_descriptors)
{
	char command[] = "sleep 30";
	struct credential c = { 0 };
	struct account a;
	char text[8];
	int fds[2];

	set_up(&a);
	a.password_command = command;
	ck_assert_int_eq(pipe(fds), 0);
	credential_start(&c, &a, dir_fd, false);
	close(fds[1]);
	/* at its end: nobody else holds the other end */
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = fds[0],
	    .events = POLLIN }, 1, 5000), 1);
	ck_assert_int_eq(read(fds[0], text, sizeof(text)), 0);
	ck_assert_int_eq(c.state, CREDENTIAL_ASKED);
	close(fds[0]);
	credential_release(&c);
	tear_down(&a);
}
END_TEST

START_TEST(no_password)
{
	struct credential c = { 0 };
	char gssapi[] = "gssapi";
	struct account a;

	set_up(&a);
	expect_failure(&a, "no password is set for ann: password-file, "
	    "password-command, netrc, token-command or oauth-token-url");
	a.auth = gssapi;
	credential_start(&c, &a, dir_fd, false);
	ck_assert_int_eq(c.state, CREDENTIAL_READY);
	ck_assert_ptr_null(c.secret.text);
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), 0);
	credential_release(&c);
	a.auth = NULL;
	free(a.endpoints[0].user);
	a.endpoints[0].user = NULL;
	credential_start(&c, &a, dir_fd, false);
	ck_assert_int_eq(c.state, CREDENTIAL_READY);
	credential_release(&c);
	tear_down(&a);
}
END_TEST

/* Nothing is run to check, or to describe. */
START_TEST(check_and_describe)
{
	struct credential none = { 0 };
	struct buf out = { 0 };
	char command[160];
	struct account a;
	struct stat st;

	set_up(&a);
	credential_describe(&a, &out);
	ck_assert_str_eq(buf_str(&out), "no password");
	(void)!snprintf(command, sizeof(command), "echo x >%s", path);
	a.token_command = command;
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), 0);
	ck_assert(credential_refused(&none, &a, dir_fd));
	buf_clear(&out);
	credential_describe(&a, &out);
	ck_assert_str_eq(buf_str(&out), "token by token-command");
	a.token_command = NULL;
	a.password_command = command;
	ck_assert_int_eq(credential_check(&a, &(struct err){ 0 }), 0);
	ck_assert(!credential_refused(&none, &a, dir_fd));
	buf_clear(&out);
	credential_describe(&a, &out);
	ck_assert_str_eq(buf_str(&out), "password by password-command");
	a.password_command = NULL;
	a.password_file = path;
	ck_assert(!credential_refused(&none, &a, dir_fd));
	buf_clear(&out);
	credential_describe(&a, &out);
	ck_assert(str_starts(buf_str(&out), "password from /tmp/"));
	ck_assert_int_eq(stat(path, &st), -1);
	buf_release(&out);
	tear_down(&a);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("credential");
	TCase *tc = tcase_create("credential");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, password_file, 0, CHECK_ROWS(files));
	tcase_add_loop_test(tc, bad_password_file, 0, CHECK_ROWS(bad_files));
	tcase_add_test(tc, no_password_file);
	tcase_add_test(tc, link_to_password_file);
	tcase_add_loop_test(tc, netrc_text, 0, CHECK_ROWS(netrcs));
	tcase_add_loop_test(tc, bad_netrc, 0, CHECK_ROWS(bad_netrcs));
	tcase_add_test(tc, netrc);
	tcase_add_loop_test(tc, password_command, 0, CHECK_ROWS(commands));
	tcase_add_test(tc, token_command);
	tcase_add_test(tc, goes_on_meanwhile);
	tcase_add_test(tc, past_the_deadline);
	tcase_add_test(tc, child_is_killed);
	tcase_add_test(tc, no_descriptors);
	tcase_add_test(tc, no_password);
	tcase_add_test(tc, check_and_describe);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
