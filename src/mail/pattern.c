#include "config.h"

#include "mail/pattern.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "mail/address.h"

static int
refuse(struct err *err, const char *pattern, const char *reason)
{
	return err_set(err, ERR_CONFIG, NULL, "\"%s\" is no pattern: %s",
	    pattern, reason);
}

/* Find the last '@' outside of quotes, and what no pattern may have. */
static int
look_over(const char *text, const char **at, struct err *err)
{
	bool quoted = false;
	const char *p;

	*at = NULL;
	if (*text == '\0')
		return refuse(err, text, "it is empty");
	if (str_has_control(text))
		return refuse(err, text, "control character");
	for (p = text; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (!quoted && *p == ' ')
			return refuse(err, text, "a blank inside");
		else if (!quoted && *p == '@' && *at != NULL)
			return refuse(err, text, "more than one '@'");
		else if (!quoted && *p == '@')
			*at = p;
	}
	return quoted ? refuse(err, text, "unclosed quote") : 0;
}

static bool
has_wildcard(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

static bool
is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*' ||
	    c == '?';
}

/* "[192.0.2.*]": what could stand between brackets is all that is asked. */
static int
wild_literal(const char *domain, struct buf *out, struct err *err)
{
	const char *p = domain + 1;

	while (*p == '.' || *p == ':' || is_label_char(*p))
		p++;
	if (*p != ']' || p[1] != '\0')
		return err_set(err, ERR_CONFIG, NULL, "bad address literal");
	buf_adds(out, domain);
	return 0;
}

/* One label: as it is when it has a wildcard, else as every domain's. */
static int
wild_label(const char *label, struct buf *out, struct err *err)
{
	if (!has_wildcard(label))
		return address_domain_parse(label, out, err);
	for (const char *p = label; *p != '\0'; p++) {
		if (str_has_8bit(p))
			return err_set(err, ERR_CONFIG, NULL, "a label with "
			    "'*' or '?' can have ASCII characters only");
		if (!is_label_char(*p))
			return err_set(err, ERR_CONFIG, NULL,
			    "bad character in the domain");
	}
	buf_adds(out, label);
	return 0;
}

static int
wild_domain(const char *domain, struct buf *out, struct err *err)
{
	struct buf label = { 0 };
	size_t n;
	int rc = 0;

	if (domain[0] == '[')
		return wild_literal(domain, out, err);
	while (rc == 0) {
		n = strcspn(domain, ".");
		buf_clear(&label);
		buf_add(&label, domain, n);
		rc = wild_label(buf_str(&label), out, err);
		domain += n;
		if (*domain == '\0' || strcmp(domain, ".") == 0)
			break;
		buf_addc(out, *domain++);
	}
	buf_release(&label);
	return rc;
}

static int
add_domain(const char *domain, struct buf *out, struct err *err)
{
	if (domain[0] == '.') {
		buf_adds(out, "*.");
		domain++;
	}
	return has_wildcard(domain) ? wild_domain(domain, out, err) :
	    address_domain_parse(domain, out, err);
}

/*
 * The local-part, n bytes with the '@' behind them. One with wildcards is
 * held against canonical ones as it is, so it has to look like one.
 */
static int
add_local(const char *local, size_t n, struct buf *out, struct err *err)
{
	struct buf probe = { 0 }, canonical = { 0 };
	bool wild;
	int rc = -1;

	buf_add(&probe, local, n);
	wild = has_wildcard(buf_str(&probe));
	for (size_t i = 0; i < n; i++)
		if (probe.data[i] == '*' || probe.data[i] == '?')
			probe.data[i] = 'x';
	buf_adds(&probe, "@x");
	if (address_parse(buf_str(&probe), NULL, &canonical, err) < 0)
		goto out;
	if (wild && strcmp(buf_str(&probe), buf_str(&canonical)) != 0) {
		err_set(err, ERR_CONFIG, NULL,
		    "quotes or comments that are not needed");
		goto out;
	}
	if (wild)
		buf_add(out, local, n);
	else
		buf_add(out, canonical.data, canonical.len - strlen("@x"));
	rc = 0;
out:
	buf_release(&probe);
	buf_release(&canonical);
	return rc;
}

static int
add_parts(const char *text, const char *at, struct buf *out, struct err *err)
{
	if (at == NULL)
		return add_domain(text, out, err);
	if (at == text)
		return err_set(err, ERR_CONFIG, NULL,
		    "nothing before the '@'; all at a domain is the domain "
		    "alone");
	if (add_local(text, (size_t)(at - text), out, err) < 0)
		return -1;
	buf_addc(out, '@');
	return add_domain(at + 1, out, err);
}

int
pattern_parse(const char *text, struct buf *out, struct err *err)
{
	struct buf pattern = { 0 };
	const char *at;
	struct err why;
	int rc = -1;

	if (look_over(text, &at, err) < 0)
		return -1;
	if (strcmp(text, "*") == 0 || strcmp(text, "<>") == 0) {
		buf_adds(out, text);
		return 0;
	}
	if (add_parts(text, at, &pattern, &why) < 0) {
		refuse(err, text, why.text);
		goto out;
	}
	buf_str(&pattern);
	buf_adds(out, str_lower(pattern.data));
	rc = 0;
out:
	buf_release(&pattern);
	return rc;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Length of the character at s; 1 when it is none. */
static size_t
char_len(const char *s, size_t n)
{
	size_t len = utf8_len(s, n);

	return len > 0 ? len : 1;
}

/*
 * Does the pattern fit? When something does not, only the last '*' can help,
 * by one character more: an earlier one could not do better. So the time is
 * at most the product of the lengths.
 */
static bool
glob(const char *p, size_t np, const char *s, size_t ns)
{
	const char *pend = p + np, *end = s + ns;
	const char *star = NULL, *from = NULL;

	while (s < end) {
		if (p < pend && *p == '*') {
			star = ++p;
			from = s;
		} else if (p < pend && *p == '?') {
			p++;
			s += char_len(s, (size_t)(end - s));
		} else if (p < pend && *p == lower(*s)) {
			p++;
			s++;
		} else if (star != NULL) {
			from += char_len(from, (size_t)(end - from));
			p = star;
			s = from;
		} else
			return false;
	}
	while (p < pend && *p == '*')
		p++;
	return p == pend;
}

/* The parts each by itself: a '*' never reaches over the '@', which a quoted
 * local-part may have too. */
bool
pattern_fits(const char *pattern, const char *address)
{
	const char *domain, *at;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (address[0] == '\0' || strcmp(pattern, "<>") == 0)
		return address[0] == '\0' && strcmp(pattern, "<>") == 0;
	domain = address_domain(address);
	at = strrchr(pattern, '@');
	if (at == NULL)
		return glob(pattern, strlen(pattern), domain, strlen(domain));
	return glob(at + 1, strlen(at + 1), domain, strlen(domain)) &&
	    glob(pattern, (size_t)(at - pattern), address,
		(size_t)(domain - address) - 1);
}

bool
pattern_is_address(const char *pattern)
{
	return strchr(pattern, '@') != NULL && !has_wildcard(pattern);
}
