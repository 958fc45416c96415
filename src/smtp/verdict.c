#include "config.h"

#include "smtp/client_impl.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"

void
verdict_reply(struct outcome *o, enum step step, const struct reply *reply)
{
	*o = (struct outcome){ 0 };
	if (reply_is_ok(reply))
		o->kind = OUTCOME_DELIVERED;
	else if (reply_is_temp(reply))
		o->kind = OUTCOME_DEFERRED;
	else if (reply_is_perm(reply))
		o->kind = OUTCOME_FAILED;
	o->stage = (uint8_t)step_stage(step);
	o->code = (int16_t)reply->code;
	str_copy(o->status, sizeof(o->status), reply->status);
	status_agree(o->status, reply->code);
	reply_line(reply, o->text, sizeof(o->text));
}

void
verdict_tell(struct smtp_client *c, struct smtp_message *m,
    struct smtp_rcpt *rcpt, const struct outcome *o)
{
	rcpt->done = o->kind;
	c->verdict(c->arg, m, rcpt, o);
}

static uint32_t
since_ms(int64_t began_ms)
{
	return (uint32_t)(clock_ms() - began_ms);
}

void
verdict_accepted(struct smtp_client *c, struct transaction *t,
    struct outcome *o)
{
	size_t i;

	o->transfer_ms = since_ms(t->began_ms);
	for (i = 0; i < t->n; i++) {
		if (!t->slots[i].accepted)
			continue;
		t->slots[i].accepted = false;
		/* as this one was said: the offer may have gone since */
		o->relayed_no_dsn = o->kind == OUTCOME_DELIVERED &&
		    !t->slots[i].dsn;
		verdict_tell(c, t->m, t->slots[i].rcpt, o);
	}
	t->accepted = 0;
}

void
verdict_hold(struct slot *slot, const struct outcome *o)
{
	if (slot->rcpt->done != OUTCOME_NONE)
		return;
	if (slot->held == NULL)
		slot->held = xmalloc(sizeof(*slot->held));
	*slot->held = *o;
}

void
verdict_drop(struct transaction *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->slots[i].held);
		t->slots[i].held = NULL;
	}
}

static void
again_add(struct smtp_client *c, struct smtp_message *m,
    struct smtp_rcpt *rcpt)
{
	c->again = xgrow(c->again, c->nagain, &c->again_cap,
	    sizeof(*c->again));
	c->again[c->nagain++] = (struct again){ .m = m, .rcpt = rcpt };
}

void
verdict_settle(struct smtp_client *c, struct transaction *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct slot *slot = &t->slots[i];

		if (slot->held != NULL) {
			slot->held->transfer_ms = since_ms(t->began_ms);
			verdict_tell(c, t->m, slot->rcpt, slot->held);
		}
		if (slot->again)
			again_add(c, t->m, slot->rcpt);
		slot->again = false;
	}
	verdict_drop(t);
}

/*
 * The body went out and its reply did not come: everybody who was not refused
 * before may have the message (RFC 1047).
 */
static void
tell_in_doubt(struct smtp_client *c, struct transaction *t,
    const struct err *err)
{
	struct outcome o = { .kind = OUTCOME_DEFERRED, .stage = STAGE_DOT,
		.in_doubt = true, .transfer_ms = since_ms(t->began_ms) };
	struct buf text = { 0 };
	size_t i;

	str_copy(o.status, sizeof(o.status), "4.4.2");
	buf_printf(&text, "no reply to the message, possible duplicate: %s",
	    err->text);
	str_copy(o.text, sizeof(o.text), buf_str(&text));
	str_sanitise(o.text);
	buf_release(&text);
	for (i = 0; i < t->n; i++) {
		struct slot *slot = &t->slots[i];

		if (slot->held == NULL && !slot->again &&
		    slot->rcpt->done == OUTCOME_NONE)
			verdict_tell(c, t->m, slot->rcpt, &o);
	}
}

/*
 * Can the server have the whole body? A write that fails leaves something
 * behind, so not when nothing was put out behind the end.
 */
static bool
may_be_there(const struct smtp_client *c, const struct transaction *t)
{
	return t->end != 0 && (t->end <= c->sent || t->end < c->put);
}

void
verdict_lost(struct smtp_client *c, const struct err *err)
{
	size_t i;

	/* 421 to anything before the body says that it was not taken. */
	if (c->unheard != NULL && may_be_there(c, c->unheard) && !c->closing)
		tell_in_doubt(c, c->unheard, err);
	for (i = 0; i < 2; i++)
		if (c->desync)
			verdict_drop(&c->t[i]);
		else
			verdict_settle(c, &c->t[i]);
}
