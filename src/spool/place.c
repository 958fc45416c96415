#include "config.h"

#include "spool/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "spool/queueid.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Directories changed longer ago are on disk whoever made them. */
#define YOUNG_S 600

int
place_fail(struct err *err, const char *what, const char *name)
{
	int e = errno;

	return err_set(err, ERR_TEMP,
	    e == ENOSPC || e == EDQUOT ? "4.3.1" : "4.3.0", "%s %s: %s", what,
	    name, strerror(e));
}

const char *
place_name(enum spool_place place)
{
	switch (place) {
	case PLACE_QUEUE:
		return "queue";
	case PLACE_RUN:
		return "run";
	case PLACE_HOLD:
		return "hold";
	case PLACE_DAMAGED:
		break;
	}
	return "damaged";
}

static bool
has_group(const struct stat *st)
{
	return (st->st_mode & (S_ISGID | S_IRWXG)) == (S_ISGID | S_IRWXG);
}

/*
 * The owner of a spool may not be just anybody even when its group is ours:
 * he could change what others put there.
 */
static int
judge_spool(const struct spool *s, const struct stat *st, struct err *err)
{
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		return err_set(err, ERR_CONFIG, NULL,
		    "spool %s: belongs to uid %lu", s->path,
		    (unsigned long)st->st_uid);
	}
	if ((st->st_mode & S_IWOTH) != 0 ||
	    ((st->st_mode & S_IWGRP) != 0 && !has_group(st))) {
		return err_set(err, ERR_CONFIG, NULL,
		    "spool %s: can be written by others (mode %04o)", s->path,
		    (unsigned)st->st_mode & 07777);
	}
	return 0;
}

/* Is a file or directory inside the spool written by us and ours alone? */
static bool
is_ours(const struct spool *s, const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0 &&
	    !(s->shared && st->st_gid == s->gid))
		return false;
	if ((st->st_mode & S_IWOTH) != 0)
		return false;
	return (st->st_mode & S_IWGRP) == 0 ||
	    (s->shared && st->st_gid == s->gid);
}

/* mkdir -p, for whoever has no ~/.local/state yet. path is written to. */
static int
make_path(char *path)
{
	char *slash;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	slash = strrchr(path, '/');
	if (errno != ENOENT || slash == NULL || slash == path)
		return -1;
	*slash = '\0';
	if (make_path(path) < 0)
		return -1;
	*slash = '/';
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

/* Does errno say that this is no place for a spool, now or later? */
static enum err_kind
open_kind(void)
{
	switch (errno) {
	case ELOOP:
	case ENOTDIR:
	case EACCES:
	case EPERM:
	case ENAMETOOLONG:
		return ERR_CONFIG;
	}
	return ERR_TEMP;
}

int
place_open_spool(struct spool *s, struct err *err)
{
	struct stat st;
	char *path;

	s->fd = open(s->path, DIR_FLAGS);
	if (s->fd < 0 && errno == ENOENT) {
		path = xstrdup(s->path);
		if (make_path(path) == 0)
			s->fd = open(s->path, DIR_FLAGS);
		free(path);
	}
	if (s->fd < 0) {
		return err_set(err, open_kind(), NULL, "spool %s: %s", s->path,
		    errno == ELOOP ? "is a link" : strerror(errno));
	}
	if (fstat(s->fd, &st) < 0)
		return place_fail(err, "stat", s->path);
	if (judge_spool(s, &st, err) < 0)
		return -1;
	s->shared = has_group(&st);
	s->gid = st.st_gid;
	return 0;
}

/* Its mode in one step, for whoever dies between two leaves a directory that
 * locks the others out. The group comes from the directory above. */
int
place_mkdir(const struct spool *s, int dirfd, const char *name)
{
	mode_t old = umask(0);
	int rc = mkdirat(dirfd, name, s->shared ? 0770 : 0700);
	int e = errno;

	umask(old);
	errno = e;
	return rc;
}

int
place_dir(struct spool *s, int dirfd, const char *name, bool make,
    struct err *err)
{
	struct stat st;
	int fd;

	fd = openat(dirfd, name, DIR_FLAGS);
	if (fd < 0 && errno == ENOENT && make) {
		if (place_mkdir(s, dirfd, name) < 0 && errno != EEXIST)
			return place_fail(err, "mkdir", name);
		s->tree_synced = false;
		fd = openat(dirfd, name, DIR_FLAGS);
	}
	if (fd < 0 && errno == ENOENT)
		return PLACE_GONE;
	if (fd < 0)
		return place_fail(err, "open", name);
	if (fstat(fd, &st) < 0) {
		place_fail(err, "stat", name);
		close(fd);
		return -1;
	}
	if (is_ours(s, &st))
		return fd;
	err_set(err, ERR_CONFIG, NULL,
	    "spool %s: %s belongs to uid %lu or can be written by others",
	    s->path, name, (unsigned long)st.st_uid);
	close(fd);
	return -1;
}

int
place_create(const struct spool *s, int dirfd, const char *name)
{
	int fd, e;

	fd = openat(dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !s->shared)
		return fd;
	if (fchmod(fd, 0660) == 0)
		return fd;
	e = errno;
	unlinkat(dirfd, name, 0);
	close(fd);
	errno = e;
	return -1;
}

/* What cannot be opened because of what it is, whoever asks. */
static bool
is_no_file(int e)
{
	return e == ELOOP || e == EISDIR || e == ENXIO || e == ENODEV;
}

int
place_file(const struct spool *s, int dirfd, const char *name, int flags,
    struct err *err)
{
	struct stat st;
	int fd;

	/* Not blocking, should it be a FIFO. */
	fd = openat(dirfd, name,
	    flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return PLACE_GONE;
	if (fd < 0 && is_no_file(errno))
		return err_set(err, ERR_DATA, NULL, "not a file");
	if (fd < 0)
		return place_fail(err, "open", name);
	if (fstat(fd, &st) < 0)
		place_fail(err, "stat", name);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_DATA, NULL, "not a file");
	else if (st.st_nlink > 1)	/* none: was replaced just now */
		err_set(err, ERR_DATA, NULL, "has %lu names",
		    (unsigned long)st.st_nlink);
	else if (!is_ours(s, &st))
		err_set(err, ERR_DATA, NULL,
		    "not ours: uid %lu, mode %04o",
		    (unsigned long)st.st_uid, (unsigned)st.st_mode & 07777);
	else
		return fd;
	close(fd);
	return -1;
}

int
place_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/*
	 * A file system without that flag. Ids are unique, so that only a
	 * person with cp could come between the question and the rename.
	 */
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_fd, from, to_fd, to);
}

int
place_move(int from_fd, char *id, int to_fd)
{
	char to[SPOOL_ID_MAX];
	int tries;

	memcpy(to, id, SPOOL_ID_MAX);
	for (tries = 0; tries < 8; tries++) {
		if (place_rename(from_fd, id, to_fd, to) == 0) {
			memcpy(id, to, SPOOL_ID_MAX);
			return 0;
		}
		if (errno != EEXIST)
			return -1;
		queueid_make(to);
	}
	return -1;
}

int
place_list(int dirfd, const char *what, place_list_fn *fn, void *arg,
    struct err *err)
{
	struct dirent *de;
	DIR *dir;
	int fd, rc = 0;

	/* A descriptor of our own: the position is shared by duplicates. */
	fd = openat(dirfd, ".", DIR_FLAGS);
	if (fd < 0)
		return place_fail(err, "open", what);
	dir = fdopendir(fd);
	if (dir == NULL) {
		place_fail(err, "read", what);
		close(fd);
		return -1;
	}
	for (;;) {
		errno = 0;
		de = readdir(dir);
		if (de == NULL)
			break;
		if (de->d_name[0] != '.' && !fn(arg, dirfd, de->d_name))
			goto out;
	}
	if (errno != 0)
		rc = place_fail(err, "read", what);
out:
	closedir(dir);
	return rc;
}

int
place_sync(int fd, const char *name, struct err *err)
{
	if (fsync(fd) == 0)
		return 0;
	return place_fail(err, "fsync", name);
}

/* Changed lately, and on the file system of the spool? */
static bool
is_young(const struct spool *s, int fd)
{
	struct stat st, spool;

	if (fstat(fd, &st) < 0 || fstat(s->fd, &spool) < 0)
		return true;
	return st.st_dev == spool.st_dev &&
	    st.st_mtime > clock_wall() - YOUNG_S;
}

/*
 * The spool's own entries, then its entry in the directory above and so on.
 * What is above may be closed to us: then we have not made it either.
 */
int
place_sync_tree(struct spool *s, struct err *err)
{
	int fd, up, level, e;

	if (s->tree_synced)
		return 0;
	fd = openat(s->fd, ".", DIR_FLAGS);
	e = errno;
	for (level = 0; level < 16 && fd >= 0 && is_young(s, fd); level++) {
		if (place_sync(fd, s->path, err) < 0) {
			close(fd);
			return -1;
		}
		up = openat(fd, "..", DIR_FLAGS);
		e = errno;
		close(fd);
		fd = up;
	}
	errno = e;
	if (fd < 0 && errno != EACCES)
		return place_fail(err, "open", s->path);
	if (fd >= 0)
		close(fd);
	s->tree_synced = true;
	return 0;
}
