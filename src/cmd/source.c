#include "config.h"

#include "cmd/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"

static void
set_name(struct source *s, const char *name)
{
	free(s->name);
	s->name = xstrdup(name);
}

/* read(2) that a signal we wait for can end. */
static ssize_t
read_input(struct source *s, char *p, size_t n, struct err *err)
{
	ssize_t got;

	for (;;) {
		if (s->stop != NULL && *s->stop != 0)
			return err_set(err, ERR_TEMP, NULL, "interrupted");
		got = read(s->fd, p, n);
		if (got >= 0)
			return got;
		if (errno != EINTR)
			return err_set(err, ERR_NOINPUT, NULL,
			    "reading: %s", strerror(errno));
	}
}

/* Open a regular file; anything else would hang or surprise. */
static int
open_file(struct source *s, const char *path, struct err *err)
{
	struct stat st;

	s->fd = process_open_as_caller(path, O_RDONLY | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return err_set(err, ERR_NOINPUT, NULL, "%s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode)) {
		close(s->fd);
		s->fd = -1;
		return err_set(err, ERR_NOINPUT, NULL,
		    "%s: is no file, mailbox or Maildir", path);
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
list_folder(struct source *s, const char *folder)
{
	struct buf path = { 0 };
	struct dirent *entry;
	DIR *dir;
	int fd;

	buf_printf(&path, "%s/%s", s->argument, folder);
	fd = process_open_as_caller(buf_str(&path), O_RDONLY | O_DIRECTORY);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			buf_clear(&path);
			buf_printf(&path, "%s/%s/%s", s->argument, folder,
			    entry->d_name);
			strlist_add(&s->files, buf_str(&path));
		}
	if (dir != NULL)
		closedir(dir);
	buf_release(&path);
	return dir != NULL;
}

/* A Maildir has new/ and cur/; its files are taken in order of their names. */
static int
open_maildir(struct source *s, struct err *err)
{
	if (!list_folder(s, "new") || !list_folder(s, "cur"))
		return err_set(err, ERR_NOINPUT, NULL,
		    "%s: is a directory, but no Maildir", s->argument);
	if (s->files.n > 0)
		qsort(s->files.v, s->files.n, sizeof(*s->files.v), by_name);
	return 0;
}

/* Read ahead. Returns -1 with *err, 0 at the end of the file, 1. */
static int
fill(struct source *s, struct err *err)
{
	ssize_t n;

	size_t room = SOURCE_READ - s->in.len;

	if (s->eof)
		return 0;
	n = read_input(s, buf_reserve(&s->in, room), room, err);
	if (n < 0)
		return -1;
	s->in.len += (size_t)n;
	s->eof = n == 0;
	return s->eof ? 0 : 1;
}

/* Does the file begin as a mailbox does? */
static int
look(struct source *s, struct err *err)
{
	while (s->in.len < 5)
		switch (fill(s, err)) {
		case -1:
			return -1;
		case 0:
			return 0;
		}
	s->mbox = s->at_message = memcmp(s->in.data, "From ", 5) == 0;
	return 0;
}

/* An empty file is a mailbox without messages, or a mistake. */
static int
refuse_empty(const struct source *s, struct err *err)
{
	if (s->in.len > 0)
		return 0;
	return err_set(err, ERR_NOINPUT, NULL, "%s: holds no message",
	    s->argument);
}

int
source_open(struct source *s, const char *argument, struct err *err)
{
	int fd;

	*s = (struct source){ .argument = argument, .fd = -1, .ended = true };
	set_name(s, argument);
	if (strcmp(argument, "-") == 0) {
		s->fd = STDIN_FILENO;
		set_name(s, "standard input");
		return 0;
	}
	fd = process_open_as_caller(argument, O_RDONLY | O_DIRECTORY |
	    O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		return open_maildir(s, err);
	}
	if (open_file(s, argument, err) < 0 || look(s, err) < 0)
		return -1;
	return refuse_empty(s, err);
}

static int
next_of_maildir(struct source *s, struct err *err)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_clear(&s->in);
	s->eof = false;
	if (s->next_file == s->files.n)
		return 0;
	set_name(s, s->files.v[s->next_file]);
	return open_file(s, s->files.v[s->next_file++], err) < 0 ? -1 : 1;
}

static int
next_of_mbox(struct source *s, struct err *err)
{
	char rest[SOURCE_READ];
	struct buf name = { 0 };
	ssize_t n;

	/* what is left of the message at hand is passed over */
	while (!s->ended && (n = source_read(s, rest, err)) != 0)
		if (n < 0)
			return -1;
	if (!s->at_message || s->in.len == 0)
		return 0;
	buf_printf(&name, "%s message %zu", s->argument, s->count + 1);
	set_name(s, buf_str(&name));
	buf_release(&name);
	return 1;
}

int
source_next(struct source *s, struct err *err)
{
	int rc;

	if (s->files.n > 0)
		rc = next_of_maildir(s, err);
	else if (s->mbox)
		rc = next_of_mbox(s, err);
	else
		rc = s->count == 0 && s->fd >= 0;
	s->ended = rc <= 0;
	s->count += rc > 0;
	return rc;
}

/*
 * How much of what was read ahead belongs to the message at hand: up to a
 * "From " at the beginning of a line behind an empty one, which goes with it
 * (*skip octets). What may yet turn out to be one is held back.
 */
static size_t
mbox_part(const struct source *s, size_t *skip)
{
	const char *p = s->in.data, *end = p + s->in.len, *at;

	*skip = 0;
	for (at = p; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
	    at++) {
		const char *line = at + 1;
		size_t left;

		if (line < end && *line == '\r')
			line++;
		if (line == end)
			break;
		if (*line++ != '\n')
			continue;
		left = (size_t)(end - line);
		if (memcmp(line, "From ", left < 5 ? left : 5) != 0)
			continue;
		if (left >= 5)
			*skip = (size_t)(line - (at + 1));
		if (left >= 5)
			return (size_t)(at + 1 - p);
		break;
	}
	return s->eof || at == NULL ? s->in.len : (size_t)(at - p);
}

static ssize_t
read_mbox(struct source *s, char *p, struct err *err)
{
	size_t part, skip;

	for (;;) {
		part = s->in.len == 0 ? 0 : mbox_part(s, &skip);
		if (part > 0 || s->eof)
			break;
		if (fill(s, err) < 0)
			return -1;
	}
	if (part == 0) {
		s->ended = true;
		return 0;
	}
	memcpy(p, s->in.data, part);
	buf_consume(&s->in, part + skip);
	s->at_message = s->ended = skip > 0;
	return (ssize_t)part;
}

ssize_t
source_read(struct source *s, char *p, struct err *err)
{
	size_t n = s->in.len;
	ssize_t got;

	if (s->ended)
		return 0;
	if (s->mbox)
		return read_mbox(s, p, err);
	if (n > 0) {
		memcpy(p, s->in.data, n);
		buf_consume(&s->in, n);
		return (ssize_t)n;
	}
	got = read_input(s, p, SOURCE_READ, err);
	s->ended = got == 0;
	return got;
}

void
source_close(struct source *s)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->name);
	strlist_release(&s->files);
	buf_release(&s->in);
	*s = (struct source){ .fd = -1 };
}
