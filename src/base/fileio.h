/*
 * Whole reads and writes that go on after EINTR and short counts.
 */
#ifndef BASE_FILEIO_H
#define BASE_FILEIO_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Write all n bytes to fd. Returns 0, or -1 with errno set. */
int	write_all(int fd, const void *, size_t n);

/*
 * Read up to n bytes at offset; fewer only at the end of the file.
 * Returns the number of bytes, or -1 with errno set.
 */
ssize_t	pread_all(int fd, void *, size_t n, off_t offset);

/* read(2) that goes on after EINTR. */
ssize_t	read_some(int fd, void *, size_t n);

/*
 * Append an open file to out, from its current offset to its end.
 *
 * name  for the error's text.
 * max   bytes; a larger file is an error.
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.3.0; ERR_NOINPUT when too large).
 */
int	file_read_fd(int fd, const char *name, size_t max, struct buf *out,
	    struct err *);

/* The same by path; a missing file is ERR_NOINPUT. Refuses all but files. */
int	file_read(const char *path, size_t max, struct buf *out,
	    struct err *);

/*
 * Replace a small file below dirfd in one step: write "NAME.RANDOM.new",
 * rename.
 * Not synced. Returns 0, or -1 with *err (ERR_TEMP 4.3.0).
 */
int	file_replace(int dirfd, const char *name, const void *, size_t n,
	    mode_t mode, struct err *);

#endif
