/* How an entry leaves the hands of the process, or is promised in them. */
#include "config.h"

#include "spool/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/xalloc.h"
#include "spool/place.h"
#include "spool/run.h"

#define COPY_STEP 65536

static int
refuse_unsynced(const struct entry *e, struct err *err)
{
	return err_set(err, ERR_TEMP, NULL,
	    "%s: an fsync has failed, nothing can be promised", e->id);
}

int
entry_sync(struct spool *s, struct entry *e, struct err *err)
{
	if (e->sync_failed)
		return refuse_unsynced(e, err);
	if (!e->dirty)
		return 0;
	if (entry_open(s, e, err) < 0)
		return -1;
	if (place_sync(e->fd, e->id, err) < 0) {
		e->sync_failed = true;
		return -1;
	}
	e->dirty = false;
	return 0;
}

int
entry_promise(struct spool *s, struct entry *e, struct err *err)
{
	if (entry_sync(s, e, err) < 0)
		return -1;
	if (e->promised)
		return 0;
	if (run_sync(s, err) < 0) {
		e->sync_failed = true;
		return -1;
	}
	e->promised = true;
	return 0;
}

/* What stands in the entry's file up to the end of the journal. */
static int
copy_bytes(int from, int to, uint64_t len)
{
	char *data = xmalloc(COPY_STEP);
	uint64_t at = 0;
	ssize_t n;
	int rc = 0;

	while (at < len && rc == 0) {
		n = pread_all(from, data,
		    len - at < COPY_STEP ? (size_t)(len - at) : COPY_STEP,
		    (off_t)at);
		if (n == 0)
			errno = EIO;
		if (n <= 0 || write_all(to, data, (size_t)n) < 0)
			rc = -1;
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(data);
	return rc;
}

/*
 * Only its owner may set the time of a file. In a spool shared by a group,
 * the entry of another user is replaced by a copy of our own; synced, for
 * what it replaces may have been promised. It is dirty all the same: the time
 * that it is made for is not set yet.
 */
static int
make_ours(struct spool *s, struct entry *e, struct err *err)
{
	char name[SPOOL_ID_MAX + 4];
	int fd;

	if (entry_open(s, e, err) < 0)
		return -1;
	snprintf(name, sizeof(name), "%s.new", e->id);
	fd = place_create(s, s->mine_fd, name);
	if (fd < 0)
		return place_fail(err, "create", name);
	if (copy_bytes(e->fd, fd, e->end) == 0 && fsync(fd) == 0 &&
	    renameat(s->mine_fd, name, s->mine_fd, e->id) == 0) {
		entry_close(e);
		e->fd = fd;
		e->torn = false;
		e->dirty = true;
		return 0;
	}
	place_fail(err, "copy", e->id);
	unlinkat(s->mine_fd, name, 0);
	close(fd);
	return -1;
}

static int
set_time(struct spool *s, const struct entry *e, time_t due)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = due } };

	return utimensat(s->mine_fd, e->id, times, AT_SYMLINK_NOFOLLOW);
}

/* Sets *copied when the file is another one then. */
static int
set_due(struct spool *s, struct entry *e, time_t due, bool *copied,
    struct err *err)
{
	*copied = false;
	if (set_time(s, e, due) == 0)
		return 0;
	if (errno == EPERM && s->shared) {
		if (make_ours(s, e, err) < 0)
			return -1;
		*copied = true;
		if (set_time(s, e, due) == 0)
			return 0;
	}
	return place_fail(err, "set the time of", e->id);
}

/*
 * Move it out of run/RUN. run/RUN itself is not synced: one rename is one
 * transaction of the file system, and should it bring the entry back there,
 * it is recovered.
 */
static int
move_out(struct spool *s, struct entry *e, int to, const char *to_name,
    bool sync, struct err *err)
{
	if (place_move(s->mine_fd, e->id, to) < 0)
		return place_fail(err, "move", e->id);
	if (!sync)
		return 0;
	if (place_sync_tree(s, err) == 0 && place_sync(to, to_name, err) == 0)
		return 0;
	/* The caller says that it is not kept: nobody else may send it. */
	place_move(to, e->id, s->mine_fd);
	e->sync_failed = true;
	return -1;
}

int
entry_defer(struct spool *s, struct entry *e, time_t due, bool promise,
    struct err *err)
{
	bool first = promise && !e->promised, copied;

	if (set_due(s, e, due, &copied, err) < 0)
		return -1;
	if ((promise || e->promised) && entry_sync(s, e, err) < 0)
		return -1;
	/*
	 * One that was promised before is found where it is on the disk. With
	 * a copy that is the file that was replaced, which may say of somebody
	 * who has got it that he has not: it must be gone from both places.
	 */
	if (copied && run_sync(s, err) < 0)
		return -1;
	entry_close(e);
	if (move_out(s, e, s->queue_fd, "queue", first || copied, err) < 0)
		return -1;
	e->promised |= promise;
	return 0;
}

int
entry_unclaim(struct spool *s, struct entry *e, struct err *err)
{
	entry_close(e);
	return move_out(s, e, s->queue_fd, "queue", false, err);
}

int
entry_complete(struct spool *s, struct entry *e, struct err *err)
{
	entry_close(e);
	if (unlinkat(s->mine_fd, e->id, 0) == 0 || errno == ENOENT)
		return 0;
	return place_fail(err, "remove", e->id);
}

static int
move_to_place(struct spool *s, struct entry *e, enum spool_place place,
    struct err *err)
{
	const char *name = place_name(place);
	int fd, rc;

	fd = place_dir(s, s->fd, name, true, err);
	if (fd == PLACE_GONE)
		return place_fail(err, "open", name);
	if (fd < 0)
		return -1;
	rc = move_out(s, e, fd, name, e->promised, err);
	close(fd);
	return rc;
}

int
entry_hold(struct spool *s, struct entry *e, struct err *err)
{
	if (e->promised && entry_sync(s, e, err) < 0)
		return -1;
	entry_close(e);
	return move_to_place(s, e, PLACE_HOLD, err);
}

int
entry_set_aside(struct spool *s, struct entry *e, struct err *err)
{
	entry_close(e);
	return move_to_place(s, e, PLACE_DAMAGED, err);
}
