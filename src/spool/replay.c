/* Reading a whole journal: the other half of journal.h. */
#include "config.h"

#include "spool/journal.h"

#include <errno.h>
#include <string.h>

#include "base/fileio.h"

#define READ_STEP 65536

/* The least part of a disk that is written as one. */
#define SECTOR 512

/* A gap left by a power cut is no longer; lines are far shorter. */
#define LINE_MAX_LEN (16u << 20)

struct replay {
	journal_fn *fn;
	void	*arg;
	size_t	 nrcpt;
	uint32_t seed;
	uint64_t at;		/* offset of data's first byte in the file */
	uint64_t end;		/* behind the last line that counts */
	struct buf data;	/* read and not yet looked at */
};

/*
 * Does the line tell of octets that never reached the disk? NULs in it, and
 * they go on to the end of a sector. Two of them at least: a single one may
 * be a blank that lost its bit.
 */
static bool
is_gap(const char *line, size_t n, uint64_t offset)
{
	const char *nul = memchr(line, '\0', n);
	size_t i;

	if (nul == NULL)
		return false;
	for (i = (size_t)(nul - line); i < n; i++) {
		if (line[i] != '\0' || (i + 1 < n && line[i + 1] == '\0'))
			continue;
		/* The last NUL of a run. */
		if (i == 0 || line[i - 1] != '\0' ||
		    (offset + i + 1) % SECTOR != 0)
			return false;
	}
	return true;
}

/* Returns 0, or -1 when the line is damage. */
static int
take_line(struct replay *r, const char *line, size_t n)
{
	uint64_t offset = r->at + (uint64_t)(line - r->data.data);
	struct event event;
	int counts;

	counts = journal_parse(line, n, r->seed, &event);
	if (counts < 0 || (counts == 0 && !is_gap(line, n, offset)))
		return -1;
	if (counts > 0 && event.kind < EVENT_HELD &&
	    event.rcpt >= r->nrcpt)
		return -1;
	if (counts > 0)
		r->fn(r->arg, &event);
	r->end = offset + n + 1;
	return 0;
}

/* Take the whole lines of what was read. */
static int
take_lines(struct replay *r)
{
	const char *line, *eol, *end;
	size_t used;

	if (r->data.len == 0)
		return 0;
	line = r->data.data;
	end = line + r->data.len;
	for (; line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			break;
		if (take_line(r, line, (size_t)(eol - line)) < 0)
			return -1;
	}
	used = (size_t)(line - r->data.data);
	buf_consume(&r->data, used);
	r->at += used;
	return r->data.len > LINE_MAX_LEN ? -1 : 0;
}

/* Read on. Returns the number of bytes, 0 at the end, or -1 with errno. */
static ssize_t
read_more(struct replay *r, int fd)
{
	char *to = buf_reserve(&r->data, READ_STEP);
	ssize_t got;

	got = pread_all(fd, to, READ_STEP, (off_t)(r->at + r->data.len));
	if (got > 0)
		r->data.len += (size_t)got;
	return got;
}

int
journal_read(int fd, uint64_t at, uint32_t seed, size_t nrcpt,
    journal_fn *fn, void *arg, uint64_t *end, struct err *err)
{
	struct replay r = { .fn = fn, .arg = arg, .nrcpt = nrcpt,
		.seed = seed, .at = at, .end = at };
	ssize_t got;
	int rc = -1;

	do {
		got = read_more(&r, fd);
		if (got < 0) {
			err_set(err, ERR_TEMP, NULL, "read its journal: %s",
			    strerror(errno));
			goto out;
		}
		if (take_lines(&r) < 0) {
			err_set(err, ERR_DATA, NULL,
			    "its journal is damaged near octet %llu",
			    (unsigned long long)r.end);
			goto out;
		}
	} while (got > 0);
	/* What is left has no line end: it was being written. */
	*end = r.end;
	rc = 0;
out:
	buf_release(&r.data);
	return rc;
}
