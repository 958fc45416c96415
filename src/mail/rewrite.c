#include "config.h"

#include "mail/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/addrlist.h"
#include "mail/pattern.h"

#define LINE_MAX_OCTETS 998	/* RFC 5322 2.1.1, CRLF not counted */

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

/* A field on its way: what of its body has been copied to out. */
struct rewriting {
	const struct rewrite *rules;
	const struct header_field *field;
	struct buf field_out;
	size_t	 done;			/* octets of the body */
	bool	 changed;
	struct buf address;		/* the one at hand */
};

static bool
is_break(char c)
{
	return is_blank(c) || c == '\n';
}

/* Octets without a blank or line end behind s, of n; before the end of out.
 * Nobody wants to know how many more than a line there are. */
static size_t
run_behind(const char *s, size_t n)
{
	size_t run = 0;

	while (run < n && run < LINE_MAX_OCTETS && !is_break(s[run]))
		run++;
	return run;
}

static size_t
run_before(const struct buf *out)
{
	size_t run = 0;

	while (run < out->len && run < LINE_MAX_OCTETS &&
	    !is_break(out->data[out->len - 1 - run]))
		run++;
	return run;
}

/*
 * Put the address at hand where an element's stood. A line that becomes too
 * long is broken at a blank, by header_copy(). Where it has none it is folded
 * in front of the address (CFWS may stand there, RFC 5322 3.4.1), lest it
 * be broken inside of one.
 */
static void
put_address(struct rewriting *w, const struct addrlist_element *e)
{
	size_t end = e->at + e->len, run;

	buf_add(&w->field_out, w->field->body + w->done, e->at - w->done);
	run = run_before(&w->field_out) + w->address.len +
	    run_behind(w->field->body + end, w->field->body_len - end);
	if (run >= LINE_MAX_OCTETS)
		buf_adds(&w->field_out, "\r\n ");
	buf_add(&w->field_out, w->address.data, w->address.len);
	w->done = end;
	w->changed = true;
}

static void
rewrite_element(void *arg, const struct addrlist_element *e)
{
	struct rewriting *w = arg;

	if (e->address == NULL)
		return;
	buf_clear(&w->address);
	if (rewrite_address(w->rules, e->address, &w->address))
		put_address(w, e);
}

void
rewrite_field(const struct rewrite *r, const struct header_field *field,
    const char *default_domain, struct buf *out)
{
	struct rewriting w = { .rules = r, .field = field };
	size_t name = (size_t)(field->body - field->text);

	buf_add(&w.field_out, field->text, name);
	addrlist_walk(field->body, field->body_len, default_domain,
	    rewrite_element, &w);
	if (w.changed) {
		buf_add(&w.field_out, field->body + w.done,
		    field->len - name - w.done);
		header_copy(out, w.field_out.data, w.field_out.len);
	} else
		buf_add(out, field->text, field->len);
	buf_release(&w.field_out);
	buf_release(&w.address);
}
