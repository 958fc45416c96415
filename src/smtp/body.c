#include "config.h"

#include "smtp/client_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fileio.h"
#include "smtp/command.h"
#include "smtp/dotstuff.h"

static void
trace_size(struct smtp_client *c, const struct smtp_message *m)
{
	struct buf text = { 0 };

	buf_printf(&text, "(%" PRIu64 " octets of message)", m->size);
	conn_trace(c->conn, '*', text.data, text.len);
	buf_release(&text);
}

/*
 * Our own file fails us: the server must not take what went out so far for
 * the message, so the end is never said.
 */
static int
unreadable(struct smtp_client *c, struct transaction *t, const char *why,
    struct err *err)
{
	struct outcome o = { 0 };

	err_set(err, ERR_TEMP, "4.3.0", "cannot read the message: %s", why);
	if (c->npending == 1) {
		outcome_from_err(&o, STAGE_DATA, err);
		verdict_accepted(c, t, &o);
	}
	return -1;
}

/* Read the block of the text that begins at offset done into c->block. */
static int
block_read(struct smtp_client *c, struct transaction *t, uint64_t done,
    struct err *err)
{
	const struct smtp_message *m = t->m;
	uint64_t left = m->size - done;
	size_t want = left < BLOCK_MAX ? (size_t)left : BLOCK_MAX;
	ssize_t got;

	buf_clear(&c->block);
	got = pread_all(m->fd, buf_reserve(&c->block, want), want,
	    m->at + (off_t)done);
	if (got < 0)
		return unreadable(c, t, strerror(errno), err);
	if ((size_t)got < want)
		return unreadable(c, t, "it is shorter than it was", err);
	c->block.len = want;
	return 0;
}

/* A server that speaks while only the body is on its way has made up its
 * mind; one that is gone will tell when we write. */
static int
listen_in(struct smtp_client *c, struct err *err)
{
	struct err gone;

	if (c->npending == 1 && dialogue_arrived(c, &gone) > 0)
		return dialogue_interrupted(c, err);
	return 0;
}

/* Note that the reply to t's body is awaited from now on. */
static int
await(struct smtp_client *c, enum step step, struct transaction *t,
    struct err *err)
{
	if (dialogue_queue(c, step, t, 0, err) < 0)
		return -1;
	c->unheard = t;
	trace_size(c, t->m);
	return 0;
}

int
body_data(struct smtp_client *c, struct transaction *t, struct err *err)
{
	bool dots = (t->m->body & BODY_DOTS) != 0;
	struct dotstuff stuff = { 0 };
	struct buf *out = dots ? &c->stuffed : &c->block;
	const char *end = ".\r\n";
	uint64_t done;

	buf_clear(&c->line);
	if (await(c, STEP_DOT, t, err) < 0)
		return -1;
	for (done = 0; done < t->m->size; done += c->block.len) {
		if (block_read(c, t, done, err) < 0 || listen_in(c, err) < 0)
			return -1;
		buf_clear(&c->stuffed);
		if (dots)
			dotstuff(&stuff, c->block.data, c->block.len, out);
		if (dialogue_write(c, out->data, out->len, err) < 0)
			return -1;
		/* A dot behind an unended line would be text. */
		end = out->data[out->len - 1] == '\n' ? ".\r\n" : "\r\n.\r\n";
	}
	conn_trace(c->conn, '>', ".", 1);
	return dialogue_end(c, t, end, strlen(end), err);
}

int
body_bdat(struct smtp_client *c, struct transaction *t, struct err *err)
{
	uint64_t done, size = t->m->size;
	const struct buf *block = &c->block;

	buf_clear(&c->line);
	buf_printf(&c->line, "BDAT %" PRIu64 " LAST\r\n", size);
	if (await(c, STEP_BDAT, t, err) < 0)
		return -1;
	for (done = 0; done < size; done += block->len) {
		if (block_read(c, t, done, err) < 0 || listen_in(c, err) < 0)
			return -1;
		if (done + block->len == size)
			return dialogue_end(c, t, block->data, block->len,
			    err);
		if (dialogue_write(c, block->data, block->len, err) < 0)
			return -1;
	}
	return dialogue_end(c, t, "", 0, err);
}
