#include "config.h"

#include "cmd/settings_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define ACCOUNT_NAME_MAX 64

static bool
is_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return strlen(name) <= ACCOUNT_NAME_MAX &&
	    strspn(name, chars) == strlen(name);
}

/* Take an account out. */
static void
drop_account(struct settings *s, const char *name)
{
	struct routing *r = &s->routing;

	for (size_t i = 0; i < settings_nkey; i++)
		place_forget(s, settings_keys[i].name, name);
	for (size_t i = 1; i < r->naccount; i++)
		if (strcmp(r->accounts[i].name, name) == 0) {
			account_release(&r->accounts[i]);
			memmove(&r->accounts[i], &r->accounts[i + 1],
			    (r->naccount - i - 1) * sizeof(*r->accounts));
			r->naccount--;
			return;
		}
}

int
account_begin(const struct setting *set, const char *name, struct err *err)
{
	struct routing *r = &set->s->routing;
	const struct settings_place *before;

	if (!is_name(name))
		return err_set(err, ERR_CONFIG, NULL, "\"%s\" is no name of "
		    "at most %d letters, digits, hyphens, underscores and "
		    "dots", name, ACCOUNT_NAME_MAX);
	before = place_find(set->s, set->key->name, name);
	if (before != NULL && before->file == set->s->files)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s began at %s already", name, before->where);
	drop_account(set->s, name);
	r->accounts = xrealloc(r->accounts, r->naccount + 1,
	    sizeof(*r->accounts));
	r->accounts[r->naccount++] = (struct account){
		.name = xstrdup(name) };
	return 0;
}

bool
account_stands_alone(const struct settings *s, const struct account *a)
{
	return place_find(s, "smarthost", a->name) != NULL;
}

/*
 * Layers: an account over what is global, a file over those before.
 */

/* Which keys of an account would go to another server, or would be a second
 * answer to the same question, if they stayed. */
struct layer {
	bool	 smarthost;	/* has a smarthost */
	bool	 source;	/* says where the secret comes from */
	bool	 certificate;	/* says which client-cert */
};

static bool
stays(const struct layer *over, const struct key *key)
{
	if (over->smarthost)
		return false;
	if (over->source && (key->flags & (KEY_SOURCE | KEY_OAUTH)))
		return false;
	return !over->certificate || strcmp(key->name, "client-key") != 0;
}

/* What the account sets itself; with file, what that file does. */
static struct layer
layer_of(const struct settings *s, const char *account, unsigned file)
{
	struct layer layer = { 0 };

	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];
		const struct settings_place *place =
		    place_find(s, key->name, account);

		if (place == NULL || (file != 0 && place->file != file))
			continue;
		layer.smarthost |= key->type == TYPE_SMARTHOST ||
		    strcmp(key->name, "smarthost-command") == 0;
		layer.source |= (key->flags & KEY_SOURCE) != 0;
		layer.certificate |= strcmp(key->name, "client-cert") == 0;
	}
	return layer;
}

static char **
text_of(struct settings *s, const struct key *key, size_t account)
{
	return key_at(s, key, account);
}

static void
clear_text(struct settings *s, const struct key *key, size_t account)
{
	char **at = text_of(s, key, account);

	free(*at);
	*at = NULL;
	place_forget(s, key->name, s->routing.accounts[account].name);
}

/* Is the key there, from a file before this one? */
static bool
is_of_before(const struct settings *s, const struct key *key, size_t account)
{
	const struct settings_place *place = place_find(s, key->name,
	    s->routing.accounts[account].name);

	return place != NULL && place->file != s->files;
}

/* One of the two is left, the one of this file. */
static int
settle_smarthost(struct settings *s, struct err *err)
{
	const struct key *url = key_find("smarthost");
	const struct key *command = key_find("smarthost-command");

	if (place_find(s, url->name, "") == NULL ||
	    place_find(s, command->name, "") == NULL)
		return 0;
	if (is_of_before(s, url, 0)) {
		account_release_smarthost(&s->routing.accounts[0]);
		place_forget(s, url->name, "");
	} else if (is_of_before(s, command, 0))
		clear_text(s, command, 0);
	else
		return err_set(err, ERR_CONFIG, NULL, "%s: %s: there is a "
		    "smarthost already (%s)",
		    place_find(s, command->name, "")->where, command->name,
		    place_find(s, url->name, "")->where);
	return 0;
}

/* Accounts of this file come first; within a file the order stays. */
static void
sort_accounts(struct settings *s)
{
	struct routing *r = &s->routing;
	struct account *sorted = xcalloc(r->naccount, sizeof(*sorted));
	size_t n = 1;

	sorted[0] = r->accounts[0];
	for (int now = 1; now >= 0; now--)
		for (size_t i = 1; i < r->naccount; i++)
			if ((place_find(s, "account",
			    r->accounts[i].name)->file == s->files) == now)
				sorted[n++] = r->accounts[i];
	free(r->accounts);
	r->accounts = sorted;
}

/* What files before have set for an account that this file lays over. */
static void
clear_before(struct settings *s, const struct layer *over, size_t account)
{
	for (size_t i = 0; i < settings_nkey; i++)
		if ((settings_keys[i].flags & KEY_CREDENTIAL) &&
		    is_of_before(s, &settings_keys[i], account) &&
		    !stays(over, &settings_keys[i]))
			clear_text(s, &settings_keys[i], account);
}

int
accounts_settle(struct settings *s, struct err *err)
{
	struct layer now = layer_of(s, "", s->files);
	struct layer others = { .smarthost = now.smarthost };

	if (settle_smarthost(s, err) < 0)
		return -1;
	clear_before(s, &now, 0);
	for (size_t i = 1; i < s->routing.naccount; i++)
		if (!account_stands_alone(s, &s->routing.accounts[i]))
			clear_before(s, &others, i);
	sort_accounts(s);
	return 0;
}

static void
inherit(struct settings *s, size_t account)
{
	struct account *a = &s->routing.accounts[account];
	struct layer own = layer_of(s, a->name, 0);

	for (size_t i = 0; i < settings_nkey; i++) {
		const struct key *key = &settings_keys[i];
		char **at, **from;

		if (!(key->flags & KEY_HANDED_DOWN) &&
		    !((key->flags & KEY_CREDENTIAL) && stays(&own, key)))
			continue;
		at = text_of(s, key, account);
		from = text_of(s, key, 0);
		if (*at == NULL && *from != NULL)
			*at = xstrdup(*from);
	}
	if (!own.smarthost)
		account_copy_smarthost(a, &s->routing.accounts[0]);
}

void
accounts_inherit(struct settings *s)
{
	if (s->smarthost_command != NULL)
		err_set(&s->routing.accounts[0].trouble, ERR_TEMP, "4.3.5",
		    "smarthost-command was not run");
	for (size_t i = 1; i < s->routing.naccount; i++)
		inherit(s, i);
}
