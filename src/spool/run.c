#include "config.h"

#include "spool/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "spool/place.h"
#include "spool/queueid.h"

#define TRIES 16

static bool
is_linked(const struct spool *s, const char *name, int fd)
{
	struct stat by_fd, by_name;

	return fstat(fd, &by_fd) == 0 &&
	    fstatat(s->run_fd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	    by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

/*
 * Between our mkdir and our flock a flush that recovers may take it for a
 * dead process's, lock and remove it. Returns the descriptor; or -1, with
 * errno 0 when another name is to be tried.
 */
static int
make_locked(const struct spool *s, const char *name)
{
	int fd, e;

	if (mkdirat(s->run_fd, name, 0700) < 0) {
		if (errno == EEXIST)
			errno = 0;
		return -1;
	}
	fd = openat(s->run_fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (!s->shared || fchmod(fd, 02770) == 0) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 && is_linked(s, name, fd))
		return fd;
	e = errno == ENOENT || errno == EWOULDBLOCK ? 0 : errno;
	if (e != 0)
		unlinkat(s->run_fd, name, AT_REMOVEDIR);
	if (fd >= 0)
		close(fd);
	errno = e;
	return -1;
}

int
run_ready(struct spool *s, struct err *err)
{
	int tries;

	if (s->mine_fd >= 0)
		return 0;
	for (tries = 0; tries < TRIES; tries++) {
		queueid_make(s->mine);
		s->mine_fd = make_locked(s, s->mine);
		if (s->mine_fd >= 0) {
			s->mine_synced = false;
			return 0;
		}
		if (errno != 0)
			break;
	}
	return place_fail(err, "make", "a directory in run");
}

bool
run_lost(struct spool *s)
{
	if (s->mine_fd < 0 || is_linked(s, s->mine, s->mine_fd))
		return false;
	close(s->mine_fd);
	s->mine_fd = -1;
	return true;
}

int
run_sync_name(struct spool *s, struct err *err)
{
	if (s->mine_synced)
		return 0;
	if (place_sync_tree(s, err) < 0 ||
	    place_sync(s->run_fd, "run", err) < 0)
		return -1;
	s->mine_synced = true;
	return 0;
}

int
run_sync(struct spool *s, struct err *err)
{
	if (run_sync_name(s, err) < 0)
		return -1;
	return place_sync(s->mine_fd, s->mine, err);
}

void
run_close(struct spool *s)
{
	if (s->mine_fd < 0)
		return;
	/* While it is locked; fails, as it should, when entries are left. */
	unlinkat(s->run_fd, s->mine, AT_REMOVEDIR);
	close(s->mine_fd);
	s->mine_fd = -1;
}

struct recovery {
	struct spool *s;
	size_t	n;
	int	rc;
	struct err *err;
};

/* "ID.new": a draft. */
static bool
is_draft(const char *name)
{
	char id[SPOOL_ID_MAX];

	if (strlen(name) != QUEUEID_LEN + strlen(".new") ||
	    strcmp(name + QUEUEID_LEN, ".new") != 0)
		return false;
	memcpy(id, name, QUEUEID_LEN);
	id[QUEUEID_LEN] = '\0';
	return queueid_valid(id);
}

/*
 * One file of a dead process. The time first: a file that is still in run/
 * is found again whatever its time, one in queue/ has to be due.
 */
static bool
put_back(void *arg, int dirfd, const char *name)
{
	struct recovery *r = arg;
	char id[SPOOL_ID_MAX];

	if (is_draft(name))
		unlinkat(dirfd, name, 0);
	if (!queueid_valid(name))
		return true;
	str_copy(id, sizeof(id), name);
	if (utimensat(dirfd, name, NULL, AT_SYMLINK_NOFOLLOW) == 0 &&
	    place_move(dirfd, id, r->s->queue_fd) == 0)
		r->n++;
	else if (errno != ENOENT)
		r->rc = place_fail(r->err, "put back", name);
	return true;
}

/* One run/RUN. Its lock is free only when its process and workers are gone. */
static bool
recover_run(void *arg, int dirfd, const char *name)
{
	struct recovery *r = arg;
	struct err err;
	int fd;

	if (!queueid_valid(name) ||
	    (r->s->mine_fd >= 0 && strcmp(name, r->s->mine) == 0))
		return true;
	fd = place_dir(r->s, dirfd, name, false, &err);
	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (place_list(fd, name, put_back, r, r->err) < 0)
			r->rc = -1;
		unlinkat(dirfd, name, AT_REMOVEDIR);
	}
	close(fd);
	return true;
}

int
spool_recover(struct spool *s, size_t *recovered, struct err *err)
{
	struct recovery r = { .s = s, .err = err };

	if (place_list(s->run_fd, "run", recover_run, &r, err) < 0)
		r.rc = -1;
	if (recovered != NULL)
		*recovered = r.n;
	return r.rc;
}
