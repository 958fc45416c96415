/* A message being written, until it is committed. */
#include "config.h"

#include "spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fileio.h"
#include "spool/entry.h"
#include "spool/envtext.h"
#include "spool/head.h"
#include "spool/journal.h"
#include "spool/place.h"
#include "spool/queueid.h"
#include "spool/run.h"

/* A message below this costs one write(2), envelope and all. */
#define PENDING_MAX 65536

#define TRIES 16

#define NAME_MAX_LEN (SPOOL_ID_MAX + 4)

static void
draft_name(const struct draft *d, char *out)
{
	snprintf(out, NAME_MAX_LEN, "%s.new", d->id);
}

/* Create run/RUN/ID.new. Returns the descriptor or -1 with *err. */
static int
create(struct spool *s, struct draft *d, struct err *err)
{
	char name[NAME_MAX_LEN];
	int fd, tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (run_ready(s, err) < 0)
			return -1;
		queueid_make(d->id);
		draft_name(d, name);
		fd = place_create(s, s->mine_fd, name);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST && !(errno == ENOENT && run_lost(s)))
			break;
	}
	return place_fail(err, "create", name);
}

int
spool_draft(struct spool *s, struct draft *d, struct err *err)
{
	memset(d, 0, sizeof(*d));
	d->fd = create(s, d, err);
	if (d->fd < 0)
		return -1;
	d->spool = s;
	d->message_at = d->at = HEAD_LEN;
	/* Where the head will be written, here or in the file. */
	memset(buf_reserve(&d->pending, PENDING_MAX), '\n', HEAD_LEN);
	d->pending.len = HEAD_LEN;
	return 0;
}

static int
flush(struct draft *d, struct err *err)
{
	if (write_all(d->fd, d->pending.data, d->pending.len) < 0)
		return place_fail(err, "write", d->id);
	buf_clear(&d->pending);
	return 0;
}

int
draft_write(struct draft *d, const void *data, size_t n, struct err *err)
{
	const char *p = data;
	size_t step;

	if (d->at + n > HEAD_NUMBER_MAX)
		return err_set(err, ERR_DATA, "5.3.4", "message too large");
	d->crc = crc32_add(d->crc, data, n);
	d->at += n;
	while (n > 0) {
		step = PENDING_MAX - d->pending.len;
		if (step > n)
			step = n;
		buf_add(&d->pending, p, step);
		p += step;
		n -= step;
		if (d->pending.len == PENDING_MAX && flush(d, err) < 0)
			return -1;
	}
	return 0;
}

/* Put the head where room was left for it: in memory, or in the file. */
static int
put_head(struct draft *d, const struct head *head, bool written,
    struct err *err)
{
	char block[HEAD_LEN];

	head_write(head, block);
	if (!written) {
		memcpy(d->pending.data, block, HEAD_LEN);
		return 0;
	}
	if (pwrite(d->fd, block, HEAD_LEN, 0) == HEAD_LEN)
		return 0;
	return place_fail(err, "write", d->id);
}

/*
 * Envelope and journal (what is known already) behind the message, and the
 * head before it; all of it goes to the file. Fills what entry tells of it.
 */
static int
finish(struct draft *d, struct envelope *env, struct entry *e,
    struct err *err)
{
	struct head head = { .message_at = d->message_at,
		.message_len = d->at - d->message_at, .message_crc = d->crc,
		.envelope_at = d->at };
	bool written = d->at > d->pending.len;
	size_t start = d->pending.len;

	envtext_write(&d->pending, env);
	head.envelope_len = d->pending.len - start;
	if (head.envelope_len > HEAD_ENVELOPE_MAX ||
	    env->nrcpt > ENVTEXT_RCPT_MAX)
		return err_set(err, ERR_DATA, "5.5.3", "too many recipients");
	head.envelope_crc = crc32_add(0, d->pending.data + start,
	    (size_t)head.envelope_len);
	journal_carry(&d->pending, head.envelope_crc, env);
	e->message_at = d->message_at;
	e->seed = head.envelope_crc;
	e->end = d->at + (d->pending.len - start);
	env->size = head.message_len;
	if (put_head(d, &head, written, err) < 0)
		return -1;
	return flush(d, err);
}

/* Sync the file, set its time. close(2) may be what finds the disk full. */
static int
settle(struct draft *d, enum spool_place place, time_t due, bool sync,
    struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = due } };
	int rc;

	if (place == PLACE_QUEUE && futimens(d->fd, times) < 0)
		return place_fail(err, "set the time of", d->id);
	if (sync && place_sync(d->fd, d->id, err) < 0)
		return -1;
	if (place != PLACE_QUEUE)
		return 0;
	rc = close(d->fd);
	d->fd = -1;
	return rc < 0 ? place_fail(err, "close", d->id) : 0;
}

/*
 * The commit itself, and the directories. What was not to be promised after
 * all must not be sent by others either.
 */
static int
move_in(struct draft *d, enum spool_place place, bool sync, struct err *err)
{
	struct spool *s = d->spool;
	bool queue = place == PLACE_QUEUE;
	int to = queue ? s->queue_fd : s->mine_fd;
	char name[NAME_MAX_LEN];

	draft_name(d, name);
	if (place_rename(s->mine_fd, name, to, d->id) < 0)
		return place_fail(err, "commit", d->id);
	if (!sync)
		return 0;
	if (queue && place_sync_tree(s, err) == 0 &&
	    place_sync(to, "queue", err) == 0)
		return 0;
	if (!queue && run_sync(s, err) == 0)
		return 0;
	unlinkat(to, d->id, 0);
	return -1;
}

int
draft_commit(struct draft *d, struct envelope *env, enum spool_place place,
    time_t due, bool sync, struct entry *out, struct err *err)
{
	struct entry e = { .fd = -1, .promised = sync, .dirty = !sync };

	assert(place == PLACE_RUN ? out != NULL : place == PLACE_QUEUE);
	if (finish(d, env, &e, err) < 0 ||
	    settle(d, place, due, sync, err) < 0 ||
	    move_in(d, place, sync, err) < 0) {
		draft_abort(d);
		return -1;
	}
	memcpy(e.id, d->id, sizeof(e.id));
	e.fd = d->fd;
	if (out != NULL) {
		e.env = *env;
		*out = e;
		memset(env, 0, sizeof(*env));
	} else {
		envelope_release(env);
	}
	buf_release(&d->pending);
	memset(d, 0, sizeof(*d));
	return 0;
}

void
draft_abort(struct draft *d)
{
	char name[NAME_MAX_LEN];

	if (d->spool == NULL)
		return;
	draft_name(d, name);
	unlinkat(d->spool->mine_fd, name, 0);
	if (d->fd >= 0)
		close(d->fd);
	buf_release(&d->pending);
	memset(d, 0, sizeof(*d));
}
