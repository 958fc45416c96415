#include "config.h"

#include "mail/addrlist.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mail/address.h"

/* How much of a bad address is repeated. */
#define WRITTEN_MAX 200

/*
 * An unclosed quote or comment is found out only at the end of the text; it
 * is then taken for an ordinary byte, and the text behind it is read again.
 * That often and no more, or "((((" would cost the square of its length.
 */
#define UNCLOSED_MAX 8

struct scan {
	const char	*p;		/* unfolded text, NUL-terminated */
	unsigned	 unclosed;
};

/* What stands between two separators, found out in one walk. */
struct element {
	const char	*start;
	const char	*end;		/* the separator, or the NUL */
	const char	*open;		/* first '<', or NULL */
	const char	*close;		/* its '>', or NULL */
	bool		 used;		/* more than blanks and comments */
	bool		 route;		/* inside a source route */
	bool		 no_group;	/* no group has such a name */
	bool		 trailing;	/* something behind the '>' */
	char		 before;	/* last byte that counted */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Past the quoted-string at p; NULL when it does not end. */
static const char *
quoted_end(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (*p == '\0')
			return NULL;
	}
	return p + 1;
}

/* Past the comment at p, those within it included; NULL: it does not end. */
static const char *
comment_end(const char *p)
{
	size_t depth = 0;

	do {
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '\\' && p[1] != '\0')
			p++;
		if (*p++ == '\0')
			return NULL;
	} while (depth > 0);
	return p;
}

/* Past a quoted-string, a comment, or the one byte that p points to. */
static const char *
token_end(struct scan *s, const char *p)
{
	const char *end = NULL;

	if ((*p != '"' && *p != '(') || s->unclosed > UNCLOSED_MAX)
		return p + 1;
	end = *p == '"' ? quoted_end(p) : comment_end(p);
	if (end != NULL)
		return end;
	s->unclosed++;
	return p + 1;
}

/*
 * A comma inside "@a,@b:c@d" separates nothing. Only one with a further '@'
 * behind it is believed, so that a route without end costs only itself.
 */
static bool
route_goes_on(const struct element *el, const char *p)
{
	for (p++; el->route && is_blank(*p); p++)
		;
	return el->route && *p == '@';
}

/*
 * Does the element end at p? A ':' ends the name of a group, but "a@b: c@d" is
 * a slip: a@b must not vanish, nor c@d be taken for what was meant.
 */
static bool
element_ends(const struct element *el, const char *p)
{
	switch (*p) {
	case '\0':
	case ';':
		return true;
	case ',':
		return !route_goes_on(el, p);
	case ':':
		return el->used && el->open == NULL && !el->no_group;
	}
	return false;
}

static void
element_note(struct element *el, const char *p)
{
	if (el->close != NULL)
		el->trailing = true;
	else if (*p == '<' && el->open == NULL)
		el->open = p;
	else if (*p == '>' && el->open != NULL)
		el->close = p;
	if (*p == '@' && (!el->used || el->before == '<'))
		el->route = true;
	else if (*p == ':')
		el->route = false;
	if (*p == '@' || *p == ':' || *p == '\n')
		el->no_group = true;
	el->used = true;
	el->before = *p;
}

/* Find the next element and step over the separator behind it. */
static void
element_next(struct scan *s, struct element *el)
{
	const char *p, *next;

	*el = (struct element){ .start = s->p };
	for (p = s->p; !element_ends(el, p); p = next) {
		next = token_end(s, p);
		if (!is_blank(*p) && (*p != '(' || next == p + 1))
			element_note(el, p);
	}
	el->end = p;
	s->p = *p != '\0' ? p + 1 : p;
}

static void
add_bad(struct strlist *bad, const struct element *el, const char *reason)
{
	const char *start = el->start, *end = el->end;
	struct buf line = { 0 };
	size_t n;

	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	n = (size_t)(end - start);
	buf_add(&line, start, n <= WRITTEN_MAX ? n : WRITTEN_MAX);
	buf_printf(&line, "%s: %s", n <= WRITTEN_MAX ? "" : "...", reason);
	strlist_take(bad, str_sanitise(buf_detach(&line)));
}

/*
 * Whatever a display name is made of is let through, "a@b <a@b>", "J. R.
 * <a@b>" and raw ISO-2022-JP included: it is not used, and the '<' tells what
 * is meant. Only a line end says that somebody means something else.
 */
static void
element_take(const struct element *el, const char *default_domain,
    struct strlist *good, struct strlist *bad)
{
	const char *from = el->open != NULL ? el->open + 1 : el->start;
	const char *to = el->close != NULL ? el->close : el->end;
	struct buf text = { 0 }, address = { 0 };
	struct err err = { 0 };

	if (memchr(el->start, '\n', (size_t)(el->end - el->start)) != NULL) {
		add_bad(bad, el, "line end or NUL inside");
		return;
	}
	if (el->trailing) {
		add_bad(bad, el, "text after '>'");
		return;
	}
	if (el->open != NULL && el->close == NULL) {
		add_bad(bad, el, "missing '>'");
		return;
	}
	buf_add(&text, from, (size_t)(to - from));
	if (address_parse(buf_str(&text), default_domain, &address, &err) == 0)
		strlist_take(good, buf_detach(&address));
	else
		add_bad(bad, el, err.text);
	buf_release(&text);
	buf_release(&address);
}

/*
 * Unfold (RFC 5322 2.2.3): a line end with a blank behind it vanishes. What
 * is left of CR, LF and NUL spoils the element it is in, as '\n'.
 */
static void
unfold(const char *text, size_t n, struct buf *out)
{
	size_t i, end;

	for (i = 0; i < n; i++) {
		end = i;
		if (text[end] == '\r' && end + 1 < n)
			end++;
		if (text[end] == '\n' && end + 1 < n &&
		    is_blank(text[end + 1]))
			i = end + 1;
		if (text[i] == '\r' || text[i] == '\0')
			buf_addc(out, '\n');
		else
			buf_addc(out, text[i]);
	}
}

void
addrlist_parse(const char *text, size_t n, const char *default_domain,
    struct strlist *good, struct strlist *bad)
{
	struct buf line = { 0 };
	struct scan s = { 0 };
	struct element el;

	unfold(text, n, &line);
	s.p = buf_str(&line);
	while (*s.p != '\0') {
		element_next(&s, &el);
		if (*el.end != ':' && el.used)
			element_take(&el, default_domain, good, bad);
	}
	buf_release(&line);
}
