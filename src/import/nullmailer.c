#include "config.h"

#include "import/nullmailer.h"

#include <string.h>

#include "base/str.h"

#define CA_DEFAULT "/etc/ssl/certs/ca-certificates.crt"

/* The options of a remote, and why one that is left over was. */
static const struct reason reasons[] = {
	{ "port", NULL }, { "user", "there is no pass" },
	{ "pass", "there is no user" },
	{ "auth-login", "there is no user" },
	{ "auth-external", NULL }, { "source", NULL },
	{ "tls", NULL }, { "ssl", NULL }, { "starttls", NULL },
	{ "x509certfile", NULL }, { "x509keyfile", "there is no x509certfile" },
	{ "x509cafile", NULL },
	{ "x509crlfile", NULL },
	{ "x509fmtder", "files with certificates are PEM" },
	{ "insecure", "!Postrider always checks the certificate; for one that "
	    "no authority has signed there is ca-file, or tls-pin for its "
	    "public key" },
	{ "tls-anon-auth", "!Postrider always checks the certificate" },
	{ NULL, NULL },
};

/* The file, done, unless it is empty. */
static struct item *
take(struct nullmailer *m, const char *name)
{
	struct item *item = items_take(&m->files, name);

	return item != NULL && item->value[0] != '\0' ? item : NULL;
}

static struct item *
option(struct remote *r, const char *name)
{
	struct item *item = items_take(&r->options, name);

	return item != NULL && item->value[0] != '\0' ? item : NULL;
}

static bool
has(struct remote *r, const char *name)
{
	return items_take(&r->options, name) != NULL;
}

static const char *
value_of(const struct remote *r, const char *name)
{
	const struct item *item = items_find(&r->options, name);

	return item != NULL ? item->value : "";
}

static void
make_relay(struct nullmailer *m, struct remote *r, struct relay *relay)
{
	bool tls = has(r, "tls"), ssl = has(r, "ssl");
	struct item *port = option(r, "port");
	uint16_t n = port != NULL ? relay_port(port->value) : 0;

	tls = tls || ssl;
	*relay = (struct relay){ .host = r->host,
		.tls = tls ? RELAY_TLS : has(r, "starttls") ? RELAY_STARTTLS :
		RELAY_CLEAR };
	if (port != NULL && n == 0)
		conf_warn_item(&m->imp->conf, 0, port, "is no port");
	relay->port = n != 0 ? n : tls ? 465 : 25;
	if (value_of(r, "pass")[0] != '\0' && value_of(r, "user")[0] != '\0')
		relay->user = option(r, "user")->value;
}

/* The one that says how an account logs in: the first that does. */
static struct remote *
leader_of(struct nullmailer *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (value_of(&m->v[i], "pass")[0] != '\0' &&
		    value_of(&m->v[i], "user")[0] != '\0')
			return &m->v[i];
	return m->n > 0 ? &m->v[0] : NULL;
}

/* An account has one password, and one of each of these. */
static bool
goes_with(struct nullmailer *m, const struct remote *leader,
    const struct remote *r)
{
	static const char *const same[] = { "source", "x509certfile",
		"x509keyfile", "x509cafile" };

	if (value_of(r, "user")[0] != '\0' &&
	    strcmp(value_of(r, "pass"), value_of(leader, "pass")) != 0) {
		conf_warn_item(&m->imp->conf, 0, r->item, "has another "
		    "password than %s; an account has one, so this remote is "
		    "left out", leader->host);
		return false;
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcmp(value_of(r, same[i]),
		    value_of(leader, same[i])) != 0)
			conf_warn(&m->imp->conf, 0, "remotes:%u: %s differs "
			    "from that of %s, which counts", r->item->line,
			    same[i], leader->host);
	return true;
}

static void
write_options(struct nullmailer *m, struct remote *leader)
{
	struct conf *conf = &m->imp->conf;
	struct item *item, *cert = option(leader, "x509certfile");

	if (cert != NULL && conf_take(conf, 0, cert, "client-cert",
	    cert->value)) {
		item = option(leader, "x509keyfile");
		if (item == NULL)
			item = cert;
		conf_take(conf, 0, item, "client-key", item->value);
	}
	if ((item = items_find(&leader->options, "auth-external")) != NULL)
		conf_take(conf, 0, item, "auth", "external");
	else if (value_of(leader, "user")[0] != '\0' &&
	    (item = items_find(&leader->options, "auth-login")) != NULL)
		conf_take(conf, 0, item, "auth", "login");
	if ((item = option(leader, "x509cafile")) != NULL &&
	    strcmp(item->value, CA_DEFAULT) != 0)
		conf_take(conf, 0, item, "ca-file", item->value);
	if ((item = option(leader, "source")) != NULL)
		conf_take(conf, 0, item, "source-address", item->value);
}

/* What the others had in common with the first is done with it. */
static void
leftover_options(struct nullmailer *m, struct remote *r)
{
	static const char *const common[] = { "pass", "auth-login",
		"auth-external", "source", "x509certfile", "x509keyfile",
		"x509cafile" };

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strncmp(common[i], "auth", 4) != 0 ||
		    value_of(r, "user")[0] != '\0')
			has(r, common[i]);
	conf_leftovers(&m->imp->conf, 0, &r->options, reasons);
}

static void
write_remotes(struct nullmailer *m)
{
	struct remote *leader = leader_of(m), *used[RELAYS_MAX];
	const struct item *places[RELAYS_MAX];
	struct relay relays[RELAYS_MAX];
	struct buf origin = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (n == RELAYS_MAX)
			conf_warn_item(&m->imp->conf, 0, m->v[i].item,
			    "an account has at most %d servers", RELAYS_MAX);
		else if (goes_with(m, leader, &m->v[i])) {
			used[n] = &m->v[i];
			places[n] = m->v[i].item;
			make_relay(m, &m->v[i], &relays[n++]);
		}
	}
	if (n == 0)
		return;
	items_places(places, n, &origin);
	relay_write(m->imp, 0, buf_str(&origin), relays, n);
	if (value_of(leader, "user")[0] != '\0' &&
	    value_of(leader, "pass")[0] != '\0')
		relay_password(m->imp, 0, option(leader, "pass"),
		    value_of(leader, "pass"));
	write_options(m, leader);
	for (size_t i = 0; i < n; i++)
		leftover_options(m, used[i]);
	buf_release(&origin);
}

/* Does a name get the default domain? */
static void
write_origin(struct nullmailer *m)
{
	struct item *me = take(m, "me"), *host = take(m, "defaulthost");
	struct item *domain = take(m, "defaultdomain");
	struct item *item = host != NULL ? host : me;
	struct buf origin = { 0 };

	if (item == NULL)
		return;
	buf_adds(&origin, item->value);
	if (strchr(item->value, '.') == NULL &&
	    strcmp(item->value, "localhost") != 0 &&
	    (domain != NULL || (domain = me) != NULL))
		buf_printf(&origin, ".%s", domain->value);
	conf_take(&m->imp->conf, 0, item, "origin", buf_str(&origin));
	buf_release(&origin);
}

static void
write_names(struct nullmailer *m)
{
	struct conf *conf = &m->imp->conf;
	struct item *me = take(m, "me"), *helo = take(m, "helohost");
	struct item *from;

	if (helo != NULL || me != NULL)
		conf_take(conf, 0, helo != NULL ? helo : me, "hostname",
		    helo != NULL ? helo->value : me->value);
	write_origin(m);
	if ((from = take(m, "allmailfrom")) != NULL &&
	    conf_take(conf, 0, from, "from", from->value))
		conf_take(conf, 0, from, "envelope-from", "fixed");
}

/* Files with a number of seconds. */
static void
write_times(struct nullmailer *m)
{
	static const struct {
		const char *file, *key, *zero;
	} times[] = {
		{ "queuelifetime", "lifetime", NULL },
		{ "pausetime", "retry-first", "each run is one pass anyway" },
		{ "maxpause", "retry-max", NULL },
		{ "sendtimeout", "destination-timeout",
		    "there is always an end to it" },
	};
	struct buf value = { 0 };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct item *item = take(m, times[i].file);

		if (item == NULL)
			continue;
		if (strcmp(item->value, "0") == 0 && times[i].zero != NULL) {
			conf_note_item(&m->imp->conf, 0, item, "%s",
			    times[i].zero);
			continue;
		}
		buf_clear(&value);
		buf_printf(&value, "%ss", item->value);
		conf_take(&m->imp->conf, 0, item, times[i].key,
		    buf_str(&value));
	}
	buf_release(&value);
}

int
import_nullmailer(struct import *imp, struct err *err)
{
	struct nullmailer m = { .imp = imp };
	struct item *item;
	int rc = nullmailer_read_remotes(&m, err);

	if (rc < 0)
		goto out;
	nullmailer_read_files(&m);
	write_names(&m);
	write_remotes(&m);
	write_times(&m);
	if ((item = take(&m, "doublebounceto")) != NULL)
		conf_take(&imp->conf, 0, item, "double-bounce", item->value);
	conf_leftovers(&imp->conf, 0, &m.files, nullmailer_files);
out:
	nullmailer_release(&m);
	return rc;
}
