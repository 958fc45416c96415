/* What there is, by name and time. */
#include "config.h"

#include "spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "spool/place.h"
#include "spool/queueid.h"
#include "spool/run.h"

/* A due time further ahead comes from a clock that has jumped. */
#define AHEAD_MAX_S (30 * 86400)

struct scan {
	spool_scan_fn *fn;
	void	*arg;
	struct spool *s;
	enum spool_place place;
	time_t	 now;
	bool	 ended;		/* fn wants no more */
	int	 rc;
	struct err *err;
};

static bool
scan_file(void *arg, int dirfd, const char *name)
{
	struct scan *scan = arg;
	struct stat st;
	time_t due;

	if (!queueid_valid(name) ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	due = st.st_mtime;
	if (due > scan->now + AHEAD_MAX_S)
		due = scan->now;
	scan->ended = !scan->fn(scan->arg, name, scan->place, due);
	return !scan->ended;
}

static void
scan_dir(struct scan *scan, int dirfd, const char *name,
    enum spool_place place)
{
	scan->place = place;
	if (!scan->ended &&
	    place_list(dirfd, name, scan_file, scan, scan->err) < 0)
		scan->rc = -1;
}

static bool
scan_run(void *arg, int dirfd, const char *name)
{
	struct scan *scan = arg;
	struct err err;
	int fd;

	if (!run_name_valid(name))
		return true;
	fd = place_dir(scan->s, dirfd, name, false, &err);
	if (fd < 0)
		return true;
	str_copy(scan->s->seen_in, sizeof(scan->s->seen_in), name);
	scan_dir(scan, fd, name, PLACE_RUN);
	close(fd);
	return !scan->ended;
}

/* hold/ or damaged/, which need not be there. */
static void
scan_place(struct scan *scan, enum spool_place place)
{
	int fd;

	if (scan->ended)
		return;
	fd = place_dir(scan->s, scan->s->fd, place_name(place), false,
	    scan->err);
	if (fd == -1)
		scan->rc = -1;
	if (fd < 0)
		return;
	scan_dir(scan, fd, place_name(place), place);
	close(fd);
}

int
spool_scan(struct spool *s, spool_scan_fn *fn, void *arg, struct err *err)
{
	struct scan scan = { .fn = fn, .arg = arg, .s = s, .err = err,
		.now = clock_wall() };

	scan_dir(&scan, s->queue_fd, "queue", PLACE_QUEUE);
	if (!scan.ended &&
	    place_list(s->run_fd, "run", scan_run, &scan, err) < 0)
		scan.rc = -1;
	scan_place(&scan, PLACE_HOLD);
	scan_place(&scan, PLACE_DAMAGED);
	return scan.rc;
}
