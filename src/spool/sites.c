#include "config.h"

#include "spool/sites.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "spool/place.h"
#include "spool/siteline.h"

/* The one line of a file. */
#define SITE_LEN_MAX 65536

/* No schedule waits longer; a clock that has jumped does. */
#define AHEAD_MAX_S (30 * 86400)

#define NAME_LEN 16

/* A file has the hash of its key for a name, and the key inside. */
static void
site_name(const char *key, char *name)
{
	snprintf(name, NAME_LEN + 1, "%016" PRIx64,
	    str_hash(STR_HASH_INIT, key, strlen(key)));
}

static int
read_site(struct spool *s, int dirfd, const char *name, struct buf *out)
{
	struct err err;
	int fd, rc;

	fd = place_file(s, dirfd, name, O_RDONLY, &err);
	if (fd < 0)
		return -1;
	rc = file_read_fd(fd, name, SITE_LEN_MAX, out, &err);
	close(fd);
	return rc;
}

void
sites_get(struct spool *s, const char *key, struct site_memory *m)
{
	char name[NAME_LEN + 1];
	struct buf line = { 0 };
	struct err err;
	int dirfd;

	memset(m, 0, sizeof(*m));
	dirfd = place_dir(s, s->fd, "sites", false, &err);
	if (dirfd < 0)
		return;
	site_name(key, name);
	if (read_site(s, dirfd, name, &line) < 0 ||
	    siteline_parse(buf_str(&line), line.len, key, m) < 0 ||
	    m->next_s > clock_wall() + AHEAD_MAX_S)
		memset(m, 0, sizeof(*m));
	buf_release(&line);
	close(dirfd);
}

static int
forget(int dirfd, const char *name, struct err *err)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	return place_fail(err, "remove", name);
}

int
sites_set(struct spool *s, const char *key, const struct site_memory *m,
    struct err *err)
{
	char name[NAME_LEN + 1];
	struct buf line = { 0 };
	int dirfd, rc;

	dirfd = place_dir(s, s->fd, "sites", m->failures > 0, err);
	if (dirfd < 0)
		return dirfd == PLACE_GONE ? 0 : -1;
	site_name(key, name);
	if (m->failures == 0) {
		rc = forget(dirfd, name, err);
	} else {
		siteline_write(&line, key, m);
		rc = file_replace(dirfd, name, line.data, line.len,
		    s->shared ? 0660 : 0600, err);
	}
	buf_release(&line);
	close(dirfd);
	return rc;
}

void
sites_strike(struct site_memory *m, const struct retry_rule *rule, time_t now,
    unsigned random, const char *reason)
{
	str_copy(m->reason, sizeof(m->reason), reason);
	if (m->failures > 0 && retry_sane(rule, m->next_s, now) > now)
		return;
	/* a first time that is still to come is a clock's that was ahead */
	if (m->failures++ == 0 || m->first_s > now)
		m->first_s = now;
	m->next_s = now + (time_t)retry_delay(rule, m->failures, false,
	    random);
}

struct sweep {
	time_t	oldest, latest;	/* what was written between them is kept */
	time_t	*kept;		/* when the others were; owned */
	size_t	n, cap;
};

/* What was written in the future goes too: nobody knows its age. */
static bool
sweep_file(void *arg, int dirfd, const char *name)
{
	struct sweep *sweep = arg;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return true;
	if (st.st_mtime < sweep->oldest || st.st_mtime > sweep->latest) {
		unlinkat(dirfd, name, 0);
		return true;
	}
	sweep->kept = xgrow(sweep->kept, sweep->n, &sweep->cap,
	    sizeof(*sweep->kept));
	sweep->kept[sweep->n++] = st.st_mtime;
	return true;
}

static int
by_time(const void *a, const void *b)
{
	const time_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
sites_sweep(struct spool *s, time_t now, unsigned age_s)
{
	struct sweep sweep = { .oldest = now - (time_t)age_s,
		.latest = now + AHEAD_MAX_S };
	struct err err;
	int dirfd;

	dirfd = place_dir(s, s->fd, "sites", false, &err);
	if (dirfd < 0)
		return;
	place_list(dirfd, "sites", sweep_file, &sweep, &err);
	if (sweep.n > SITES_MAX) {
		qsort(sweep.kept, sweep.n, sizeof(*sweep.kept), by_time);
		/* those of one second go or stay together */
		sweep.oldest = sweep.kept[sweep.n - SITES_MAX];
		if (sweep.oldest == sweep.kept[0])
			sweep.oldest++;
		sweep.n = 0;
		place_list(dirfd, "sites", sweep_file, &sweep, &err);
	}
	free(sweep.kept);
	close(dirfd);
}
