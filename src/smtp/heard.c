#include "config.h"

#include "smtp/client_impl.h"

#include <string.h>

#include "base/str.h"

/* How sure are we that a refused RCPT means "not in this transaction"? */
enum many { MANY_NO, MANY_MAYBE, MANY_YES };

static bool
any_word(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_icasestr(text, *words) != NULL)
			return true;
	return false;
}

/*
 * RFC 5321 4.5.3.1.10: 452 is "too many recipients", and servers say 552 for
 * it too; but both are also "no space" and "mailbox full" (x.2.2, x.3.1). The
 * enhanced status code is asked first, then the words. Some want a domain of
 * recipients in each transaction, and say so with 451 (Google).
 */
static enum many
too_many(struct reply *reply)
{
	static const char *const sure[] = { "too many recipients",
		"too many rcpt", "multiple destination domains", NULL };
	static const char *const other[] = { "quota", "full", "space",
		"storage", "size", "allocation", "grey", NULL };
	const char *text = buf_str(&reply->text);
	bool digits = reply->code == 452 || reply->code == 552;

	if (reply->code != 451 && !digits)
		return MANY_NO;
	if (any_word(text, sure))
		return MANY_YES;
	if (digits && strcmp(reply->status + 1, ".5.3") == 0)
		return MANY_YES;
	if (digits && reply->status[0] == '\0' && !any_word(text, other))
		return MANY_MAYBE;
	return MANY_NO;
}

/* Those who were accepted, or all, are refused after all. */
static void
hold(struct transaction *t, bool all, const struct outcome *o)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (all || t->slots[i].accepted)
			verdict_hold(&t->slots[i], o);
		t->slots[i].accepted = false;
	}
	t->accepted = 0;
}

/*
 * The server does not know what it has offered itself; without it, it may
 * take the message.
 */
static bool
params_unknown(const struct smtp_client *c, int code)
{
	return (code == 501 || code == 504 || code == 555) &&
	    (c->offers.size || c->offers.eightbit || c->offers.dsn);
}

static int
mail_heard(struct smtp_client *c, struct transaction *t, struct reply *reply,
    struct err *err)
{
	struct outcome o;
	size_t i;

	if (reply_is_ok(reply)) {
		c->open = true;
		return 0;
	}
	if (!reply_is_temp(reply) && !reply_is_perm(reply))
		return dialogue_desync(c, err, "reply to MAIL", reply);
	if (params_unknown(c, reply->code)) {
		/* a text behind it was not taken: nobody is in doubt */
		if (c->unheard == t)
			c->unheard = NULL;
		return dialogue_desync(c, err, "reply to MAIL", reply);
	}
	t->refused = true;
	if (reply->code == 503 && c->open) {
		/* Said behind a BDAT that was then refused, which leaves
		 * the server in doubt where it stands (RFC 3030 2): not this
		 * message's fault. Again, after RSET. */
		for (i = 0; i < t->n; i++)
			t->slots[i].again = true;
		return 0;
	}
	verdict_reply(&o, STEP_MAIL, reply);
	hold(t, true, &o);
	return 0;
}

/* The same of what RCPT had to say for a DSN. */
static bool
dsn_unknown(const struct slot *slot, const struct reply *reply)
{
	return slot->dsn && (reply->code == 555 ||
	    ((reply->code == 501 || reply->code == 504) &&
	    strcmp(reply->status, "5.5.4") == 0));
}

static int
rcpt_heard(struct smtp_client *c, const struct pending *p, struct reply *reply,
    struct err *err)
{
	struct transaction *t = p->t;
	struct slot *slot = &t->slots[p->slot];
	enum many many = too_many(reply);
	struct outcome o;

	if (t->refused)
		return 0;
	if (reply_is_ok(reply)) {
		slot->accepted = true;
		t->accepted++;
		return 0;
	}
	if (!reply_is_temp(reply) && !reply_is_perm(reply))
		return dialogue_desync(c, err, "reply to RCPT", reply);
	/* Only behind somebody accepted, so that each transaction decides
	 * about one at least. */
	if (many != MANY_NO && t->accepted > 0) {
		slot->again = true;
		return 0;
	}
	if (dsn_unknown(slot, reply)) {
		c->offers.dsn = false;
		slot->again = true;
		return 0;
	}
	verdict_reply(&o, STEP_RCPT, reply);
	if (many == MANY_YES) {
		o.kind = OUTCOME_DEFERRED;
		o.status[0] = '4';
	}
	verdict_hold(slot, &o);
	return 0;
}

static int
data_heard(struct smtp_client *c, struct transaction *t, struct reply *reply,
    struct err *err)
{
	struct outcome o;

	if (reply->code == 354) {
		t->go_ahead = true;
		return 0;
	}
	if (!reply_is_temp(reply) && !reply_is_perm(reply))
		return dialogue_desync(c, err, "reply to DATA", reply);
	/* it did offer to take commands one behind the other */
	if (reply->code == 503 && c->offers.pipelining && t->accepted > 0)
		return dialogue_desync(c, err, "reply to DATA", reply);
	verdict_reply(&o, STEP_DATA, reply);
	hold(t, false, &o);
	return 0;
}

/*
 * BDAT was offered and is not known: the text was read as commands, and
 * neither the message nor its recipients are at fault.
 */
static bool
bdat_unknown(enum step step, int code)
{
	return step == STEP_BDAT &&
	    (code == 500 || code == 501 || code == 502 || code == 504);
}

/*
 * The reply to the body decides about everybody who was accepted. One that
 * came before the body's end can refuse, but not deliver.
 */
static int
body_heard(struct smtp_client *c, const struct pending *p, struct reply *reply,
    struct err *err)
{
	struct transaction *t = p->t;
	bool unknown = bdat_unknown(p->step, reply->code);
	bool gone = t->end != 0 && t->end <= c->sent;
	struct outcome o;

	if (reply->code < 400 && !gone)
		return dialogue_desync(c, err,
		    "reply before the message was sent", reply);
	c->unheard = NULL;
	if (p->step == STEP_DOT || reply_is_ok(reply))
		c->open = false;
	verdict_settle(c, t);
	if (unknown)
		return dialogue_desync(c, err, "reply to the message", reply);
	verdict_reply(&o, p->step, reply);
	if (o.kind == OUTCOME_NONE) {
		o.kind = OUTCOME_DEFERRED;
		str_copy(o.status, sizeof(o.status), "4.5.0");
	}
	verdict_accepted(c, t, &o);
	if (reply->code / 100 == 3)
		return dialogue_desync(c, err, "reply to the message", reply);
	if (!gone)
		return err_set(err, ERR_TEMP, "4.4.2", "%s", o.text);
	return 0;
}

int
heard(struct smtp_client *c, const struct pending *p, struct reply *reply,
    struct err *err)
{
	if (reply->code == 421)
		return dialogue_closing(c, err, reply);
	switch (p->step) {
	case STEP_MAIL:
		return mail_heard(c, p->t, reply, err);
	case STEP_RCPT:
		return rcpt_heard(c, p, reply, err);
	case STEP_DATA:
		return data_heard(c, p->t, reply, err);
	case STEP_DOT:
	case STEP_BDAT:
		return body_heard(c, p, reply, err);
	case STEP_RSET:
	case STEP_NOBODY:
		/* Nobody depends on what it says; it ends the transaction. */
		c->open = false;
		break;
	}
	return 0;
}
