/*
 * A file with a secret in it: closed to everybody whom its owner did not let
 * in by group, or it is not used at all. A mistake in its mode is so found
 * before somebody else finds it.
 */
#ifndef DELIVER_SECRETFILE_H
#define DELIVER_SECRETFILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define SECRETFILE_MAX 65536	/* octets */

/*
 * Read it: a file, without access for others, that its group cannot write.
 * Links are followed. It is opened with all rights that the process has: with
 * the spool's group, the settings are those of the administrator.
 *
 * setting  for errors: "password-file".
 * text     cleared and filled; to be wiped by secretfile_wipe().
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.7.0): "password-file /etc/x: others
 * may read it: chmod 640 /etc/x".
 */
int	secretfile_read(const char *setting, const char *path,
	    struct buf *text, struct err *);

/* Overwrite what was read, and release. */
void	secretfile_wipe(struct buf *text);

/* The first line of it, by secret_of_line(). Returns as above. */
int	secretfile_line(const char *setting, const char *path,
	    struct secret *, struct err *);

/*
 * Make this a secret; or the first of these lines, without its end. Returns 0,
 * or -1 with *err (ERR_TEMP 4.7.0): empty, longer than SECRET_MAX, NUL or
 * control characters.
 */
int	secret_of_text(const char *text, size_t n, struct secret *,
	    struct err *);
int	secret_of_line(const char *text, size_t n, struct secret *,
	    struct err *);

#endif
