#include "config.h"

#include "spool/entry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fileio.h"
#include "base/xalloc.h"
#include "spool/envtext.h"
#include "spool/head.h"
#include "spool/journal.h"
#include "spool/place.h"

#define READ_STEP 65536

static int
load_head(int fd, struct head *head, uint64_t *size, struct err *err)
{
	char block[HEAD_LEN];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return place_fail(err, "stat", "an entry");
	n = pread_all(fd, block, sizeof(block), 0);
	if (n < 0)
		return place_fail(err, "read", "its head");
	*size = (uint64_t)st.st_size;
	return head_parse(block, (uint64_t)n, *size, head, err);
}

/* head_parse() has seen to it that the length is bounded and in the file. */
static int
load_envelope(int fd, const struct head *head, struct envelope *env,
    struct err *err)
{
	size_t len = (size_t)head->envelope_len;
	struct buf text = { 0 };
	ssize_t n;
	int rc = -1;

	n = pread_all(fd, buf_reserve(&text, len), len,
	    (off_t)head->envelope_at);
	if (n < 0) {
		place_fail(err, "read", "its envelope");
		goto out;
	}
	if ((size_t)n != len ||
	    crc32_add(0, text.data, len) != head->envelope_crc) {
		err_set(err, ERR_DATA, NULL, "its envelope is damaged");
		goto out;
	}
	rc = envtext_parse(text.data, len, env, err);
	env->size = head->message_len;
out:
	buf_release(&text);
	return rc;
}

static void
apply(void *arg, const struct event *event)
{
	journal_apply(event, arg);
}

int
entry_load(int fd, struct entry *e, struct err *err)
{
	struct head head;
	uint64_t size;

	if (load_head(fd, &head, &size, err) < 0 ||
	    load_envelope(fd, &head, &e->env, err) < 0)
		return -1;
	e->message_at = head.message_at;
	e->seed = head.envelope_crc;
	if (journal_read(fd, head.envelope_at + head.envelope_len, e->seed,
	    e->env.nrcpt, apply, &e->env, &e->end, err) < 0)
		return -1;
	e->torn = size > e->end;
	return 0;
}

int
entry_history(struct spool *s, struct entry *e, entry_history_fn *fn,
    void *arg, struct err *err)
{
	struct head head;
	uint64_t size, end;

	if (entry_open(s, e, err) < 0 ||
	    load_head(e->fd, &head, &size, err) < 0)
		return -1;
	return journal_read(e->fd, head.envelope_at + head.envelope_len,
	    e->seed, e->env.nrcpt, fn, arg, &end, err);
}

static int
open_mine(struct spool *s, const struct entry *e, int flags, struct err *err)
{
	int fd;

	fd = place_file(s, s->mine_fd, e->id, flags, err);
	if (fd == -1)
		return err_prefix(err, "%s", e->id);
	if (fd != PLACE_GONE)
		return fd;
	return err_set(err, ERR_TEMP, NULL, "%s: is no longer in run/%s",
	    e->id, s->mine);
}

int
entry_open(struct spool *s, struct entry *e, struct err *err)
{
	if (e->fd >= 0)
		return 0;
	e->fd = open_mine(s, e, O_RDWR, err);
	return e->fd < 0 ? -1 : 0;
}

void
entry_close(struct entry *e)
{
	/* All zero is the empty entry, and descriptor 0 is not ours. */
	if (e->id[0] != '\0' && e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

int
entry_reader(struct spool *s, struct entry *e, struct err *err)
{
	return open_mine(s, e, O_RDONLY, err);
}

/* The CRC of len octets of the message. */
static int
sum_message(int fd, uint64_t at, uint64_t len, uint32_t *crc,
    struct err *err)
{
	char *data = xmalloc(READ_STEP);
	size_t step;
	ssize_t n;
	int rc = 0;

	*crc = 0;
	while (len > 0 && rc == 0) {
		step = len < READ_STEP ? (size_t)len : READ_STEP;
		n = pread_all(fd, data, step, (off_t)at);
		if (n < 0)
			rc = place_fail(err, "read", "the message");
		else if ((size_t)n < step)
			rc = err_set(err, ERR_DATA, NULL, "is too short");
		else
			*crc = crc32_add(*crc, data, step);
		at += step;
		len -= step;
	}
	free(data);
	return rc;
}

int
entry_verify(struct spool *s, struct entry *e, struct err *err)
{
	struct head head;
	uint64_t size;
	uint32_t crc;

	if (entry_open(s, e, err) < 0)
		return -1;
	if (load_head(e->fd, &head, &size, err) < 0 ||
	    sum_message(e->fd, head.message_at, head.message_len, &crc,
	    err) < 0)
		return err_prefix(err, "%s", e->id);
	if (crc == head.message_crc)
		return 0;
	return err_set(err, ERR_DATA, NULL, "%s: its message is damaged",
	    e->id);
}

/*
 * Where the header block ends: before the first empty line. When there is
 * none in what was read of it, *found is false and it is behind the last line
 * end.
 */
static size_t
header_len(const char *text, size_t n, bool *found)
{
	const char *eol, *line = text, *end = text + n;

	*found = false;
	while (line < end && !*found) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			break;
		*found = eol == line + 1 && *line == '\r';
		if (!*found)
			line = eol + 1;
	}
	return (size_t)(line - text);
}

int
entry_header(struct spool *s, struct entry *e, size_t max, struct buf *out,
    struct err *err)
{
	size_t want, start = out->len;
	uint64_t at = e->message_at, left = e->env.size;
	bool found = false;
	ssize_t n;

	if (entry_open(s, e, err) < 0)
		return -1;
	if (left > max)
		left = max;
	while (left > 0 && !found) {
		want = left < READ_STEP ? (size_t)left : READ_STEP;
		n = pread_all(e->fd, buf_reserve(out, want), want, (off_t)at);
		if (n < 0) {
			out->len = start;
			return place_fail(err, "read", e->id);
		}
		out->len += (size_t)n;
		at += (size_t)n;
		left = (size_t)n < want ? 0 : left - want;
		header_len(out->data + start, out->len - start, &found);
	}
	if (out->len > start)
		out->len = start + header_len(out->data + start,
		    out->len - start, &found);
	return 0;
}

void
entry_release(struct entry *e)
{
	entry_close(e);
	envelope_release(&e->env);
	memset(e, 0, sizeof(*e));
	e->fd = -1;
}
