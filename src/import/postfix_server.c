#include "config.h"

#include "import/postfix.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/hostport.h"

static const char *const levels[] = { "", "none", "may", "encrypt", "dane",
	"dane-only", "fingerprint", "verify", "secure" };

#define NLEVEL (sizeof(levels) / sizeof(levels[0]))

enum level
postfix_level(struct postfix *p, struct item **item)
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
	if (*item != NULL)
		conf_warn_item(&p->imp->conf, 0, *item, "is no such level");
	for (size_t i = 0; i < 2; i++)
		if (maincf_is_yes(p, olds[i].name)) {
			*item = items_find(&p->items, olds[i].name);
			return olds[i].level;
		}
	return LEVEL_UNSET;
}

static int
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

void
postfix_passwords(struct postfix *p)
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

struct item *
postfix_find_sender(struct items *rows, const char *sender)
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
		row = postfix_find_sender(&p->sasl, sender);
	if (row == NULL)
		row = table_find(&p->sasl, host);
	if (row == NULL)
		row = table_find(&p->sasl, dest);
	return row != NULL ? row : table_find(&p->sasl, "*");
}

void
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
	struct conf *conf = &p->imp->conf;
	struct server server = { 0 };

	if (s->n == RELAYS_MAX || nexthop_parse(dest, &server.hop) < 0) {
		conf_warn(conf, section, "%s:%u: %s: is no server, or one too "
		    "many", s->item->file, s->item->line, dest);
		return;
	}
	server.row = find_password(p, sender, server.hop.host, dest);
	if (!one_password(p, section, s, server.row)) {
		free(server.hop.host);
		return;
	}
	if (server.row != NULL)
		server.user = xstrndup(server.row->value,
		    strcspn(server.row->value, ":"));
	s->v[s->n++] = server;
}

void
servers_add(struct postfix *p, size_t section, struct servers *s,
    const char *sender, const char *list)
{
	char *copy = xstrdup(list), *rest = copy, *dest;

	while ((dest = word_next(&rest, ", \t")) != NULL)
		add_server(p, section, s, sender, dest);
	free(copy);
}

/* What Postrider does otherwise than Postfix with a server. */
static void
note_server(struct postfix *p, size_t section, const struct server *server,
    enum relay_tls tls)
{
	struct conf *conf = &p->imp->conf;
	struct item *item;
	enum level level = postfix_level(p, &item);

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
	enum level level = postfix_level(p, &item);

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

	postfix_level(p, &level);
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

void
servers_write(struct postfix *p, size_t section, struct servers *s)
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
	    s->row != NULL) {
		relay_password(p->imp, section, s->row, password_of(s->row));
		write_mechanisms(p, section);
	}
	write_certificates(p, section);
	buf_release(&origin);
}
