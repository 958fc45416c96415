#include "config.h"

#include "import/msmtp.h"

#include <string.h>

#include "base/str.h"
#include "deliver/netrc.h"

const char msmtp_always_checked[] = "Postrider always checks the "
    "certificate; for one that no authority has signed there is ca-file, or "
    "tls-pin for its public key";

struct item *
msmtp_take(struct work *w, const char *key)
{
	struct item *item = items_take(w->items, key);

	return item != NULL && item->value[0] != '\0' ? item : NULL;
}

bool
msmtp_is_on(struct work *w, const char *key, bool otherwise)
{
	struct item *item = items_take(w->items, key);

	if (item == NULL)
		return otherwise;
	if (strcmp(item->value, "off") == 0)
		return false;
	if (strcmp(item->value, "on") != 0 && item->value[0] != '\0')
		conf_warn_item(&w->imp->conf, w->section, item,
		    "is neither on nor off; taken for on");
	return true;
}

void
msmtp_take_file(struct work *w, const char *key, const char *setting)
{
	struct item *item = msmtp_take(w, key);
	struct buf path = { 0 };

	if (item == NULL)
		return;
	import_tilde(w->imp, item->value, &path);
	if (str_starts(item->value, "pkcs11:") || path.data[0] == '/')
		conf_take(&w->imp->conf, w->section, item, setting,
		    buf_str(&path));
	else
		conf_warn_item(&w->imp->conf, w->section, item,
		    "is no absolute path; the directory is not known");
	buf_release(&path);
}

static uint16_t
port_of(struct work *w, uint16_t otherwise)
{
	struct item *item = msmtp_take(w, "port");
	uint64_t port;

	if (item == NULL)
		return otherwise;
	if (str_number(item->value, 65535, &port) == 0 && port > 0)
		return (uint16_t)port;
	conf_warn_item(&w->imp->conf, w->section, item, "is no port");
	return otherwise;
}

static enum relay_tls
tls_of(struct work *w)
{
	if (!msmtp_is_on(w, "tls", false))
		return RELAY_CLEAR;
	return msmtp_is_on(w, "tls_starttls", true) ? RELAY_STARTTLS : RELAY_TLS;
}

/* Where the places of what makes a URL are told. */
static void
places_of_url(const struct work *w, struct buf *origin)
{
	static const char *const keys[] = { "host", "port", "tls",
		"tls_starttls", "auth", "user" };
	const struct item *items[sizeof(keys) / sizeof(keys[0])];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		items[i] = items_find(w->items, keys[i]);
	items_places(items, sizeof(keys) / sizeof(keys[0]), origin);
}

/* Does it log in? *mechanism: which way; NULL: the safest. */
static bool
logs_in(struct work *w, const char **mechanism)
{
	struct item *auth = items_take(w->items, "auth");

	*mechanism = NULL;
	if (auth == NULL || strcmp(auth->value, "off") == 0)
		return false;
	if (auth->value[0] != '\0' && strcmp(auth->value, "on") != 0)
		*mechanism = auth->value;
	return true;
}

static void
write_mechanism(struct work *w, const char *mechanism)
{
	struct item *item = items_find(w->items, "auth");
	struct buf word = { 0 };

	buf_adds(&word, mechanism);
	/* the same mechanism, without the binding to the channel */
	if (word.len > 5 && strcmp(buf_str(&word) + word.len - 5,
	    "-plus") == 0)
		word.len -= 5;
	conf_take(&w->imp->conf, w->section, item, "auth", buf_str(&word));
	buf_release(&word);
}

static bool
is_token(const char *mechanism)
{
	return mechanism != NULL && (str_ieq(mechanism, "oauthbearer") ||
	    str_ieq(mechanism, "xoauth2"));
}

static bool
needs_secret(const char *mechanism)
{
	return mechanism == NULL || (!str_ieq(mechanism, "external") &&
	    !str_ieq(mechanism, "gssapi"));
}

/* msmtp looks into ~/.netrc when the file has no password. */
static bool
in_netrc(struct work *w, const char *host, const char *user)
{
	struct buf path = { 0 }, text = { 0 }, password = { 0 };
	struct err err;
	bool found;

	import_tilde(w->imp, "~/.netrc", &path);
	found = import_read(w->imp, buf_str(&path), &text, &err) == 0 &&
	    netrc_find(buf_str(&text), text.len, host, user, &password,
	    &err) > 0;
	if (found)
		conf_set(&w->imp->conf, w->section, "msmtp looks there for a "
		    "password that its own file does not have", "netrc",
		    buf_str(&path));
	import_wipe(&text);
	import_wipe(&password);
	buf_release(&path);
	return found;
}

static void
write_password(struct work *w, const char *mechanism, const char *host,
    const char *user)
{
	struct conf *conf = &w->imp->conf;
	struct item *eval = msmtp_take(w, "passwordeval");
	struct item *password = msmtp_take(w, "password");
	bool token = is_token(mechanism);

	if (password != NULL && token) {
		conf_warn_item(conf, w->section, password, "a token that "
		    "stands in a file ends soon; token-command takes a "
		    "command that prints a new one");
		password = NULL;
	}
	if (eval != NULL && password == NULL)
		conf_take(conf, w->section, eval, token ? "token-command" :
		    "password-command", eval->value);
	else if (password != NULL)
		relay_password(w->imp, w->section, password,
		    password->value);
	else if (!token && !in_netrc(w, host, user)) {
		w->imp->lacks_password = true;
		conf_warn(conf, w->section, "%s has no password for %s at %s: "
		    "msmtp asks a keyring, or a person",
		    w->account->name, user, host);
		conf_note(conf, w->section, "password-command secret-tool "
		    "lookup host %s service smtp user %s", host, user);
	}
}

static void
write_server(struct work *w)
{
	struct conf *conf = &w->imp->conf;
	struct item *host = msmtp_take(w, "host"), *user = NULL;
	struct buf origin = { 0 };
	const char *mechanism = NULL;
	struct relay relay = { .host = host->value, .tls = tls_of(w) };
	bool auth = logs_in(w, &mechanism);

	relay.port = port_of(w, relay.tls == RELAY_TLS ? 465 : 25);
	if (auth && (user = msmtp_take(w, "user")) != NULL)
		relay.user = user->value;
	else if (auth && needs_secret(mechanism))
		conf_warn_item(conf, w->section, items_find(w->items, "auth"),
		    "there is no user to log in as");
	places_of_url(w, &origin);
	relay_write(w->imp, w->section, buf_str(&origin), &relay, 1);
	if (mechanism != NULL)
		write_mechanism(w, mechanism);
	if (user != NULL && needs_secret(mechanism))
		write_password(w, mechanism, host->value, user->value);
	buf_release(&origin);
}

static void
write_tls(struct work *w)
{
	struct conf *conf = &w->imp->conf;
	struct item *trust = items_find(w->items, "tls_trust_file");
	struct item *check = items_find(w->items, "tls_certcheck");

	if (trust != NULL && strcmp(trust->value, "system") == 0)
		trust->is_done = true;
	else if (trust != NULL && trust->value[0] == '\0')
		conf_warn_item(conf, w->section, trust, "%s", msmtp_always_checked);
	else
		msmtp_take_file(w, "tls_trust_file", "ca-file");
	if (check != NULL && strcmp(check->value, "off") == 0)
		conf_warn_item(conf, w->section, check, "%s", msmtp_always_checked);
	else if (check != NULL)
		check->is_done = true;
	msmtp_take_file(w, "tls_cert_file", "client-cert");
	if (conf_has(conf, w->section, "client-cert"))
		msmtp_take_file(w, "tls_key_file", "client-key");
}

static void
write_proxy(struct work *w)
{
	struct item *host = msmtp_take(w, "proxy_host"), *port;
	struct buf url = { 0 };

	if (host == NULL)
		return;
	port = msmtp_take(w, "proxy_port");
	buf_printf(&url, strchr(host->value, ':') != NULL ?
	    "socks5://[%s]:%s" : "socks5://%s:%s", host->value,
	    port != NULL ? port->value : "1080");
	conf_take(&w->imp->conf, w->section, host, "proxy", buf_str(&url));
	buf_release(&url);
}

static void
write_name(struct work *w)
{
	struct item *domain = msmtp_take(w, "domain"), *source;

	if (domain != NULL && (strchr(domain->value, '%') != NULL ||
	    strcmp(domain->value, "localhost") == 0))
		conf_note_item(&w->imp->conf, w->section, domain,
		    "Postrider takes the machine's full name");
	else if (domain != NULL)
		conf_take(&w->imp->conf, w->section, domain, "hostname",
		    domain->value);
	if ((source = msmtp_take(w, "source_ip")) != NULL)
		conf_take(&w->imp->conf, w->section, source, "source-address",
		    source->value);
}

void
msmtp_server(struct work *w)
{
	write_server(w);
	write_tls(w);
	write_proxy(w);
	write_name(w);
}
