/* fileio, against a directory of its own. */
#include "config.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"

static char home[] = "/tmp/check_fileio.XXXXXX";
static int home_fd;

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(home));
	ck_assert_int_eq(chdir(home), 0);
	home_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(home_fd, 0);
}

static void
tear_down(void)
{
	unlink("f");
	unlink("f.new");
	close(home_fd);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(home), 0);
}

static void
make_file(const char *name, const void *data, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, data, n), 0);
	ck_assert_int_eq(close(fd), 0);
}

/* Sizes on both sides of what is read at once. */
static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 200000 };

START_TEST(read_whole)
{
	size_t n = sizes[_i];
	char *data = calloc(n + 1, 1);
	struct buf b = { 0 };
	struct err err;

	ck_assert_ptr_nonnull(data);
	memset(data, 'x', n);
	make_file("f", data, n);
	buf_adds(&b, "+");
	ck_assert_int_eq(file_read("f", n, &b, &err), 0);
	ck_assert_uint_eq(b.len, n + 1);
	ck_assert_str_eq(buf_str(&b) + 1, data);
	buf_release(&b);
	free(data);
}
END_TEST

START_TEST(read_too_large)
{
	struct buf b = { 0 };
	struct err err;

	make_file("f", "12345", 5);
	buf_adds(&b, "+");
	ck_assert_int_eq(file_read("f", 4, &b, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	ck_assert_str_eq(err.text, "f: larger than 4 bytes");
	ck_assert_str_eq(buf_str(&b), "+");
	buf_release(&b);
}
END_TEST

START_TEST(read_absent)
{
	struct buf b = { 0 };
	struct err err;

	ck_assert_int_eq(file_read("absent", 4, &b, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	ck_assert_str_eq(err.text, "open absent: No such file or directory");
	ck_assert_int_eq(file_read(".", 4, &b, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	/* A FIFO without a writer must not keep us waiting. */
	ck_assert_int_eq(mkfifo("f", 0600), 0);
	ck_assert_int_eq(file_read("f", 4, &b, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(read_bad_descriptor)
{
	struct buf b = { 0 };
	struct err err;

	ck_assert_int_eq(file_read_fd(-1, "nothing", 4, &b, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_str_eq(err.status, "4.3.0");
	buf_release(&b);
}
END_TEST

START_TEST(read_pipe)
{
	struct buf b = { 0 };
	struct err err;
	char one;
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write_all(fd[1], "abc", 3), 0);
	close(fd[1]);
	ck_assert_int_eq(read_some(fd[0], &one, 1), 1);
	ck_assert_int_eq(file_read_fd(fd[0], "pipe", 10, &b, &err), 0);
	ck_assert_str_eq(buf_str(&b), "bc");
	close(fd[0]);
	buf_release(&b);
}
END_TEST

START_TEST(read_at)
{
	char got[8];
	int fd;

	make_file("f", "0123456789", 10);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread_all(fd, got, 4, 3), 4);
	ck_assert_mem_eq(got, "3456", 4);
	ck_assert_int_eq(pread_all(fd, got, 8, 7), 3);
	ck_assert_mem_eq(got, "789", 3);
	ck_assert_int_eq(pread_all(fd, got, 8, 100), 0);
	close(fd);
	ck_assert_int_eq(pread_all(fd, got, 8, 0), -1);
}
END_TEST

START_TEST(write_fails)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, "x", 1), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(write_all(fd, "", 0), 0);
	close(fd);
}
END_TEST

static void
expect(const char *want)
{
	struct buf b = { 0 };
	struct err err;

	ck_assert_int_eq(file_read("f", 1000000, &b, &err), 0);
	ck_assert_str_eq(buf_str(&b), want);
	buf_release(&b);
}

START_TEST(replace)
{
	struct err err;
	struct stat st;

	umask(077);
	ck_assert_int_eq(file_replace(home_fd, "f", "one", 3, 0640, &err), 0);
	expect("one");
	ck_assert_int_eq(stat("f", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(file_replace(home_fd, "f", "", 0, 0600, &err), 0);
	expect("");
	ck_assert_int_eq(access("f.new", F_OK), -1);
}
END_TEST

/* A dead process left a longer file and other permissions. */
START_TEST(replace_left_over)
{
	struct err err;
	struct stat st;

	make_file("f.new", "left over", 9);
	ck_assert_int_eq(file_replace(home_fd, "f", "two", 3, 0644, &err), 0);
	expect("two");
	ck_assert_int_eq(stat("f", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0644);
}
END_TEST

/* A link in the place of the file is replaced, not followed. */
START_TEST(replace_link)
{
	struct err err;
	struct stat st;

	make_file("f.new", "safe", 4);
	ck_assert_int_eq(symlink("f.new", "f"), 0);
	ck_assert_int_eq(file_replace(home_fd, "f", "new", 3, 0644, &err), 0);
	ck_assert_int_eq(lstat("f", &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_eq(stat("f.new", &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	expect("new");
}
END_TEST

static void
replace_often(char letter)
{
	char text[5000];
	struct err err;
	int i;

	memset(text, letter, sizeof(text));
	for (i = 0; i < 200; i++) {
		if (file_replace(home_fd, "f", text, sizeof(text), 0600,
		    &err) < 0)
			_exit(1);
	}
	_exit(0);
}

/* Processes that replace the same file never mix what they write. */
START_TEST(replace_together)
{
	struct buf b = { 0 };
	struct err err;
	int i, status;

	for (i = 0; i < 4; i++) {
		if (fork() == 0)
			replace_often((char)('a' + i));
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(file_read("f", 5000, &b, &err), 0);
	ck_assert_uint_eq(b.len, 5000);
	ck_assert_uint_eq(strspn(buf_str(&b), (char[]){ b.data[0], '\0' }),
	    5000);
	buf_release(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fileio");
	TCase *tc = tcase_create("fileio");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, read_whole, 0, CHECK_ROWS(sizes));
	tcase_add_test(tc, read_too_large);
	tcase_add_test(tc, read_absent);
	tcase_add_test(tc, read_bad_descriptor);
	tcase_add_test(tc, read_pipe);
	tcase_add_test(tc, read_at);
	tcase_add_test(tc, write_fails);
	tcase_add_test(tc, replace);
	tcase_add_test(tc, replace_left_over);
	tcase_add_test(tc, replace_link);
	tcase_add_test(tc, replace_together);
	suite_add_tcase(s, tc);
	return check_run(s);
}
