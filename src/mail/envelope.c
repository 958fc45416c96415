#include "config.h"

#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"

static void
rcpt_release(struct rcpt *r)
{
	free(r->path);
	free(r->orcpt);
	free(r->status);
	free(r->text);
	free(r->host);
}

struct rcpt *
envelope_append(struct envelope *env, const char *path)
{
	struct rcpt *r;

	env->rcpts = xgrow(env->rcpts, env->nrcpt, &env->cap,
	    sizeof(*env->rcpts));
	r = &env->rcpts[env->nrcpt++];
	*r = (struct rcpt){ .path = xstrdup(path) };
	return r;
}

struct rcpt *
envelope_add(struct envelope *env, const char *path)
{
	size_t i;

	for (i = 0; i < env->nrcpt; i++) {
		if (strcmp(env->rcpts[i].path, path) == 0)
			return &env->rcpts[i];
	}
	return envelope_append(env, path);
}

/* By path; equal ones in the order in which they stand in the envelope. */
static int
by_path(const void *va, const void *vb)
{
	const struct rcpt *a = *(struct rcpt *const *)va;
	const struct rcpt *b = *(struct rcpt *const *)vb;
	int d = strcmp(a->path, b->path);

	return d != 0 ? d : (a > b) - (a < b);
}

void
envelope_unique(struct envelope *env)
{
	struct rcpt **sorted;
	bool *again;
	size_t i, kept = 0;

	if (env->nrcpt < 2)
		return;
	sorted = xcalloc(env->nrcpt, sizeof(*sorted));
	again = xcalloc(env->nrcpt, sizeof(*again));
	for (i = 0; i < env->nrcpt; i++)
		sorted[i] = &env->rcpts[i];
	qsort(sorted, env->nrcpt, sizeof(*sorted), by_path);
	for (i = 1; i < env->nrcpt; i++)
		again[sorted[i] - env->rcpts] =
		    strcmp(sorted[i - 1]->path, sorted[i]->path) == 0;
	for (i = 0; i < env->nrcpt; i++) {
		if (again[i])
			rcpt_release(&env->rcpts[i]);
		else
			env->rcpts[kept++] = env->rcpts[i];
	}
	env->nrcpt = kept;
	free(sorted);
	free(again);
}

/* Replace *to by a copy of s; an empty s leaves NULL. */
static void
set_string(char **to, const char *s)
{
	free(*to);
	*to = s[0] != '\0' ? xstrdup(s) : NULL;
}

void
envelope_note(struct envelope *env, size_t i, const struct outcome *o,
    time_t now)
{
	struct rcpt *r = &env->rcpts[i];

	if (o->kind == OUTCOME_NONE || r->state == OUTCOME_DELIVERED ||
	    r->state == OUTCOME_FAILED)
		return;
	r->state = o->kind;
	r->forced = false;
	if (o->kind == OUTCOME_DEFERRED && r->attempts < UINT16_MAX)
		r->attempts++;
	r->last_s = now;
	set_string(&r->status, o->status);
	set_string(&r->text, o->text);
	set_string(&r->host, o->host);
}

bool
rcpt_is_open(const struct rcpt *r)
{
	return r->state != OUTCOME_DELIVERED &&
	    !(r->state == OUTCOME_FAILED && r->reported);
}

bool
rcpt_has_reply(const struct rcpt *r)
{
	const char *s = r->text;

	return s != NULL && strspn(s, "0123456789") == 3 && s[0] >= '2' &&
	    s[0] <= '5' && strchr(" -", s[3]) != NULL;
}

const char *
rcpt_host_word(const struct rcpt *r)
{
	return rcpt_has_reply(r) ? "said" : "at";
}

void
envelope_requeue(struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->nrcpt; i++) {
		struct rcpt *r = &env->rcpts[i];

		if (r->state == OUTCOME_DELIVERED || r->state == OUTCOME_FAILED)
			continue;
		r->attempts = 0;
		r->forced = true;
	}
}

size_t
envelope_count(const struct envelope *env, enum outcome_kind state)
{
	size_t i, n = 0;

	for (i = 0; i < env->nrcpt; i++) {
		if (env->rcpts[i].state == state)
			n++;
	}
	return n;
}

bool
envelope_needs_utf8(const struct envelope *env)
{
	size_t i;

	if (env->utf8 || (env->reverse_path != NULL &&
	    address_needs_utf8(env->reverse_path)))
		return true;
	for (i = 0; i < env->nrcpt; i++) {
		if (address_needs_utf8(env->rcpts[i].path))
			return true;
	}
	return false;
}

void
envelope_release(struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->nrcpt; i++)
		rcpt_release(&env->rcpts[i]);
	free(env->rcpts);
	free(env->reverse_path);
	free(env->envid);
	free(env->account);
	free(env->submitter);
	*env = (struct envelope){ 0 };
}

/* In the order in which the wire has them. */
static const struct {
	const char *word;
	uint8_t bit;
} notify_words[] = {
	{ "NEVER", NOTIFY_NEVER },
	{ "SUCCESS", NOTIFY_SUCCESS },
	{ "FAILURE", NOTIFY_FAILURE },
	{ "DELAY", NOTIFY_DELAY },
};

#define NOTIFY_WORDS (sizeof(notify_words) / sizeof(notify_words[0]))

/* The bit of a word of n bytes, or 0. */
static uint8_t
notify_bit(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < NOTIFY_WORDS; i++) {
		if (strlen(notify_words[i].word) == n &&
		    str_ieqn(s, notify_words[i].word, n))
			return notify_words[i].bit;
	}
	return 0;
}

/* notify-esmtp-value of RFC 3461 4.1: "NEVER", or a list of the others. */
int
notify_parse(const char *text, uint8_t *bits, struct err *err)
{
	const char *p = text;
	unsigned sum = 0, bit;
	size_t n;

	for (;;) {
		n = strcspn(p, ",");
		bit = notify_bit(p, n);
		sum |= bit;
		if (bit == 0 || (sum & NOTIFY_NEVER && sum != NOTIFY_NEVER))
			return err_set(err, ERR_USAGE, "5.5.4",
			    "\"%s\" is not \"never\" or a list of "
			    "\"success\", \"failure\", \"delay\"",
			    text);
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	*bits = (uint8_t)sum;
	return 0;
}

void
notify_write(struct buf *out, uint8_t bits)
{
	const char *between = "";
	size_t i;

	for (i = 0; i < NOTIFY_WORDS; i++) {
		if (!(bits & notify_words[i].bit))
			continue;
		buf_adds(out, between);
		buf_adds(out, notify_words[i].word);
		between = ",";
	}
}

/*
 * RFC 3461 4: xtext = *( xchar / hexchar ), where xchar is "!" to "~" less
 * "+" and "=", and hexchar is "+" with two upper case hexadecimal digits.
 */
static bool
is_xchar(char c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of the xchar or hexchar at s, 0 when there is none. */
static size_t
xtext_step(const char *s)
{
	if (is_xchar(*s))
		return 1;
	if (*s == '+' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0)
		return 3;
	return 0;
}

bool
xtext_valid(const char *s)
{
	size_t i = 0, step;

	if (strlen(s) > 100)
		return false;
	while ((step = xtext_step(s + i)) > 0)
		i += step;
	/* No parameter of SMTP has an empty value (RFC 5321 4.1.2). */
	return i > 0 && s[i] == '\0';
}

bool
xtext_printable(const char *s)
{
	struct buf text = { 0 };
	bool ok = true;
	size_t i;

	xtext_read(&text, s);
	for (i = 0; i < text.len; i++)
		ok = ok && text.data[i] >= ' ' && text.data[i] <= '~';
	buf_release(&text);
	return ok;
}

void
xtext_write(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (is_xchar(*s))
			buf_addc(out, *s);
		else
			buf_printf(out, "+%02X", (unsigned)(unsigned char)*s);
	}
}

void
xtext_read(struct buf *out, const char *s)
{
	size_t step;

	for (; *s != '\0'; s += step) {
		step = xtext_step(s);
		if (step == 3)
			buf_addc(out,
			    (char)(hex_value(s[1]) << 4 | hex_value(s[2])));
		else {
			buf_addc(out, *s);
			step = 1;
		}
	}
}
