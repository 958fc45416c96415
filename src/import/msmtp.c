#include "config.h"

#include "import/msmtp.h"

#include <string.h>

#include "base/str.h"


/* All commands of msmtp, and why one that is left over was. */
static const struct reason reasons[] = {
	{ "account", NULL }, { "defaults", NULL }, { "eval", NULL },
	{ "host", "the account cannot be used" },
	{ "port", "the account cannot be used" },
	{ "socket", "Postrider speaks SMTP over TCP only" },
	{ "protocol", NULL },
	{ "timeout", NULL }, { "connect_timeout", NULL },
	{ "domain", NULL }, { "source_ip", NULL },
	{ "proxy_host", NULL }, { "proxy_port", "there is no proxy_host" },
	{ "from", NULL }, { "auto_from", NULL },
	{ "maildomain", "auto_from is not on" },
	{ "from_full_name", "the name is that of the caller, or -F" },
	{ "allow_from_override", NULL },
	{ "set_from_header", NULL },
	{ "set_date_header", "a missing Date is always added" },
	{ "set_msgid_header", "a missing Message-ID is always added" },
	{ "set_to_header", "!To and Cc stay as they are" },
	{ "remove_bcc_headers", "!Bcc is always removed" },
	{ "keepbcc", NULL }, { "undisclosed_recipients", NULL },
	{ "add_missing_from_header", NULL },
	{ "add_missing_date_header", NULL },
	{ "auth", NULL },
	{ "user", "it does not log in (auth is off)" },
	{ "password", "it does not log in (auth is off)" },
	{ "passwordeval", "it does not log in (auth is off)" },
	{ "ntlmdomain", "the user is written DOMAIN\\user where that is "
	    "needed" },
	{ "tls", NULL }, { "tls_starttls", "TLS is off" },
	{ "tls_nostarttls", NULL }, { "tls_nocertcheck", NULL },
	{ "tls_force_sslv3", NULL },
	{ "tls_trust_file", "TLS is off" },
	{ "tls_crl_file", NULL },
	{ "tls_fingerprint", "!it is that of a certificate; tls-pin takes the "
	    "public key's: sha256//BASE64" },
	{ "tls_key_file", NULL }, { "tls_cert_file", NULL },
	{ "tls_certcheck", msmtp_always_checked },
	{ "tls_priorities", "the system's settings of GnuTLS count" },
	{ "tls_min_dh_prime_bits", "the system's settings of GnuTLS count" },
	{ "tls_host_override", "!the certificate must be that of the host in "
	    "smarthost" },
	{ "dsn_notify", "callers say so: -N" },
	{ "dsn_return", "callers say so: -R" },
	{ "logfile", NULL }, { "logfile_time_format", NULL },
	{ "syslog", NULL },
	{ "aliases", "!there are no aliases yet: mail to local names goes to "
	    "them at origin" },
	{ NULL, NULL },
};

bool
msmtp_command(const char *key)
{
	const struct reason *r;

	for (r = reasons; r->key != NULL; r++)
		if (strcmp(r->key, key) == 0)
			return true;
	return false;
}

bool
msmtp_knows(char *line)
{
	line[strcspn(line, " \t")] = '\0';
	return msmtp_command(line);
}

/*
 * What there is once for all accounts.
 */

static void
write_timeout(struct work *w)
{
	static const struct {
		const char *key;
		uint64_t max;
	} keys[] = { { "connect-timeout", 600 }, { "command-timeout", 3600 } };
	struct item *item = msmtp_take(w, "timeout");
	struct buf value = { 0 };
	uint64_t seconds;

	if (item == NULL || strcmp(item->value, "off") == 0)
		return;
	if (str_number(item->value, UINT32_MAX, &seconds) < 0) {
		conf_warn_item(&w->imp->conf, 0, item, "is no number");
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		buf_clear(&value);
		buf_printf(&value, "%us", (unsigned)(seconds < keys[i].max ?
		    seconds : keys[i].max));
		conf_take(&w->imp->conf, 0, item, keys[i].key,
		    buf_str(&value));
	}
	buf_release(&value);
}

static void
write_log(struct work *w)
{
	struct conf *conf = &w->imp->conf;
	struct item *file = items_find(w->items, "logfile");
	struct item *syslog = items_take(w->items, "syslog");

	if (file != NULL && strcmp(file->value, "-") == 0)
		conf_note_item(conf, 0, file,
		    "there is no log on standard output; --json is close");
	else
		msmtp_take_file(w, "logfile", "log");
	if (syslog == NULL || strcmp(syslog->value, "off") == 0)
		return;
	if (conf_has(conf, 0, "log"))
		conf_note_item(conf, 0, syslog, "the log goes to the file");
	else if (conf_take(conf, 0, syslog, "log", "syslog") &&
	    strcmp(syslog->value, "LOG_MAIL") != 0)
		conf_note(conf, 0, "(the facility is mail)");
}

/* Of the others: what differs from the default account is said. */
static void
note_global(struct work *w, struct items *global)
{
	static const char *const keys[] = { "timeout", "logfile", "syslog",
		"allow_from_override", "set_from_header", "auto_from",
		"maildomain" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct item *item = items_take(w->items, keys[i]);
		const struct item *other = items_find(global, keys[i]);

		if (item != NULL && (other == NULL ||
		    strcmp(item->value, other->value) != 0))
			conf_note_item(&w->imp->conf, w->section, item,
			    "there is one such setting for all accounts");
	}
}

/* What means no more than what Postrider does anyway. */
static void
pass_defaults(struct work *w)
{
	static const struct {
		const char *key, *value;
	} same[] = {
		{ "protocol", "smtp" }, { "set_date_header", "auto" },
		{ "set_date_header", "" }, { "set_msgid_header", "auto" },
		{ "set_msgid_header", "" }, { "set_to_header", "off" },
		{ "remove_bcc_headers", "on" }, { "remove_bcc_headers", "" },
		{ "dsn_notify", "off" }, { "dsn_return", "off" },
		{ "tls_starttls", "on" }, { "tls_trust_file", "system" },
		{ "tls_certcheck", "on" },
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct item *item = items_find(w->items, same[i].key);

		if (item != NULL && strcmp(item->value, same[i].value) == 0)
			item->is_done = true;
	}
	for (size_t i = 0; i < w->items->n; i++)
		if (w->items->v[i].value[0] == '\0')
			w->items->v[i].is_done = true;
}

/* Can it be an account here? */
static bool
is_usable(const struct msmtp_account *a)
{
	const struct item *host = items_find(&a->items, "host");
	const struct item *protocol = items_find(&a->items, "protocol");
	const struct item *socket = items_find(&a->items, "socket");

	return host != NULL && host->value[0] != '\0' &&
	    (protocol == NULL || strcmp(protocol->value, "lmtp") != 0) &&
	    (socket == NULL || socket->value[0] == '\0');
}

static void
write_default(struct work *w)
{
	msmtp_server(w);
	msmtp_sender(w);
	write_timeout(w);
	write_log(w);
	pass_defaults(w);
	conf_leftovers(&w->imp->conf, 0, w->items, reasons);
}

/* What an account without a setting of its own takes from outside. */
static void
warn_handed_down(struct work *w)
{
	static const char *const keys[] = { "ca-file", "proxy",
		"source-address" };
	struct conf *conf = &w->imp->conf;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (conf_has(conf, 0, keys[i]) &&
		    !conf_has(conf, w->section, keys[i]))
			conf_warn(conf, w->section, "account %s had no such "
			    "setting; here it takes %s from outside",
			    w->account->name, keys[i]);
}

static void
write_other(struct work *w, struct items *global)
{
	msmtp_senders(w);
	msmtp_server(w);
	warn_handed_down(w);
	note_global(w, global);
	pass_defaults(w);
	conf_leftovers(&w->imp->conf, w->section, w->items, reasons);
}

/* The account for mail that fits no other one. */
static struct msmtp_account *
choose_default(struct import *imp, struct msmtp *m)
{
	struct msmtp_account *a = msmtp_find(m, "default");

	if (a != NULL) {
		if (!is_usable(a))
			conf_warn(&imp->conf, 0, "account default names no "
			    "server that Postrider can use: without smarthost "
			    "mail goes to the mail exchangers directly");
		return a;
	}
	for (size_t i = 0; i < m->n && a == NULL; i++)
		if (is_usable(&m->v[i]))
			a = &m->v[i];
	if (a != NULL)
		conf_warn(&imp->conf, 0, "there is no account default, so "
		    "msmtp refused mail that no account was named for; here "
		    "such mail goes by account %s", a->name);
	return a;
}

static void
write_accounts(struct import *imp, struct msmtp *m)
{
	struct msmtp_account *first = choose_default(imp, m);
	struct items none = { 0 };
	struct work w = { .imp = imp, .m = m };

	if (first != NULL && is_usable(first)) {
		w.account = first;
		w.items = &first->items;
		write_default(&w);
	}
	for (size_t i = 0; i < m->n; i++) {
		struct msmtp_account *a = &m->v[i];

		if (strcmp(a->name, "default") == 0)
			continue;
		if (!is_usable(a)) {
			conf_warn(&imp->conf, 0, "account %s names no server "
			    "that Postrider can use", a->name);
			continue;
		}
		w.account = a;
		w.items = &a->items;
		w.section = conf_account(&imp->conf, a->name);
		write_other(&w, first != NULL ? &first->items : &none);
	}
}

int
import_msmtp(struct import *imp, struct err *err)
{
	struct msmtp m = { 0 };
	int rc = 0;

	for (size_t i = 0; i < imp->source->paths.n && rc == 0; i++)
		rc = msmtp_read(imp, &m, imp->source->paths.v[i], err);
	if (rc == 0)
		write_accounts(imp, &m);
	msmtp_release(&m);
	return rc;
}
