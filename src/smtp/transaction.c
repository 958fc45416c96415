#include "config.h"

#include "smtp/client_impl.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "smtp/command.h"

/* Does the server's limit of transactions leave one (LIMITS MAILMAX)? */
static bool
has_room(const struct smtp_client *c)
{
	return c->offers.mail_max == 0 || c->mails < c->offers.mail_max;
}

static size_t
rcpt_limit(const struct smtp_client *c)
{
	unsigned limit = c->rcpt_max;

	if (c->offers.rcpt_max > 0 && c->offers.rcpt_max < limit)
		limit = c->offers.rcpt_max;
	return limit > 0 ? limit : 1;
}

/* An empty transaction; the other one may still wait for its body's reply. */
static struct transaction *
transaction_start(struct smtp_client *c, struct smtp_message *m)
{
	struct transaction *t = &c->t[c->unheard == &c->t[0]];

	*t = (struct transaction){ .m = m, .slots = t->slots, .cap = t->cap };
	return t;
}

static void
slot_add(struct transaction *t, struct smtp_rcpt *rcpt)
{
	t->slots = xgrow(t->slots, t->n, &t->cap, sizeof(*t->slots));
	t->slots[t->n++] = (struct slot){ .rcpt = rcpt };
}

static void
tell_err(struct smtp_client *c, struct smtp_message *m, struct smtp_rcpt *rcpt,
    enum outcome_stage stage, const struct err *err)
{
	struct outcome o = { 0 };

	outcome_from_err(&o, stage, err);
	verdict_tell(c, m, rcpt, &o);
}

/*
 * Some recipients need more than the server offers: each is refused for
 * itself. True when rcpt can be said.
 */
static bool
rcpt_fits(struct smtp_client *c, struct smtp_message *m,
    struct smtp_rcpt *rcpt)
{
	struct err err;

	if (c->offers.utf8 || !address_needs_utf8(rcpt->path))
		return true;
	err_set(&err, ERR_PERM, "5.6.7",
	    "the server does not take UTF-8 addresses (SMTPUTF8)");
	tell_err(c, m, rcpt, STAGE_RCPT, &err);
	return false;
}

/* The same for the whole message. */
static int
message_fits(const struct smtp_client *c, const struct smtp_message *m,
    struct err *err)
{
	const struct ehlo *offers = &c->offers;

	if (offers->size_max > 0 && m->size > offers->size_max)
		return err_set(err, ERR_PERM, "5.3.4", "message of %" PRIu64
		    " octets, the server takes %" PRIu64, m->size,
		    offers->size_max);
	if (!offers->utf8 && address_needs_utf8(m->reverse_path))
		return err_set(err, ERR_PERM, "5.6.7",
		    "the server does not take UTF-8 senders (SMTPUTF8)");
	return 0;
}

static void
message_refuse(struct smtp_client *c, struct smtp_message *m,
    const struct err *err)
{
	size_t i;

	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpts[i].done == OUTCOME_NONE)
			tell_err(c, m, &m->rcpts[i], STAGE_MAIL, err);
}

/* As many of m's forward-paths from *next on as one transaction takes. */
static struct transaction *
gather(struct smtp_client *c, struct smtp_message *m, size_t *next)
{
	struct transaction *t = transaction_start(c, m);
	struct smtp_rcpt *rcpt;

	for (; *next < m->nrcpt; (*next)++) {
		rcpt = &m->rcpts[*next];
		if (rcpt->done != OUTCOME_NONE || !rcpt_fits(c, m, rcpt))
			continue;
		if (t->n == rcpt_limit(c))
			break;
		slot_add(t, rcpt);
	}
	return t->n > 0 ? t : NULL;
}

/* The same from those that were too many; all of one message. */
static struct transaction *
gather_again(struct smtp_client *c)
{
	struct transaction *t = transaction_start(c, c->again[0].m);
	size_t i, left = 0;

	for (i = 0; i < c->nagain; i++) {
		if (c->again[i].rcpt->done != OUTCOME_NONE)
			continue;
		if (c->again[i].m == t->m && t->n < rcpt_limit(c))
			slot_add(t, c->again[i].rcpt);
		else
			c->again[left++] = c->again[i];
	}
	c->nagain = left;
	return t->n > 0 ? t : NULL;
}

static int
say_mail(struct smtp_client *c, struct transaction *t, struct err *err)
{
	const struct smtp_message *m = t->m;
	const struct command_mail mail = { .reverse_path = m->reverse_path,
		.size = m->size, .eightbit = (m->body & BODY_8BIT) != 0,
		.utf8 = m->utf8, .ret = m->ret, .envid = m->envid };
	size_t i;

	buf_clear(&c->line);
	if (c->open && c->unheard == NULL) {
		command_simple(&c->line, "RSET", NULL, err);
		if (dialogue_say(c, STEP_RSET, NULL, 0, err) < 0)
			return -1;
		buf_clear(&c->line);
	}
	if (command_mail(&c->line, &c->offers, &mail, err) < 0) {
		for (i = 0; i < t->n; i++)
			tell_err(c, t->m, t->slots[i].rcpt, STAGE_MAIL, err);
		t->n = 0;
		return 0;
	}
	c->mails++;
	t->began_ms = clock_ms();
	return dialogue_say(c, STEP_MAIL, t, 0, err);
}

static int
say_rcpt(struct smtp_client *c, struct transaction *t, size_t i,
    struct err *err)
{
	struct smtp_rcpt *rcpt = t->slots[i].rcpt;

	buf_clear(&c->line);
	t->slots[i].dsn = c->offers.dsn &&
	    (rcpt->notify != 0 || rcpt->orcpt != NULL);
	if (command_rcpt(&c->line, &c->offers, rcpt->path, rcpt->notify,
		rcpt->orcpt, err) < 0) {
		tell_err(c, t->m, rcpt, STAGE_RCPT, err);
		return 0;
	}
	return dialogue_say(c, STEP_RCPT, t, i, err);
}

/* Hear the flight to its end; what it said counts only if that is all. */
static int
settle(struct smtp_client *c, struct transaction *t, struct err *err)
{
	if (dialogue_hear_all(c, err) < 0 || dialogue_check(c, err) < 0)
		return -1;
	verdict_settle(c, t);
	return 0;
}

/*
 * With DATA the text waits for 354, and 354 for all the replies before it. One
 * that comes with nobody accepted must be answered by a dot, whose reply means
 * nothing (RFC 2920 3.1).
 */
static int
send_data(struct smtp_client *c, struct transaction *t, struct err *err)
{
	bool known = c->npending == 0;

	buf_clear(&c->line);
	command_simple(&c->line, "DATA", NULL, err);
	if ((!known || t->accepted > 0) &&
	    dialogue_say(c, STEP_DATA, t, 0, err) < 0)
		return -1;
	if (settle(c, t, err) < 0)
		return -1;
	if (!t->go_ahead)
		return 0;
	if (t->accepted > 0)
		return body_data(c, t, err);
	buf_clear(&c->line);
	buf_adds(&c->line, ".\r\n");
	c->open = false;
	return dialogue_say(c, STEP_NOBODY, t, 0, err);
}

/* With BDAT a small text need not wait, unless that would put a second
 * message in doubt; a large one waits until somebody wants it. */
static int
send_chunk(struct smtp_client *c, struct transaction *t, struct err *err)
{
	bool at_once = c->offers.pipelining && c->unheard == NULL &&
	    !t->refused && t->m->size <= AT_ONCE_MAX;

	if (at_once)
		return body_bdat(c, t, err);
	if (settle(c, t, err) < 0)
		return -1;
	return t->accepted > 0 ? body_bdat(c, t, err) : 0;
}

/* Its reply is not waited for: mail is delivered when the body is accepted. */
static void
say_quit(struct smtp_client *c)
{
	static const char quit[] = "QUIT\r\n";
	struct err ignored;

	c->quit = true;
	conn_trace(c->conn, '>', "QUIT", 4);
	c->put += strlen(quit);
	conn_write(c->conn, quit, strlen(quit), c->patience->quit_s, &ignored);
}

/*
 * QUIT travels with the last body, unless a reply that is still to come could
 * ask for one more transaction: "too many recipients" needs two of them, and
 * "what is NOTIFY?" one that was told.
 */
static bool
is_last(const struct smtp_client *c, const struct transaction *t)
{
	return c->offers.pipelining && c->unheard == t && c->nagain == 0 &&
	    (c->npending == 1 || (t->n == 1 && !t->slots[0].dsn));
}

/* One transaction (RFC 5321 3.3); last: no other is planned. */
static int
transact(struct smtp_client *c, struct transaction *t, bool last,
    struct err *err)
{
	size_t i;
	int rc;

	if (say_mail(c, t, err) < 0)
		return -1;
	for (i = 0; i < t->n && !t->refused; i++)
		if (say_rcpt(c, t, i, err) < 0)
			return -1;
	if (t->n == 0)
		return 0;
	rc = c->offers.chunking ? send_chunk(c, t, err) : send_data(c, t, err);
	if (rc < 0)
		return -1;
	if (last && is_last(c, t))
		say_quit(c);
	return c->offers.pipelining ? 0 : dialogue_hear_all(c, err);
}

static int
message_send(struct smtp_client *c, struct smtp_message *m, bool last,
    struct err *err)
{
	struct transaction *t;
	size_t next = 0;

	if (message_fits(c, m, err) < 0) {
		message_refuse(c, m, err);
		return 0;
	}
	while (has_room(c) && (t = gather(c, m, &next)) != NULL)
		if (transact(c, t, last && next == m->nrcpt, err) < 0)
			return -1;
	return 0;
}

/* Those that were too many, or are said again without DSN, until nobody is left.
 * Each round decides about one at least, or says one without DSN: too many for
 * nobody accepted is a verdict (heard.c). */
static int
send_again(struct smtp_client *c, struct err *err)
{
	struct transaction *t;

	if (dialogue_hear_all(c, err) < 0)
		return -1;
	while (c->nagain > 0 && has_room(c)) {
		t = gather_again(c);
		if (t != NULL && (transact(c, t, false, err) < 0 ||
			dialogue_hear_all(c, err) < 0))
			return -1;
	}
	return 0;
}

int
smtp_send(struct smtp_client *c, struct smtp_message *messages, size_t n,
    enum outcome_stage *stage, struct err *err)
{
	struct err ignored;
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		rc = message_send(c, &messages[i], i + 1 == n, err);
	if (rc == 0)
		rc = send_again(c, err);
	if (rc < 0) {
		verdict_lost(c, err);
		*stage = c->stage;
		return -1;
	}
	if (!c->quit)
		say_quit(c);
	conn_flush(c->conn, c->patience->quit_s, &ignored);
	return 0;
}
