#include "config.h"

#include "cmd/settings_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/strlist.h"

/* What is wrong, with the place and the key in front. */
static int
wrong(const struct settings *s, const struct account *a, const char *key,
    const char *what, struct err *err)
{
	const struct settings_place *place = place_find(s, key, a->name);

	err_set(err, ERR_CONFIG, NULL, "%s", what);
	if (place == NULL && a->name[0] != '\0') {
		err_prefix(err, "account %s", a->name);
		place = place_find(s, key, "");
	}
	err_prefix(err, "%s", key);
	return place == NULL ? -1 : err_prefix(err, "%s", place->where);
}

/* The value of a key of an account that is one string; NULL: not set. */
static const char *
text_of(const struct account *a, const struct key *key)
{
	return *(char *const *)((const char *)a + key->account_at);
}

/* Where the secret comes from, or NULL. */
static const struct key *
source_of(const struct account *a)
{
	for (size_t i = 0; i < settings_nkey; i++)
		if ((settings_keys[i].flags & KEY_SOURCE) &&
		    text_of(a, &settings_keys[i]) != NULL)
			return &settings_keys[i];
	return NULL;
}

static int
check_one_source(const struct settings *s, const struct account *a,
    struct err *err)
{
	const struct key *first = source_of(a);
	char what[128];

	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];

		if (!(key->flags & KEY_SOURCE) || key == first ||
		    text_of(a, key) == NULL)
			continue;
		snprintf(what, sizeof(what), "there is %s already; one of "
		    "them says it", first->name);
		return wrong(s, a, key->name, what, err);
	}
	return 0;
}

/* Can it log in without a secret? */
static bool
needs_no_secret(const struct account *a)
{
	struct strlist words = { 0 };
	bool found = false;

	words_split(a->auth != NULL ? a->auth : "", &words);
	for (size_t i = 0; i < words.n; i++)
		found |= strcmp(words.v[i], "gssapi") == 0 ||
		    (strcmp(words.v[i], "external") == 0 &&
		    a->client_cert != NULL);
	strlist_release(&words);
	return found;
}

static int
check_secret(const struct settings *s, const struct account *a,
    struct err *err)
{
	if (!account_has_user(a) || source_of(a) != NULL ||
	    needs_no_secret(a))
		return 0;
	return wrong(s, a, "smarthost", "there is a user, but no password: "
	    "set one of password-file, password-command, token-command, "
	    "netrc, oauth-token-url (or client-cert with auth external, or "
	    "auth gssapi)", err);
}

static int
check_user(const struct settings *s, const struct account *a, struct err *err)
{
	const struct key *source = source_of(a);

	/* a command may name one with a user in one network, and one without
	 * in another */
	if (source == NULL || account_has_user(a) ||
	    a->trouble.kind != ERR_NONE || s->smarthost_command != NULL)
		return 0;
	return wrong(s, a, source->name, a->nendpoint > 0 ?
	    "nobody to log in as: the smarthost has no user "
	    "(smtps://USER@HOST)" : "there is no smarthost to log in to",
	    err);
}

static int
check_proxy(const struct settings *s, const struct account *a,
    struct err *err)
{
	for (size_t i = 0; i < a->nendpoint; i++)
		if (a->proxy != NULL &&
		    a->endpoints[i].scheme == ENDPOINT_AUTO)
			return wrong(s, a, "proxy", "a smarthost of auto: "
			    "cannot be looked up through a proxy", err);
	return 0;
}

/* A password of .netrc is for one host, and for no other. */
static int
check_netrc(const struct settings *s, const struct account *a,
    struct err *err)
{
	const char *host = NULL;

	for (size_t i = 0; a->netrc != NULL && i < a->nendpoint; i++) {
		const struct endpoint *e = &a->endpoints[i];

		if (e->user == NULL)
			continue;
		if (host != NULL && strcmp(host, e->host) != 0)
			return wrong(s, a, "netrc", "the smarthosts are "
			    "several, and their passwords may be: give each "
			    "an account, or use password-file", err);
		host = e->host;
	}
	return 0;
}

static int
check_oauth(const struct settings *s, const struct account *a,
    struct err *err)
{
	if (a->oauth_token_url != NULL) {
		if (a->oauth_client_id == NULL)
			return wrong(s, a, "oauth-token-url",
			    "oauth-client-id is missing", err);
		if (a->oauth_refresh_token_file == NULL)
			return wrong(s, a, "oauth-token-url",
			    "oauth-refresh-token-file is missing", err);
		return 0;
	}
	for (size_t i = 0; i < settings_nkey; i++)
		if ((settings_keys[i].flags & KEY_OAUTH) &&
		    text_of(a, &settings_keys[i]) != NULL)
			return wrong(s, a, settings_keys[i].name,
			    "oauth-token-url is missing", err);
	return 0;
}

static int
check_certificate(const struct settings *s, const struct account *a,
    struct err *err)
{
	if (a->client_key == NULL || a->client_cert != NULL)
		return 0;
	return wrong(s, a, "client-key", "client-cert is missing", err);
}

int
account_check(const struct settings *s, const struct account *a,
    struct err *err)
{
	static int (*const checks[])(const struct settings *,
	    const struct account *, struct err *) = {
		check_one_source, check_oauth, check_certificate,
		check_secret, check_user, check_proxy, check_netrc,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i](s, a, err) < 0)
			return -1;
	return 0;
}

int
settings_check(const struct settings *s, struct err *err)
{
	for (size_t i = 0; i < s->routing.naccount; i++)
		if (account_check(s, &s->routing.accounts[i], err) < 0)
			return -1;
	if (s->envelope_from == ENVELOPE_FROM_FIXED && s->from == NULL)
		return wrong(s, &s->routing.accounts[0], "envelope-from",
		    "fixed, but from does not say which address", err);
	return routing_check(&s->routing, err);
}
