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
#include "base/crc.h"
#include "base/fileio.h"
#include "base/str.h"
#include "spool/fields.h"
#include "spool/place.h"

/* The one line of a file: "site 1 KEY FAILURES FIRST NEXT REASON CRC". */
#define SITE_LEN_MAX 65536
#define CRC_LEN 8

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

static bool
is_sound(const char *line, size_t n)
{
	char want[CRC_LEN + 2];

	if (n <= CRC_LEN + 1)
		return false;
	n -= CRC_LEN + 1;
	snprintf(want, sizeof(want), "%08x\n",
	    (unsigned)crc32_add(0, line, n));
	return memcmp(line + n, want, CRC_LEN + 1) == 0;
}

/* Is field i this text? */
static bool
field_is(const struct fields *f, size_t i, const char *text)
{
	char *have = fields_text(f, i);
	bool same = have != NULL && strcmp(have, text) == 0;

	free(have);
	return same;
}

static int
parse(const char *line, size_t n, const char *key, struct site_memory *m)
{
	uint64_t failures, first, next;
	struct fields f;

	if (!is_sound(line, n) || fields_split(line, n - 1, &f) < 0 ||
	    f.n != 8 || !field_is(&f, 0, "site") || !field_is(&f, 1, "1") ||
	    !field_is(&f, 2, key) ||
	    fields_number(&f, 3, UINT32_MAX, &failures) < 0 ||
	    fields_number(&f, 4, INT64_MAX, &first) < 0 ||
	    fields_number(&f, 5, INT64_MAX, &next) < 0 ||
	    fields_copy(&f, 6, m->reason, sizeof(m->reason)) < 0)
		return -1;
	m->failures = (unsigned)failures;
	m->first_s = (time_t)first;
	m->next_s = (time_t)next;
	str_sanitise(m->reason);
	return m->next_s > clock_wall() + AHEAD_MAX_S ? -1 : 0;
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
	    parse(buf_str(&line), line.len, key, m) < 0)
		memset(m, 0, sizeof(*m));
	buf_release(&line);
	close(dirfd);
}

static void
write_line(struct buf *out, const char *key, const struct site_memory *m)
{
	buf_adds(out, "site 1");
	fields_add(out, key);
	fields_add_number(out, m->failures);
	fields_add_number(out, m->first_s < 0 ? 0 : (uint64_t)m->first_s);
	fields_add_number(out, m->next_s < 0 ? 0 : (uint64_t)m->next_s);
	fields_add(out, m->reason);
	buf_addc(out, ' ');
	buf_printf(out, "%08x\n", (unsigned)crc32_add(0, out->data, out->len));
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
		write_line(&line, key, m);
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
