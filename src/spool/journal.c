#include "config.h"

#include "spool/journal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "base/str.h"
#include "spool/fields.h"

/* " " and eight digits. */
#define CRC_LEN 8

static const char *const words[] = {
	[EVENT_DELIVERED] = "delivered",
	[EVENT_DEFERRED] = "deferred",
	[EVENT_FAILED] = "failed",
	[EVENT_REPORTED] = "reported",
	[EVENT_WARNED] = "warned",
	[EVENT_HELD] = "held",
	[EVENT_RELEASED] = "released",
	[EVENT_REQUEUED] = "requeued",
};

#define NWORDS (sizeof(words) / sizeof(words[0]))

const char *
event_name(enum event_kind kind)
{
	return words[kind];
}

static enum event_kind
event_of(uint8_t outcome)
{
	assert(outcome >= OUTCOME_DELIVERED && outcome <= OUTCOME_FAILED);
	return outcome == OUTCOME_DELIVERED ? EVENT_DELIVERED :
	    outcome == OUTCOME_DEFERRED ? EVENT_DEFERRED : EVENT_FAILED;
}

/* End the line that begins at start. */
static void
add_crc(struct buf *out, size_t start, uint32_t seed)
{
	buf_addc(out, ' ');
	buf_printf(out, "%08x\n",
	    (unsigned)crc32_add(seed, out->data + start, out->len - start));
}

void
journal_outcome(struct buf *out, uint32_t seed, size_t row,
    const struct outcome *o, time_t now)
{
	size_t start = out->len;

	buf_adds(out, words[event_of(o->kind)]);
	fields_add_number(out, row);
	fields_add_number(out, now < 0 ? 0 : (uint64_t)now);
	fields_add_number(out, o->code < 0 ? 0 : (uint64_t)o->code);
	fields_add(out, o->status);
	fields_add(out, o->host);
	/* What was said to a delivery is in the log, for who wants it. */
	fields_add(out, o->kind == OUTCOME_DELIVERED ? "" : o->text);
	add_crc(out, start, seed);
}

static void
add_told(struct buf *out, uint32_t seed, enum event_kind kind, size_t row)
{
	size_t start = out->len;

	buf_adds(out, words[kind]);
	fields_add_number(out, row);
	add_crc(out, start, seed);
}

void
journal_reported(struct buf *out, uint32_t seed, size_t row)
{
	add_told(out, seed, EVENT_REPORTED, row);
}

void
journal_warned(struct buf *out, uint32_t seed, size_t row)
{
	add_told(out, seed, EVENT_WARNED, row);
}

void
journal_deed(struct buf *out, uint32_t seed, enum event_kind kind,
    uint32_t uid, time_t now)
{
	size_t start = out->len;

	assert(kind >= EVENT_HELD);
	buf_adds(out, words[kind]);
	fields_add_number(out, now < 0 ? 0 : (uint64_t)now);
	fields_add_number(out, uid);
	add_crc(out, start, seed);
}

static void
copy_words(struct outcome *o, const struct rcpt *r)
{
	str_copy(o->status, sizeof(o->status), r->status ? r->status : "");
	str_copy(o->text, sizeof(o->text), r->text ? r->text : "");
	str_copy(o->host, sizeof(o->host), r->host ? r->host : "");
}

void
journal_carry(struct buf *out, uint32_t seed, const struct envelope *env)
{
	const struct rcpt *r;
	size_t i;

	for (i = 0; i < env->nrcpt; i++) {
		r = &env->rcpts[i];
		if (r->state != OUTCOME_NONE) {
			struct outcome o = { .kind = r->state };

			copy_words(&o, r);
			journal_outcome(out, seed, i, &o, r->last_s);
		}
		if (r->reported)
			journal_reported(out, seed, i);
		if (r->warned)
			journal_warned(out, seed, i);
	}
}

/* Is the CRC that ends the line that of what is before it? */
static bool
has_crc(const char *line, size_t n, uint32_t seed)
{
	char want[CRC_LEN + 1];

	if (n <= CRC_LEN)
		return false;
	n -= CRC_LEN;
	snprintf(want, sizeof(want), "%08x",
	    (unsigned)crc32_add(seed, line, n));
	return memcmp(line + n, want, CRC_LEN) == 0;
}

static bool
field_is(const struct fields *f, size_t i, const char *word)
{
	return strlen(word) == f->v[i].len &&
	    memcmp(word, f->v[i].at, f->v[i].len) == 0;
}

static int
parse_outcome(const struct fields *f, struct event *e)
{
	struct outcome *o = &e->outcome;
	uint64_t row, now, code;

	if (f->n != 8 || fields_number(f, 1, UINT32_MAX, &row) < 0 ||
	    fields_number(f, 2, INT64_MAX, &now) < 0 ||
	    fields_number(f, 3, INT16_MAX, &code) < 0 ||
	    fields_copy(f, 4, o->status, sizeof(o->status)) < 0 ||
	    fields_copy(f, 5, o->host, sizeof(o->host)) < 0 ||
	    fields_copy(f, 6, o->text, sizeof(o->text)) < 0)
		return -1;
	o->kind = e->kind == EVENT_DELIVERED ? OUTCOME_DELIVERED :
	    e->kind == EVENT_DEFERRED ? OUTCOME_DEFERRED : OUTCOME_FAILED;
	o->code = (int16_t)code;
	e->rcpt = (size_t)row;
	e->time_s = (time_t)now;
	return 1;
}

static int
parse_told(const struct fields *f, struct event *e)
{
	uint64_t row;

	if (f->n != 3 || fields_number(f, 1, UINT32_MAX, &row) < 0)
		return -1;
	e->rcpt = (size_t)row;
	return 1;
}

static int
parse_deed(const struct fields *f, struct event *e)
{
	uint64_t now, uid;

	if (f->n != 4 || fields_number(f, 1, INT64_MAX, &now) < 0 ||
	    fields_number(f, 2, UINT32_MAX, &uid) < 0)
		return -1;
	e->time_s = (time_t)now;
	e->uid = (uint32_t)uid;
	return 1;
}

int
journal_parse(const char *line, size_t n, uint32_t seed, struct event *e)
{
	struct fields f;
	size_t i;

	*e = (struct event){ 0 };
	if (!has_crc(line, n, seed))
		return 0;
	if (fields_split(line, n, &f) < 0)
		return -1;
	for (i = 0; i < NWORDS; i++) {
		if (field_is(&f, 0, words[i]))
			break;
	}
	if (i == NWORDS)
		return -1;
	e->kind = (enum event_kind)i;
	if (e->kind == EVENT_REPORTED || e->kind == EVENT_WARNED)
		return parse_told(&f, e);
	return e->kind < EVENT_REPORTED ? parse_outcome(&f, e) :
	    parse_deed(&f, e);
}

void
journal_apply(const struct event *e, struct envelope *env)
{
	switch (e->kind) {
	case EVENT_DELIVERED:
	case EVENT_DEFERRED:
	case EVENT_FAILED:
		envelope_note(env, e->rcpt, &e->outcome, e->time_s);
		break;
	case EVENT_REPORTED:
		env->rcpts[e->rcpt].reported = true;
		break;
	case EVENT_WARNED:
		env->rcpts[e->rcpt].warned = true;
		break;
	case EVENT_HELD:
		env->held_s = e->time_s;
		env->held_by = e->uid;
		break;
	case EVENT_RELEASED:
		env->held_s = 0;
		break;
	case EVENT_REQUEUED:
		envelope_requeue(env);
		break;
	}
}
