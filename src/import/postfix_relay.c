#include "config.h"

#include "import/postfix.h"

#include <string.h>

#include "base/str.h"
#include "deliver/hostport.h"

/*
 * A server as one that mail is routed to: Postfix's "may" and "encrypt" are
 * what Postrider does with mail exchangers, encryption without a look at the
 * certificate. A smarthost's certificate is always looked at.
 */
static bool
is_route(struct postfix *p, const struct servers *s)
{
	struct item *item;
	enum level level = postfix_level(p, &item);

	return s->n == 1 && s->row == NULL &&
	    !maincf_is_yes(p, "smtp_tls_wrappermode") &&
	    level != LEVEL_NONE && level < LEVEL_FINGERPRINT;
}

/* Will there be accounts? A route for all mail would come before them. */
static bool
has_accounts(struct postfix *p)
{
	bool by_sender =
	    maincf_is_yes(p, "smtp_sender_dependent_authentication");

	for (size_t i = 0; by_sender && i < p->sasl.n; i++)
		if (strchr(p->sasl.v[i].key, '@') != NULL)
			return true;
	return p->senders.n > 0;
}

static void
write_hub(const struct nexthop *hop, struct buf *out)
{
	buf_printf(out, strchr(hop->host, ':') != NULL ? "[%s]" : "%s",
	    hop->host);
	if (hop->port != 0 && hop->port != 25)
		buf_printf(out, ":%u", (unsigned)hop->port);
}

static void
set_route(struct postfix *p, const struct server *server)
{
	struct buf hub = { 0 };

	if (server->hop.is_mx && !hostport_is_address(server->hop.host))
		conf_warn(&p->imp->conf, 0, "Postfix asked the DNS for the "
		    "mail exchangers of %s (no brackets); Postrider connects "
		    "to %s itself", server->hop.host, server->hop.host);
	write_hub(&server->hop, &hub);
	p->hub = buf_detach(&hub);
}

void
postfix_last_route(struct postfix *p)
{
	struct item *item = items_find(&p->items, "relayhost");
	struct buf route = { 0 };

	if (p->hub == NULL)
		return;
	buf_printf(&route, "* host %s", p->hub);
	conf_take(&p->imp->conf, 0, item, "route", buf_str(&route));
	buf_release(&route);
}

/* How mail exchangers are spoken to. */
static void
write_level(struct postfix *p)
{
	struct item *item;
	enum level level = postfix_level(p, &item);
	const char *word = level == LEVEL_NONE ? "off" :
	    level == LEVEL_MAY || level == LEVEL_DANE ? "opportunistic" :
	    "required";

	if (level == LEVEL_UNSET)
		return;
	conf_take(&p->imp->conf, 0, item, "tls", word);
	if (level >= LEVEL_DANE)
		conf_note(&p->imp->conf, 0, "(Postrider does not check the "
		    "certificates of mail exchangers)");
}

/*
 * Accounts by sender.
 */

static bool
has_account(const struct strlist *done, const char *sender)
{
	for (size_t i = 0; i < done->n; i++)
		if (str_ieq(done->v[i], sender))
			return true;
	return false;
}

/* The pattern of a sender: "ann@example.org", "@example.org", "ann". */
static bool
write_from(struct postfix *p, size_t section, struct item *row,
    const char *sender)
{
	struct buf from = { 0 };
	bool ok;

	if (sender[0] == '@')
		buf_adds(&from, sender + 1);
	else if (strchr(sender, '@') != NULL)
		buf_adds(&from, sender);
	else
		buf_printf(&from, "%s@%s", sender,
		    p->origin != NULL ? p->origin : "*");
	ok = conf_take(&p->imp->conf, section, row, "from", buf_str(&from));
	buf_release(&from);
	return ok;
}

static void
write_account(struct postfix *p, struct item *row, const char *sender)
{
	struct item *relayhost = maincf_take(p, "relayhost");
	struct item *own = postfix_find_sender(&p->senders, sender);
	struct servers s = { .item = own != NULL ? own : relayhost };
	size_t section;

	if (own != NULL && str_istarts(own->value, "DUNNO"))
		s.item = relayhost;
	if (s.item == NULL) {
		conf_warn_item(&p->imp->conf, 0, row, "there is no relayhost "
		    "for this sender; mail exchangers are not logged in to");
		return;
	}
	section = conf_account(&p->imp->conf, sender + (sender[0] == '@'));
	if (write_from(p, section, row, sender)) {
		servers_add(p, section, &s, sender, s.item->value);
		servers_write(p, section, &s);
	}
	servers_release(&s);
}

/* Addresses before whole domains: the first that fits counts. */
static void
write_accounts_of(struct postfix *p, struct items *rows, bool domains,
    struct strlist *done)
{
	for (size_t i = 0; i < rows->n; i++) {
		char *sender = rows->v[i].key;

		if ((sender[0] == '@') != domains || sender[0] == '[' ||
		    (rows == &p->sasl && (strchr(sender, '@') == NULL ||
		    strchr(sender, ':') != NULL)) ||
		    strcmp(sender, "*") == 0 || has_account(done, sender))
			continue;
		if (done->n == POSTFIX_ACCOUNTS_MAX) {
			conf_warn_item(&p->imp->conf, 0, &rows->v[i],
			    "these are too many accounts");
			return;
		}
		strlist_add(done, sender);
		rows->v[i].is_done = true;
		write_account(p, &rows->v[i], sender);
	}
}

static void
write_accounts(struct postfix *p)
{
	struct strlist done = { 0 };
	bool by_sender =
	    maincf_is_yes(p, "smtp_sender_dependent_authentication");

	for (int domains = 0; domains < 2; domains++) {
		write_accounts_of(p, &p->senders, domains != 0, &done);
		if (by_sender)
			write_accounts_of(p, &p->sasl, domains != 0, &done);
	}
	strlist_release(&done);
}

/*
 * For routes.
 */

int
postfix_hub(struct postfix *p, struct item *row, const char *nexthop,
    struct buf *action)
{
	struct servers s = { .item = row };
	struct item *known = table_find(&p->hubs, nexthop);
	size_t section;
	int rc = -1;

	if (known != NULL) {
		buf_adds(action, known->value);
		return 0;
	}
	servers_add(p, 0, &s, NULL, nexthop);
	if (s.n == 0)
		goto out;
	if (is_route(p, &s)) {
		buf_adds(action, "host ");
		write_hub(&s.v[0].hop, action);
	} else {
		section = conf_account(&p->imp->conf, s.v[0].hop.host);
		servers_write(p, section, &s);
		buf_printf(action, "smarthost %s",
		    p->imp->conf.v[section].name);
	}
	items_add(&p->hubs, nexthop, buf_str(action), row->file, row->line);
	rc = 0;
out:
	servers_release(&s);
	return rc;
}

/* Servers for when the others fail, at the end of the list. */
static void
add_fallback(struct postfix *p, struct servers *s)
{
	struct item *item = maincf_take(p, "smtp_fallback_relay");

	if (item != NULL && s->n > 0)
		servers_add(p, 0, s, NULL, item->value);
	else if (item != NULL)
		conf_warn_item(&p->imp->conf, 0, item, "there is no fallback "
		    "for the mail exchangers");
}

void
postfix_relays(struct postfix *p)
{
	struct item *relayhost = maincf_take(p, "relayhost"), *item;
	struct servers s = { .item = relayhost };

	postfix_passwords(p);
	if ((item = maincf_take(p, "sender_dependent_relayhost_maps")) != NULL)
		table_read(p, item, false, &p->senders);
	if ((item = maincf_take(p, "smtp_tls_CAfile")) != NULL)
		conf_take(&p->imp->conf, 0, item, "ca-file", item->value);
	if (relayhost != NULL)
		servers_add(p, 0, &s, NULL, relayhost->value);
	add_fallback(p, &s);
	if (is_route(p, &s) && !has_accounts(p))
		set_route(p, &s.v[0]);
	else if (s.n > 0)
		servers_write(p, 0, &s);
	write_level(p);
	write_accounts(p);
	servers_release(&s);
}
