#include "config.h"

#include "spool/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "spool/entry.h"
#include "spool/place.h"
#include "spool/queueid.h"
#include "spool/run.h"

static int
open_hold(struct spool *s, struct err *err)
{
	return place_dir(s, s->fd, place_name(PLACE_HOLD), false, err);
}

/* Is what was opened still what stands there? Somebody may have moved it
 * between the opening and the lock. */
static bool
stands_there(int hold, const char *id, int fd)
{
	struct stat by_fd, by_name;

	return fstat(fd, &by_fd) == 0 &&
	    fstatat(hold, id, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	    by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

/* Returns 1, 0 when it is gone, -1 with *err; e->fd is open when it is 1. */
static int
lock(struct spool *s, int hold, struct entry *e, struct err *err)
{
	e->fd = place_file(s, hold, e->id, O_RDWR, err);
	if (e->fd == PLACE_GONE) {
		e->fd = -1;
		return 0;
	}
	if (e->fd < 0)
		return -1;
	if (flock(e->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_TEMP, NULL, errno == EWOULDBLOCK ?
		    "another command has it in hand" : "it cannot be locked");
	return stands_there(hold, e->id, e->fd);
}

/* What is no entry does not belong into hold/. */
static void
set_aside(struct spool *s, int hold, struct entry *e)
{
	struct err ignored;
	int to = place_dir(s, s->fd, place_name(PLACE_DAMAGED), true,
	    &ignored);

	if (to < 0)
		return;
	place_move(hold, e->id, to);
	close(to);
}

int
held_open(struct spool *s, const char *id, struct entry *out,
    struct err *err)
{
	int hold, rc;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	if (!queueid_valid(id))
		return 0;
	hold = open_hold(s, err);
	if (hold < 0)
		return hold == PLACE_GONE ? 0 : -1;
	str_copy(out->id, sizeof(out->id), id);
	out->promised = true;
	rc = lock(s, hold, out, err);
	if (rc > 0 && entry_load(out->fd, out, err) < 0)
		rc = -1;
	if (rc < 0) {
		if (err->kind == ERR_DATA)
			set_aside(s, hold, out);
		err_prefix(err, "%s", id);
	}
	if (rc <= 0)
		entry_release(out);
	close(hold);
	return rc;
}

int
held_release(struct spool *s, struct entry *e, struct err *err)
{
	int rc = 0, hold = open_hold(s, err);

	if (hold < 0)
		return hold == PLACE_GONE ? place_fail(err, "open", "hold") :
		    -1;
	/* the time first, as in put_back(): in queue/ it has to be due */
	if (utimensat(hold, e->id, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		rc = place_fail(err, "set the time of", e->id);
	else if (place_move(hold, e->id, s->queue_fd) < 0)
		rc = place_fail(err, "move", e->id);
	close(hold);
	return rc;
}

int
held_remove(struct spool *s, struct entry *e, struct err *err)
{
	int rc = 0, hold = open_hold(s, err);

	if (hold < 0)
		return hold == PLACE_GONE ? 0 : -1;
	if (unlinkat(hold, e->id, 0) < 0 && errno != ENOENT)
		rc = place_fail(err, "remove", e->id);
	close(hold);
	return rc;
}

int
held_claim(struct spool *s, struct entry *e, struct err *err)
{
	int rc = 0, hold;

	if (entry_sync(s, e, err) < 0 || run_ready(s, err) < 0 ||
	    run_sync_name(s, err) < 0)
		return -1;
	hold = open_hold(s, err);
	if (hold < 0)
		return hold == PLACE_GONE ? place_fail(err, "open", "hold") :
		    -1;
	if (place_rename(hold, e->id, s->mine_fd, e->id) < 0)
		rc = place_fail(err, "claim", e->id);
	close(hold);
	return rc;
}
