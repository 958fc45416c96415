#include "config.h"

#include "import/import_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"

static const struct reason reasons[] = {
	{ "SMARTHOST", NULL },
	{ "PORT", "mail goes to the mail exchangers, at port 25" },
	{ "ALIASES", "!there are no aliases yet, and no mailboxes of this "
	    "machine: mail to local names goes to them at origin" },
	{ "SPOOLDIR", "Postrider has a queue of its own; dma -q sends what is "
	    "left in this one" },
	{ "AUTHPATH", NULL },
	{ "SECURETRANSFER", NULL }, { "STARTTLS", "SECURETRANSFER is not set" },
	{ "OPPORTUNISTIC_TLS", "SECURETRANSFER and STARTTLS are not set" },
	{ "CERTFILE", "there is no smarthost to show it to" },
	{ "FINGERPRINT", "!it is that of a certificate; tls-pin takes the "
	    "public key's: sha256//BASE64" },
	{ "VERIFYCERT", "certificates of mail exchangers are not checked" },
	{ "INSECURE", NULL }, { "SECURE", NULL },
	{ "DEFER", "!callers say so: -odq; postrider --flush sends" },
	{ "FULLBOUNCE", NULL }, { "MAILNAME", NULL }, { "MASQUERADE", NULL },
	{ "NULLCLIENT", NULL },
	{ NULL, NULL },
};

bool
dma_knows(char *line)
{
	line[strcspn(line, " \t")] = '\0';
	for (const struct reason *r = reasons; r->key != NULL; r++)
		if (strcmp(r->key, line) == 0)
			return true;
	return false;
}

struct dma {
	struct import *imp;
	struct items items;	/* of dma.conf */
	struct items auth;	/* of auth.conf: "user|host", the password */
	char	*mailname;	/* owned; NULL: the machine's name */
};

/* A comment begins anywhere; a name in front of nothing is not set. */
static int
read_conf(struct dma *d, struct err *err)
{
	const char *path = d->imp->source->paths.v[0];
	struct buf text = { 0 };
	struct lines lines;
	char *line, *value;
	int rc = import_read(d->imp, path, &text, err);

	lines_begin(&lines, &text);
	while (rc == 0 && (line = lines_next(&lines)) != NULL) {
		line[strcspn(line, "#")] = '\0';
		value = line + strcspn(line, " \t");
		if (*value != '\0')
			*value++ = '\0';
		if (*line == '\0')
			continue;
		d->imp->is_understood |= reason_find(reasons, line) != NULL;
		items_add(&d->items, line, str_trim(value), path,
		    lines.number);
	}
	import_wipe(&text);
	return rc;
}

/* "user|host:password"; a blank or another '|' may stand for the colon. */
static void
read_auth_line(struct dma *d, char *line, const char *path, unsigned number)
{
	char *host = strchr(line, '|'), *password = NULL;
	struct items bad = { 0 };

	if (host != NULL)
		password = host + 1 + strcspn(host + 1, ":| \t");
	if (password == NULL || *password == '\0') {
		conf_warn_item(&d->imp->conf, 0,
		    items_add(&bad, "line", "", path, number),
		    "is not of the form USER|SMARTHOST:PASSWORD");
		items_release(&bad);
		return;
	}
	*password++ = '\0';
	items_add(&d->auth, line, password, path, number)->is_secret = true;
}

static void
read_auth(struct dma *d)
{
	struct item *item = items_take(&d->items, "AUTHPATH");
	struct buf text = { 0 }, used = { 0 };
	struct lines lines;
	struct err err;
	char *line;

	if (item == NULL || item->value[0] == '\0')
		return;
	if (import_read_related(d->imp, item->value, &text, &used, &err) < 0)
		conf_warn_item(&d->imp->conf, 0, item, "%s", err.text);
	lines_begin(&lines, &text);
	while ((line = lines_next(&lines)) != NULL)
		if (*line != '\0' && *line != '#')
			read_auth_line(d, line, buf_str(&used), lines.number);
	import_wipe(&text);
	buf_release(&used);
}

/* The name that the machine goes by: of a file its first line. */
static void
read_mailname(struct dma *d)
{
	struct item *item = items_find(&d->items, "MAILNAME");
	struct buf text = { 0 }, used = { 0 };
	struct err err;
	size_t n = 0;

	if (item == NULL || item->value[0] == '\0')
		return;
	if (item->value[0] != '/')
		buf_adds(&text, item->value);
	else if (import_read_related(d->imp, item->value, &text, &used,
	    &err) < 0)
		conf_warn_item(&d->imp->conf, 0, item, "%s", err.text);
	while (n < text.len && (isalnum((unsigned char)text.data[n]) ||
	    strchr("_.-", text.data[n]) != NULL))
		n++;
	text.len = n;
	if (n > 0)
		d->mailname = buf_detach(&text);
	buf_release(&text);
	buf_release(&used);
}

static bool
has(struct dma *d, const char *key)
{
	return items_take(&d->items, key) != NULL;
}

static void
write_names(struct dma *d)
{
	struct item *item = items_take(&d->items, "MAILNAME");

	if (d->mailname == NULL)
		return;
	conf_take(&d->imp->conf, 0, item, "hostname", d->mailname);
	if (!conf_has(&d->imp->conf, 0, "origin"))
		conf_take(&d->imp->conf, 0, item, "origin", d->mailname);
}

/* "user@" keeps the domain of a sender that has one; Postrider's fixed sender
 * is one address. */
static void
masquerade_user(struct dma *d, struct item *item, const char *user,
    const char *host)
{
	struct buf address = { 0 };
	char *name = NULL;

	if (host[0] == '\0' && d->mailname == NULL)
		name = identity_hostname();
	buf_printf(&address, "%s@%s", user, host[0] != '\0' ? host :
	    name != NULL ? name : d->mailname);
	if (conf_take(&d->imp->conf, 0, item, "from", buf_str(&address)))
		conf_take(&d->imp->conf, 0, item, "envelope-from", "fixed");
	free(name);
	buf_release(&address);
}

static void
write_masquerade(struct dma *d)
{
	struct conf *conf = &d->imp->conf;
	struct item *item = items_take(&d->items, "MASQUERADE");
	struct buf rule = { 0 }, user = { 0 };
	const char *at, *host;

	if (item == NULL || item->value[0] == '\0')
		return;
	at = strrchr(item->value, '@');
	host = at != NULL ? at + 1 : item->value;
	if (at != NULL)
		buf_add(&user, item->value, (size_t)(at - item->value));
	if (user.len > 0)
		masquerade_user(d, item, buf_str(&user), host);
	else if (host[0] != '\0') {
		conf_take(conf, 0, item, "origin", host);
		buf_printf(&rule, "* @%s", host);
		if (conf_take(conf, 0, item, "rewrite-sender",
		    buf_str(&rule)))
			conf_note(conf, 0, "(From and the like in the header "
			    "get it as well)");
	}
	buf_release(&rule);
	buf_release(&user);
}

/* The last entry for a host counts. */
static struct item *
auth_of(struct dma *d, const char *host, struct buf *user)
{
	for (size_t i = d->auth.n; i-- > 0;) {
		struct item *item = &d->auth.v[i];
		const char *bar = strchr(item->key, '|');

		if (strcmp(bar + 1, host) != 0)
			continue;
		buf_add(user, item->key, (size_t)(bar - item->key));
		item->is_done = true;
		return item;
	}
	return NULL;
}

/* What is left of auth.conf is for other hosts; its passwords stay there. */
static void
note_other_auth(struct dma *d)
{
	for (size_t i = 0; i < d->auth.n; i++)
		if (!d->auth.v[i].is_done)
			conf_note_item(&d->imp->conf, 0, &d->auth.v[i],
			    "no mail goes to this host by name");
}

static uint16_t
port_of(struct dma *d)
{
	struct item *item = items_take(&d->items, "PORT");
	uint16_t port;

	if (item == NULL || item->value[0] == '\0')
		return 25;
	if ((port = relay_port(item->value)) == 0)
		conf_warn_item(&d->imp->conf, 0, item, "is no port");
	return port != 0 ? port : 25;
}

static enum relay_tls
tls_of(struct dma *d)
{
	if (!has(d, "SECURETRANSFER"))
		return RELAY_CLEAR;
	return has(d, "STARTTLS") ? RELAY_STARTTLS : RELAY_TLS;
}

/* Encrypted where that works, and nobody logs in: as to an MX host. */
static void
write_host_route(struct dma *d, const char *origin, const char *host,
    uint16_t port)
{
	struct buf route = { 0 };

	buf_printf(&route, strchr(host, ':') != NULL ? "* host [%s]:%u" :
	    "* host %s:%u", host, (unsigned)port);
	conf_set(&d->imp->conf, 0, origin, "route", buf_str(&route));
	buf_release(&route);
}

static void
write_certificate(struct dma *d)
{
	struct item *item = items_take(&d->items, "CERTFILE");

	if (item == NULL || item->value[0] == '\0')
		return;
	if (conf_take(&d->imp->conf, 0, item, "client-cert", item->value))
		conf_take(&d->imp->conf, 0, item, "client-key", item->value);
}

/* Of a smarthost the certificate is checked. */
static void
note_checks(struct dma *d, const struct relay *relay)
{
	struct conf *conf = &d->imp->conf;
	struct item *opportunistic =
	    items_find(&d->items, "OPPORTUNISTIC_TLS");

	if (relay->tls != RELAY_CLEAR && !has(d, "VERIFYCERT"))
		conf_warn(conf, 0, "VERIFYCERT was not set: Postrider checks "
		    "the certificate of the smarthost all the same");
	if (opportunistic != NULL && relay->tls == RELAY_STARTTLS)
		conf_warn_item(conf, 0, opportunistic, "Postrider logs in "
		    "over TLS only");
	has(d, "INSECURE");
	has(d, "SECURE");
}

static void
write_smarthost(struct dma *d, struct item *host)
{
	const struct item *places[] = { host, items_find(&d->items, "PORT"),
		items_find(&d->items, "SECURETRANSFER"),
		items_find(&d->items, "STARTTLS") };
	struct buf origin = { 0 }, user = { 0 };
	struct relay relay = { .host = host->value, .port = port_of(d),
		.tls = tls_of(d) };
	struct item *auth = auth_of(d, host->value, &user);

	items_places(places, sizeof(places) / sizeof(places[0]), &origin);
	if (auth != NULL) {
		relay.user = buf_str(&user);
		buf_adds(&origin, ", ");
		item_place(auth, &origin);
	}
	if (auth == NULL && relay.tls == RELAY_STARTTLS &&
	    has(d, "OPPORTUNISTIC_TLS")) {
		write_host_route(d, buf_str(&origin), relay.host, relay.port);
		goto out;
	}
	relay_write(d->imp, 0, buf_str(&origin), &relay, 1);
	if (auth != NULL) {
		free(auth->key);
		auth->key = xstrdup("password");
		relay_password(d->imp, 0, auth, auth->value);
	}
	write_certificate(d);
	note_checks(d, &relay);
out:
	buf_release(&origin);
	buf_release(&user);
}

/* Mail to the exchangers themselves. */
static void
write_direct(struct dma *d)
{
	struct conf *conf = &d->imp->conf;
	struct item *secure = items_take(&d->items, "SECURETRANSFER");

	has(d, "INSECURE");
	has(d, "SECURE");
	if (secure == NULL)
		conf_note(conf, 0, "SECURETRANSFER was not set: dma never "
		    "encrypted; Postrider does where a server offers it");
	else if (!has(d, "STARTTLS"))
		conf_warn_item(conf, 0, secure, "without STARTTLS: no mail "
		    "exchanger takes TLS from the first byte");
	else
		conf_take(conf, 0, secure, "tls", has(d, "OPPORTUNISTIC_TLS") ?
		    "opportunistic" : "required");
}

int
import_dma(struct import *imp, struct err *err)
{
	struct dma d = { .imp = imp };
	struct item *host, *full;
	int rc = read_conf(&d, err);

	if (rc < 0)
		goto out;
	read_auth(&d);
	read_mailname(&d);
	host = items_take(&d.items, "SMARTHOST");
	write_masquerade(&d);
	write_names(&d);
	if (host != NULL && host->value[0] != '\0')
		write_smarthost(&d, host);
	else
		write_direct(&d);
	if ((full = items_take(&d.items, "FULLBOUNCE")) != NULL)
		conf_take(&imp->conf, 0, full, "dsn-size", "1G");
	if (!has(&d, "NULLCLIENT"))
		conf_warn(&imp->conf, 0, "NULLCLIENT was not set: dma put mail "
		    "to users of this machine into their mailboxes; Postrider "
		    "has none, and sends it to them at origin");
	note_other_auth(&d);
	conf_leftovers(&imp->conf, 0, &d.items, reasons);
out:
	items_release(&d.items);
	items_release(&d.auth);
	free(d.mailname);
	return rc;
}
