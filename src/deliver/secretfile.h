/*
 * A file with a secret in it: closed to everybody whom its owner did not let
 * in by group, or it is not used at all. A mistake in its mode is so found
 * before somebody else finds it.
 */
#ifndef DELIVER_SECRETFILE_H
#define DELIVER_SECRETFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define SECRETFILE_MAX 65536	/* octets */

/*
 * Read it: a file, without access for others, that its group cannot write.
 * Links are followed.
 *
 * setting    for errors: "password-file".
 * as_caller  with the caller's own rights, not the program's group: it is he
 *            who chose the path.
 * text       cleared and filled; to be wiped by secretfile_wipe().
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.7.0): "password-file /etc/x: others
 * may read it: chmod 640 /etc/x".
 */
int	secretfile_read(const char *setting, const char *path, bool as_caller,
	    struct buf *text, struct err *);

/* Overwrite what was read, and release. */
void	secretfile_wipe(struct buf *text);

/* The first line of it, by secret_of_line(). Returns as above. */
int	secretfile_line(const char *setting, const char *path,
	    struct secret *, struct err *);

/*
 * Make the first of these lines, without its end, a secret. Returns 0, or -1
 * with *err (ERR_TEMP 4.7.0): empty, too long, NUL or control characters.
 */
int	secret_of_line(const char *text, size_t n, struct secret *,
	    struct err *);

#endif
