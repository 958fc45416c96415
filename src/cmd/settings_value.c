#include "config.h"

#include "cmd/settings_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/pattern.h"

void
words_split(const char *text, struct strlist *out)
{
	const char *word;
	bool quoted;

	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0')
			return;
		word = text;
		for (quoted = false; *text != '\0' && (quoted ||
		    (*text != ' ' && *text != '\t')); text++) {
			if (quoted && *text == '\\' && text[1] != '\0')
				text++;
			else if (*text == '"')
				quoted = !quoted;
		}
		strlist_take(out, xstrndup(word, (size_t)(text - word)));
	}
}

static void
replace(char **at, const char *text)
{
	char *old = *at;

	*at = xstrdup(text);
	free(old);
}

static int
set_text(const struct setting *set, const char *value, struct err *err)
{
	struct buf text = { 0 };
	int rc = settings_types[set->key->type].canonical(value, &text, err);

	if (rc == 0)
		replace(key_at(set->s, set->key, set->account),
		    buf_str(&text));
	buf_release(&text);
	return rc;
}

/*
 * Numbers.
 */

/* "50K", "10M", "2G", or octets. */
static int
parse_size(const char *value, uint64_t *n)
{
	static const char units[] = "KMG";
	size_t len = strlen(value);
	const char *unit = len == 0 ? NULL :
	    strchr(units, value[len - 1] & ~0x20);
	char digits[24];
	unsigned shift = 0;

	if (unit != NULL && *unit != '\0') {
		shift = 10 * (unsigned)(unit - units + 1);
		len--;
	}
	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (str_number(digits, UINT64_MAX >> 31, n) < 0)
		return -1;
	*n <<= shift;
	return 0;
}

static int
set_number(const struct setting *set, const char *value, struct err *err)
{
	const struct key *key = set->key;
	uint64_t n = 0;
	unsigned seconds = 0;
	int rc;

	if (key->type == TYPE_TIME) {
		rc = str_duration(value, &seconds);
		n = seconds;
	} else if (key->type == TYPE_SIZE)
		rc = parse_size(value, &n);
	else
		rc = str_number(value, UINT64_MAX, &n);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, NULL, "\"%s\" is no %s", value,
		    key->type == TYPE_TIME ? "time, as 90s, 5m, 1h30m, 5d" :
		    key->type == TYPE_SIZE ? "size, as 4096, 50K, 10M" :
		    "number");
	if (n < key->min || n > key->max)
		return err_set(err, ERR_CONFIG, NULL, "%s is not between %"
		    PRIu64 " and %" PRIu64 "%s", value, key->min, key->max,
		    key->type == TYPE_TIME ? " seconds" : "");
	*(uint64_t *)key_at(set->s, key, set->account) = n;
	return 0;
}

static int
set_choice(const struct setting *set, const char *value, struct err *err)
{
	const char *const *words = set->key->words;
	struct buf list = { 0 };

	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(value, words[i]) == 0) {
			*(uint64_t *)key_at(set->s, set->key,
			    set->account) = i;
			buf_release(&list);
			return 0;
		}
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	err_set(err, ERR_CONFIG, NULL, "\"%s\" is not one of %s", value,
	    buf_str(&list));
	buf_release(&list);
	return -1;
}

/*
 * Senders and ways.
 */

static int
set_smarthost(const struct setting *set, const char *value, struct err *err)
{
	return account_set_smarthost(&set->s->routing.accounts[set->account],
	    value, err);
}

static int
add_pattern(struct strlist *list, const char *word, struct err *err)
{
	struct buf pattern = { 0 };
	int rc = pattern_parse(word, &pattern, err);

	if (rc == 0)
		strlist_add(list, buf_str(&pattern));
	buf_release(&pattern);
	return rc;
}

/* Outside of accounts: one address. */
static int
set_sender(struct settings *s, const char *value, struct err *err)
{
	struct buf address = { 0 };
	int rc = address_parse(value, NULL, &address, err);

	if (rc == 0 && !pattern_is_address(buf_str(&address)))
		rc = err_set(err, ERR_CONFIG, NULL,
		    "\"%s\" is no address; patterns are for accounts", value);
	if (rc == 0)
		replace(&s->from, buf_str(&address));
	buf_release(&address);
	return rc;
}

static int
set_from(const struct setting *set, const char *value, struct err *err)
{
	struct strlist *list = &set->s->routing.accounts[set->account].from;
	struct strlist words = { 0 };
	int rc = 0;

	if (set->account == 0)
		return set_sender(set->s, value, err);
	words_split(value, &words);
	for (size_t i = 0; i < words.n && rc == 0; i++)
		rc = add_pattern(list, words.v[i], err);
	strlist_release(&words);
	return rc;
}

static int
set_route(const struct setting *set, const char *value, struct err *err)
{
	int rc = routing_add(&set->s->routing, value, set->where, err);

	if (rc == 0)
		strlist_add(&set->s->route_texts, value);
	return rc;
}

static int
set_rule(const struct setting *set, const char *value, struct err *err)
{
	return rewrite_add(&set->s->rewrite, value, err);
}

static int
set_masquerade(const struct setting *set, const char *value, struct err *err)
{
	struct rewrite *rewrite = &set->s->rewrite;
	struct strlist words = { 0 };
	struct buf domain = { 0 };
	int rc = -1;

	words_split(value, &words);
	strlist_release(&rewrite->hosts);
	if (address_domain_parse(words.n > 0 ? words.v[0] : "", &domain,
	    err) < 0)
		goto out;
	for (size_t i = 1; i < words.n; i++)
		if (add_pattern(&rewrite->hosts, words.v[i], err) < 0)
			goto out;
	replace(&rewrite->masquerade, buf_str(&domain));
	rc = 0;
out:
	buf_release(&domain);
	strlist_release(&words);
	return rc;
}

#define STRING(name, canonical) { name, canonical, set_text, show_text }

const struct type settings_types[TYPES] = {
	[TYPE_TEXT] = STRING("text", text_plain),
	[TYPE_COMMAND] = STRING("command", text_plain),
	[TYPE_PATH] = STRING("path", text_path),
	[TYPE_DOMAIN] = STRING("domain", text_domain),
	[TYPE_ADDRESS] = STRING("address", text_address),
	[TYPE_SERVERS] = STRING("addresses", text_servers),
	[TYPE_LOG] = STRING("word or path", text_log),
	[TYPE_URL] = STRING("URL", text_url),
	[TYPE_MECHANISMS] = STRING("words", text_mechanisms),
	[TYPE_CERTIFICATE] = STRING("path or URI", text_certificate),
	[TYPE_PIN] = STRING("hash", text_pin),
	[TYPE_PROXY] = STRING("URL", text_proxy),
	[TYPE_ADDRESSES] = STRING("IP addresses", text_addresses),
	[TYPE_NUMBER] = { "number", NULL, set_number, show_number },
	[TYPE_TIME] = { "time", NULL, set_number, show_number },
	[TYPE_SIZE] = { "size", NULL, set_number, show_number },
	[TYPE_CHOICE] = { "word", NULL, set_choice, show_number },
	[TYPE_SMARTHOST] = { "URLs", NULL, set_smarthost, show_smarthost },
	[TYPE_FROM] = { "address", NULL, set_from, show_from },
	[TYPE_ROUTE] = { "rule", NULL, set_route, show_routes },
	[TYPE_MASQUERADE] = { "domain and patterns", NULL, set_masquerade,
	    show_masquerade },
	[TYPE_RULE] = { "rule", NULL, set_rule, show_rules },
	[TYPE_ACCOUNT] = { "name", NULL, account_begin, show_account },
};

int
value_set(const struct setting *set, const char *value, struct err *err)
{
	if (value[0] == '\0')
		return err_set(err, ERR_CONFIG, NULL, "a value is missing");
	for (const char *p = value; *p != '\0'; p++)
		if (*p != '\t' && ((unsigned char)*p < 0x20 || *p == 0x7f))
			return err_set(err, ERR_CONFIG, NULL,
			    "a control character is in it");
	return settings_types[set->key->type].set(set, value, err);
}
