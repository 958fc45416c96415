#include "config.h"

#include "import/postfix.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

/* In the order in which Postfix looks: one address, a local name, a domain,
 * domains below one, everything. */
enum kind { KIND_ADDRESS, KIND_LOCAL, KIND_AT_DOMAIN, KIND_DOMAIN,
	KIND_BELOW, KIND_ALL, KINDS };

static enum kind
kind_of(const char *key, bool is_transport)
{
	if (strcmp(key, "*") == 0)
		return KIND_ALL;
	if (key[0] == '@')
		return KIND_AT_DOMAIN;
	if (strchr(key, '@') != NULL)
		return KIND_ADDRESS;
	if (!is_transport)
		return KIND_LOCAL;
	return key[0] == '.' ? KIND_BELOW : KIND_DOMAIN;
}

/* Append the pattern of a key. */
static void
add_pattern(const struct postfix *p, const char *key, enum kind kind,
    struct buf *out)
{
	if (kind == KIND_AT_DOMAIN)
		buf_adds(out, key + 1);
	else if (kind == KIND_LOCAL)
		buf_printf(out, "%s@%s", key,
		    p->origin != NULL ? p->origin : "*");
	else
		buf_adds(out, key);
}

/*
 * Senders.
 */

static void
write_rule(struct postfix *p, struct item *row, enum kind kind)
{
	struct buf rule = { 0 };
	const char *to = row->value;

	add_pattern(p, row->key, kind, &rule);
	buf_printf(&rule, " %s", to);
	if (strchr(to, '@') == NULL && p->origin != NULL)
		buf_printf(&rule, "@%s", p->origin);
	conf_take(&p->imp->conf, 0, row, "rewrite-sender", buf_str(&rule));
	buf_release(&rule);
}

/* The rules of one parameter. */
static void
write_rules(struct postfix *p, const char *parameter, const char *remark)
{
	struct item *item = maincf_take(p, parameter);
	struct items rows = { 0 };

	if (item == NULL)
		return;
	table_read(p, item, false, &rows);
	if (rows.n > 0 && remark != NULL)
		conf_warn_item(&p->imp->conf, 0, item, "%s", remark);
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < rows.n; i++)
			if (kind_of(rows.v[i].key, false) == kind)
				write_rule(p, &rows.v[i], kind);
	items_release(&rows);
}

/* "example.org" or several, or with exceptions: rules, in their order. */
static void
write_masquerade_rules(struct postfix *p, struct item *item)
{
	char *copy = xstrdup(item->value), *rest = copy, *word;
	struct buf rule = { 0 };

	while ((word = word_next(&rest, ", \t")) != NULL) {
		bool keep = word[0] == '!';

		word += keep;
		buf_clear(&rule);
		buf_printf(&rule, "%s @%s", word, word);
		if (conf_take(&p->imp->conf, 0, item, "rewrite-sender",
		    buf_str(&rule)) && keep)
			conf_warn(&p->imp->conf, 0, "!%s: domains below it "
			    "are not exempt", word);
		if (keep)
			continue;
		buf_clear(&rule);
		buf_printf(&rule, ".%s @%s", word, word);
		conf_take(&p->imp->conf, 0, item, "rewrite-sender",
		    buf_str(&rule));
	}
	free(copy);
	buf_release(&rule);
}

/* Users whose addresses stay: a rule in front that changes nothing would need
 * each of their domains. */
static void
write_masquerade(struct postfix *p)
{
	struct item *item = maincf_take(p, "masquerade_domains");
	struct buf value = { 0 };

	if (item == NULL)
		return;
	if (strpbrk(item->value, "!, \t") != NULL)
		write_masquerade_rules(p, item);
	else {
		buf_printf(&value, "%s .%s", item->value, item->value);
		conf_take(&p->imp->conf, 0, item, "masquerade",
		    buf_str(&value));
	}
	buf_release(&value);
}

void
postfix_rewrite(struct postfix *p)
{
	write_rules(p, "sender_canonical_maps", NULL);
	write_rules(p, "canonical_maps",
	    "recipients are not rewritten, senders only");
	write_masquerade(p);
	write_rules(p, "smtp_generic_maps",
	    "recipients are not rewritten, senders only");
}

/*
 * Recipients.
 */

/* "transport:nexthop", each may be empty. */
static bool
split_transport(char *value, const char **transport, const char **nexthop)
{
	char *colon = strchr(value, ':');

	if (colon == NULL)
		return false;
	*colon = '\0';
	*transport = str_trim(value);
	*nexthop = str_trim(colon + 1);
	return true;
}

/* What there would be without the table. */
static void
add_usual(const struct postfix *p, struct buf *action)
{
	if (p->hub != NULL)
		buf_printf(action, "host %s", p->hub);
	else
		buf_adds(action, conf_has(&p->imp->conf, 0, "smarthost") ?
		    "smarthost" : "direct");
}

/* Append what to do; false: it is not done here. */
static bool
add_action(struct postfix *p, struct item *row, const char *transport,
    const char *nexthop, struct buf *action)
{
	if (strcmp(transport, "error") == 0)
		buf_printf(action, "refuse %s", nexthop);
	else if (strcmp(transport, "discard") == 0)
		buf_adds(action, "discard");
	else if (transport[0] != '\0' && strcmp(transport, "smtp") != 0 &&
	    strcmp(transport, "relay") != 0)
		return false;
	else if (nexthop[0] != '\0')
		return postfix_hub(p, row, nexthop, action) == 0;
	else if (transport[0] != '\0')
		buf_adds(action, "direct");
	else
		add_usual(p, action);
	return true;
}

static void
write_route(struct postfix *p, struct item *row, const char *pattern)
{
	char *copy = xstrdup(row->value);
	const char *transport, *nexthop;
	struct buf route = { 0 }, action = { 0 };

	if (!split_transport(copy, &transport, &nexthop))
		conf_warn_item(&p->imp->conf, 0, row,
		    "is not of the form TRANSPORT:NEXTHOP");
	else if (!add_action(p, row, transport, nexthop, &action))
		conf_warn_item(&p->imp->conf, 0, row,
		    "Postrider has no such transport");
	else {
		buf_printf(&route, "%s %s", pattern, buf_str(&action));
		conf_take(&p->imp->conf, 0, row, "route", buf_str(&route));
	}
	buf_release(&route);
	buf_release(&action);
	free(copy);
}

/* Longer domains first, so that the nearest one fits. */
static int
by_length(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	size_t n = strlen(x->key), m = strlen(y->key);

	if (n != m)
		return n > m ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void
write_transports(struct postfix *p, struct item *item)
{
	struct items rows = { 0 };
	struct buf pattern = { 0 };

	table_read(p, item, false, &rows);
	if (rows.n > 0)
		qsort(rows.v, rows.n, sizeof(*rows.v), by_length);
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < rows.n; i++) {
			if (kind_of(rows.v[i].key, true) != kind)
				continue;
			buf_clear(&pattern);
			add_pattern(p, rows.v[i].key, kind, &pattern);
			write_route(p, &rows.v[i], buf_str(&pattern));
		}
	buf_release(&pattern);
	items_release(&rows);
}

/* "smtp", or what takes the place of relayhost. */
static void
write_default_transport(struct postfix *p)
{
	struct item *item = maincf_take(p, "default_transport");

	if (item == NULL || strcmp(item->value, "smtp") == 0 ||
	    strcmp(item->value, "smtp:") == 0)
		return;
	if (p->hub != NULL || conf_has(&p->imp->conf, 0, "smarthost"))
		conf_note_item(&p->imp->conf, 0, item, "relayhost counts");
	else
		write_route(p, item, "*");
}

void
postfix_routes(struct postfix *p)
{
	struct item *item = maincf_take(p, "transport_maps");

	if (item != NULL)
		write_transports(p, item);
	write_default_transport(p);
	postfix_last_route(p);
}
