#include "config.h"

#include "import/msmtp.h"

#include <string.h>

#include "base/str.h"
#include "mail/pattern.h"

static bool
is_pattern(const char *from)
{
	return strpbrk(from, "*?[") != NULL;
}

/* The sender of the default account: one that no caller has named. */
static void
write_sender(struct work *w, struct item *from)
{
	struct conf *conf = &w->imp->conf;
	const char *value = from->value;

	if (strcmp(value, "%F") == 0)
		conf_take(conf, 0, from, "envelope-from",
		    msmtp_is_on(w, "allow_from_override", true) ? "header" :
		    "header-always");
	else if (str_starts(value, "%U@") && strchr(value + 1, '%') == NULL)
		conf_take(conf, 0, from, "origin", value + 3);
	else if (strchr(value, '%') != NULL)
		conf_note_item(conf, 0, from, "the sender is the login's name "
		    "at origin, which is /etc/mailname or the machine's name");
	else if (is_pattern(value))
		conf_note_item(conf, 0, from,
		    "the account that takes all other mail needs no pattern");
	else
		conf_take(conf, 0, from, "from", value);
}

/* Is the sender always that of the settings? */
static void
write_fixed(struct work *w)
{
	struct conf *conf = &w->imp->conf;
	struct item *item = items_find(w->items, "allow_from_override");
	struct item *from = items_find(w->items, "from");
	struct buf rule = { 0 };

	if (msmtp_is_on(w, "allow_from_override", true))
		return;
	if (conf_has(conf, 0, "from"))
		conf_take(conf, 0, item, "envelope-from", "fixed");
	else if (conf_has(conf, 0, "origin")) {
		buf_printf(&rule, "* @%s", from->value + 3);
		if (conf_take(conf, 0, item, "rewrite-sender", buf_str(&rule)))
			conf_note(conf, 0, "(what -f says in front of the @ "
			    "stays; msmtp put the login's name there)");
	} else if (!conf_has(conf, 0, "envelope-from"))
		conf_warn_item(conf, 0, item, "callers may name any sender; "
		    "envelope-from fixed needs from");
	buf_release(&rule);
}

static void
write_from_header(struct work *w)
{
	struct item *item = items_take(w->items, "set_from_header");

	if (item == NULL)
		return;
	if (strcmp(item->value, "on") == 0)
		conf_take(&w->imp->conf, 0, item, "from-header", "replace");
	else if (strcmp(item->value, "off") == 0)
		conf_note_item(&w->imp->conf, 0, item,
		    "a missing From is always added");
}

/* Would msmtp have gone to the default account first? */
static bool
is_shadowed(const struct work *w, const char *address)
{
	const struct msmtp_account *a = msmtp_find(w->m, "default");
	const struct item *from;
	struct buf pattern = { 0 };
	struct err err;
	bool fits;

	if (a == NULL || a > w->account ||
	    (from = items_find(&a->items, "from")) == NULL)
		return false;
	fits = pattern_parse(from->value, &pattern, &err) == 0 &&
	    pattern_fits(buf_str(&pattern), address);
	buf_release(&pattern);
	return fits;
}

void
msmtp_senders(struct work *w)
{
	struct conf *conf = &w->imp->conf;
	struct item *from = msmtp_take(w, "from");
	struct buf patterns = { 0 };
	const char *at;

	if (from == NULL)
		return;
	at = strrchr(from->value, '@');
	if (strchr(from->value, '%') != NULL || strchr(from->value, '['))
		conf_note_item(conf, w->section, from, "is no pattern that "
		    "Postrider knows; --account names the account");
	else if (is_shadowed(w, from->value))
		conf_note_item(conf, w->section, from, "account default, "
		    "which comes before, takes it; --account names this one");
	else {
		buf_adds(&patterns, from->value);
		if (at != NULL && !is_pattern(from->value) &&
		    strchr(from->value, '+') == NULL)
			buf_printf(&patterns, " %.*s+*%s",
			    (int)(at - from->value), from->value, at);
		conf_take(conf, w->section, from, "from", buf_str(&patterns));
	}
	buf_release(&patterns);
}

/* Before 1.8.8 there was no %U. */
static void
write_auto_from(struct work *w)
{
	struct item *domain;

	if (!msmtp_is_on(w, "auto_from", false))
		return;
	if ((domain = msmtp_take(w, "maildomain")) != NULL)
		conf_take(&w->imp->conf, 0, domain, "origin", domain->value);
}

void
msmtp_sender(struct work *w)
{
	struct item *from = msmtp_take(w, "from");

	if (from != NULL)
		write_sender(w, from);
	write_auto_from(w);
	write_fixed(w);
	write_from_header(w);
}
