#include "config.h"

#include "import/msmtp.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

/* Commands of older versions, as the newer one that they stand for. Those
 * that take no argument have on; arguments are turned round by not. */
static const struct {
	const char *old, *now;
	const char *on, *off;	/* the value for on and for off */
} olds[] = {
	{ "connect_timeout", "timeout", NULL, NULL },
	{ "tls_nocertcheck", "tls_certcheck", "off", "on" },
	{ "tls_nostarttls", "tls_starttls", "off", "on" },
	{ "keepbcc", "remove_bcc_headers", "off", "on" },
	{ "undisclosed_recipients", "set_to_header", "undisclosed_recipients",
	    "off" },
	{ "add_missing_from_header", "set_from_header", "auto", "off" },
	{ "add_missing_date_header", "set_date_header", "auto", "off" },
};

static void
modernise(const char **key, const char **value)
{
	for (size_t i = 0; i < sizeof(olds) / sizeof(olds[0]); i++) {
		if (strcmp(*key, olds[i].old) != 0)
			continue;
		*key = olds[i].now;
		if (olds[i].on != NULL)
			*value = strcmp(*value, "off") == 0 ? olds[i].off :
			    olds[i].on;
		return;
	}
}

/* Set a command in place of the one before. */
static void
set_item(struct items *to, const struct item *from, bool is_default)
{
	struct item *item = items_find(to, from->key);
	struct items one = { 0 };

	if (item == NULL)
		item = items_add(to, from->key, "", from->file, 0);
	items_add(&one, from->key, from->value, from->file, from->line);
	one.v[0].is_secret = from->is_secret;
	one.v[0].is_default = is_default;
	item_swap(item, &one.v[0]);
	items_release(&one);
}

/* Those of the defaults as such, or those that are none. */
static void
set_items(struct items *to, const struct items *from, bool is_default)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].is_default == is_default)
			set_item(to, &from->v[i], is_default);
}

struct msmtp_account *
msmtp_find(struct msmtp *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].name, name) == 0)
			return &m->v[i];
	return NULL;
}

static void
account_clear(struct msmtp_account *a)
{
	free(a->name);
	items_release(&a->items);
	*a = (struct msmtp_account){ 0 };
}

static void
drop(struct msmtp *m, struct msmtp_account *a)
{
	size_t i = (size_t)(a - m->v);

	account_clear(a);
	memmove(a, a + 1, (m->n - i - 1) * sizeof(*a));
	m->n--;
}

/* An account of an earlier file gives way. */
static struct msmtp_account *
add_account(struct msmtp *m, const char *name)
{
	struct msmtp_account *old = msmtp_find(m, name), *a;

	if (old != NULL)
		drop(m, old);
	m->v = xgrow(m->v, m->n, &m->cap, sizeof(*m->v));
	a = &m->v[m->n++];
	*a = (struct msmtp_account){ .name = xstrdup(name),
		.file = m->file };
	set_items(&a->items, &m->defaults, true);
	return a;
}

/* The accounts behind the colon give what they have themselves. */
static void
inherit(struct import *imp, struct msmtp *m, struct item *item,
    struct items *to, char *names)
{
	char *name;

	while ((name = word_next(&names, ",")) != NULL) {
		struct msmtp_account *from;

		name = str_trim(name);
		from = msmtp_find(m, name);
		if (from == NULL) {
			conf_warn_item(&imp->conf, 0, item,
			    "account %s is not defined before", name);
			continue;
		}
		set_items(to, &from->items, false);
	}
}

/* The account that an account command begins. */
static struct msmtp_account *
new_account(struct import *imp, struct msmtp *m, struct item *item,
    const char *name)
{
	struct msmtp_account *old = msmtp_find(m, name);

	if (name[0] == '\0') {
		conf_warn_item(&imp->conf, 0, item, "a name is missing");
		name = "unnamed";
	} else if (old != NULL && old->file == m->file)
		conf_warn_item(&imp->conf, 0, item, "was defined before");
	if (m->n < MSMTP_ACCOUNTS_MAX)
		return add_account(m, name);
	conf_warn_item(&imp->conf, 0, item,
	    "these are too many accounts; it goes into the last one");
	return &m->v[m->n - 1];
}

/* "name", "name : other, another" */
static void
begin_account(struct import *imp, struct msmtp *m, struct item *item)
{
	char *name = xstrdup(item->value), *colon = strchr(name, ':');
	struct items inherited = { 0 };

	if (colon != NULL) {
		*colon = '\0';
		inherit(imp, m, item, &inherited, colon + 1);
	}
	set_items(&new_account(imp, m, item, str_trim(name))->items,
	    &inherited, false);
	m->current = m->n;
	items_release(&inherited);
	free(name);
}

/* The argument may stand in quotes. */
static char *
unquote(char *arg)
{
	size_t n;

	arg = str_trim(arg);
	n = strlen(arg);
	if (n < 2 || arg[0] != '"' || arg[n - 1] != '"')
		return arg;
	arg[n - 1] = '\0';
	return arg + 1;
}

/* Keep a command of the account at hand. */
static void
keep(struct msmtp *m, struct item *item)
{
	struct items one = { 0 };
	const char *key = item->key, *value = item->value;

	/* as msmtp 1.2 had it: one account, without a name */
	if (m->current == 0 && !m->in_defaults) {
		add_account(m, "default");
		m->current = m->n;
	}
	modernise(&key, &value);
	items_add(&one, key, value, item->file, item->line)->is_secret =
	    item->is_secret;
	set_item(m->in_defaults ? &m->defaults :
	    &m->v[m->current - 1].items, &one.v[0], m->in_defaults);
	items_release(&one);
}

static void
take(struct import *imp, struct msmtp *m, struct item *item)
{
	if (strcmp(item->key, "defaults") == 0)
		m->in_defaults = true;
	else if (strcmp(item->key, "account") == 0) {
		m->in_defaults = false;
		begin_account(imp, m, item);
	} else if (strcmp(item->key, "eval") == 0)
		conf_warn_item(&imp->conf, 0, item, "a command whose output "
		    "is settings is not run here; write them by hand");
	else if (msmtp_command(item->key))
		keep(m, item);
	else {
		item->is_secret = true;
		conf_warn_item(&imp->conf, 0, item,
		    "msmtp has no such command");
	}
}

static void
read_line(struct import *imp, struct msmtp *m, char *line, unsigned number)
{
	struct items one = { 0 };
	struct item *item;
	char *key = str_trim(line), *arg;

	if (*key == '\0' || *key == '#')
		return;
	arg = key + strcspn(key, " \t");
	if (*arg != '\0')
		*arg++ = '\0';
	imp->is_understood |= msmtp_command(key);
	item = items_add(&one, key, unquote(arg), m->path, number);
	item->is_secret = strcmp(key, "password") == 0 ||
	    strcmp(key, "eval") == 0;
	take(imp, m, item);
	items_release(&one);
}

int
msmtp_read(struct import *imp, struct msmtp *m, const char *path,
    struct err *err)
{
	struct buf text = { 0 };
	struct lines lines;
	char *line;
	int rc = import_read(imp, path, &text, err);

	m->path = path;
	m->file++;
	m->current = 0;
	m->in_defaults = false;
	items_release(&m->defaults);
	lines_begin(&lines, &text);
	while (rc == 0 && (line = lines_next(&lines)) != NULL)
		read_line(imp, m, line, lines.number);
	import_wipe(&text);
	return rc;
}

void
msmtp_release(struct msmtp *m)
{
	for (size_t i = 0; i < m->n; i++)
		account_clear(&m->v[i]);
	free(m->v);
	items_release(&m->defaults);
	*m = (struct msmtp){ 0 };
}
