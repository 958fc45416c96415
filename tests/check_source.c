/* source: message files, mailboxes, Maildir folders and what is none. */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "cmd/source.h"

static char folder[32];
static char path[128];

static void
set_up(void)
{
	memcpy(folder, "/tmp/check_source.XXXXXX", 25);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void
tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
}

/* A file in the folder; returns its path. */
static const char *
put(const char *name, const void *data, size_t n)
{
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, data, n), 0);
	close(fd);
	return path;
}

static const char *
put_text(const char *name, const char *text)
{
	return put(name, text, strlen(text));
}

/* The rest of the message at hand. */
static void
read_message(struct source *s, struct buf *out)
{
	static char piece[SOURCE_READ];
	struct err err = { 0 };
	ssize_t n;

	while ((n = source_read(s, piece, &err)) > 0)
		buf_add(out, piece, (size_t)n);
	ck_assert_msg(n == 0, "%s", err.text);
	/* its end stays its end */
	ck_assert_int_eq(source_read(s, piece, &err), 0);
}

/* All messages of a file, with '|' between. */
static void
read_all(const char *file, struct buf *out)
{
	struct source s;
	struct err err = { 0 };
	int rc, n = 0;

	ck_assert_msg(source_open(&s, file, &err) == 0, "%s", err.text);
	while ((rc = source_next(&s, &err)) > 0) {
		if (n++ > 0)
			buf_addc(out, '|');
		read_message(&s, out);
	}
	ck_assert_msg(rc == 0, "%s", err.text);
	ck_assert_int_eq(source_next(&s, &err), 0);
	source_close(&s);
}

static const struct {
	const char *name, *text, *want;
} files[] = {
	{ "message", "Subject: x\n\nhello\n", "Subject: x\n\nhello\n" },
	{ "short", "a", "a" },
	{ "From in a message", "Subject: x\n\nFrom here\n",
	    "Subject: x\n\nFrom here\n" },
	{ "From: is no separator", "From: a@b\n\nFrom b\n",
	    "From: a@b\n\nFrom b\n" },
	{ "one in a mailbox", "From a\nX: 1\n\nb\n", "From a\nX: 1\n\nb\n" },
	{ "two", "From a\nX: 1\n\nb\n\nFrom c\nX: 2\n\nd\n",
	    "From a\nX: 1\n\nb\n|From c\nX: 2\n\nd\n" },
	{ "two, CRLF", "From a\r\nX: 1\r\n\r\nb\r\n\r\nFrom c\r\n\r\nd\r\n",
	    "From a\r\nX: 1\r\n\r\nb\r\n|From c\r\n\r\nd\r\n" },
	{ "no empty line before", "From a\n\nb\nFrom c\n", "From a\n\nb\n"
	    "From c\n" },
	{ "quoted", "From a\n\n>From b\n\n>From c\n",
	    "From a\n\n>From b\n\n>From c\n" },
	{ "two empty lines", "From a\n\nb\n\n\nFrom c\n",
	    "From a\n\nb\n\n|From c\n" },
	{ "nothing but the line", "From a\n\nFrom b\n", "From a\n|From b\n" },
	{ "cut at its end", "From a\n\nb\n\nFrom", "From a\n\nb\n\nFrom" },
	{ "a separator at the end", "From a\n\nb\n\nFrom ",
	    "From a\n\nb\n|From " },
	{ "lone CR is no empty line", "From a\n\nb\n\rFrom c\n",
	    "From a\n\nb\n\rFrom c\n" },
	{ "without final newline", "From a\n\nb\n\nFrom c\n\nd",
	    "From a\n\nb\n|From c\n\nd" },
};

START_TEST(split)
{
	struct buf got = { 0 };

	read_all(put_text("file", files[_i].text), &got);
	ck_assert_msg(strcmp(buf_str(&got), files[_i].want) == 0,
	    "%s: got \"%s\"", files[_i].name, buf_str(&got));
	buf_release(&got);
}
END_TEST

/*
 * A separator at every place around the end of what is read at once: neither
 * missed nor seen twice, whichever of its bytes comes first in a piece.
 */
static void
at_boundary(const char *separator, size_t at)
{
	struct buf text = { 0 }, want = { 0 }, got = { 0 };

	buf_adds(&text, "From a\n\n");
	while (text.len < at)
		buf_addc(&text, text.len % 61 == 0 ? '\n' : 'x');
	buf_add(&want, text.data, text.len);
	buf_adds(&text, separator);
	/* the line end belongs to the first, the empty line to nobody */
	buf_adds(&want, separator[0] == '\r' ? "\r\n" : "\n");
	buf_adds(&text, "From b\n\nend\n");
	buf_adds(&want, "|From b\n\nend\n");
	read_all(put("mbox", text.data, text.len), &got);
	ck_assert_msg(got.len == want.len &&
	    memcmp(got.data, want.data, got.len) == 0,
	    "separator at %zu: %zu octets, not %zu", at, got.len, want.len);
	buf_release(&text);
	buf_release(&want);
	buf_release(&got);
}

START_TEST(boundary)
{
	for (size_t at = SOURCE_READ - 12; at <= SOURCE_READ + 4; at++) {
		at_boundary("\n\n", at);
		at_boundary("\r\n\r\n", at);
		at_boundary("\n\r\n", at);
		at_boundary("\n\n", at + SOURCE_READ);
	}
}
END_TEST

/* Something like a separator there, that is none. */
START_TEST(boundary_of_none)
{
	struct buf text = { 0 }, got = { 0 };

	for (size_t at = SOURCE_READ - 12; at <= SOURCE_READ + 4; at++) {
		buf_clear(&text);
		buf_clear(&got);
		buf_adds(&text, "From a\n\n");
		while (text.len < at)
			buf_addc(&text, 'x');
		buf_adds(&text, "\n\nFromage\n\r\r\nFrom\n\n\n");
		read_all(put("mbox", text.data, text.len), &got);
		ck_assert_uint_eq(got.len, text.len);
		ck_assert(memcmp(got.data, text.data, got.len) == 0);
	}
	buf_release(&text);
	buf_release(&got);
}
END_TEST

/* A message that is not read to its end does not spoil the next one. */
START_TEST(passed_over)
{
	struct source s;
	struct buf got = { 0 };
	struct err err;

	ck_assert_int_eq(source_open(&s, put_text("m",
	    "From a\n\nb\n\nFrom c\n\nd\n\nFrom e\n\nf\n"), &err), 0);
	ck_assert_int_eq(source_next(&s, &err), 1);
	ck_assert_ptr_nonnull(strstr(s.name, "m message 1"));
	ck_assert_int_eq(source_next(&s, &err), 1);
	ck_assert_ptr_nonnull(strstr(s.name, "m message 2"));
	read_message(&s, &got);
	ck_assert_str_eq(buf_str(&got), "From c\n\nd\n");
	ck_assert_int_eq(source_next(&s, &err), 1);
	ck_assert_int_eq(source_next(&s, &err), 0);
	buf_release(&got);
	source_close(&s);
}
END_TEST

static void
make_maildir(void)
{
	ck_assert_int_eq(mkdir("m", 0700), 0);
	ck_assert_int_eq(mkdir("m/new", 0700), 0);
	ck_assert_int_eq(mkdir("m/cur", 0700), 0);
	ck_assert_int_eq(mkdir("m/tmp", 0700), 0);
}

START_TEST(maildir)
{
	struct buf got = { 0 };

	make_maildir();
	put_text("m/new/2", "two");
	put_text("m/new/1", "From a\n\nb\n\nFrom c\n");
	put_text("m/cur/3:2,S", "three");
	put_text("m/new/.hidden", "no");
	put_text("m/tmp/4", "no");
	snprintf(path, sizeof(path), "%s/m", folder);
	read_all(path, &got);
	/* cur before new by the names of the folders; no mailbox in them */
	ck_assert_str_eq(buf_str(&got),
	    "three|From a\n\nb\n\nFrom c\n|two");
	buf_release(&got);
}
END_TEST

START_TEST(maildir_empty)
{
	struct buf got = { 0 };

	make_maildir();
	read_all("m", &got);
	ck_assert_uint_eq(got.len, 0);
	buf_release(&got);
}
END_TEST

/* One file that cannot be opened costs only itself. */
START_TEST(maildir_with_fifo)
{
	struct source s;
	struct buf got = { 0 };
	struct err err = { 0 };

	make_maildir();
	put_text("m/new/1", "one");
	ck_assert_int_eq(mkfifo("m/new/2", 0600), 0);
	put_text("m/new/3", "three");
	ck_assert_int_eq(source_open(&s, "m", &err), 0);
	ck_assert_int_eq(source_next(&s, &err), 1);
	ck_assert_int_eq(source_next(&s, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	ck_assert_ptr_nonnull(strstr(err.text, "m/new/2"));
	ck_assert_int_eq(source_next(&s, &err), 1);
	read_message(&s, &got);
	ck_assert_str_eq(buf_str(&got), "three");
	ck_assert_int_eq(source_next(&s, &err), 0);
	buf_release(&got);
	source_close(&s);
}
END_TEST

static const struct {
	const char *name, *argument;
} none[] = {
	{ "missing", "no-such-file" },
	{ "empty name", "" },
	{ "FIFO", "fifo" },
	{ "device", "/dev/zero" },
	{ "directory", "empty" },
	{ "half a Maildir", "half" },
	{ "link to nowhere", "dangling" },
};

START_TEST(refused)
{
	struct source s;
	struct err err = { 0 };

	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("empty", 0700), 0);
	ck_assert_int_eq(mkdir("half", 0700), 0);
	ck_assert_int_eq(mkdir("half/new", 0700), 0);
	ck_assert_int_eq(symlink("no-such-file", "dangling"), 0);
	ck_assert_msg(source_open(&s, none[_i].argument, &err) == -1,
	    "%s: opened", none[_i].name);
	ck_assert_int_eq(err.kind, ERR_NOINPUT);
	ck_assert_ptr_nonnull(strstr(err.text, none[_i].argument));
	source_close(&s);
}
END_TEST

START_TEST(link_to_file)
{
	struct buf got = { 0 };

	put_text("m", "text");
	ck_assert_int_eq(symlink("m", "link"), 0);
	read_all("link", &got);
	ck_assert_str_eq(buf_str(&got), "text");
	buf_release(&got);
}
END_TEST

/* "-" is one message whatever it begins with, and may be a pipe. */
START_TEST(standard_input)
{
	struct buf got = { 0 };
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write_all(fds[1], "From a\n\nb\n\nFrom c\n", 18), 0);
	close(fds[1]);
	ck_assert_int_eq(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close(fds[0]);
	read_all("-", &got);
	ck_assert_str_eq(buf_str(&got), "From a\n\nb\n\nFrom c\n");
	buf_release(&got);
}
END_TEST

START_TEST(interrupted)
{
	static char piece[SOURCE_READ];
	volatile sig_atomic_t stop = 0;
	struct source s;
	struct err err = { 0 };

	ck_assert_int_eq(source_open(&s, put_text("m", "text"), &err), 0);
	s.stop = &stop;
	ck_assert_int_eq(source_next(&s, &err), 1);
	/* what was looked at in opening is here; then it stops */
	ck_assert_int_eq(source_read(&s, piece, &err), 4);
	stop = 1;
	ck_assert_int_eq(source_read(&s, piece, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	source_close(&s);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("source");
	TCase *tc = tcase_create("source");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, split, 0, CHECK_ROWS(files));
	tcase_add_test(tc, boundary);
	tcase_add_test(tc, boundary_of_none);
	tcase_add_test(tc, passed_over);
	tcase_add_test(tc, maildir);
	tcase_add_test(tc, maildir_empty);
	tcase_add_test(tc, maildir_with_fifo);
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(none));
	tcase_add_test(tc, link_to_file);
	tcase_add_test(tc, standard_input);
	tcase_add_test(tc, interrupted);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
