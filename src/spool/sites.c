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

struct sweep {
	time_t	now;
	unsigned age_s;
};

/* What was written in the future goes too: nobody knows its age. */
static bool
sweep_file(void *arg, int dirfd, const char *name)
{
	struct sweep *sweep = arg;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) &&
	    (st.st_mtime < sweep->now - (time_t)sweep->age_s ||
	    st.st_mtime > sweep->now + AHEAD_MAX_S))
		unlinkat(dirfd, name, 0);
	return true;
}

void
sites_sweep(struct spool *s, time_t now, unsigned age_s)
{
	struct sweep sweep = { now, age_s };
	struct err err;
	int dirfd;

	dirfd = place_dir(s, s->fd, "sites", false, &err);
	if (dirfd < 0)
		return;
	place_list(dirfd, "sites", sweep_file, &sweep, &err);
	close(dirfd);
}
