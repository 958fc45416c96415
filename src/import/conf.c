#include "config.h"

#include "import/import_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/settings.h"

#define NAME_LONG 48		/* octets of an account's name, made to fit */

static struct conf_section *
add_section(struct conf *conf, const char *name)
{
	conf->v = xgrow(conf->v, conf->n, &conf->cap, sizeof(*conf->v));
	conf->v[conf->n] = (struct conf_section){ .name = xstrdup(name) };
	return &conf->v[conf->n++];
}

void
conf_init(struct conf *conf)
{
	*conf = (struct conf){ 0 };
	add_section(conf, "");
}

void
conf_release(struct conf *conf)
{
	for (size_t i = 0; i < conf->n; i++) {
		free(conf->v[i].name);
		free(conf->v[i].origin);
		buf_release(&conf->v[i].text);
		strlist_release(&conf->v[i].keys);
	}
	free(conf->v);
	strlist_release(&conf->complaints);
	strmap_release(&conf->noted);
	*conf = (struct conf){ 0 };
}

/* "key value\n", in quotes where the reader would see an end or a comment. */
static void
write_line(struct buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);
	bool plain = n > 0 && strpbrk(value, "#\"") == NULL &&
	    !isspace((unsigned char)value[0]) &&
	    !isspace((unsigned char)value[n - 1]);

	buf_printf(out, "%s ", key);
	if (plain) {
		buf_printf(out, "%s\n", value);
		return;
	}
	buf_addc(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *value);
	}
	buf_adds(out, "\"\n");
}

/* Does the reader take this line, in an account of that name or outside? */
static int
try_line(const char *account, const char *key, const char *value,
    struct err *err)
{
	struct settings settings;
	struct buf text = { 0 };
	int rc;

	if (str_has_control(value))
		return err_set(err, ERR_CONFIG, NULL, "control character");
	if (account[0] != '\0')
		write_line(&text, "account", account);
	write_line(&text, key, value);
	settings_init(&settings);
	rc = settings_parse(&settings, "", &text, err);
	settings_release(&settings);
	buf_release(&text);
	return rc;
}

/* The reader's reason, without the place in text that nobody has seen. */
static const char *
reason_of(const struct err *err, const char *key)
{
	const char *text = err->text, *after = strstr(text, key);

	if (after != NULL && str_starts(after + strlen(key), ": "))
		return after + strlen(key) + 2;
	return text;
}

static void
write_origin(struct conf_section *section, const char *origin)
{
	if (origin == NULL || (section->origin != NULL &&
	    strcmp(section->origin, origin) == 0))
		return;
	conf_comment(section, origin);
	free(section->origin);
	section->origin = xstrdup(origin);
}

bool
conf_has(const struct conf *conf, size_t section, const char *key)
{
	const struct strlist *keys = &conf->v[section].keys;

	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->v[i], key) == 0)
			return true;
	return false;
}

/* May the key stand there more than once? */
static bool
repeats(const char *key)
{
	return strcmp(key, "route") == 0 || strcmp(key, "rewrite-sender") == 0;
}

bool
conf_set(struct conf *conf, size_t at, const char *origin, const char *key,
    const char *value)
{
	struct conf_section *section = &conf->v[at];
	struct err err;

	if (!repeats(key) && conf_has(conf, at, key)) {
		conf_warn(conf, at, "%s%s%s %s: %s is set already",
		    origin != NULL ? origin : "", origin != NULL ? ": " : "",
		    key, value, key);
		return false;
	}
	if (try_line(section->name, key, value, &err) < 0) {
		conf_warn(conf, at, "%s%s%s: %s",
		    origin != NULL ? origin : "", origin != NULL ? ": " : "",
		    key, reason_of(&err, key));
		return false;
	}
	write_origin(section, origin);
	write_line(&section->text, key, value);
	if (!conf_has(conf, at, key))
		strlist_add(&section->keys, key);
	conf->settings++;
	return true;
}

bool
conf_take(struct conf *conf, size_t section, struct item *item,
    const char *key, const char *value)
{
	const struct item *one[] = { item };
	struct buf origin = { 0 };
	bool ok;

	items_places(one, 1, &origin);
	ok = conf_set(conf, section, buf_str(&origin), key, value);
	buf_release(&origin);
	item->is_done = true;
	return ok;
}

static bool
is_taken(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n; i++)
		if (str_ieq(conf->v[i].name, name))
			return true;
	return false;
}

/* A name that the reader takes: this one, else with what it may not have
 * replaced. */
static void
fit_name(const char *name, struct buf *fit)
{
	struct err err;

	if (name[0] != '\0' &&
	    try_line(name, "hostname", "x.example", &err) == 0) {
		buf_adds(fit, name);
		return;
	}
	for (const char *p = name; *p != '\0' && fit->len < NAME_LONG; p++)
		buf_addc(fit, isalnum((unsigned char)*p) ||
		    (p > name && strchr("._-", *p) != NULL) ? *p : '-');
	if (fit->len == 0)
		buf_adds(fit, "account");
}

size_t
conf_account(struct conf *conf, const char *name)
{
	struct buf fit = { 0 };
	size_t keep;

	fit_name(name, &fit);
	keep = fit.len;
	for (unsigned i = 2; is_taken(conf, buf_str(&fit)); i++) {
		fit.len = keep;
		buf_printf(&fit, "-%u", i);
	}
	add_section(conf, buf_str(&fit));
	buf_release(&fit);
	return conf->n - 1;
}

void
conf_write(const struct conf *conf, struct buf *out)
{
	for (size_t i = 0; i < conf->n; i++) {
		const struct conf_section *section = &conf->v[i];

		if (i > 0) {
			buf_addc(out, '\n');
			write_line(out, "account", section->name);
		}
		buf_add(out, section->text.data, section->text.len);
	}
}
