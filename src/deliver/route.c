#include "config.h"

#include "deliver/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/hostport.h"
#include "mail/pattern.h"
#include "mail/status.h"

static const struct {
	const char *word;
	enum way_kind kind;
} actions[] = {
	{ "direct", WAY_DIRECT }, { "smarthost", WAY_SMARTHOST },
	{ "host", WAY_HOST }, { "discard", WAY_DISCARD },
	{ "refuse", WAY_REFUSE },
};

#define NACTION (sizeof(actions) / sizeof(actions[0]))

static void
route_release(struct route *r)
{
	strlist_release(&r->to);
	strlist_release(&r->from);
	free(r->account);
	free(r->host);
	free(r->text);
	free(r->rule);
}

/* Cut the next word off the line. */
static char *
next_word(char **line)
{
	char *word = *line + strspn(*line, " \t");
	char *end = word + strcspn(word, " \t");

	*line = end + (*end != '\0');
	*end = '\0';
	return word;
}

static int
add_pattern(struct route *r, const char *word, struct err *err)
{
	struct strlist *list = &r->to;
	struct buf pattern = { 0 };
	int rc;

	if (str_istarts(word, "from:")) {
		list = &r->from;
		word += 5;
	} else if (str_istarts(word, "to:"))
		word += 3;
	rc = pattern_parse(word, &pattern, err);
	if (rc == 0)
		strlist_add(list, buf_str(&pattern));
	buf_release(&pattern);
	return rc;
}

/* "[5.x.x] TEXT" */
static void
set_refusal(struct route *r, char *rest)
{
	char *text = str_trim(rest);
	int n = status_parse(text, r->status);

	if (n > 0 && r->status[0] == '5')
		text += n;
	else
		str_copy(r->status, sizeof(r->status), "5.7.1");
	r->text = xstrdup(text[0] != '\0' ? text : "mail is not sent there");
}

static int
set_argument(struct route *r, char *rest, struct err *err)
{
	char *word;

	if (r->kind == WAY_REFUSE) {
		set_refusal(r, rest);
		return 0;
	}
	word = next_word(&rest);
	if (r->kind == WAY_HOST && word[0] == '\0')
		return err_set(err, ERR_CONFIG, NULL,
		    "host: the name of a host is missing");
	if (r->kind == WAY_HOST && hostport_parse(word, strlen(word),
	    &r->host, &r->port, err) < 0)
		return -1;
	if (r->kind == WAY_SMARTHOST && word[0] != '\0')
		r->account = xstrdup(word);
	else if (r->kind != WAY_HOST && word[0] != '\0')
		return err_set(err, ERR_CONFIG, NULL, "%s: too much: %s",
		    actions[r->kind].word, word);
	word = str_trim(rest);
	return word[0] == '\0' ? 0 :
	    err_set(err, ERR_CONFIG, NULL, "too much: %s", word);
}

/* Patterns up to the first word that is an action. */
static int
parse(struct route *r, char *line, struct err *err)
{
	size_t a = NACTION;
	char *word;

	for (;;) {
		word = next_word(&line);
		if (word[0] == '\0')
			return err_set(err, ERR_CONFIG, NULL, "one of direct, "
			    "smarthost, host, discard, refuse is missing");
		/* the first word is a pattern, whatever it is */
		for (a = 0; a < NACTION && (r->to.n + r->from.n == 0 ||
		    strcmp(word, actions[a].word) != 0); a++)
			;
		if (a < NACTION)
			break;
		if (add_pattern(r, word, err) < 0)
			return -1;
	}
	r->kind = actions[a].kind;
	return set_argument(r, line, err);
}

int
routing_add(struct routing *routing, const char *text, const char *where,
    struct err *err)
{
	struct route route = { 0 };
	char *line = xstrdup(text);
	struct buf rule = { 0 };
	int rc = parse(&route, line, err);

	free(line);
	if (rc < 0) {
		route_release(&route);
		return -1;
	}
	buf_printf(&rule, "%s: route %s", where, text);
	route.rule = str_sanitise(buf_detach(&rule));
	routing->routes = xgrow(routing->routes, routing->nroute,
	    &routing->route_cap, sizeof(route));
	routing->routes[routing->nroute++] = route;
	return 0;
}

const struct account *
routing_account(const struct routing *routing, const char *name)
{
	for (size_t i = 1; i < routing->naccount; i++)
		if (strcmp(routing->accounts[i].name, name) == 0)
			return &routing->accounts[i];
	return NULL;
}

static bool
has_smarthost(const struct account *account)
{
	return account->nendpoint > 0 || account->trouble.kind != ERR_NONE;
}

int
routing_check(const struct routing *routing, struct err *err)
{
	for (size_t i = 0; i < routing->nroute; i++) {
		const struct route *r = &routing->routes[i];
		const struct account *account = r->account != NULL ?
		    routing_account(routing, r->account) : NULL;

		if (r->account == NULL)
			continue;
		if (account == NULL)
			return err_set(err, ERR_CONFIG, NULL,
			    "%s: there is no account %s", r->rule, r->account);
		if (!has_smarthost(account))
			return err_set(err, ERR_CONFIG, NULL,
			    "%s: account %s has no smarthost", r->rule,
			    r->account);
	}
	return 0;
}

static bool
fits_any(const struct strlist *patterns, const char *address)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (pattern_fits(patterns->v[i], address))
			return true;
	return false;
}

const struct account *
routing_account_of(const struct routing *routing, const char *reverse_path)
{
	for (size_t i = 1; i < routing->naccount; i++)
		if (fits_any(&routing->accounts[i].from, reverse_path))
			return &routing->accounts[i];
	return &routing->accounts[0];
}

static const struct route *
find_rule(const struct routing *routing, const char *reverse_path,
    const char *forward_path)
{
	for (size_t i = 0; i < routing->nroute; i++) {
		const struct route *r = &routing->routes[i];

		if ((r->to.n == 0 || fits_any(&r->to, forward_path)) &&
		    (r->from.n == 0 || fits_any(&r->from, reverse_path)))
			return r;
	}
	return NULL;
}

/* The smarthost of the account, as far as there is one. */
static void
take_smarthost(struct way *way)
{
	way->kind = way->account->trouble.kind != ERR_NONE ||
	    way->account->nendpoint == 0 ? WAY_LATER : WAY_SMARTHOST;
}

static void
follow_rule(const struct routing *routing, struct way *way)
{
	const struct route *r = way->route;

	way->kind = r->kind;
	if (r->kind != WAY_SMARTHOST)
		return;
	if (r->account != NULL)
		way->account = routing_account(routing, r->account);
	take_smarthost(way);
}

void
route_find(const struct routing *routing, const char *account,
    const char *reverse_path, const char *forward_path, struct way *way)
{
	*way = (struct way){ .kind = WAY_DIRECT,
		.global = &routing->accounts[0] };
	if (account == NULL) {
		way->account = routing_account_of(routing, reverse_path);
		way->by_sender = way->account != &routing->accounts[0];
	} else if ((way->account = routing_account(routing, account)) == NULL) {
		way->account = &routing->accounts[0];
		way->kind = WAY_LATER;
		way->missing = account;
		return;
	}
	way->route = find_rule(routing, reverse_path, forward_path);
	if (way->route != NULL)
		follow_rule(routing, way);
	else if (has_smarthost(way->account))
		take_smarthost(way);
}

void
way_why(const struct way *way, struct err *err)
{
	*err = (struct err){ 0 };
	if (way->kind == WAY_REFUSE)
		err_set(err, ERR_PERM, way->route->status, "%s",
		    way->route->text);
	else if (way->kind != WAY_LATER)
		return;
	else if (way->missing != NULL)
		err_set(err, ERR_TEMP, "4.3.5", "there is no account %s "
		    "in the settings any more", way->missing);
	else if (way->account->trouble.kind != ERR_NONE)
		*err = way->account->trouble;
	else
		err_set(err, ERR_TEMP, "4.3.5", "%s wants a smarthost, "
		    "but the sender's account has none", way->route->rule);
}

void
routing_release(struct routing *routing)
{
	for (size_t i = 0; i < routing->naccount; i++)
		account_release(&routing->accounts[i]);
	free(routing->accounts);
	for (size_t i = 0; i < routing->nroute; i++)
		route_release(&routing->routes[i]);
	free(routing->routes);
	*routing = (struct routing){ 0 };
}
