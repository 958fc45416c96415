#include "config.h"

#include "cmd/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/addrlist.h"
#include "mail/address.h"
#include "mail/pattern.h"

/* What -f gives: an address, perhaps with a display name. */
static int
parse_option(const char *text, const char *origin, char **out,
    struct err *err)
{
	struct strlist good = { 0 }, bad = { 0 };
	int rc = 0;

	addrlist_parse(text, strlen(text), origin, &good, &bad);
	if (good.n == 1 && bad.n == 0)
		*out = xstrdup(good.v[0]);
	else
		rc = err_set(err, ERR_DATA, "5.1.7", "sender %s", bad.n > 0 ?
		    bad.v[0] : "is not one address");
	strlist_release(&good);
	strlist_release(&bad);
	return rc;
}

static int
no_account(const struct routing *routing, const char *name, struct err *err)
{
	struct buf list = { 0 };

	for (size_t i = 1; i < routing->naccount; i++)
		buf_printf(&list, "%s%s", i > 1 ? ", " : "; there are: ",
		    routing->accounts[i].name);
	err_set(err, ERR_USAGE, NULL, "there is no account %s in the settings%s",
	    name, list.len > 0 ? buf_str(&list) : "; there are none");
	buf_release(&list);
	return -1;
}

/* The address that an account is of, or NULL. */
static const char *
address_of(const struct account *account)
{
	for (size_t i = 0; i < account->from.n; i++)
		if (pattern_is_address(account->from.v[i]))
			return account->from.v[i];
	return NULL;
}

static int
find_own(struct sender *s, const char *name, const char *login,
    struct err *err)
{
	const struct routing *routing = &s->settings->routing;
	const struct account *account = NULL;
	const char *address = NULL;
	struct buf path = { 0 };
	int rc;

	if (name != NULL) {
		account = routing_account(routing, name);
		if (account == NULL)
			return no_account(routing, name, err);
		address = address_of(account);
	}
	if (address == NULL)
		address = s->settings->from;
	if (address != NULL) {
		s->own = xstrdup(address);
		return 0;
	}
	rc = address_join(login, strlen(login), s->settings->origin, &path,
	    err);
	s->own = buf_detach(&path);
	return rc;
}

static bool
is_null(const char *option)
{
	return option != NULL &&
	    (option[0] == '\0' || strcmp(option, "<>") == 0);
}

/* What the settings say where the caller must not, else -f, else his own. */
static int
find_given(struct sender *s, const char *option, struct err *err)
{
	const struct settings *set = s->settings;

	if (s->null)
		s->given = xstrdup("");
	else if (set->envelope_from == ENVELOPE_FROM_FIXED &&
	    set->from != NULL)
		s->given = xstrdup(set->from);
	else if (option != NULL)
		return parse_option(option, set->origin, &s->given, err);
	else
		s->given = xstrdup(s->own);
	return 0;
}

int
sender_init(struct sender *s, const struct options *options,
    const struct settings *settings, const char *login, struct err *err)
{
	*s = (struct sender){ .settings = settings,
		.null = is_null(options->sender) };
	if (settings->envelope_from == ENVELOPE_FROM_HEADER)
		s->from_header = options->sender == NULL;
	else
		s->from_header = !s->null && settings->envelope_from ==
		    ENVELOPE_FROM_HEADER_ALWAYS;
	if (find_own(s, options->account, login, err) < 0)
		return -1;
	return find_given(s, options->sender, err);
}

void
sender_release(struct sender *s)
{
	free(s->own);
	free(s->given);
	*s = (struct sender){ 0 };
}

void
sender_find(const struct sender *s, const struct message *m,
    struct sending *out)
{
	const struct rewrite *rules = &s->settings->rewrite;
	struct buf chosen = { 0 };

	if (m == NULL || !s->from_header ||
	    !message_author(m, s->settings->origin, &chosen))
		buf_adds(&chosen, s->given);
	out->own = chosen.len == 0 || strcmp(buf_str(&chosen), s->own) == 0;
	rewrite_address(rules, buf_str(&chosen), &out->path);
	rewrite_address(rules, chosen.len > 0 ? buf_str(&chosen) : s->own,
	    &out->from);
	buf_release(&chosen);
}

void
sending_release(struct sending *s)
{
	buf_release(&s->path);
	buf_release(&s->from);
}
