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
	const char	*first;		/* of the address, comments and blanks */
	const char	*last;		/* around it left out; past its end */
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

/* Take note of a token that counts, and that ends at next. */
static void
element_note(struct element *el, const char *p, const char *next)
{
	if (el->close != NULL)
		el->trailing = true;
	else if (*p == '<' && el->open == NULL) {
		el->open = p;
		el->first = NULL;
	} else if (*p == '>' && el->open != NULL)
		el->close = p;
	else {
		if (el->first == NULL)
			el->first = p;
		el->last = next;
	}
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
			element_note(el, p, next);
	}
	el->end = p;
	s->p = *p != '\0' ? p + 1 : p;
}

/* Append an element as written, cut where it is long, and why it is bad. */
static void
describe(const struct element *el, const char *reason, struct buf *out)
{
	const char *start = el->start, *end = el->end;
	size_t n;

	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	n = (size_t)(end - start);
	buf_add(out, start, n <= WRITTEN_MAX ? n : WRITTEN_MAX);
	buf_printf(out, "%s: %s", n <= WRITTEN_MAX ? "" : "...", reason);
	buf_str(out);
	str_sanitise(out->data);
}

/*
 * Append the address of an element, or return -1 and say what is wrong.
 *
 * Whatever a display name is made of is let through, "a@b <a@b>", "J. R.
 * <a@b>" and raw ISO-2022-JP included: it is not used, and the '<' tells what
 * is meant. Only a line end says that somebody means something else.
 */
static int
element_address(const struct element *el, const char *default_domain,
    struct buf *out, struct err *err)
{
	const char *from = el->open != NULL ? el->open + 1 : el->start;
	const char *to = el->close != NULL ? el->close : el->end;
	struct buf text = { 0 };
	int rc;

	if (memchr(el->start, '\n', (size_t)(el->end - el->start)) != NULL)
		return err_set(err, ERR_DATA, "5.1.3",
		    "line end or NUL inside");
	if (el->trailing)
		return err_set(err, ERR_DATA, "5.1.3", "text after '>'");
	if (el->open != NULL && el->close == NULL)
		return err_set(err, ERR_DATA, "5.1.3", "missing '>'");
	buf_add(&text, from, (size_t)(to - from));
	rc = address_parse(buf_str(&text), default_domain, out, err);
	buf_release(&text);
	return rc;
}

/*
 * Unfold (RFC 5322 2.2.3): a line end with a blank behind it vanishes. What
 * is left of CR, LF and NUL spoils the element it is in, as '\n'.
 */
struct fold {
	const char	*text;		/* as handed over */
	size_t		 n;
	size_t		 i;		/* next octet of it */
	size_t		 at;		/* and of the text unfolded */
};

/* The next octet unfolded; fold->i is past it then. */
static char
fold_next(struct fold *f)
{
	size_t end = f->i;
	char c;

	if (f->text[end] == '\r' && end + 1 < f->n)
		end++;
	if (f->text[end] == '\n' && end + 1 < f->n &&
	    is_blank(f->text[end + 1]))
		f->i = end + 1;
	c = f->text[f->i++];
	f->at++;
	return c == '\r' || c == '\0' ? '\n' : c;
}

/* Where octet number at of the unfolded text is in the other one. Only asked
 * for in ascending order, so that the whole is read once. */
static size_t
fold_find(struct fold *f, size_t at)
{
	while (f->at <= at)
		fold_next(f);
	return f->i - 1;
}

/* One walk: what is read, and who is told. */
struct walk {
	struct buf line;		/* unfolded */
	struct fold places;
	const char *default_domain;
	void (*found)(void *, const struct addrlist_element *);
	void *arg;
	struct buf address, trouble;	/* of the element at hand */
};

static void
element_tell(struct walk *w, const struct element *el)
{
	struct addrlist_element e = { 0 };
	struct err err = { 0 };
	size_t end;

	buf_clear(&w->address);
	buf_clear(&w->trouble);
	if (element_address(el, w->default_domain, &w->address, &err) == 0) {
		e.address = buf_str(&w->address);
		e.at = fold_find(&w->places,
		    (size_t)(el->first - w->line.data));
		end = fold_find(&w->places,
		    (size_t)(el->last - w->line.data) - 1) + 1;
		e.len = end - e.at;
	} else {
		describe(el, err.text, &w->trouble);
		e.trouble = buf_str(&w->trouble);
	}
	w->found(w->arg, &e);
}

void
addrlist_walk(const char *text, size_t n, const char *default_domain,
    void (*found)(void *, const struct addrlist_element *), void *arg)
{
	struct walk w = { .places = { .text = text, .n = n },
		.default_domain = default_domain, .found = found, .arg = arg };
	struct fold fold = w.places;
	struct scan s = { 0 };
	struct element el;

	while (fold.i < n)
		buf_addc(&w.line, fold_next(&fold));
	s.p = buf_str(&w.line);
	while (*s.p != '\0') {
		element_next(&s, &el);
		if (*el.end != ':' && el.used)
			element_tell(&w, &el);
	}
	buf_release(&w.line);
	buf_release(&w.address);
	buf_release(&w.trouble);
}

/* The two lists of addrlist_parse(). */
struct lists {
	struct strlist	*good, *bad;
};

static void
add_to_lists(void *arg, const struct addrlist_element *e)
{
	const struct lists *lists = arg;

	if (e->address != NULL)
		strlist_add(lists->good, e->address);
	else
		strlist_add(lists->bad, e->trouble);
}

void
addrlist_parse(const char *text, size_t n, const char *default_domain,
    struct strlist *good, struct strlist *bad)
{
	struct lists lists = { good, bad };

	addrlist_walk(text, n, default_domain, add_to_lists, &lists);
}
