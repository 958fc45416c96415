#include "config.h"

#include "cmd/settings_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/xalloc.h"
#include "cmd/identity.h"

void
settings_init(struct settings *s)
{
	struct setting set = { .s = s, .where = "default" };
	struct err err;

	*s = (struct settings){ 0 };
	s->routing.accounts = xcalloc(1, sizeof(*s->routing.accounts));
	s->routing.accounts[0].name = xstrdup("");
	s->routing.naccount = 1;
	for (size_t i = 0; i < settings_nkey; i++) {
		set.key = &settings_keys[i];
		if (set.key->def[0] != '(')
			value_set(&set, set.key->def, &err);
	}
}

void
settings_release(struct settings *s)
{
	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];

		if (settings_types[key->type].canonical != NULL &&
		    key->at != KEY_NOWHERE)
			free(*(char **)key_at(s, key, 0));
	}
	free(s->from);
	routing_release(&s->routing);
	rewrite_release(&s->rewrite);
	strlist_release(&s->route_texts);
	places_release(s);
	*s = (struct settings){ 0 };
}

int
settings_load(struct settings *s, const char *file, struct err *err)
{
	struct buf path = { 0 };
	int rc;

	if (file != NULL)
		return settings_read(s, file, false, err);
	rc = settings_read(s, SYSCONFDIR "/postrider.conf", true, err);
	/* with the group, his settings would steer what reads others' mail */
	if (rc == 0 && geteuid() != 0 && !process_has_group() &&
	    identity_user_path("XDG_CONFIG_HOME", ".config", "postrider.conf",
	    &path))
		rc = settings_read(s, buf_str(&path), true, err);
	buf_release(&path);
	return rc;
}

/* Whom the masquerade is for, where nobody said it. */
static void
complete_masquerade(struct settings *s)
{
	struct rewrite *rewrite = &s->rewrite;
	struct buf below = { 0 };

	if (rewrite->masquerade == NULL || rewrite->hosts.n > 0)
		return;
	if (strcmp(s->hostname, rewrite->masquerade) != 0)
		strlist_add(&rewrite->hosts, s->hostname);
	if (strcmp(s->origin, rewrite->masquerade) != 0 &&
	    strcmp(s->origin, s->hostname) != 0)
		strlist_add(&rewrite->hosts, s->origin);
	buf_printf(&below, "*.%s", rewrite->masquerade);
	strlist_take(&rewrite->hosts, buf_detach(&below));
}

void
settings_complete(struct settings *s)
{
	if (s->hostname == NULL)
		s->hostname = identity_hostname();
	if (s->origin == NULL)
		s->origin = identity_origin(s->hostname);
	if (s->spool == NULL)
		s->spool = identity_spool();
	complete_masquerade(s);
	accounts_inherit(s);
}

/* What is not wrong in a file, but in what a command has printed, is mended by
 * whoever mends the command: try later. */
static void
set_trouble(struct account *a, const char *text)
{
	account_release_smarthost(a);
	err_set(&a->trouble, ERR_TEMP, "4.3.5", "%s", text);
}

static void
misprinted(struct account *a, struct err *err)
{
	err_prefix(err, "smarthost-command");
	set_trouble(a, err->text);
}

void
settings_smarthost(struct settings *s, const char *text,
    const struct err *why)
{
	struct account *accounts = s->routing.accounts;
	struct err err;

	accounts[0].trouble = (struct err){ 0 };
	if (text == NULL)
		set_trouble(&accounts[0], why->text);
	else if (account_set_smarthost(&accounts[0], text, &err) < 0)
		misprinted(&accounts[0], &err);
	for (size_t i = 1; i < s->routing.naccount; i++)
		if (!account_stands_alone(s, &accounts[i]))
			account_copy_smarthost(&accounts[i], &accounts[0]);
	/* "none" does not say that the credentials are too many */
	for (size_t i = 0; i < s->routing.naccount; i++)
		if (!account_stands_alone(s, &accounts[i]) &&
		    accounts[i].nendpoint > 0 &&
		    account_check(s, &accounts[i], &err) < 0)
			misprinted(&accounts[i], &err);
}

void
settings_delivery(const struct settings *s, struct delivery *how)
{
	*how = (struct delivery){
		.hostname = s->hostname,
		.nameserver = s->nameserver,
		.port = (uint16_t)s->smtp_port,
		.tls = (enum tls_level)s->tls,
		.routing = &s->routing,
		.jobs = (unsigned)s->jobs,
		.site_connections = (unsigned)s->site_connections,
		.connection_messages = (unsigned)s->connection_messages,
		.transaction_recipients = (unsigned)s->transaction_recipients,
		.dns_s = (unsigned)s->dns_timeout,
		.connect_s = (unsigned)s->connect_timeout,
		.command_s = (unsigned)s->command_timeout,
		.dot_s = (unsigned)s->dot_timeout,
		.ceiling_s = (unsigned)s->destination_timeout,
		.retry = { (unsigned)s->retry_first, (unsigned)s->retry_max },
		.bounce_lifetime_s = (unsigned)s->bounce_lifetime,
		.delay_warning_s = (unsigned)s->delay_warning,
		.dsn_whole_max = s->dsn_size,
		.double_bounce = s->double_bounce,
		.trace_fd = -1,
	};
}
