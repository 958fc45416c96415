#include "config.h"

#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#define READ_STEP 65536

int
write_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t got;

	while (n > 0) {
		got = write(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		/* A file system that takes nothing would be asked for ever. */
		if (got == 0) {
			errno = EIO;
			return -1;
		}
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

ssize_t
pread_all(int fd, void *data, size_t n, off_t offset)
{
	char *p = data;
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = pread(fd, p + done, n - done, offset + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

ssize_t
read_some(int fd, void *data, size_t n)
{
	ssize_t got;

	do {
		got = read(fd, data, n);
	} while (got < 0 && errno == EINTR);
	return got;
}

/* Bytes to ask for next: the rest of the file and one more to see its end. */
static size_t
next_step(int fd, size_t done)
{
	struct stat st;

	if (done > 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return READ_STEP;
	if (st.st_size <= 0 || st.st_size >= READ_STEP)
		return READ_STEP;
	return (size_t)st.st_size + 1;
}

int
file_read_fd(int fd, const char *name, size_t max, struct buf *out,
    struct err *err)
{
	size_t start = out->len, done = 0, step;
	ssize_t got;

	for (;;) {
		step = next_step(fd, done);
		got = read_some(fd, buf_reserve(out, step), step);
		if (got < 0) {
			err_set(err, ERR_TEMP, "4.3.0", "read %s: %s", name,
			    strerror(errno));
			break;
		}
		if (got == 0)
			return 0;
		out->len += (size_t)got;
		done += (size_t)got;
		if (done > max) {
			err_set(err, ERR_NOINPUT, NULL,
			    "%s: larger than %zu bytes", name, max);
			break;
		}
	}
	out->len = start;
	return -1;
}

/* Is it the file's fault, or a shortage that may pass? */
static enum err_kind
open_kind(int e)
{
	switch (e) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO:
	case EINTR:
	case ESTALE:
		return ERR_TEMP;
	}
	return ERR_NOINPUT;
}

int
file_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	struct stat st;
	int fd, rc = -1;

	/* Not blocking: a FIFO without a writer would keep us for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		return err_set(err, open_kind(errno), NULL, "open %s: %s",
		    path, strerror(errno));
	}
	if (fstat(fd, &st) < 0) {
		err_set(err, ERR_TEMP, "4.3.0", "stat %s: %s", path,
		    strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_NOINPUT, NULL, "%s: not a file", path);
		goto out;
	}
	rc = file_read_fd(fd, path, max, out, err);
out:
	close(fd);
	return rc;
}

static int
fill_and_rename(int dirfd, const char *from, const char *to, int fd,
    const void *data, size_t n, mode_t mode)
{
	if (fchmod(fd, mode) < 0)
		return -1;
	if (write_all(fd, data, n) < 0)
		return -1;
	return renameat(dirfd, from, dirfd, to);
}

int
file_replace(int dirfd, const char *name, const void *data, size_t n,
    mode_t mode, struct err *err)
{
	struct buf new = { 0 };
	int fd, rc = -1;

	/* a name of our own: nobody can be waited for, or make us wait */
	buf_printf(&new, "%s.%08x%08x.new", name, process_random_below(~0u),
	    (unsigned)getpid());
	fd = openat(dirfd, buf_str(&new),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_set(err, ERR_TEMP, "4.3.0", "create %s: %s", buf_str(&new),
		    strerror(errno));
		goto out;
	}
	rc = fill_and_rename(dirfd, buf_str(&new), name, fd, data, n, mode);
	if (rc < 0) {
		err_set(err, ERR_TEMP, "4.3.0", "replace %s: %s", name,
		    strerror(errno));
		unlinkat(dirfd, buf_str(&new), 0);
	}
	close(fd);
out:
	buf_release(&new);
	return rc;
}
