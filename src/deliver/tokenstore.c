#include "config.h"

#include "deliver/tokenstore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "deliver/secretfile.h"

#define HEADLINE "postrider-token 1"

/* A file of ours: two tokens, each octet of them escaped, and settings. */
#define FILE_MAX ((size_t)8 * SECRET_MAX)

/* How often to look whether a lock is free. */
#define LOOK_MS 25

static int
fail(struct err *err, const char *what)
{
	return err_set(err, ERR_TEMP, NULL, "tokens in the spool: %s: %s",
	    what, strerror(errno));
}

/* In one step: whoever dies between two would lock the others out. Group and
 * set-group-id come from the spool's directory. */
static int
make_directory(int spool_fd, mode_t mode)
{
	mode_t old = umask(0);
	int rc = mkdirat(spool_fd, "tokens", mode), e = errno;

	umask(old);
	errno = e;
	return rc < 0 && errno != EEXIST ? -1 : 0;
}

static int
open_directory(int spool_fd, mode_t mode)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(spool_fd, "tokens", flags);

	if (fd < 0 && errno == ENOENT && mode != 0 &&
	    make_directory(spool_fd, mode) == 0)
		fd = openat(spool_fd, "tokens", flags);
	return fd;
}

int
tokenstore_open(struct tokenstore *s, const struct account *a,
    const char *user, int spool_fd, mode_t mode, struct err *err)
{
	struct stat st;

	*s = (struct tokenstore){ .account = a, .user = user, .dirfd = -1,
	    .lock = -1, .draft = -1 };
	s->dirfd = open_directory(spool_fd, mode);
	if (s->dirfd < 0 || fstat(s->dirfd, &st) < 0)
		return fail(err, "open");
	if ((st.st_mode & S_IRWXO) != 0)
		return err_set(err, ERR_TEMP, NULL,
		    "tokens in the spool: open to all users: chmod o= it");
	s->shared = (st.st_mode & S_IWGRP) != 0;
	return 0;
}

/*
 * The name of a file: prefix, the account's name without what directories or
 * we take for something special, suffix.
 */
static const char *
file_name(const struct tokenstore *s, struct buf *out, const char *prefix,
    const char *suffix)
{
	const char *p = s->account->name;
	bool plain;

	buf_adds(out, prefix);
	if (*p == '\0')
		buf_adds(out, "default");
	for (const char *c = p; *c != '\0'; c++) {
		plain = (unsigned char)*c > ' ' && *c != '/' && *c != '%' &&
		    *c != 0x7f && (*c != '.' || c > p) &&
		    (c > p || strcmp(p, "default") != 0);
		if (plain)
			buf_addc(out, *c);
		else
			buf_printf(out, "%%%02x", (unsigned char)*c);
	}
	buf_adds(out, suffix);
	return buf_str(out);
}

/* Take the draft away, if one is there: ours, or of somebody who died. */
static void
remove_draft(struct tokenstore *s)
{
	struct buf name = { 0 };

	(void)unlinkat(s->dirfd, file_name(s, &name, ".", ".new"), 0);
	buf_release(&name);
	if (s->draft >= 0)
		close(s->draft);
	s->draft = -1;
}

void
tokenstore_close(struct tokenstore *s)
{
	if (s->draft >= 0)
		remove_draft(s);
	if (s->lock >= 0)
		close(s->lock);
	if (s->dirfd >= 0)
		close(s->dirfd);
	s->dirfd = s->lock = -1;
}

/* A file that the others of the group may open as well. */
static int
create(const struct tokenstore *s, const char *name, int flags)
{
	mode_t old = umask(0);
	int fd = openat(s->dirfd, name, flags | O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC | O_NONBLOCK | O_NOCTTY, s->shared ? 0660 : 0600);
	int e = errno;

	umask(old);
	errno = e;
	return fd;
}

int
tokenstore_lock(struct tokenstore *s, int64_t deadline, struct err *err)
{
	struct buf name = { 0 };

	s->lock = create(s, file_name(s, &name, ".", ".lock"), 0);
	buf_release(&name);
	if (s->lock < 0)
		return fail(err, "open the lock");
	while (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(err, "flock");
		if (clock_left_ms(deadline) == 0)
			return err_set(err, ERR_TEMP, "4.7.0",
			    "another process is still asking for the token");
		(void)poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

int
tokenstore_reserve(struct tokenstore *s, struct err *err)
{
	struct buf name = { 0 };

	remove_draft(s);
	s->draft = create(s, file_name(s, &name, ".", ".new"), O_EXCL);
	buf_release(&name);
	if (s->draft < 0)
		return fail(err, "create");
	errno = posix_fallocate(s->draft, 0, FILE_MAX);
	return errno != 0 ? fail(err, "make room") : 0;
}

/* " FIELD", a blank before each. */
static void
add_field(struct buf *out, const char *value)
{
	buf_addc(out, ' ');
	str_escape(out, value != NULL ? value : "");
}

/* "for ...": what the tokens are good for. */
static void
add_purpose(const struct tokenstore *s, struct buf *out)
{
	buf_adds(out, "for");
	add_field(out, s->account->oauth_token_url);
	add_field(out, s->account->oauth_client_id);
	add_field(out, s->account->oauth_scope);
	add_field(out, s->user);
}

static void
write_text(const struct tokenstore *s, const struct tokens *t,
    struct buf *out)
{
	buf_adds(out, HEADLINE "\n");
	add_purpose(s, out);
	buf_addc(out, '\n');
	if (t->access.len > 0) {
		buf_adds(out, "access");
		add_field(out, t->access.text);
		buf_printf(out, " %" PRId64 " %" PRId64 "\n", t->got,
		    t->expires);
	}
	if (t->refresh.len > 0) {
		buf_adds(out, "refresh");
		add_field(out, t->refresh.text);
		buf_printf(out, " %016" PRIx64 "\n", t->replaces);
	}
	buf_adds(out, "end\n");
}

static int
put_in_place(struct tokenstore *s, const struct buf *text)
{
	struct buf from = { 0 }, to = { 0 };
	int rc = -1;

	file_name(s, &from, ".", ".new");
	file_name(s, &to, "", "");
	if (write_all(s->draft, text->data, text->len) == 0 &&
	    ftruncate(s->draft, (off_t)text->len) == 0 &&
	    fsync(s->draft) == 0 &&
	    renameat(s->dirfd, buf_str(&from), s->dirfd, buf_str(&to)) == 0) {
		close(s->draft);
		s->draft = -1;
		rc = fsync(s->dirfd);
	}
	buf_release(&from);
	buf_release(&to);
	return rc;
}

int
tokenstore_write(struct tokenstore *s, const struct tokens *t,
    struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	buf_reserve(&text, FILE_MAX + 1);
	write_text(s, t, &text);
	if (s->draft < 0)
		rc = tokenstore_reserve(s, err);
	if (rc == 0 && put_in_place(s, &text) < 0)
		rc = fail(err, "write");
	secretfile_wipe(&text);
	return rc;
}

/* Cut the field in front of the next blank off *line, unescaped into out.
 * Returns whether there is one. */
static bool
next_field(char **line, struct buf *out)
{
	char *from = *line, *end;

	buf_clear(out);
	if (from == NULL)
		return false;
	end = strchr(from, ' ');
	*line = end != NULL ? end + 1 : NULL;
	return str_unescape(out, from, end != NULL ? (size_t)(end - from) :
	    strlen(from)) == 0;
}

static bool
next_number(char **line, int base, uint64_t *n)
{
	char *from = *line, *end;

	if (from == NULL || *from < '0' || *from > 'f')
		return false;
	errno = 0;
	*n = strtoull(from, &end, base);
	*line = *end == ' ' ? end + 1 : NULL;
	return errno == 0 && (*end == ' ' || *end == '\0');
}

static bool
next_secret(char **line, struct buf *field, struct secret *secret)
{
	if (!next_field(line, field) || field->len > SECRET_MAX ||
	    field->len == 0 || memchr(field->data, '\0', field->len) != NULL)
		return false;
	secret_set(secret, field->data, field->len);
	return true;
}

static bool
read_access(char *line, struct buf *field, struct tokens *t)
{
	uint64_t got, expires;

	if (!next_secret(&line, field, &t->access) ||
	    !next_number(&line, 10, &got) ||
	    !next_number(&line, 10, &expires) || line != NULL ||
	    got > INT64_MAX || expires > INT64_MAX)
		return false;
	t->got = (int64_t)got;
	t->expires = (int64_t)expires;
	return true;
}

static bool
read_refresh(char *line, struct buf *field, struct tokens *t)
{
	return next_secret(&line, field, &t->refresh) &&
	    next_number(&line, 16, &t->replaces) && line == NULL;
}

/* The lines behind the first two. Returns whether all are what they should
 * be, up to the last. */
static bool
read_lines(char *line, struct buf *field, struct tokens *t)
{
	char *next;

	for (; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) == NULL)
			return false;
		*next++ = '\0';
		if (strcmp(line, "end") == 0)
			return *next == '\0';
		if (str_starts(line, "access ")) {
			if (!read_access(line + 7, field, t))
				return false;
		} else if (!str_starts(line, "refresh ") ||
		    !read_refresh(line + 8, field, t))
			return false;
	}
	return false;
}

static bool
read_text(const struct tokenstore *s, struct buf *text, struct buf *field,
    struct tokens *t)
{
	struct buf head = { 0 };
	size_t n;
	bool fits;

	buf_adds(&head, HEADLINE "\n");
	add_purpose(s, &head);
	buf_addc(&head, '\n');
	n = head.len;
	fits = str_starts(buf_str(text), buf_str(&head));
	buf_release(&head);
	return fits && read_lines(text->data + n, field, t);
}

static bool
read_file(const struct tokenstore *s, struct buf *text)
{
	struct buf name = { 0 };
	struct stat st;
	ssize_t n = -1;
	int fd = openat(s->dirfd, file_name(s, &name, "", ""), O_RDONLY |
	    O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	buf_release(&name);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = pread_all(fd, text->data, FILE_MAX + 1, 0);
	close(fd);
	text->len = n > 0 ? (size_t)n : 0;
	return n > 0 && (size_t)n <= FILE_MAX;
}

void
tokenstore_read(const struct tokenstore *s, struct tokens *t)
{
	struct buf text = { 0 }, field = { 0 };

	*t = (struct tokens){ 0 };
	buf_reserve(&text, FILE_MAX + 2);
	buf_reserve(&field, FILE_MAX + 2);
	if (!read_file(s, &text) || !read_text(s, &text, &field, t))
		tokens_release(t);
	secretfile_wipe(&text);
	secretfile_wipe(&field);
}

void
tokens_release(struct tokens *t)
{
	secret_clear(&t->access);
	secret_clear(&t->refresh);
	*t = (struct tokens){ 0 };
}
