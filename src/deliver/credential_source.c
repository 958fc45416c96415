#include "config.h"

#include "deliver/credential_impl.h"

#include <string.h>

#include "base/command.h"
#include "base/str.h"
#include "deliver/netrc.h"
#include "deliver/oauth.h"
#include "deliver/secretfile.h"

enum credential_source
credential_source(const struct account *a)
{
	if (a->password_file != NULL)
		return SOURCE_FILE;
	if (a->netrc != NULL)
		return SOURCE_NETRC;
	if (a->password_command != NULL)
		return SOURCE_COMMAND;
	if (a->token_command != NULL)
		return SOURCE_TOKEN_COMMAND;
	if (a->oauth_token_url != NULL)
		return SOURCE_OAUTH;
	return SOURCE_NONE;
}

bool
credential_is_at_hand(enum credential_source source)
{
	return source == SOURCE_NONE || source == SOURCE_FILE ||
	    source == SOURCE_NETRC;
}

/* Whose password it is: users may differ by endpoint, the secret does not. */
static const struct endpoint *
first_user(const struct account *a)
{
	for (size_t i = 0; i < a->nendpoint; i++)
		if (a->endpoints[i].user != NULL)
			return &a->endpoints[i];
	return NULL;
}

static const char *
user_name(const struct account *a)
{
	const struct endpoint *e = first_user(a);

	return e != NULL ? e->user : "";
}

/* A ticket or a certificate may do in place of a secret. */
static bool
can_do_without(const struct account *a)
{
	return first_user(a) == NULL || a->client_cert != NULL ||
	    (a->auth != NULL && (strstr(a->auth, "gssapi") != NULL ||
	    strstr(a->auth, "external") != NULL));
}

static int
look_up(const struct buf *text, const struct endpoint *e,
    struct secret *secret, struct err *err)
{
	struct buf password = { 0 };
	int rc;

	buf_reserve(&password, SECRETFILE_MAX + 1);
	rc = netrc_find(text->data, text->len, e->host, e->user, &password,
	    err);
	if (rc == 0)
		rc = err_set(err, ERR_TEMP, "4.7.0",
		    "no password for machine %s login %s", e->host, e->user);
	else if (rc > 0)
		rc = secret_of_text(password.data, password.len, secret, err);
	secretfile_wipe(&password);
	return rc;
}

static int
load_netrc(const struct account *a, struct secret *secret, struct err *err)
{
	const struct endpoint *e = first_user(a);
	struct buf text = { 0 };
	int rc;

	if (e == NULL)
		return 0;
	rc = secretfile_read("netrc", a->netrc, &text, err);
	if (rc == 0 && look_up(&text, e, secret, err) < 0)
		rc = err_prefix(err, "netrc %s", a->netrc);
	secretfile_wipe(&text);
	return rc;
}

int
credential_load(const struct account *a, struct secret *secret,
    struct err *err)
{
	enum credential_source source = credential_source(a);

	if (source == SOURCE_FILE)
		return secretfile_line("password-file", a->password_file,
		    secret, err);
	if (source == SOURCE_NETRC)
		return load_netrc(a, secret, err);
	if (can_do_without(a))
		return 0;
	return err_set(err, ERR_TEMP, "4.7.0", "no password is set for %s: "
	    "password-file, password-command, netrc, token-command or "
	    "oauth-token-url", user_name(a));
}

static int
run_command(const char *name, const char *command, struct secret *secret,
    struct err *err)
{
	struct buf out = { 0 };
	int rc = command_output(name, command, CREDENTIAL_COMMAND_S,
	    SECRETFILE_MAX, &out, err);

	if (rc < 0)
		str_copy(err->status, sizeof(err->status), "4.7.0");
	else if (secret_of_line(out.data, out.len, secret, err) < 0)
		rc = err_prefix(err, "%s", name);
	secretfile_wipe(&out);
	return rc;
}

int
credential_find(const struct credential_task *t, struct secret *secret,
    struct err *err)
{
	const struct account *a = t->account;

	if (t->source == SOURCE_COMMAND)
		return run_command("password-command", a->password_command,
		    secret, err);
	if (t->source == SOURCE_TOKEN_COMMAND)
		return run_command("token-command", a->token_command, secret,
		    err);
	return oauth_token(a, user_name(a), t->spool_fd, t->shared, secret,
	    err);
}

bool
credential_refused(const struct credential *c, const struct account *a,
    int spool_fd)
{
	enum credential_source source = credential_source(a);

	if (source == SOURCE_OAUTH)
		oauth_forget(a, user_name(a), spool_fd, &c->secret);
	return source == SOURCE_OAUTH || source == SOURCE_TOKEN_COMMAND;
}

int
credential_check(const struct account *a, struct err *err)
{
	struct secret secret = { 0 };
	enum credential_source source = credential_source(a);
	int rc = 0;

	if (credential_is_at_hand(source))
		rc = credential_load(a, &secret, err);
	else if (source == SOURCE_OAUTH)
		rc = oauth_check(a, err);
	secret_clear(&secret);
	if (rc < 0) {
		err->kind = ERR_CONFIG;
		str_copy(err->status, sizeof(err->status), "5.3.0");
	}
	return rc;
}

void
credential_describe(const struct account *a, struct buf *out)
{
	switch (credential_source(a)) {
	case SOURCE_FILE:
		buf_printf(out, "password from %s", a->password_file);
		break;
	case SOURCE_NETRC:
		buf_printf(out, "password from %s", a->netrc);
		break;
	case SOURCE_COMMAND:
		buf_adds(out, "password by password-command");
		break;
	case SOURCE_TOKEN_COMMAND:
		buf_adds(out, "token by token-command");
		break;
	case SOURCE_OAUTH:
		buf_printf(out, "token from %s", a->oauth_token_url);
		break;
	case SOURCE_NONE:
		buf_adds(out, "no password");
	}
}
