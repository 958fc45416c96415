#include "config.h"

#include "smtp/client_impl.h"

#include <string.h>

/* How long to listen to a server that went away: what it said is here. */
#define LAST_WORDS_S 1

static const struct {
	enum outcome_stage stage;
	size_t patience;	/* a field of struct smtp_patience */
} steps[] = {
#define WAIT(field) offsetof(struct smtp_patience, field)
	[STEP_RSET] = { STAGE_MAIL, WAIT(mail_s) },
	[STEP_MAIL] = { STAGE_MAIL, WAIT(mail_s) },
	[STEP_RCPT] = { STAGE_RCPT, WAIT(rcpt_s) },
	[STEP_DATA] = { STAGE_DATA, WAIT(data_s) },
	[STEP_NOBODY] = { STAGE_DATA, WAIT(dot_s) },
	[STEP_DOT] = { STAGE_DOT, WAIT(dot_s) },
	[STEP_BDAT] = { STAGE_DOT, WAIT(dot_s) },
#undef WAIT
};

static unsigned
step_wait_s(const struct smtp_client *c, enum step step)
{
	unsigned wait_s;

	memcpy(&wait_s, (const char *)c->patience + steps[step].patience,
	    sizeof(wait_s));
	return wait_s;
}

enum outcome_stage
step_stage(enum step step)
{
	return steps[step].stage;
}

int
dialogue_desync(struct smtp_client *c, struct err *err, const char *why,
    const struct reply *reply)
{
	char line[256] = "";

	c->desync = true;
	if (reply != NULL)
		reply_line(reply, line, sizeof(line));
	return err_set(err, ERR_TEMP, "4.5.0", "protocol error: %s%s%s", why,
	    reply != NULL ? ": " : "", line);
}

int
dialogue_closing(struct smtp_client *c, struct err *err,
    const struct reply *reply)
{
	char line[ERR_TEXT_MAX];

	c->closing = true;
	reply_line(reply, line, sizeof(line));
	return err_set(err, ERR_TEMP,
	    reply->status[0] != '\0' ? reply->status : "4.3.2", "%s", line);
}

int
dialogue_arrived(struct smtp_client *c, struct err *err)
{
	struct conn *conn = c->conn;
	char some[512];
	short want = 0;
	ssize_t n;

	if (conn_has_input(conn))
		return 1;
	n = conn->io->recv(conn, some, sizeof(some), &want, err);
	if (n > 0)
		buf_add(&conn->in, some, (size_t)n);
	if (n == 0)
		return err_set(err, ERR_TEMP, "4.4.2",
		    "connection closed by the other side");
	return n < 0 && want == 0 ? -1 : n > 0;
}

/*
 * The oldest pending command meets the next reply. It stays pending when there
 * is none, for verdict_lost().
 */
static int
hear(struct smtp_client *c, unsigned wait_s, struct err *err)
{
	struct pending p = c->pending[c->oldest];
	struct reply reply = { 0 };
	int rc;

	c->stage = steps[p.step].stage;
	if (reply_read(c->conn, wait_s, &reply, err) < 0)
		return -1;
	c->oldest = (c->oldest + 1) % PENDING_MAX;
	c->npending--;
	if (reply.code != 421 && p.end > c->sent)
		rc = dialogue_desync(c, err, "a reply before its command", &reply);
	else
		rc = heard(c, &p, &reply, err);
	reply_release(&reply);
	return rc;
}

/*
 * The line does not take our words any more. A server may have said why (421,
 * or 552 in the middle of a body) and closed: hear what is there. *err stays
 * unless that says more.
 */
static int
last_words(struct smtp_client *c, struct err *err)
{
	struct err said = { 0 };
	size_t left;

	dialogue_arrived(c, &said);
	while ((left = c->npending) > 0) {
		if (hear(c, LAST_WORDS_S, &said) == 0)
			continue;
		if (c->npending < left)
			*err = said;
		break;
	}
	return -1;
}

int
dialogue_interrupted(struct smtp_client *c, struct err *err)
{
	err_set(err, ERR_TEMP, "4.5.0",
	    "the server spoke before the message was sent");
	return last_words(c, err);
}

/*
 * Note what has left. When a write fails nobody knows how much of the output
 * went before, so that does not count.
 */
static void
note_sent(struct smtp_client *c)
{
	c->sent = c->put - c->conn->out.len;
}

int
dialogue_write(struct smtp_client *c, const void *data, size_t n,
    struct err *err)
{
	c->put += n;
	if (conn_write(c->conn, data, n, c->patience->block_s, err) < 0)
		return last_words(c, err);
	note_sent(c);
	return 0;
}

int
dialogue_end(struct smtp_client *c, struct transaction *t, const void *data,
    size_t n, struct err *err)
{
	/* one that nobody is there to record would be sent again */
	if (conn_wanted(c->conn, err) < 0)
		return -1;
	t->end = c->put + n;
	return dialogue_write(c, data, n, err);
}

static int
hear_down_to(struct smtp_client *c, size_t left, struct err *err)
{
	if (c->npending <= left)
		return 0;
	if (conn_flush(c->conn, c->patience->block_s, err) < 0)
		return last_words(c, err);
	note_sent(c);
	while (c->npending > left)
		if (hear(c, step_wait_s(c, c->pending[c->oldest].step),
			err) < 0)
			return -1;
	return 0;
}

int
dialogue_hear_all(struct smtp_client *c, struct err *err)
{
	return hear_down_to(c, 0, err);
}

int
dialogue_check(struct smtp_client *c, struct err *err)
{
	struct reply reply = { 0 };
	struct err ignored;
	int arrived = dialogue_arrived(c, err), rc;

	if (arrived <= 0)
		return arrived;
	if (reply_read(c->conn, LAST_WORDS_S, &reply, &ignored) == 0 &&
	    reply.code == 421)
		rc = dialogue_closing(c, err, &reply);
	else
		rc = dialogue_desync(c, err, "the server spoke out of turn",
		    reply.code != 0 ? &reply : NULL);
	reply_release(&reply);
	return rc;
}

int
dialogue_queue(struct smtp_client *c, enum step step, struct transaction *t,
    size_t slot, struct err *err)
{
	struct buf *line = &c->line;

	if (c->npending == 0) {
		c->stage = steps[step].stage;
		if (dialogue_check(c, err) < 0)
			return -1;
	}
	if (c->npending == PENDING_MAX &&
	    hear_down_to(c, PENDING_MAX / 2, err) < 0)
		return -1;
	c->pending[(c->oldest + c->npending++) % PENDING_MAX] =
	    (struct pending){ .step = step, .t = t, .slot = slot,
		    .end = c->put + line->len };
	if (line->len == 0)
		return 0;
	conn_trace(c->conn, '>', line->data, line->len - 2);
	return dialogue_write(c, line->data, line->len, err);
}

int
dialogue_say(struct smtp_client *c, enum step step, struct transaction *t,
    size_t slot, struct err *err)
{
	if (dialogue_queue(c, step, t, slot, err) < 0)
		return -1;
	return c->offers.pipelining ? 0 : dialogue_hear_all(c, err);
}
