/*
 * The directories of the spool and the files in them: open, trust, move.
 *
 * Nothing here follows a link, and every name is relative to an open
 * directory, so nobody can put another file under our hands. What is not
 * written by one of us is not used: a file must be a regular one with a
 * single name, owned by us, by root or by the spool's group, and writable by
 * nobody else.
 */
#ifndef SPOOL_PLACE_H
#define SPOOL_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "spool/spool.h"

/* What place_file() returns when there is no such file. */
#define PLACE_GONE (-2)

/*
 * Fill *err from errno: "what name: reason", ERR_TEMP, 4.3.1 when the disk or
 * the quota is full, else 4.3.0. Returns -1.
 */
int	place_fail(struct err *err, const char *what, const char *name);

/* "queue", "run", "hold", "damaged": below the spool. */
const char *place_name(enum spool_place);

/*
 * Open the spool's directory itself into s->fd; makes it, and what is above
 * it, where missing. Finds out whether it is shared by a group.
 * Returns 0, or -1 with *err (ERR_CONFIG: not a place for mail).
 */
int	place_open_spool(struct spool *s, struct err *err);

/*
 * Open the directory name below dirfd, making it when it is missing and make
 * is true. Returns the descriptor, PLACE_GONE, or -1 with *err.
 */
int	place_dir(struct spool *s, int dirfd, const char *name, bool make,
	    struct err *err);

/* Make a directory with the spool's mode. Returns as mkdirat(2). */
int	place_mkdir(const struct spool *s, int dirfd, const char *name);

/*
 * Create a file that must be new, for reading and writing. Returns the
 * descriptor, or -1 with errno.
 */
int	place_create(const struct spool *s, int dirfd, const char *name);

/*
 * Open a file that exists; flags O_RDONLY or O_RDWR. Returns the descriptor,
 * PLACE_GONE, or -1 with *err (ERR_DATA: it is not one of ours; without its
 * name).
 */
int	place_file(const struct spool *s, int dirfd, const char *name,
	    int flags, struct err *err);

/* rename(2) that never replaces: -1 with errno EEXIST then. */
int	place_rename(int from_fd, const char *from, int to_fd, const char *to);

/*
 * Move an entry under its id, or under a new one when somebody has put a
 * copy where it goes; id (SPOOL_ID_MAX bytes) is updated. Returns 0, or -1
 * with errno.
 */
int	place_move(int from_fd, char *id, int to_fd);

/*
 * Call fn for each file or directory, foreign names and all, except those
 * that begin with a dot. It may remove them. Returns 0, or -1 with *err.
 */
typedef bool place_list_fn(void *arg, int dirfd, const char *name);
int	place_list(int dirfd, const char *what, place_list_fn *fn, void *arg,
	    struct err *err);

/* fsync(2) with *err set; name for its text. Never try it again. */
int	place_sync(int fd, const char *name, struct err *err);

/*
 * Before the first promise of a process: sync the spool's directory, and what
 * is above it, as far as it may have been made just now.
 */
int	place_sync_tree(struct spool *s, struct err *err);

#endif
