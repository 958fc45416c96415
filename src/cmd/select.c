#include "config.h"

#include "cmd/select.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/pattern.h"
#include "spool/queueid.h"

static int
refuse(struct err *err, const char *text, const char *why)
{
	return err_set(err, ERR_USAGE, NULL, "%s: %s", text, why);
}

/* Append one; takes text. */
static struct selector *
add(struct select *s, enum select_kind kind, char *text)
{
	s->v = xgrow(s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n] = (struct selector){ .kind = kind, .text = text };
	return &s->v[s->n++];
}

static int
add_pattern(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	struct buf pattern = { 0 };

	if (pattern_parse(text, &pattern, err) == 0) {
		add(s, kind, buf_detach(&pattern));
		return 0;
	}
	err->kind = ERR_USAGE;
	buf_release(&pattern);
	return -1;
}

/* As mailq prints the null sender, too. */
static int
add_sender(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	return add_pattern(s, kind, str_ieq(text, "MAILER-DAEMON") ? "<>" :
	    text, err);
}

static int
add_host(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	if (strpbrk(text, "@<") != NULL)
		return refuse(err, text, "a name is wanted, without '@'");
	return add_pattern(s, kind, text, err);
}

static bool
is_ip(const char *text)
{
	unsigned char ip[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, ip) == 1 ||
	    inet_pton(AF_INET6, text, ip) == 1;
}

/* Hosts go by their names. One that has none, for mail to an address literal
 * or by a route, has its address in brackets. */
static int
add_site(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	if (is_ip(text))
		return refuse(err, text, "the name of a host is wanted, as "
		    "mailq and --show tell it, not its address");
	return add_host(s, kind, text, err);
}

static int
add_age(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	unsigned seconds;

	if (str_duration(text, &seconds) < 0)
		return refuse(err, text, "not a time, as 90s, 2h, 5d");
	add(s, kind, NULL)->age_s = (time_t)seconds;
	return 0;
}

static int
add_status(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	static const struct {
		const char *word;
		enum spool_place place;
	} words[] = {
		{ "deferred", PLACE_QUEUE }, { "held", PLACE_HOLD },
		{ "hold", PLACE_HOLD }, { "active", PLACE_RUN },
		{ "damaged", PLACE_DAMAGED },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i].word) == 0) {
			add(s, kind, NULL)->place = words[i].place;
			return 0;
		}
	return refuse(err, text, "no status; there are deferred, held (or "
	    "hold), active and damaged");
}

/* Is it an id, alone or as mailq prints it, with a mark behind it? */
static bool
is_id(const char *text, char *id)
{
	size_t n = strcspn(text, "*!#");

	if (n > QUEUEID_LEN || (text[n] != '\0' && text[n + 1] != '\0'))
		return false;
	memcpy(id, text, n);
	id[n] = '\0';
	return queueid_valid(id);
}

static int
add_id(struct select *s, enum select_kind kind, const char *text,
    struct err *err)
{
	char id[SPOOL_ID_MAX];

	if (!is_id(text, id))
		return refuse(err, text, "not a queue id");
	add(s, kind, xstrdup(id))->is_id = true;
	return 0;
}

static const struct key {
	const char *key;
	enum select_kind kind;
	int	(*add)(struct select *, enum select_kind, const char *,
		    struct err *);
} keys[] = {
	{ "id:", SELECT_NAME, add_id },
	{ "from:", SELECT_FROM, add_sender },
	{ "to:", SELECT_TO, add_pattern },
	{ "domain:", SELECT_DOMAIN, add_host },
	{ "site:", SELECT_SITE, add_site },
	{ "older:", SELECT_OLDER, add_age },
	{ "newer:", SELECT_NEWER, add_age },
	{ "status:", SELECT_STATUS, add_status },
};

/*
 * An id, an address, a domain. A pattern has to say what it is for: a '*' that
 * no file has matched in the caller's shell must not delete everything.
 */
static int
add_name(struct select *s, const char *text, struct err *err)
{
	struct buf name = { 0 };
	char id[SPOOL_ID_MAX];
	struct err why;
	int rc;

	if (is_id(text, id))
		return add_id(s, SELECT_NAME, text, err);
	if (strpbrk(text, "*?") != NULL)
		return refuse(err, text, "a pattern needs from:, to:, domain: "
		    "or site: before it");
	rc = strchr(text, '@') != NULL ?
	    address_parse(text, NULL, &name, &why) :
	    address_domain_parse(text, &name, &why);
	if (rc == 0)
		add(s, SELECT_NAME, buf_detach(&name));
	else
		err_set(err, ERR_USAGE, NULL, "\"%s\": neither a queue id nor "
		    "an address or a domain (%s)", text, why.text);
	buf_release(&name);
	return rc;
}

static int
add_operand(struct select *s, const char *text, struct err *err)
{
	if (strcmp(text, "all") == 0)
		return 0;
	if (strcmp(text, "-") == 0)
		return refuse(err, text, "standard input is not read; use "
		    "xargs to give ids from a file");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_starts(text, keys[i].key))
			return keys[i].add(s, keys[i].kind,
			    text + strlen(keys[i].key), err) == 0 ? 0 :
			    err_prefix(err, "%.*s",
				(int)strlen(keys[i].key) - 1, keys[i].key);
	/* "[IPv6:2001:db8::1]" is a domain */
	if (strchr(text, ':') != NULL && strpbrk(text, "@[") == NULL)
		return refuse(err, text, "not a selector; there are id:, "
		    "from:, to:, domain:, site:, older:, newer: and status:");
	return add_name(s, text, err);
}

static void
add_only(struct select *s, enum select_kind kind, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		add(s, kind, xstrdup(list->v[i]));
	s->asked |= list->n > 0;
}

int
select_init(struct select *s, const struct options *o, struct err *err)
{
	*s = (struct select){ .now = clock_wall(), .asked = o->noperand > 0 };
	for (int i = 0; i < o->noperand; i++)
		if (add_operand(s, o->operands[i], err) < 0)
			return -1;
	add_only(s, SELECT_ONLY_ID, &o->only_id);
	add_only(s, SELECT_ONLY_RECIPIENT, &o->only_recipient);
	add_only(s, SELECT_ONLY_SENDER, &o->only_sender);
	return 0;
}

void
select_release(struct select *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].text);
	free(s->v);
	*s = (struct select){ 0 };
}

/* What is asked of: the message, and one of its recipients. */
struct candidate {
	const struct select *s;
	const char *id;
	const struct envelope *env;	/* NULL: not known */
	enum spool_place place;
	const struct rcpt *rcpt;	/* NULL: none */
};

static bool
fits_name(const struct selector *v, const struct candidate *c)
{
	if (v->is_id)
		return strcmp(c->id, v->text) == 0;
	return c->rcpt != NULL && (str_ieq(c->rcpt->path, v->text) ||
	    str_ieq(address_domain(c->rcpt->path), v->text));
}

static bool
fits_one(const struct selector *v, const struct candidate *c)
{
	time_t age_s = c->env == NULL ? 0 : c->s->now - c->env->arrived_s;

	switch (v->kind) {
	case SELECT_NAME:
		return fits_name(v, c);
	case SELECT_TO:
	case SELECT_DOMAIN:
		return c->rcpt != NULL && pattern_fits(v->text, c->rcpt->path);
	case SELECT_SITE:
		return c->rcpt != NULL && c->rcpt->host != NULL &&
		    pattern_fits(v->text, c->rcpt->host);
	case SELECT_ONLY_RECIPIENT:
		return c->rcpt != NULL &&
		    str_icasestr(c->rcpt->path, v->text) != NULL;
	case SELECT_FROM:
		return c->env != NULL &&
		    pattern_fits(v->text, c->env->reverse_path);
	case SELECT_OLDER:
		return c->env != NULL && age_s >= v->age_s;
	case SELECT_NEWER:
		return c->env != NULL && age_s <= v->age_s;
	case SELECT_STATUS:
		return c->place == v->place;
	case SELECT_ONLY_ID:
		return strstr(c->id, v->text) != NULL;
	case SELECT_ONLY_SENDER:
		return c->env != NULL &&
		    str_icasestr(c->env->reverse_path, v->text) != NULL;
	case SELECT_KINDS:
		break;
	}
	return false;
}

/* Of each kind that there is, does one fit? */
static bool
fits(const struct candidate *c)
{
	bool there[SELECT_KINDS] = { false }, fit[SELECT_KINDS] = { false };

	for (size_t i = 0; i < c->s->n; i++) {
		const struct selector *v = &c->s->v[i];

		there[v->kind] = true;
		fit[v->kind] = fit[v->kind] || fits_one(v, c);
	}
	return memcmp(there, fit, sizeof(fit)) == 0;
}

bool
select_fits(const struct select *s, const struct entry *entry,
    enum spool_place place)
{
	const struct envelope *env = &entry->env;
	struct candidate c = { s, entry->id, env, place, NULL };

	if (fits(&c))
		return true;
	for (size_t i = 0; i < env->nrcpt; i++) {
		c.rcpt = &env->rcpts[i];
		if (rcpt_is_open(c.rcpt) && fits(&c))
			return true;
	}
	return false;
}

bool
select_fits_damaged(const struct select *s, const char *id)
{
	const struct candidate c = { s, id, NULL, PLACE_DAMAGED, NULL };

	return fits(&c);
}

bool
select_could(const struct select *s, const char *id, enum spool_place place)
{
	const struct candidate c = { s, id, NULL, place, NULL };
	bool asked = false, may = false, status = false, at = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct selector *v = &s->v[i];

		asked |= v->kind == SELECT_NAME;
		may |= v->kind == SELECT_NAME &&
		    (!v->is_id || fits_one(v, &c));
		/* whether it is damaged shows when it is read */
		status |= v->kind == SELECT_STATUS;
		at |= v->kind == SELECT_STATUS &&
		    (v->place == place || v->place == PLACE_DAMAGED);
	}
	return (!asked || may) && (!status || at);
}

bool
select_names(const struct select *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].is_id && strcmp(s->v[i].text, id) == 0)
			return true;
	return false;
}

void
select_seen(struct select *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].is_id && strcmp(s->v[i].text, id) == 0)
			s->v[i].seen = true;
}

const char *
select_missing(const struct select *s, size_t *i)
{
	for (; *i < s->n; ++*i)
		if (s->v[*i].is_id && !s->v[*i].seen)
			return s->v[(*i)++].text;
	return NULL;
}
