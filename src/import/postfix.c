#include "config.h"

#include "import/postfix.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

/* What is only called otherwise. unit: of a time without one. */
static const struct {
	const char *name, *key, *unit;
} same[] = {
	{ "smtp_connect_timeout", "connect-timeout", "s" },
	{ "smtp_data_done_timeout", "dot-timeout", "s" },
	{ "maximal_queue_lifetime", "lifetime", "d" },
	{ "bounce_queue_lifetime", "bounce-lifetime", "d" },
	{ "delay_warning_time", "delay-warning", "h" },
	{ "minimal_backoff_time", "retry-first", "s" },
	{ "maximal_backoff_time", "retry-max", "s" },
	{ "default_process_limit", "jobs", NULL },
	{ "smtp_destination_concurrency_limit", "site-connections", NULL },
	{ "default_destination_concurrency_limit", "site-connections", NULL },
	{ "smtp_destination_recipient_limit", "transaction-recipients",
	    NULL },
	{ "default_destination_recipient_limit", "transaction-recipients",
	    NULL },
	{ "bounce_size_limit", "dsn-size", NULL },
	{ "maillog_file", "log", NULL },
};

static void
write_same(struct postfix *p)
{
	struct conf *conf = &p->imp->conf;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct item *item = maincf_take(p, same[i].name);
		struct buf value = { 0 };
		uint64_t n;

		if (item == NULL)
			continue;
		buf_adds(&value, item->value);
		if (same[i].unit != NULL &&
		    str_number(item->value, UINT64_MAX, &n) == 0)
			buf_adds(&value, same[i].unit);
		if (conf_has(conf, 0, same[i].key))
			conf_note_item(conf, 0, item, "is set already");
		else
			conf_take(conf, 0, item, same[i].key,
			    buf_str(&value));
		buf_release(&value);
	}
}

/* Debian's myorigin is the name of a file. */
static void
read_origin(struct postfix *p, struct item *item)
{
	struct buf text = { 0 }, used = { 0 };
	struct err err;

	if (item->value[0] != '/')
		buf_adds(&text, item->value);
	else if (import_read_related(p->imp, item->value, &text, &used,
	    &err) < 0)
		conf_warn_item(&p->imp->conf, 0, item, "%s", err.text);
	buf_str(&text);
	if (text.len > 0) {
		text.data[strcspn(text.data, "\n")] = '\0';
		p->origin = xstrdup(str_trim(text.data));
	}
	buf_release(&text);
	buf_release(&used);
}

static void
write_names(struct postfix *p)
{
	struct conf *conf = &p->imp->conf;
	struct item *host = maincf_take(p, "myhostname");
	struct item *helo = maincf_take(p, "smtp_helo_name");
	struct item *origin = maincf_take(p, "myorigin");

	if (helo != NULL || host != NULL)
		conf_take(conf, 0, helo != NULL ? helo : host, "hostname",
		    helo != NULL ? helo->value : host->value);
	if (origin == NULL)
		origin = host;
	if (origin != NULL)
		read_origin(p, origin);
	if (p->origin != NULL && !conf_take(conf, 0, origin, "origin",
	    p->origin)) {
		free(p->origin);
		p->origin = NULL;
	}
	items_take(&p->items, "mydomain");
}

/* At most one address a family. */
static void
write_bind_address(struct postfix *p)
{
	struct item *four = maincf_take(p, "smtp_bind_address");
	struct item *six = maincf_take(p, "smtp_bind_address6");
	struct item *item = four != NULL ? four : six;
	struct buf value = { 0 };

	if (item == NULL)
		return;
	buf_adds(&value, item->value);
	if (six != NULL && item != six)
		buf_printf(&value, " %s", six->value);
	conf_take(&p->imp->conf, 0, item, "source-address", buf_str(&value));
	buf_release(&value);
}

/* What means no more than what Postrider does anyway. */
static void
pass_defaults(struct postfix *p)
{
	static const struct {
		const char *name, *value;
	} usual[] = {
		{ "smtp_sasl_security_options", "noanonymous" },
		{ "smtp_sasl_tls_security_options", "noanonymous" },
		{ "smtp_sasl_auth_enable", "no" },
		{ "smtp_sasl_auth_enable", "yes" },
		{ "smtp_tls_wrappermode", "no" },
		{ "smtp_tls_CApath", "/etc/ssl/certs" },
		{ "smtp_use_tls", "no" }, { "smtp_enforce_tls", "no" },
		{ "smtp_use_tls", "yes" },
		{ "smtp_sender_dependent_authentication", "no" },
		{ "inet_protocols", "all" },
		{ "sender_canonical_classes",
		    "envelope_sender, header_sender" },
	};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		struct item *item = items_find(&p->items, usual[i].name);

		if (item != NULL && str_ieq(item->value, usual[i].value))
			item->is_done = true;
	}
	for (size_t i = 0; i < p->items.n; i++)
		if (p->items.v[i].value[0] == '\0')
			p->items.v[i].is_done = true;
}

/* A password that is not used. A key that is no server may be what belongs
 * behind it, and is not shown. */
static void
note_password(struct postfix *p, struct item *row)
{
	const char *port = strrchr(row->key, ':');

	if (port != NULL && strchr(port, ']') == NULL &&
	    relay_port(port + 1) == 0) {
		free(row->key);
		row->key = xstrdup("row");
	}
	conf_note_item(&p->imp->conf, 0, row,
	    "no mail goes to a server of this name");
}

/* Parameters that somebody has made for himself are no mistake; what is in
 * them nobody knows. */
static void
note_others(struct postfix *p)
{
	struct conf *conf = &p->imp->conf;

	for (size_t i = 0; i < p->items.n; i++) {
		struct item *item = &p->items.v[i];

		if (item->is_done ||
		    reason_find(postfix_reasons, item->key) != NULL)
			continue;
		if (!postfix_is_inside(item->key)) {
			item->is_secret = true;
			conf_note_item(conf, 0, item,
			    "is no parameter of Postfix's own");
		} else
			conf_note_item(conf, 0, item,
			    "Postrider has no such setting");
	}
	for (size_t i = 0; i < p->sasl.n; i++)
		if (!p->sasl.v[i].is_done)
			note_password(p, &p->sasl.v[i]);
}

static bool
is_known(const struct postfix *p)
{
	for (size_t i = 0; i < p->items.n; i++)
		if (postfix_is_inside(p->items.v[i].key) ||
		    reason_find(postfix_reasons, p->items.v[i].key) != NULL)
			return true;
	return false;
}

int
import_postfix(struct import *imp, struct err *err)
{
	struct postfix p = { .imp = imp };
	int rc = maincf_read(&p, err);

	if (rc < 0)
		goto out;
	imp->is_understood = is_known(&p);
	write_names(&p);
	postfix_relays(&p);
	postfix_rewrite(&p);
	postfix_routes(&p);
	write_bind_address(&p);
	write_same(&p);
	pass_defaults(&p);
	if (items_find(&p.items, "mydestination") == NULL)
		conf_warn(&imp->conf, 0, "main.cf: mydestination: %s",
		    postfix_delivers + 1);
	note_others(&p);
	conf_leftovers(&imp->conf, 0, &p.items, postfix_reasons);
out:
	items_release(&p.items);
	items_release(&p.sasl);
	items_release(&p.senders);
	items_release(&p.hubs);
	free(p.origin);
	free(p.hub);
	return rc;
}
