#include "config.h"

#include "spool/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "spool/place.h"
#include "spool/queueid.h"

/* More processes than this at the same time wait for nobody: they fail. */
#define RUN_MAX 10000

/* And more than this of one guest. */
#define GUEST_RUN_MAX 1000

/* Empty ones with a higher number go when nobody has used them for so long,
 * and so is on disk what was done in them; all of a guest's after a day. */
#define RUN_KEPT 64
#define SURPLUS_KEPT_S 600
#define GUEST_KEPT_S 86400

#define NOT_FOR_US (-3)

/* What the name of a directory in run tells. */
struct run_name {
	bool	 guest;
	uint64_t uid;		/* of the guest */
	uint64_t n;
};

static bool
is_linked(const struct spool *s, const char *name, int fd)
{
	struct stat by_fd, by_name;

	return fstat(fd, &by_fd) == 0 &&
	    fstatat(s->run_fd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	    by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

static bool
is_number(const char *text, uint64_t max, uint64_t *n)
{
	return str_number(text, max, n) == 0 &&
	    (text[0] != '0' || text[1] == '\0');
}

static bool
parse_name(const char *name, struct run_name *run)
{
	const char *dash = strchr(name, '-');
	char uid[SPOOL_ID_MAX];

	memset(run, 0, sizeof(*run));
	if (dash == NULL)
		return is_number(name, RUN_MAX - 1, &run->n);
	run->guest = true;
	snprintf(uid, sizeof(uid), "%.*s", (int)(dash - name), name);
	return is_number(uid, UINT32_MAX, &run->uid) &&
	    is_number(dash + 1, RUN_MAX - 1, &run->n);
}

bool
run_name_valid(const char *name)
{
	struct run_name run;

	return parse_name(name, &run);
}

/*
 * A guest may start as many processes as he likes, and stop each of them for
 * as long as he likes while it holds a lock. So he has directories of his own,
 * and nobody else's mail is ever behind a lock of his.
 */
static void
make_name(const struct spool *s, unsigned n, char *name)
{
	if (s->guest)
		snprintf(name, SPOOL_ID_MAX, "%u-%u", (unsigned)getuid(), n);
	else
		snprintf(name, SPOOL_ID_MAX, "%u", n);
}

/* May we take the lock of that directory, to see what is left in it? */
static bool
is_for_us(const struct spool *s, const struct run_name *run)
{
	return !s->guest || (run->guest && run->uid == getuid());
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

/* Put back what a dead process left in a directory that we hold now. */
static int
empty_run(struct spool *s, int fd, struct err *err)
{
	struct recovery r = { .s = s, .err = err };

	return place_list(fd, "run", put_back, &r, err) < 0 ? -1 : r.rc;
}

/* Open run/NAME, making it when it is not there. Returns the descriptor;
 * NOT_FOR_US when there is one that we cannot use; or -1, both with *err. */
static int
open_or_make(struct spool *s, const char *name, struct err *err)
{
	int fd = place_dir(s, s->run_fd, name, false, err);

	if (fd != PLACE_GONE)
		return fd < 0 ? NOT_FOR_US : fd;
	if (place_mkdir(s, s->run_fd, name) < 0 && errno != EEXIST)
		return place_fail(err, "make", "a directory in run");
	fd = place_dir(s, s->run_fd, name, false, err);
	return fd;
}

/*
 * Take the first directory that nobody holds. They stay when their process
 * ends, because making and removing one costs more than all else that a small
 * message does to the disk. What a dead process left in it goes back first.
 */
int
run_ready(struct spool *s, struct err *err)
{
	unsigned n, max = s->guest ? GUEST_RUN_MAX : RUN_MAX;
	int fd;

	if (s->mine_fd >= 0)
		return 0;
	for (n = 0; n < max; n++) {
		make_name(s, n, s->mine);
		fd = open_or_make(s, s->mine, err);
		if (fd == -1)
			return -1;
		/* as one that is held */
		if (fd == NOT_FOR_US)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    is_linked(s, s->mine, fd) && empty_run(s, fd, err) == 0) {
			s->mine_fd = fd;
			s->mine_synced = false;
			return 0;
		}
		close(fd);
	}
	return err_set(err, ERR_TEMP, NULL,
	    "no directory in run is free: too many processes%s",
	    s->guest ? " of this user" : "");
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

/* The whole file system, because what is in the directory cannot be listed
 * without memory. */
int
spool_promise_all(struct spool *s, struct err *err)
{
	if (s->mine_fd < 0)
		return err_set(err, ERR_TEMP, NULL, "nothing is held");
	return syncfs(s->mine_fd) == 0 ? 0 : place_fail(err, "sync", s->path);
}

void
run_close(struct spool *s)
{
	if (s->mine_fd < 0)
		return;
	close(s->mine_fd);
	s->mine_fd = -1;
}

/*
 * Made when there was a crowd, or for a guest who does not come every day?
 * Each that stays is opened whenever somebody looks what there is.
 */
static bool
is_surplus(const struct spool *s, const struct run_name *run, int fd)
{
	time_t kept = run->n >= RUN_KEPT ? SURPLUS_KEPT_S : GUEST_KEPT_S;
	struct stat st;

	if (s->guest || (run->n < RUN_KEPT && !run->guest))
		return false;
	return fstat(fd, &st) == 0 && st.st_mtime < clock_wall() - kept;
}

/*
 * Remove it when it is empty. Its lock is held: who has opened it by now finds,
 * once he gets the lock, that it is no longer there; and that it is what stands
 * there now has to be asked by us as well.
 */
static void
remove_run(struct spool *s, const char *name, int fd)
{
	if (is_linked(s, name, fd))
		unlinkat(s->run_fd, name, AT_REMOVEDIR);
}

/* One directory. Its lock is free only when its process and workers are gone. */
static bool
recover_run(void *arg, int dirfd, const char *name)
{
	struct recovery *r = arg;
	struct run_name run;
	struct err err;
	int fd;

	if (!parse_name(name, &run) || !is_for_us(r->s, &run) ||
	    (r->s->mine_fd >= 0 && strcmp(name, r->s->mine) == 0))
		return true;
	fd = place_dir(r->s, dirfd, name, false, &err);
	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (place_list(fd, name, put_back, r, r->err) < 0)
			r->rc = -1;
		if (is_surplus(r->s, &run, fd))
			remove_run(r->s, name, fd);
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
