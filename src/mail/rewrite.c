#include "config.h"

#include "mail/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/pattern.h"

bool
rewrite_is_empty(const struct rewrite *r)
{
	return r->n == 0 && (r->masquerade == NULL || r->hosts.n == 0);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Step over one word: blanks inside of quotes do not end it. */
static const char *
word_end(const char *p)
{
	bool quoted = false;

	for (; *p != '\0' && (quoted || !is_blank(*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p[1] != '\0')
			p++;
	}
	return p;
}

/* Append the next word and return what follows it. */
static const char *
word_take(const char *p, struct buf *word)
{
	const char *end;

	while (is_blank(*p))
		p++;
	end = word_end(p);
	buf_add(word, p, (size_t)(end - p));
	while (is_blank(*end))
		end++;
	return end;
}

/* What it becomes: an address, or "@domain". */
static int
parse_to(const char *text, struct buf *out, struct err *err)
{
	struct err why;
	int rc;

	if (text[0] == '@') {
		buf_addc(out, '@');
		rc = address_domain_parse(text + 1, out, &why);
	} else
		rc = address_parse(text, NULL, out, &why);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, NULL,
		    "\"%s\" is no address: %s", text, why.text);
	return 0;
}

static int
parse_rule(const char *text, struct buf *pattern, struct buf *to,
    struct err *err)
{
	struct buf left = { 0 }, right = { 0 };
	const char *rest = word_take(word_take(text, &left), &right);
	int rc = -1;

	if (right.len == 0 || *rest != '\0') {
		err_set(err, ERR_CONFIG, NULL, "\"%s\" is not a pattern and "
		    "the address that it becomes", text);
		goto out;
	}
	if (pattern_parse(buf_str(&left), pattern, err) < 0 ||
	    parse_to(buf_str(&right), to, err) < 0)
		goto out;
	if (strcmp(buf_str(pattern), "<>") == 0) {
		err_set(err, ERR_CONFIG, NULL,
		    "the null reverse-path \"<>\" is never rewritten");
		goto out;
	}
	rc = 0;
out:
	buf_release(&left);
	buf_release(&right);
	return rc;
}

int
rewrite_add(struct rewrite *r, const char *text, struct err *err)
{
	struct buf pattern = { 0 }, to = { 0 };
	int rc = parse_rule(text, &pattern, &to, err);

	if (rc == 0) {
		r->rules = xgrow(r->rules, r->n, &r->cap, sizeof(*r->rules));
		r->rules[r->n++] = (struct rewrite_rule){
			.pattern = buf_detach(&pattern),
			.to = buf_detach(&to) };
	}
	buf_release(&pattern);
	buf_release(&to);
	return rc;
}

void
rewrite_release(struct rewrite *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rules[i].pattern);
		free(r->rules[i].to);
	}
	free(r->rules);
	free(r->masquerade);
	strlist_release(&r->hosts);
	*r = (struct rewrite){ 0 };
}

/* The address at another domain, in place; as it was where that is too long
 * for a path. */
static void
move_to(struct buf *address, const char *domain)
{
	const char *text = buf_str(address);
	size_t keep = (size_t)(address_domain(text) - text);

	if (keep + strlen(domain) > ADDRESS_PATH_MAX)
		return;
	address->len = keep;
	buf_adds(address, domain);
}

static void
apply_rules(const struct rewrite *r, struct buf *address)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!pattern_fits(r->rules[i].pattern, buf_str(address)))
			continue;
		if (r->rules[i].to[0] == '@') {
			move_to(address, r->rules[i].to + 1);
			return;
		}
		buf_clear(address);
		buf_adds(address, r->rules[i].to);
		return;
	}
}

static void
apply_masquerade(const struct rewrite *r, struct buf *address)
{
	if (r->masquerade == NULL)
		return;
	for (size_t i = 0; i < r->hosts.n; i++) {
		if (pattern_fits(r->hosts.v[i], buf_str(address))) {
			move_to(address, r->masquerade);
			return;
		}
	}
}

bool
rewrite_address(const struct rewrite *r, const char *address,
    struct buf *out)
{
	struct buf now = { 0 };
	bool other;

	if (address[0] == '\0')
		return false;
	buf_adds(&now, address);
	apply_rules(r, &now);
	apply_masquerade(r, &now);
	other = strcmp(buf_str(&now), address) != 0;
	buf_add(out, now.data, now.len);
	buf_release(&now);
	return other;
}
