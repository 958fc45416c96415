#include "config.h"

#include "import/import_impl.h"

#include <string.h>

#include "base/str.h"
#include "deliver/account.h"

/* Without a look at /etc/services, which a bare machine does not have. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "smtp", 25 }, { "submission", 587 }, { "smtps", 465 },
	{ "submissions", 465 }, { "ssmtp", 465 }, { "urd", 465 },
};

uint16_t
relay_port(const char *text)
{
	uint64_t n;

	if (str_number(text, 65535, &n) == 0)
		return (uint16_t)n;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (str_ieq(text, services[i].name))
			return services[i].port;
	return 0;
}

static void
write_url(const struct relay *relay, struct buf *out)
{
	static const uint8_t schemes[] = {
		[RELAY_CLEAR] = ENDPOINT_CLEAR,
		[RELAY_STARTTLS] = ENDPOINT_STARTTLS,
		[RELAY_TLS] = ENDPOINT_TLS,
	};
	/* it is only read */
	struct endpoint e = {
		.scheme = schemes[relay->tls],
		.port = relay->port,
		.host = (char *)(uintptr_t)relay->host,
		.user = (char *)(uintptr_t)relay->user,
	};

	endpoint_write(&e, out);
}

/* A host with any of these would end its URL early, or hide a user. */
static bool
is_host(const char *host)
{
	return host[0] != '\0' && strpbrk(host, " \t,/@#%\"") == NULL;
}

bool
relay_write(struct import *imp, size_t section, const char *origin,
    const struct relay *relays, size_t n)
{
	struct buf urls = { 0 };
	bool ok;

	for (size_t i = 0; i < n; i++) {
		struct relay relay = relays[i];

		if (!is_host(relay.host)) {
			conf_warn(&imp->conf, section, "%s: \"%s\" is no host",
			    origin, relay.host);
			continue;
		}
		if (relay.user != NULL && relay.tls == RELAY_CLEAR) {
			conf_warn(&imp->conf, section, "%s: the password went "
			    "to %s in clear; Postrider asks for STARTTLS",
			    origin, relay.host);
			relay.tls = RELAY_STARTTLS;
		}
		if (urls.len > 0)
			buf_addc(&urls, ' ');
		write_url(&relay, &urls);
	}
	ok = urls.len > 0 && conf_set(&imp->conf, section, origin,
	    "smarthost", buf_str(&urls));
	if (!ok && section == 0)
		conf_warn(&imp->conf, section, "%s: this smarthost could not "
		    "be taken over: without one mail goes to the mail "
		    "exchangers directly", origin);
	buf_release(&urls);
	return ok;
}

/* The same password is kept once: return where, or NULL. */
static const char *
kept_before(const struct import *imp, const char *password)
{
	for (size_t i = 0; i < imp->passwords.n; i++)
		if (strcmp(imp->passwords.v[i], password) == 0)
			return imp->places.v[i];
	return NULL;
}

/* The section's name as that of a file. */
static void
file_name(const char *section, struct buf *out)
{
	if (section[0] == '\0')
		section = "default";
	for (const char *p = section; *p != '\0'; p++)
		buf_addc(out, *p == '/' || (*p == '.' && p == section) ?
		    '-' : *p);
	buf_adds(out, ".password");
}

/* Keep it now. Returns 0 and appends where, or -1 with the complaint made. */
static int
keep(struct import *imp, size_t section, struct item *item,
    const char *password, struct buf *path)
{
	struct buf name = { 0 };
	struct err err;
	int rc;

	file_name(imp->conf.v[section].name, &name);
	rc = imp->source->keep(imp->source->context, buf_str(&name), password,
	    path, &err);
	if (rc == 0) {
		strlist_add(&imp->passwords, password);
		strlist_add(&imp->places, buf_str(path));
	} else {
		imp->unkept++;
		conf_warn_item(&imp->conf, section, item,
		    "the password could not be kept: %s", err.text);
	}
	buf_release(&name);
	return rc;
}

/* What would stand there, and what to do for it. */
static void
suggest(struct import *imp, size_t section, struct item *item)
{
	struct buf name = { 0 };

	imp->lacks_password = true;
	file_name(imp->conf.v[section].name, &name);
	conf_warn_item(&imp->conf, section, item, "a password is not written "
	    "here: put it into a file of its own (mode 0600) and name that, or "
	    "import with --passwords DIRECTORY");
	conf_note(&imp->conf, section, "password-file " SYSCONFDIR
	    "/postrider/%s", buf_str(&name));
	buf_release(&name);
}

void
relay_password(struct import *imp, size_t section, struct item *item,
    const char *password)
{
	struct buf path = { 0 };
	const char *before = kept_before(imp, password);

	item->is_secret = true;
	item->is_done = true;
	if (before != NULL)
		buf_adds(&path, before);
	else if (imp->source->keep == NULL ||
	    keep(imp, section, item, password, &path) < 0) {
		suggest(imp, section, item);
		goto out;
	}
	conf_take(&imp->conf, section, item, "password-file", buf_str(&path));
out:
	buf_release(&path);
}
