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
	[OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_DEFERRED] = "deferred",
	[OUTCOME_FAILED] = "failed",
};

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

	assert(o->kind >= OUTCOME_DELIVERED && o->kind <= OUTCOME_FAILED);
	buf_adds(out, words[o->kind]);
	fields_add_number(out, row);
	fields_add_number(out, now < 0 ? 0 : (uint64_t)now);
	fields_add_number(out, o->code < 0 ? 0 : (uint64_t)o->code);
	fields_add(out, o->status);
	fields_add(out, o->host);
	/* What was said to a delivery is in the log, for who wants it. */
	fields_add(out, o->kind == OUTCOME_DELIVERED ? "" : o->text);
	add_crc(out, start, seed);
}

void
journal_reported(struct buf *out, uint32_t seed, size_t row)
{
	size_t start = out->len;

	buf_adds(out, "reported");
	fields_add_number(out, row);
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

/* The kind that the first word names, or OUTCOME_NONE. */
static enum outcome_kind
kind_of(const struct fields *f)
{
	enum outcome_kind kind;

	for (kind = OUTCOME_DELIVERED; kind <= OUTCOME_FAILED; kind++) {
		if (field_is(f, 0, words[kind]))
			return kind;
	}
	return OUTCOME_NONE;
}

static int
note_outcome(const struct fields *f, struct envelope *env)
{
	struct outcome o = { .kind = (uint8_t)kind_of(f) };
	uint64_t row, now, code;

	if (o.kind == OUTCOME_NONE || f->n != 8 ||
	    fields_number(f, 1, UINT32_MAX, &row) < 0 || row >= env->nrcpt ||
	    fields_number(f, 2, INT64_MAX, &now) < 0 ||
	    fields_number(f, 3, INT16_MAX, &code) < 0 ||
	    fields_copy(f, 4, o.status, sizeof(o.status)) < 0 ||
	    fields_copy(f, 5, o.host, sizeof(o.host)) < 0 ||
	    fields_copy(f, 6, o.text, sizeof(o.text)) < 0)
		return -1;
	o.code = (int16_t)code;
	envelope_note(env, (size_t)row, &o, (time_t)now);
	return 1;
}

static int
note_reported(const struct fields *f, struct envelope *env)
{
	uint64_t row;

	if (f->n != 3 || fields_number(f, 1, UINT32_MAX, &row) < 0 ||
	    row >= env->nrcpt)
		return -1;
	env->rcpts[row].reported = true;
	return 1;
}

int
journal_note(const char *line, size_t n, uint32_t seed, struct envelope *env)
{
	struct fields f;

	if (!has_crc(line, n, seed))
		return 0;
	if (fields_split(line, n, &f) < 0)
		return -1;
	if (field_is(&f, 0, "reported"))
		return note_reported(&f, env);
	return note_outcome(&f, env);
}
