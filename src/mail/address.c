#include "config.h"

#include "mail/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "mail/idn.h"

/* A domain as written may be longer than its A-labels; no sane one is this. */
#define DOMAIN_WRITTEN_MAX 1024

static int
refuse(struct err *err, const char *reason)
{
	return err_set(err, ERR_DATA, "5.1.3", "%s", reason);
}

static int
refuse_domain(struct err *err, const char *reason)
{
	return err_set(err, ERR_DATA, "5.1.2", "%s", reason);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* atext of RFC 5322 3.2.3, with UTF8-non-ascii of RFC 6532 3.2. */
static bool
is_atext(char c)
{
	if (c == '\0')
		return false;
	return is_alnum(c) || (unsigned char)c > 0x7f ||
	    strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

static size_t
atom_len(const char *s)
{
	size_t n = 0;

	while (is_atext(s[n]))
		n++;
	return n;
}

/*
 * The domain.
 */

/* A label: letters, digits, '-' not at the edges, and '_', which exists. */
static int
label_check(const char *label, size_t n, struct err *err)
{
	size_t i;

	if (n == 0)
		return refuse_domain(err, "empty label in the domain");
	if (n > 63)
		return refuse_domain(err, "label of the domain over 63 octets");
	if (label[0] == '-' || label[n - 1] == '-')
		return refuse_domain(err, "'-' at the edge of a label");
	for (i = 0; i < n; i++) {
		if (!is_alnum(label[i]) && label[i] != '-' && label[i] != '_')
			return refuse_domain(err, "bad character in the domain");
	}
	return 0;
}

/* Check an ASCII domain and append it in lower case, without its last dot. */
static int
domain_write(const char *domain, struct buf *out, struct err *err)
{
	size_t i, n = strlen(domain), label = 0;
	char lower[ADDRESS_DOMAIN_MAX + 1];

	if (n > 0 && domain[n - 1] == '.')
		n--;
	if (n == 0)
		return refuse_domain(err, "empty domain");
	if (n > ADDRESS_DOMAIN_MAX)
		return refuse_domain(err, "domain over 255 octets");
	for (i = 0; i <= n; i++) {
		if (i < n && domain[i] != '.')
			continue;
		if (label_check(domain + label, i - label, err) < 0)
			return -1;
		label = i + 1;
	}
	memcpy(lower, domain, n);
	lower[n] = '\0';
	buf_adds(out, str_lower(lower));
	return 0;
}

/*
 * "[" IPv4 "]" or "[IPv6:" IPv6 "]" (RFC 5321 4.1.3), written back as the
 * library writes it, so that equal addresses look equal. Its third form,
 * "[tag:anything]", has no tag in use.
 */
static int
literal_write(const char *domain, struct buf *out, struct err *err)
{
	bool v6 = str_istarts(domain, "[IPv6:");
	const char *inside = domain + (v6 ? strlen("[IPv6:") : 1);
	size_t n = strlen(inside);
	int family = v6 ? AF_INET6 : AF_INET;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (n == 0 || n > sizeof(text) || inside[n - 1] != ']')
		return refuse_domain(err, "bad address literal");
	memcpy(text, inside, n - 1);
	text[n - 1] = '\0';
	if (inet_pton(family, text, &ip) != 1 ||
	    inet_ntop(family, &ip, text, sizeof(text)) == NULL)
		return refuse_domain(err, "bad address literal");
	buf_printf(out, "[%s%s]", v6 ? "IPv6:" : "", text);
	return 0;
}

int
address_domain_parse(const char *domain, struct buf *out, struct err *err)
{
	struct buf ascii = { 0 };
	int rc;

	if (domain[0] == '[')
		return literal_write(domain, out, err);
	if (strlen(domain) > DOMAIN_WRITTEN_MAX)
		return refuse_domain(err, "domain over 255 octets");
	if (!str_has_8bit(domain))
		return domain_write(domain, out, err);
	/* Mapping may yield '@' or '/' (full width forms): check it again. */
	rc = idn_to_ascii(domain, &ascii, err);
	if (rc == 0)
		rc = domain_write(buf_str(&ascii), out, err);
	buf_release(&ascii);
	return rc;
}

/*
 * The local-part.
 */

/*
 * Bytes that no server could be told: control characters (those of U+0080 to
 * U+009F too, which a terminal obeys) and what is not UTF-8.
 */
static int
local_check(const char *local, size_t n, struct err *err)
{
	size_t i, len;
	unsigned char c;

	if (n > ADDRESS_LOCAL_MAX)
		return refuse(err, "local part over 64 octets");
	for (i = 0; i < n; i += len) {
		c = (unsigned char)local[i];
		len = utf8_len(local + i, n - i);
		if (len == 0)
			return refuse(err, "local part is not UTF-8");
		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)local[i + 1] < 0xa0))
			return refuse(err, "control character");
	}
	return 0;
}

static bool
is_dot_atom(const char *local, size_t n)
{
	bool dot = true;
	size_t i;

	for (i = 0; i < n; i++) {
		if (local[i] == '.' ? dot : !is_atext(local[i]))
			return false;
		dot = local[i] == '.';
	}
	return !dot;
}

static void
local_write(struct buf *out, const char *local, size_t n)
{
	size_t i;

	if (is_dot_atom(local, n)) {
		buf_add(out, local, n);
		return;
	}
	buf_addc(out, '"');
	for (i = 0; i < n; i++) {
		if (local[i] == '"' || local[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local[i]);
	}
	buf_addc(out, '"');
}

int
address_join(const char *local, size_t n, const char *domain,
    struct buf *out, struct err *err)
{
	size_t start = out->len;
	int rc = -1;

	if (local_check(local, n, err) < 0)
		return -1;
	local_write(out, local, n);
	/* Quotes and backslashes are octets on the wire, so they count. */
	if (out->len - start > ADDRESS_LOCAL_MAX) {
		refuse(err, "local part over 64 octets");
		goto out;
	}
	buf_addc(out, '@');
	if (address_domain_parse(domain, out, err) < 0)
		goto out;
	if (out->len - start > ADDRESS_PATH_MAX) {
		refuse(err, "address over 254 octets");
		goto out;
	}
	rc = 0;
out:
	if (rc < 0)
		out->len = start;
	return rc;
}

/*
 * The text of one address:
 *
 *	address   = CFWS ( mailbox / "<" mailbox ">" ) CFWS
 *	mailbox   = [ route ] local-part [ "@" domain ]
 *	route     = 1*( "@" domain [ "," ] ) ":"
 *	local-part = word *( "." word )		word = atom / quoted-string
 *	domain    = literal / atom *( "." atom )
 *
 * with CFWS (blanks and comments) allowed between any two of these, as in
 * RFC 5322 4.4. Words and dots must alternate: "a..b", ".a" and "a." are
 * refused unless quoted. Some carriers did give out such addresses; their
 * owners know to quote them, and most servers refuse them anyway.
 */
struct parse {
	const char	*p;
	struct buf	 local;		/* unquoted */
	struct buf	 domain;	/* as written */
	bool		 has_domain;
	struct err	*err;
};

/* Step over CFWS. Comments nest: they are counted, not recursed into. */
static int
skip_cfws(struct parse *a)
{
	size_t depth = 0;

	for (; *a->p != '\0'; a->p++) {
		if (*a->p == '(')
			depth++;
		else if (*a->p == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !is_blank(*a->p))
			break;
		else if (*a->p == '\\' && a->p[1] != '\0')
			a->p++;
	}
	return depth == 0 ? 0 : refuse(a->err, "unclosed comment");
}

static int
unexpected(struct parse *a)
{
	if (*a->p == '\0')
		return refuse(a->err, "incomplete address");
	return err_set(
	    a->err, ERR_DATA, "5.1.3", "'%c' is out of place", *a->p);
}

static int
parse_quoted(struct parse *a)
{
	for (a->p++; *a->p != '"'; a->p++) {
		if (*a->p == '\\')
			a->p++;
		if (*a->p == '\0')
			return refuse(a->err, "unclosed quote");
		buf_addc(&a->local, *a->p);
	}
	a->p++;
	return 0;
}

static int
parse_word(struct parse *a)
{
	size_t n = atom_len(a->p);

	if (*a->p == '"')
		return parse_quoted(a);
	if (n == 0 && (*a->p == '.' || a->local.len > 0))
		return refuse(a->err, "stray dot in the local part");
	if (n == 0)
		return unexpected(a);
	buf_add(&a->local, a->p, n);
	a->p += n;
	return 0;
}

static int
parse_local(struct parse *a)
{
	for (;;) {
		if (skip_cfws(a) < 0 || parse_word(a) < 0 || skip_cfws(a) < 0)
			return -1;
		if (*a->p != '.')
			return 0;
		buf_addc(&a->local, '.');
		a->p++;
	}
}

static int
parse_literal(struct parse *a)
{
	size_t n = strcspn(a->p, "]");

	if (a->p[n] == '\0')
		return refuse(a->err, "bad address literal");
	buf_add(&a->domain, a->p, n + 1);
	a->p += n + 1;
	return skip_cfws(a);
}

/* Only gathered here: what a domain may be, address_domain_parse() knows. */
static int
parse_domain(struct parse *a)
{
	size_t n;

	buf_clear(&a->domain);
	if (skip_cfws(a) < 0)
		return -1;
	if (*a->p == '[')
		return parse_literal(a);
	for (;;) {
		n = atom_len(a->p);
		buf_add(&a->domain, a->p, n);
		a->p += n;
		if (skip_cfws(a) < 0)
			return -1;
		if (*a->p != '.')
			return 0;
		buf_addc(&a->domain, '.');
		a->p++;
		if (skip_cfws(a) < 0)
			return -1;
	}
}

/* Source routes are dead (RFC 5321 appendix C): read over it. */
static int
parse_route(struct parse *a)
{
	while (*a->p == '@') {
		a->p++;
		if (parse_domain(a) < 0)
			return -1;
		if (*a->p == ':') {
			a->p++;
			return 0;
		}
		if (*a->p == '\0' || *a->p == '>')
			return refuse(a->err, "nothing before the '@'");
		if (*a->p != ',')
			break;
		a->p++;
		if (skip_cfws(a) < 0)
			return -1;
	}
	return unexpected(a);
}

static int
parse_mailbox(struct parse *a)
{
	if (skip_cfws(a) < 0)
		return -1;
	if (*a->p == '\0' || *a->p == '>')
		return refuse(a->err, "empty address");
	if (*a->p == '@' && parse_route(a) < 0)
		return -1;
	if (parse_local(a) < 0)
		return -1;
	if (*a->p != '@')
		return 0;
	a->has_domain = true;
	a->p++;
	return parse_domain(a);
}

static int
parse_text(struct parse *a)
{
	bool angle;

	if (skip_cfws(a) < 0)
		return -1;
	angle = *a->p == '<';
	if (angle)
		a->p++;
	if (parse_mailbox(a) < 0)
		return -1;
	if (angle && *a->p == '\0')
		return refuse(a->err, "missing '>'");
	if (angle && *a->p == '>') {
		a->p++;
		if (skip_cfws(a) < 0)
			return -1;
	}
	return *a->p == '\0' ? 0 : unexpected(a);
}

/* Any control character but the tab, which parse_text() takes for a blank. */
static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return true;
	}
	return false;
}

int
address_parse(const char *text, const char *default_domain, struct buf *out,
    struct err *err)
{
	struct parse a = { .p = text, .err = err };
	int rc = -1;

	if (has_control(text))
		return refuse(err, "control character");
	if (parse_text(&a) < 0)
		goto out;
	if (!a.has_domain && default_domain == NULL) {
		refuse(err, "no domain");
		goto out;
	}
	rc = address_join(buf_str(&a.local), a.local.len,
	    a.has_domain ? buf_str(&a.domain) : default_domain, out, err);
out:
	buf_release(&a.local);
	buf_release(&a.domain);
	return rc;
}

/*
 * Questions about a canonical address.
 */

const char *
address_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : address;
}

bool
address_is_literal(const char *address)
{
	return address_domain(address)[0] == '[';
}

bool
address_needs_utf8(const char *address)
{
	return str_has_8bit(address);
}
