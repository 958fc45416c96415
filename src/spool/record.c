/* Writing the journal of an entry. */
#include "config.h"

#include "spool/entry.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "spool/journal.h"
#include "spool/place.h"

static int
pwrite_all(int fd, const char *data, size_t n, uint64_t at)
{
	ssize_t got;

	while (n > 0) {
		got = pwrite(fd, data, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		data += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/*
 * Half a line behind the end, of ours or of a process that died in the middle
 * of it, is cut off before anything is written: behind it, a line would
 * stand in the middle of the journal, where half a line is damage.
 */
static int
cut_torn(struct entry *e)
{
	if (!e->torn)
		return 0;
	if (ftruncate(e->fd, (off_t)e->end) < 0)
		return -1;
	e->torn = false;
	return 0;
}

/* Append lines in one write: O(1) whatever the size of the entry. */
static int
append(struct spool *s, struct entry *e, const struct buf *lines,
    struct err *err)
{
	if (entry_open(s, e, err) < 0)
		return -1;
	if (cut_torn(e) < 0)
		return place_fail(err, "truncate", e->id);
	if (pwrite_all(e->fd, lines->data, lines->len, e->end) == 0) {
		e->end += lines->len;
		return 0;
	}
	place_fail(err, "write", e->id);
	e->torn = true;
	cut_torn(e);
	return -1;
}

int
entry_record(struct spool *s, struct entry *e, size_t rcpt,
    const struct outcome *o, time_t now, struct err *err)
{
	struct buf line = { 0 };
	int rc;

	assert(rcpt < e->env.nrcpt);
	journal_outcome(&line, e->seed, rcpt, o, now);
	rc = append(s, e, &line, err);
	/* that it was tried in vain may be lost, that it is done may not */
	e->dirty |= o->kind != OUTCOME_DEFERRED;
	buf_release(&line);
	envelope_note(&e->env, rcpt, o, now);
	return rc;
}

int
entry_record_all(struct spool *s, struct entry *e, const size_t *rcpts,
    size_t n, entry_outcome_fn *fn, void *arg, time_t now, struct err *err)
{
	struct buf lines = { 0 };
	struct outcome o;
	int rc;

	for (size_t i = 0; i < n; i++) {
		assert(rcpts[i] < e->env.nrcpt);
		fn(arg, e, rcpts[i], &o);
		journal_outcome(&lines, e->seed, rcpts[i], &o, now);
	}
	rc = n > 0 ? append(s, e, &lines, err) : 0;
	buf_release(&lines);
	if (rc < 0)
		return -1;
	e->dirty |= n > 0;
	for (size_t i = 0; i < n; i++) {
		fn(arg, e, rcpts[i], &o);
		envelope_note(&e->env, rcpts[i], &o, now);
	}
	return 0;
}

/* What was said of n rows; takes the lines. */
static int
record_told(struct spool *s, struct entry *e, size_t n, struct buf *lines,
    struct err *err)
{
	int rc = n > 0 ? append(s, e, lines, err) : 0;

	e->dirty |= n > 0;
	buf_release(lines);
	return rc;
}

int
entry_record_reported(struct spool *s, struct entry *e, const size_t *rcpts,
    size_t n, struct err *err)
{
	struct buf lines = { 0 };

	for (size_t i = 0; i < n; i++) {
		assert(rcpts[i] < e->env.nrcpt);
		journal_reported(&lines, e->seed, rcpts[i]);
		e->env.rcpts[rcpts[i]].reported = true;
	}
	return record_told(s, e, n, &lines, err);
}

int
entry_record_warned(struct spool *s, struct entry *e, const size_t *rcpts,
    size_t n, struct err *err)
{
	struct buf lines = { 0 };

	for (size_t i = 0; i < n; i++) {
		assert(rcpts[i] < e->env.nrcpt);
		journal_warned(&lines, e->seed, rcpts[i]);
		e->env.rcpts[rcpts[i]].warned = true;
	}
	return record_told(s, e, n, &lines, err);
}

int
entry_record_deed(struct spool *s, struct entry *e, enum event_kind kind,
    uint32_t uid, time_t now, struct err *err)
{
	struct event event = { .kind = kind, .uid = uid, .time_s = now };
	struct buf line = { 0 };
	int rc;

	journal_deed(&line, e->seed, kind, uid, now);
	rc = append(s, e, &line, err);
	buf_release(&line);
	journal_apply(&event, &e->env);
	return rc;
}
