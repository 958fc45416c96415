#include "config.h"

#include "deliver/secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"

static int
check_mode(const struct stat *st, const char *path, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_TEMP, "4.7.0", "not a file");
	if ((st->st_mode & S_IRWXO) != 0)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "open to all users: chmod 640 %s", path);
	if ((st->st_mode & S_IWGRP) != 0)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "its group may change it: chmod 640 %s", path);
	return 0;
}

static int
read_open(int fd, const char *path, struct buf *text, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_set(err, ERR_TEMP, "4.7.0", "%s", strerror(errno));
	if (check_mode(&st, path, err) < 0)
		return -1;
	/* all at once: a buf that grows leaves copies behind */
	n = pread_all(fd, buf_reserve(text, SECRETFILE_MAX + 1),
	    SECRETFILE_MAX + 1, 0);
	if (n < 0)
		return err_set(err, ERR_TEMP, "4.7.0", "%s", strerror(errno));
	text->len = (size_t)n;
	if (n > SECRETFILE_MAX)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "larger than %d octets", SECRETFILE_MAX);
	return 0;
}

int
secretfile_read(const char *setting, const char *path, struct buf *text,
    struct err *err)
{
	/* not blocking: a FIFO without a writer would keep us for ever */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	buf_clear(text);
	if (fd < 0)
		rc = err_set(err, ERR_TEMP, "4.7.0", "%s", strerror(errno));
	else {
		rc = read_open(fd, path, text, err);
		close(fd);
	}
	if (rc < 0) {
		secretfile_wipe(text);
		err_prefix(err, "%s %s", setting, path);
	}
	return rc;
}

void
secretfile_wipe(struct buf *text)
{
	secret_wipe(text->data, text->cap);
	buf_release(text);
}

int
secret_of_text(const char *text, size_t n, struct secret *secret,
    struct err *err)
{
	if (n == 0)
		return err_set(err, ERR_TEMP, "4.7.0", "nothing in it");
	if (n > SECRET_MAX)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "longer than %d octets", SECRET_MAX);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(err, ERR_TEMP, "4.7.0",
			    "control characters in it");
	}
	secret_set(secret, text, n);
	return 0;
}

int
secret_of_line(const char *text, size_t n, struct secret *secret,
    struct err *err)
{
	const char *end = n > 0 ? memchr(text, '\n', n) : NULL;
	size_t len = end != NULL ? (size_t)(end - text) : n;

	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (secret_of_text(text, len, secret, err) < 0)
		return err_prefix(err, "the first line");
	return 0;
}

int
secretfile_line(const char *setting, const char *path, struct secret *secret,
    struct err *err)
{
	struct buf text = { 0 };
	int rc = secretfile_read(setting, path, &text, err);

	if (rc == 0) {
		rc = secret_of_line(text.data, text.len, secret, err);
		if (rc < 0)
			err_prefix(err, "%s %s", setting, path);
		secretfile_wipe(&text);
	}
	return rc;
}
