#include "config.h"

#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "spool/entry.h"
#include "spool/place.h"
#include "spool/queueid.h"
#include "spool/run.h"

/*
 * Make what a spool is made of. queue/ comes last: where it is, the others were
 * made, and a start need not look. hold/ and damaged/ are among them because
 * they are needed when it is too late to make them: for what became of an entry
 * and could not be recorded, the disk being full. Returns as place_dir().
 */
static int
make_places(struct spool *s, struct err *err)
{
	static const enum spool_place places[] = { PLACE_HOLD, PLACE_DAMAGED,
		PLACE_RUN };
	const char *name;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		name = place_name(places[i]);
		if (place_mkdir(s, s->fd, name) < 0 && errno != EEXIST)
			return place_fail(err, "mkdir", name);
	}
	return place_dir(s, s->fd, "queue", true, err);
}

int
spool_open(struct spool *s, const char *path, struct err *err)
{
	size_t len = strlen(path);

	memset(s, 0, sizeof(*s));
	s->fd = s->queue_fd = s->run_fd = s->mine_fd = -1;
	/* With a slash behind it, a link would be followed. */
	while (len > 1 && path[len - 1] == '/')
		len--;
	s->path = xstrndup(path, len);
	if (place_open_spool(s, err) < 0)
		goto fail;
	s->guest = s->shared && process_serves_guest();
	s->queue_fd = place_dir(s, s->fd, "queue", false, err);
	if (s->queue_fd == PLACE_GONE)
		s->queue_fd = make_places(s, err);
	if (s->queue_fd < 0)
		goto fail;
	s->run_fd = place_dir(s, s->fd, "run", true, err);
	if (s->run_fd < 0)
		goto fail;
	return 0;
fail:
	spool_close(s);
	return -1;
}

void
spool_close(struct spool *s)
{
	if (s->path == NULL)
		return;
	run_close(s);
	if (s->run_fd >= 0)
		close(s->run_fd);
	if (s->queue_fd >= 0)
		close(s->queue_fd);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	memset(s, 0, sizeof(*s));
	s->fd = s->queue_fd = s->run_fd = s->mine_fd = -1;
}

/* queue/, hold/ or damaged/, until close_place(). */
static int
open_place(struct spool *s, enum spool_place place, struct err *err)
{
	if (place == PLACE_QUEUE)
		return s->queue_fd;
	return place_dir(s, s->fd, place_name(place), false, err);
}

static void
close_place(const struct spool *s, int fd)
{
	if (fd != s->queue_fd)
		close(fd);
}

struct strangers {
	spool_stranger_fn *fn;
	void	*arg;
	enum spool_place place;
};

static bool
see_stranger(void *arg, int dirfd, const char *name)
{
	struct strangers *strangers = arg;

	(void)dirfd;
	if (!queueid_valid(name))
		strangers->fn(strangers->arg, strangers->place, name);
	return true;
}

int
spool_strangers(struct spool *s, spool_stranger_fn *fn, void *arg,
    struct err *err)
{
	struct strangers strangers = { fn, arg, PLACE_QUEUE };
	int fd, rc;

	rc = place_list(s->queue_fd, "queue", see_stranger, &strangers, err);
	fd = open_place(s, strangers.place = PLACE_HOLD, err);
	if (fd == -1)
		rc = -1;
	if (fd < 0)
		return rc;
	if (place_list(fd, "hold", see_stranger, &strangers, err) < 0)
		rc = -1;
	close_place(s, fd);
	return rc;
}

/* Somebody has put it there, and what is in it may be all that he has. */
static int
discard_directory(struct spool *s, int damaged, const char *id,
    struct err *err)
{
	if (unlinkat(damaged, id, AT_REMOVEDIR) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return place_fail(err, "remove", id);
	return err_set(err, ERR_DATA, NULL,
	    "it is a directory with files in it: rm -r %s/damaged/%s",
	    s->path, id);
}

int
spool_discard(struct spool *s, const char *id, struct err *err)
{
	int fd, rc;

	if (!queueid_valid(id))
		return 0;
	fd = open_place(s, PLACE_DAMAGED, err);
	if (fd < 0)
		return fd == PLACE_GONE ? 0 : -1;
	rc = unlinkat(fd, id, 0) == 0;
	if (rc == 0 && errno == EISDIR)
		rc = discard_directory(s, fd, id, err);
	else if (rc == 0 && errno != ENOENT)
		rc = place_fail(err, "remove", id);
	close_place(s, fd);
	return rc;
}

static int
sync_place(struct spool *s, enum spool_place place, struct err *err)
{
	int fd, rc;

	fd = open_place(s, place, err);
	if (fd < 0)
		return fd == PLACE_GONE ? 0 : -1;
	rc = place_sync(fd, place_name(place), err);
	close_place(s, fd);
	return rc;
}

int
spool_sync(struct spool *s, struct err *err)
{
	if (place_sync_tree(s, err) < 0 ||
	    sync_place(s, PLACE_QUEUE, err) < 0 ||
	    sync_place(s, PLACE_HOLD, err) < 0 ||
	    sync_place(s, PLACE_DAMAGED, err) < 0)
		return -1;
	return s->mine_fd < 0 ? 0 : run_sync(s, err);
}

/* run/RUN's own name has to be on disk before a claim: what is claimed was
 * promised to somebody. */
int
spool_ready(struct spool *s, struct err *err)
{
	return run_ready(s, err) < 0 ? -1 : run_sync_name(s, err);
}

/*
 * Rename it into run/RUN; whoever succeeds has it.
 * Returns 1, 0 when it is gone, -1 with *err.
 */
static int
take(struct spool *s, int from, const char *id, struct err *err)
{
	do {
		if (spool_ready(s, err) < 0)
			return -1;
		if (place_rename(from, id, s->mine_fd, id) == 0)
			return 1;
		/* EEXIST: we have one of that name, and this is its copy. */
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			return place_fail(err, "claim", id);
	} while (run_lost(s));
	return 0;
}

/* What it is that we have taken: see entry_load(). */
static int
load_taken(struct spool *s, struct entry *e, struct err *err)
{
	int rc;

	e->fd = place_file(s, s->mine_fd, e->id, O_RDWR, err);
	if (e->fd == PLACE_GONE) {
		return err_set(err, ERR_TEMP, NULL,
		    "somebody removed it from run/%s", s->mine);
	}
	if (e->fd < 0)
		return -1;
	rc = entry_load(e->fd, e, err);
	entry_close(e);
	return rc;
}

int
spool_claim(struct spool *s, const char *id, enum spool_place place,
    struct entry *out, struct err *err)
{
	struct err ignored;
	int from, rc;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	if (!queueid_valid(id))
		return 0;
	from = open_place(s, place, err);
	if (from < 0)
		return from == PLACE_GONE ? 0 : -1;
	rc = take(s, from, id, err);
	if (rc <= 0)
		goto out;
	str_copy(out->id, sizeof(out->id), id);
	out->promised = true;
	if (load_taken(s, out, err) == 0)
		goto out;
	rc = err_prefix(err, "%s", id);
	if (err->kind == ERR_DATA)
		entry_set_aside(s, out, &ignored);
	else
		place_rename(s->mine_fd, id, from, id);
	entry_release(out);
out:
	close_place(s, from);
	return rc;
}

/* Returns as place_file() does. */
static int
file_in_run(struct spool *s, const char *run, const char *id, struct err *err)
{
	struct err ignored;
	int dir, fd;

	dir = run_name_valid(run) ?
	    place_dir(s, s->run_fd, run, false, &ignored) : PLACE_GONE;
	if (dir < 0)
		return PLACE_GONE;
	fd = place_file(s, dir, id, O_RDONLY, err);
	close(dir);
	return fd;
}

struct search {
	struct spool *s;
	const char *id;
	int	fd;		/* of the file, or as place_file() says */
	struct err *err;
};

/* Is there something in run/RUN? It is opened only then. */
static bool
has_file(int run_fd, const char *run, const char *id)
{
	char path[NAME_MAX + SPOOL_ID_MAX + 2];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", run, id);
	return fstatat(run_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
search_run(void *arg, int dirfd, const char *name)
{
	struct search *search = arg;

	if (!has_file(dirfd, name, search->id))
		return true;
	search->fd = file_in_run(search->s, name, search->id, search->err);
	return search->fd == PLACE_GONE;
}

/* Returns as place_file() does. */
static int
find_file(struct spool *s, const char *id, enum spool_place place,
    struct err *err)
{
	struct search search = { s, id, PLACE_GONE, err };
	int dir, fd;

	if (place == PLACE_RUN) {
		if (place_list(s->run_fd, "run", search_run, &search, err) < 0)
			return -1;
		return search.fd;
	}
	dir = open_place(s, place, err);
	if (dir < 0)
		return dir;
	fd = place_file(s, dir, id, O_RDONLY, err);
	close_place(s, dir);
	return fd;
}

/* What was found: fd as place_file() returns it. Returns as spool_peek(). */
static int
peek(const char *id, int fd, struct entry *out, struct err *err)
{
	if (fd == PLACE_GONE)
		return 0;
	if (fd < 0)
		return err_prefix(err, "%s", id);
	str_copy(out->id, sizeof(out->id), id);
	out->fd = fd;
	if (entry_load(fd, out, err) == 0)
		return 1;
	entry_release(out);
	return err_prefix(err, "%s", id);
}

int
spool_peek(struct spool *s, const char *id, enum spool_place place,
    struct entry *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->fd = -1;
	if (!queueid_valid(id))
		return 0;
	return peek(id, find_file(s, id, place, err), out, err);
}

int
spool_peek_run(struct spool *s, const char *id, const char *run,
    struct entry *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->fd = -1;
	if (!queueid_valid(id))
		return 0;
	return peek(id, file_in_run(s, run, id, err), out, err);
}
