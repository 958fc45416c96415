#include "config.h"

#include "import/import_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"

static const struct reason reasons[] = {
	{ "Root", "!recipients are not changed, there are no aliases yet: mail "
	    "to local names goes to them at origin" },
	{ "MinUserId", "recipients are not changed, there are no aliases yet" },
	{ "MailHub", NULL }, { "RemotePort", NULL }, { "HostName", NULL },
	{ "RewriteDomain", NULL }, { "FromLineOverride", NULL },
	{ "UseTLS", NULL }, { "UseSTARTTLS", NULL },
	{ "UseTLSCert", NULL },
	{ "TLSCert", "UseTLSCert is not YES" },
	{ "TLSKey", "UseTLSCert is not YES" },
	{ "TLS_CA_File", NULL },
	{ "TLS_CA_Dir", "ca-file takes one file, with all certificates" },
	{ "AuthUser", NULL },
	{ "AuthPass", "there is no AuthUser" },
	{ "AuthMethod", "there is no AuthUser" },
	{ "UseOldAUTH", "AUTH is as RFC 4954 has it" },
	{ "AddHeader", "fields are not added" },
	{ "Debug", "-v shows the dialogue" },
	{ NULL, NULL },
};

/* "Key = value"; keys in any case of letters. */
static char *
split(char *line, char **value)
{
	char *equals = strchr(line, '=');

	if (equals == NULL)
		return NULL;
	*equals = '\0';
	*value = str_trim(equals + 1);
	return str_trim(line);
}

bool
ssmtp_knows(char *line)
{
	char *value, *key = split(line, &value);

	return key != NULL && reason_find(reasons, key) != NULL;
}

struct ssmtp {
	struct import *imp;
	struct items items;
	struct items aliases;	/* of revaliases: login, "address:hub:port" */
	char	*domain;	/* of addresses without one; owned; NULL: not
				 * known */
};

/* A value is one word, but that of AuthPass may hold '='. */
static void
cut_value(const char *key, char *value)
{
	if (!str_ieq(key, "AddHeader"))
		value[strcspn(value, str_ieq(key, "AuthPass") ? " \t" :
		    "= \t")] = '\0';
}

static void
read_line(struct ssmtp *s, char *line, const char *path, unsigned number)
{
	struct item *item;
	char *value, *key;

	line = str_trim(line);
	if (*line == '\0' || *line == '#')
		return;
	if ((key = split(line, &value)) == NULL) {
		item = items_add(&s->items, "line", "", path, number);
		conf_warn_item(&s->imp->conf, 0, item,
		    "is not of the form KEY=VALUE");
		return;
	}
	s->imp->is_understood |= reason_find(reasons, key) != NULL;
	cut_value(key, value);
	item = items_add(&s->items, key, value, path, number);
	item->is_secret = str_ieq(key, "AuthPass");
}

static int
read_conf(struct ssmtp *s, struct err *err)
{
	const char *path = s->imp->source->paths.v[0];
	struct buf text = { 0 };
	struct lines lines;
	char *line;
	int rc = import_read(s->imp, path, &text, err);

	lines_begin(&lines, &text);
	while (rc == 0 && (line = lines_next(&lines)) != NULL)
		read_line(s, line, path, lines.number);
	import_wipe(&text);
	return rc;
}

/* "login:address[:mailhub[:port]]" */
static void
read_aliases(struct ssmtp *s)
{
	struct buf path = { 0 }, text = { 0 };
	struct lines lines;
	struct err err;
	char *line, *value;

	import_beside(s->imp, "revaliases", &path);
	import_read(s->imp, buf_str(&path), &text, &err);
	lines_begin(&lines, &text);
	while ((line = lines_next(&lines)) != NULL &&
	    s->aliases.n < IMPORT_LINES_MAX) {
		line[strcspn(line, "#")] = '\0';
		if ((value = strchr(line, ':')) == NULL)
			continue;
		*value++ = '\0';
		items_add(&s->aliases, str_trim(line), str_trim(value),
		    buf_str(&path), lines.number);
	}
	buf_release(&text);
	buf_release(&path);
}

/* The last that is not empty. */
static struct item *
take(struct ssmtp *s, const char *key)
{
	struct item *item = items_take(&s->items, key);

	return item != NULL && item->value[0] != '\0' ? item : NULL;
}

static bool
is_yes(struct ssmtp *s, const char *key)
{
	struct item *item = items_take(&s->items, key);

	return item != NULL && str_ieq(item->value, "yes");
}

/* UseTLS=NO takes a UseSTARTTLS=YES in front of it back; that is TLS alone. */
static enum relay_tls
tls_of(struct ssmtp *s)
{
	bool tls = false, starttls = false;

	for (size_t i = 0; i < s->items.n; i++) {
		const struct item *item = &s->items.v[i];
		bool yes = str_ieq(item->value, "yes");

		if (str_ieq(item->key, "UseTLS")) {
			tls = yes;
			starttls &= yes;
		} else if (str_ieq(item->key, "UseSTARTTLS")) {
			starttls = yes;
			tls |= yes;
		}
	}
	items_take(&s->items, "UseTLS");
	items_take(&s->items, "UseSTARTTLS");
	return starttls ? RELAY_STARTTLS : tls ? RELAY_TLS : RELAY_CLEAR;
}

/* Cut ":port" off a mailhub; what is there is the port, 0 when none is. */
static uint16_t
cut_port(struct ssmtp *s, struct item *item, char *hub)
{
	char *colon = strchr(hub, ':');
	uint16_t port;

	if (colon == NULL)
		return 0;
	*colon = '\0';
	if ((port = relay_port(colon + 1)) == 0)
		conf_warn_item(&s->imp->conf, 0, item,
		    "there is no port behind the colon");
	return port;
}

/* Servers do not speak TLS at once on the port for mail in clear. */
static void
mend_port(struct ssmtp *s, struct relay *relay)
{
	if (relay->port != 0)
		return;
	relay->port = relay->tls == RELAY_TLS ? 465 : 25;
	if (relay->tls == RELAY_TLS)
		conf_note(&s->imp->conf, 0, "(a port was not named; ssmtp "
		    "took 25, where no server begins with TLS)");
}

static void
write_password(struct ssmtp *s, size_t section)
{
	struct item *user = items_find(&s->items, "AuthUser");
	struct item *password = take(s, "AuthPass");

	if (password != NULL)
		relay_password(s->imp, section, password, password->value);
	else
		conf_warn_item(&s->imp->conf, section, user,
		    "there is no AuthPass");
}

static void
write_server(struct ssmtp *s, size_t section, struct item *hub,
    struct relay *relay)
{
	const struct item *places[] = { hub,
		items_find(&s->items, "RemotePort"),
		items_find(&s->items, "UseTLS"),
		items_find(&s->items, "UseSTARTTLS"),
		items_find(&s->items, "AuthUser") };
	struct buf origin = { 0 };
	struct item *method = take(s, "AuthMethod");

	mend_port(s, relay);
	items_places(places, sizeof(places) / sizeof(places[0]), &origin);
	if (relay_write(s->imp, section, buf_str(&origin), relay, 1) &&
	    relay->user != NULL) {
		write_password(s, section);
		if (method != NULL)
			conf_take(&s->imp->conf, section, method, "auth",
			    str_lower(method->value));
	}
	buf_release(&origin);
}

static void
write_tls(struct ssmtp *s, const struct relay *relay)
{
	struct conf *conf = &s->imp->conf;
	struct item *ca = take(s, "TLS_CA_File"), *cert, *key;

	if (ca != NULL)
		conf_take(conf, 0, ca, "ca-file", ca->value);
	else if (relay->tls != RELAY_CLEAR)
		conf_warn(conf, 0, "ssmtp checked no certificate; Postrider "
		    "does: it must be one for %s, by an authority that the "
		    "system trusts (or see ca-file, tls-pin)", relay->host);
	if (!is_yes(s, "UseTLSCert") || (cert = take(s, "TLSCert")) == NULL)
		return;
	key = take(s, "TLSKey");
	if (conf_take(conf, 0, cert, "client-cert", cert->value))
		conf_take(conf, 0, key != NULL ? key : cert, "client-key",
		    key != NULL ? key->value : cert->value);
}

/* Addresses without a domain get this one. */
static void
write_names(struct ssmtp *s)
{
	struct conf *conf = &s->imp->conf;
	struct item *host = take(s, "HostName");
	struct item *domain = take(s, "RewriteDomain");
	const char *name;

	if (host != NULL)
		conf_take(conf, 0, host, "hostname", host->value);
	if (domain == NULL && (domain = host) == NULL)
		return;
	name = strrchr(domain->value, '@') != NULL ?
	    strrchr(domain->value, '@') + 1 : domain->value;
	if (conf_take(conf, 0, domain, "origin", name))
		s->domain = xstrdup(name);
}

/* The From field rules, or the login does. */
static void
write_sender(struct ssmtp *s)
{
	struct conf *conf = &s->imp->conf;
	struct item *item = items_take(&s->items, "FromLineOverride");
	struct item *domain = items_find(&s->items, "RewriteDomain");
	struct buf rule = { 0 };

	if (item != NULL && str_ieq(item->value, "yes")) {
		conf_take(conf, 0, item, "envelope-from", "header-always");
		return;
	}
	conf_set(conf, 0, "FromLineOverride is not YES: From is the sender",
	    "from-header", "replace");
	if (s->domain == NULL)
		return;
	buf_printf(&rule, "* @%s", s->domain);
	if (domain == NULL)
		domain = items_find(&s->items, "HostName");
	if (conf_take(conf, 0, domain, "rewrite-sender", buf_str(&rule)))
		conf_note(conf, 0, "(what -f says in front of the @ stays; "
		    "ssmtp put the login's name there)");
	buf_release(&rule);
}

/* A mailhub of its own makes an account. */
static void
write_alias_hub(struct ssmtp *s, struct item *item, const char *address,
    char *hub, char *port)
{
	struct conf *conf = &s->imp->conf;
	struct item *user = items_find(&s->items, "AuthUser");
	size_t section = conf_account(conf, item->key);
	struct relay relay = { .host = hub, .tls = tls_of(s),
		.user = user != NULL && user->value[0] != '\0' ?
		user->value : NULL };

	if (port != NULL && (relay.port = relay_port(port)) == 0)
		conf_warn_item(conf, section, item, "\"%s\" is no port", port);
	conf_take(conf, section, item, "from", address);
	write_server(s, section, item, &relay);
}

static void
write_alias(struct ssmtp *s, struct item *item)
{
	char *copy = xstrdup(item->value), *rest = copy;
	char *address = word_next(&rest, ": \t"), *hub, *port;
	struct buf rule = { 0 };

	if (address == NULL) {
		conf_warn_item(&s->imp->conf, 0, item,
		    "an address is missing");
		goto out;
	}
	hub = word_next(&rest, ": \t");
	port = word_next(&rest, ": \t");
	buf_printf(&rule, "%s@%s %s", item->key, s->domain != NULL ?
	    s->domain : "*", address);
	conf_take(&s->imp->conf, 0, item, "rewrite-sender", buf_str(&rule));
	if (hub != NULL)
		write_alias_hub(s, item, address, hub, port);
out:
	buf_release(&rule);
	free(copy);
}

static void
write_hub(struct ssmtp *s)
{
	struct conf *conf = &s->imp->conf;
	struct item *hub = take(s, "MailHub"), *port = take(s, "RemotePort");
	struct item *user = take(s, "AuthUser");
	struct relay relay = { .tls = tls_of(s),
		.user = user != NULL ? user->value : NULL };
	char *host;

	if (hub == NULL) {
		conf_warn(conf, 0, "there is no mailhub: mail goes to the "
		    "mail exchangers directly");
		return;
	}
	host = xstrdup(hub->value);
	relay.port = cut_port(s, hub, host);
	relay.host = host;
	if (port != NULL && (relay.port == 0 || port > hub) &&
	    (relay.port = relay_port(port->value)) == 0)
		conf_warn_item(conf, 0, port, "is no port");
	write_server(s, 0, hub, &relay);
	write_tls(s, &relay);
	free(host);
}

int
import_ssmtp(struct import *imp, struct err *err)
{
	struct ssmtp s = { .imp = imp };
	int rc = read_conf(&s, err);

	if (rc < 0)
		goto out;
	read_aliases(&s);
	write_names(&s);
	write_hub(&s);
	for (size_t i = 0; i < s.aliases.n; i++)
		write_alias(&s, &s.aliases.v[i]);
	write_sender(&s);
	conf_leftovers(&imp->conf, 0, &s.items, reasons);
out:
	items_release(&s.items);
	items_release(&s.aliases);
	free(s.domain);
	return rc;
}
