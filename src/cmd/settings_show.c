#include "config.h"

#include "cmd/settings_impl.h"

#include <inttypes.h>
#include <string.h>

/* "key value", in quotes where they are needed. */
static void
show_line(struct buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);
	bool quotes = n == 0 || strpbrk(value, "#\"") != NULL ||
	    strchr(" \t", value[0]) != NULL ||
	    strchr(" \t", value[n - 1]) != NULL;

	buf_printf(out, "%s %s", key, quotes ? "\"" : "");
	for (; *value != '\0'; value++) {
		if (quotes && (*value == '"' || *value == '\\'))
			buf_addc(out, '\\');
		buf_addc(out, *value);
	}
	buf_adds(out, quotes ? "\"\n" : "\n");
}

void
show_text(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	const char *text = *(char *const *)key_value(s, key, account);
	struct buf masked = { 0 };

	if (text == NULL || text[0] == '\0')
		return;
	if (key->type == TYPE_PROXY) {
		text_proxy_mask(text, &masked);
		text = buf_str(&masked);
	}
	show_line(out, key->name, text);
	buf_release(&masked);
}

void
show_number(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	uint64_t n = *(const uint64_t *)key_value(s, key, account);

	if (key->type == TYPE_CHOICE)
		show_line(out, key->name, key->words[n]);
	else
		buf_printf(out, "%s %" PRIu64 "%s\n", key->name, n,
		    key->type == TYPE_TIME ? "s" : "");
}

void
show_smarthost(const struct settings *s, const struct key *key,
    size_t account, struct buf *out)
{
	const struct account *a = &s->routing.accounts[account];
	struct buf urls = { 0 };

	/* what a command said is not what a file says */
	if (account_stands_alone(s, a) ||
	    (a->nendpoint > 0 && s->smarthost_command == NULL)) {
		account_write_smarthost(a, &urls);
		show_line(out, key->name, buf_str(&urls));
	}
	buf_release(&urls);
}

/* first and the words of the list on one line. */
static void
show_words(struct buf *out, const char *key, const char *first,
    const struct strlist *list)
{
	struct buf text = { 0 };

	if (first != NULL)
		buf_adds(&text, first);
	for (size_t i = 0; i < list->n; i++)
		buf_printf(&text, "%s%s", text.len > 0 ? " " : "", list->v[i]);
	if (text.len > 0)
		show_line(out, key, buf_str(&text));
	buf_release(&text);
}

void
show_from(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	if (account > 0)
		show_words(out, key->name, NULL,
		    &s->routing.accounts[account].from);
	else if (s->from != NULL)
		show_line(out, key->name, s->from);
}

void
show_routes(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	(void)account;
	for (size_t i = 0; i < s->route_texts.n; i++)
		show_line(out, key->name, s->route_texts.v[i]);
}

void
show_rules(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	struct buf text = { 0 };

	(void)account;
	for (size_t i = 0; i < s->rewrite.n; i++) {
		buf_clear(&text);
		buf_printf(&text, "%s %s", s->rewrite.rules[i].pattern,
		    s->rewrite.rules[i].to);
		show_line(out, key->name, buf_str(&text));
	}
	buf_release(&text);
}

void
show_masquerade(const struct settings *s, const struct key *key,
    size_t account, struct buf *out)
{
	(void)account;
	if (s->rewrite.masquerade != NULL)
		show_words(out, key->name, s->rewrite.masquerade,
		    &s->rewrite.hosts);
}

void
show_account(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	if (account > 0)
		show_line(out, key->name, s->routing.accounts[account].name);
}

static void
value_show(const struct settings *s, const struct key *key, size_t account,
    struct buf *out)
{
	settings_types[key->type].show(s, key, account, out);
}

void
settings_show(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < settings_nkey; i++)
		value_show(s, &settings_keys[i], 0, out);
	for (size_t a = 1; a < s->routing.naccount; a++) {
		const char *name = s->routing.accounts[a].name;

		buf_addc(out, '\n');
		value_show(s, key_find("account"), a, out);
		for (size_t i = 0; i < settings_nkey; i++)
			if (settings_keys[i].type != TYPE_ACCOUNT &&
			    place_find(s, settings_keys[i].name, name) != NULL)
				value_show(s, &settings_keys[i], a, out);
	}
}
