#include "config.h"

#include "cmd/import_postfix.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/hostport.h"

enum level { LEVEL_UNSET, LEVEL_NONE, LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_DANE,
	LEVEL_DANE_ONLY, LEVEL_FINGERPRINT, LEVEL_VERIFY, LEVEL_SECURE };

static const char *const levels[] = { "", "none", "may", "encrypt", "dane",
	"dane-only", "fingerprint", "verify", "secure" };

#define NLEVEL (sizeof(levels) / sizeof(levels[0]))

/* The parameter that sets it, and what it is. */
static enum level
level_of(struct postfix *p, struct item **item)
{
	static const struct {
		const char *name;
		enum level level;
	} olds[] = { { "smtp_enforce_tls", LEVEL_ENCRYPT },
		{ "smtp_use_tls", LEVEL_MAY } };

	*item = maincf_take(p, "smtp_tls_security_level");
	for (size_t i = 1; *item != NULL && i < NLEVEL; i++)
		if (str_ieq((*item)->value, levels[i]))
			return (enum level)i;
	for (size_t i = 0; i < 2; i++)
		if (maincf_is_yes(p, olds[i].name)) {
			*item = items_find(&p->items, olds[i].name);
			return olds[i].level;
		}
	return LEVEL_UNSET;
}

int
nexthop_parse(const char *text, struct nexthop *hop)
{
	char *copy = xstrdup(text), *host = copy, *port = NULL, *end;

	*hop = (struct nexthop){ .is_mx = true };
	if (host[0] == '[') {
		hop->is_mx = false;
		host++;
		if ((end = strchr(host, ']')) == NULL)
			goto bad;
		*end = '\0';
		port = end[1] == ':' ? end + 2 : end[1] == '\0' ? NULL : end;
	} else if ((end = strchr(host, ':')) != NULL) {
		*end = '\0';
		port = end + 1;
	}
	if (str_istarts(host, "ipv6:"))
		host += 5;
	if (port != NULL && (hop->port = relay_port(port)) == 0)
		goto bad;
	if (host[0] == '\0')
		goto bad;
	hop->host = xstrdup(host);
	free(copy);
	return 0;
bad:
	free(copy);
	return -1;
}

/*
 * Who logs in.
 */

static void
read_passwords(struct postfix *p)
{
	struct conf *conf = &p->imp->conf;
	struct item *maps = maincf_take(p, "smtp_sasl_password_maps");
	bool enabled = maincf_is_yes(p, "smtp_sasl_auth_enable");

	if (maps == NULL && enabled)
		conf_warn_item(conf, 0,
		    items_find(&p->items, "smtp_sasl_auth_enable"),
		    "there is no smtp_sasl_password_maps");
	else if (maps != NULL && !enabled)
		conf_note_item(conf, 0, maps,
		    "smtp_sasl_auth_enable is not yes: nobody logs in");
	else if (maps != NULL)
		table_read(p, maps, true, &p->sasl);
}

/* As mail_addr_find() looks for senders: the address, then its domain. */
static struct item *
find_sender(struct items *rows, const char *sender)
{
	const char *at = strrchr(sender, '@');
	struct item *row = table_find(rows, sender);

	return row != NULL || at == NULL || at == sender ? row :
	    table_find(rows, at);
}

/* The credentials for a server; sender: NULL for any. */
static struct item *
find_password(struct postfix *p, const char *sender, const char *host,
    const char *dest)
{
	struct item *row = NULL;

	if (sender != NULL &&
	    maincf_is_yes(p, "smtp_sender_dependent_authentication"))
		row = find_sender(&p->sasl, sender);
	if (row == NULL)
		row = table_find(&p->sasl, host);
	if (row == NULL)
		row = table_find(&p->sasl, dest);
	return row != NULL ? row : table_find(&p->sasl, "*");
}

/*
 * A list of servers, for all mail or for one account.
 */

struct server {
	struct nexthop hop;
	struct item *row;	/* of the password; NULL: it does not log in */
	char	*user;		/* owned; NULL */
};

struct servers {
	struct server v[RELAYS_MAX];
	size_t	 n;
	struct item *item;	/* where they are named */
	struct item *row;	/* the one password that counts */
};

static void
servers_release(struct servers *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].hop.host);
		free(s->v[i].user);
	}
}

static const char *
password_of(const struct item *row)
{
	const char *colon = strchr(row->value, ':');

	return colon != NULL ? colon + 1 : "";
}

/* An account has one password. */
static bool
one_password(struct postfix *p, size_t section, struct servers *s,
    struct item *row)
{
	if (row == NULL)
		return true;
	if (s->row == NULL)
		s->row = row;
	if (strcmp(password_of(row), password_of(s->row)) == 0)
		return true;
	conf_warn_item(&p->imp->conf, section, row, "is another password than "
	    "that of the server before; this server is left out");
	return false;
}

static void
add_server(struct postfix *p, size_t section, struct servers *s,
    const char *sender, const char *dest)
{
	struct server *server = &s->v[s->n];
	struct conf *conf = &p->imp->conf;

	*server = (struct server){ 0 };
	if (s->n == RELAYS_MAX || nexthop_parse(dest, &server->hop) < 0) {
		conf_warn(conf, section, "%s:%u: %s: is no server, or one too "
		    "many", s->item->file, s->item->line, dest);
		return;
	}
	server->row = find_password(p, sender, server->hop.host, dest);
	if (!one_password(p, section, s, server->row)) {
		free(server->hop.host);
		return;
	}
	if (server->row != NULL)
		server->user = xstrndup(server->row->value,
		    strcspn(server->row->value, ":"));
	s->n++;
}

static void
add_servers(struct postfix *p, size_t section, struct servers *s,
    const char *sender, const char *list)
{
	char *copy = xstrdup(list), *rest = copy, *dest;

	while ((dest = word_next(&rest, ", \t")) != NULL)
		add_server(p, section, s, sender, dest);
	free(copy);
}

static bool
somebody_logs_in(const struct servers *s)
{
	return s->row != NULL;
}

/* What Postrider does otherwise than Postfix with a server. */
static void
note_server(struct postfix *p, size_t section, const struct server *server,
    enum relay_tls tls)
{
	struct conf *conf = &p->imp->conf;
	struct item *item;
	enum level level = level_of(p, &item);

	if (server->hop.is_mx && !hostport_is_address(server->hop.host))
		conf_warn(conf, section, "Postfix asked the DNS for the mail "
		    "exchangers of %s (no brackets); Postrider connects to %s "
		    "itself", server->hop.host, server->hop.host);
	if (tls != RELAY_CLEAR && level < LEVEL_FINGERPRINT)
		conf_warn(conf, section, "Postfix did not check the "
		    "certificate of %s; Postrider does", server->hop.host);
	if (level == LEVEL_FINGERPRINT)
		conf_warn(conf, section, "Postfix knew %s by the fingerprint "
		    "of its certificate; tls-pin takes the public key's",
		    server->hop.host);
}

static enum relay_tls
tls_for(struct postfix *p, bool user)
{
	struct item *item;
	enum level level = level_of(p, &item);

	if (maincf_is_yes(p, "smtp_tls_wrappermode"))
		return RELAY_TLS;
	return level == LEVEL_NONE || (level == LEVEL_UNSET && !user) ?
	    RELAY_CLEAR : RELAY_STARTTLS;
}

static void
write_origin(struct postfix *p, const struct servers *s, struct buf *out)
{
	struct item *level;
	const struct item *places[4] = { s->item };

	level_of(p, &level);
	places[1] = level;
	places[2] = items_find(&p->items, "smtp_tls_wrappermode");
	places[3] = s->row;
	items_places(places, 4, out);
}

static void
write_certificates(struct postfix *p, size_t section)
{
	struct conf *conf = &p->imp->conf;
	struct item *cert = maincf_take(p, "smtp_tls_cert_file");
	struct item *key = maincf_take(p, "smtp_tls_key_file");
	struct item *chain = maincf_take(p, "smtp_tls_chain_files");

	if (chain != NULL)
		cert = key = chain;
	if (cert == NULL)
		return;
	if (key == NULL)
		key = cert;
	if (conf_take(conf, section, cert, "client-cert", cert->value))
		conf_take(conf, section, key, "client-key", key->value);
}

/* "plain, login" of Postfix's filter; one with exceptions is no list. */
static void
write_mechanisms(struct postfix *p, size_t section)
{
	struct item *item = maincf_take(p, "smtp_sasl_mechanism_filter");
	struct buf words = { 0 };
	char *copy, *rest, *word;

	if (item == NULL)
		return;
	if (strpbrk(item->value, "!:/") != NULL) {
		conf_warn_item(&p->imp->conf, section, item,
		    "auth takes a list of mechanisms only");
		return;
	}
	rest = copy = xstrdup(item->value);
	while ((word = word_next(&rest, ", \t")) != NULL)
		buf_printf(&words, "%s%s", words.len > 0 ? " " : "",
		    str_lower(word));
	conf_take(&p->imp->conf, section, item, "auth", buf_str(&words));
	free(copy);
	buf_release(&words);
}

static void
write_servers(struct postfix *p, size_t section, struct servers *s)
{
	struct relay relays[RELAYS_MAX];
	struct buf origin = { 0 };

	write_origin(p, s, &origin);
	for (size_t i = 0; i < s->n; i++) {
		enum relay_tls tls = tls_for(p, s->v[i].user != NULL);

		relays[i] = (struct relay){ .host = s->v[i].hop.host,
			.port = s->v[i].hop.port, .tls = tls,
			.user = s->v[i].user };
		if (relays[i].port == 0)
			relays[i].port = tls == RELAY_TLS ? 465 : 25;
		note_server(p, section, &s->v[i], tls);
	}
	if (relay_write(p->imp, section, buf_str(&origin), relays, s->n) &&
	    somebody_logs_in(s)) {
		relay_password(p->imp, section, s->row, password_of(s->row));
		write_mechanisms(p, section);
	}
	write_certificates(p, section);
	buf_release(&origin);
}

/*
 * A server as one that mail is routed to: Postfix's "may" and "encrypt" are
 * what Postrider does with mail exchangers, encryption without a look at the
 * certificate. A smarthost's certificate is always looked at.
 */
static bool
is_route(struct postfix *p, const struct servers *s)
{
	struct item *item;
	enum level level = level_of(p, &item);

	return s->n == 1 && !somebody_logs_in(s) &&
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
	enum level level = level_of(p, &item);
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
	struct item *own = find_sender(&p->senders, sender);
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
		add_servers(p, section, &s, sender, s.item->value);
		write_servers(p, section, &s);
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
		    (rows == &p->sasl && strchr(sender, '@') == NULL) ||
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
	add_servers(p, 0, &s, NULL, nexthop);
	if (s.n == 0)
		goto out;
	if (is_route(p, &s)) {
		buf_adds(action, "host ");
		write_hub(&s.v[0].hop, action);
	} else {
		section = conf_account(&p->imp->conf, s.v[0].hop.host);
		write_servers(p, section, &s);
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
		add_servers(p, 0, s, NULL, item->value);
	else if (item != NULL)
		conf_warn_item(&p->imp->conf, 0, item, "there is no fallback "
		    "for the mail exchangers");
}

void
postfix_relays(struct postfix *p)
{
	struct item *relayhost = maincf_take(p, "relayhost"), *item;
	struct servers s = { .item = relayhost };

	read_passwords(p);
	if ((item = maincf_take(p, "sender_dependent_relayhost_maps")) != NULL)
		table_read(p, item, false, &p->senders);
	if ((item = maincf_take(p, "smtp_tls_CAfile")) != NULL)
		conf_take(&p->imp->conf, 0, item, "ca-file", item->value);
	if (relayhost != NULL)
		add_servers(p, 0, &s, NULL, relayhost->value);
	add_fallback(p, &s);
	if (is_route(p, &s) && !has_accounts(p))
		set_route(p, &s.v[0]);
	else if (s.n > 0)
		write_servers(p, 0, &s);
	write_level(p);
	write_accounts(p);
	servers_release(&s);
}
