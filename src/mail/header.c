#include "config.h"

#include "mail/header.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#define LINE_MAX_OCTETS 998	/* RFC 5322 2.1.1, CRLF not counted */
#define LINE_NICE 78		/* the same: what it SHOULD not pass */
#define LINE_ENCODED 76		/* RFC 2047 2: lines with encoded-words */
#define WORD_ROOM 40		/* columns an encoded-word is begun in */
#define NAME_COLUMNS 13		/* "Resent-From: " */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/*
 * Walking.
 */

/* Length of the line at s with its LF; n when there is no LF. */
static size_t
line_len(const char *s, size_t n)
{
	const char *lf = memchr(s, '\n', n);

	return lf != NULL ? (size_t)(lf - s) + 1 : n;
}

/* Length without the CRLF (or LF) at the end. */
static size_t
without_end(const char *s, size_t n)
{
	if (n > 0 && s[n - 1] == '\n')
		n--;
	if (n > 0 && s[n - 1] == '\r')
		n--;
	return n;
}

/*
 * Length of the field name, and where its colon is. Blanks before the colon
 * are of the obsolete syntax (RFC 5322 4.5) and still about.
 */
static size_t
name_len(const char *s, size_t n, size_t *colon)
{
	size_t i = 0, len;

	while (i < n && s[i] > ' ' && s[i] < 0x7f && s[i] != ':')
		i++;
	len = i;
	while (i < n && is_blank(s[i]))
		i++;
	*colon = i;
	return i < n && s[i] == ':' ? len : 0;
}

bool
header_next(const struct buf *block, size_t *at, struct header_field *field)
{
	size_t left = block->len - *at, len, colon, skip;
	const char *s;

	if (left == 0)
		return false;
	s = block->data + *at;
	len = line_len(s, left);
	while (len < left && is_blank(s[len]))
		len += line_len(s + len, left - len);
	*at += len;
	field->text = s;
	field->len = len;
	field->name_len = name_len(s, len, &colon);
	skip = field->name_len > 0 ? colon + 1 : 0;
	field->body = s + skip;
	field->body_len = without_end(s + skip, len - skip);
	return true;
}

bool
header_is(const struct header_field *field, const char *name)
{
	return field->name_len > 0 && field->name_len == strlen(name) &&
	    str_ieqn(field->text, name, field->name_len);
}

bool
header_find(const struct buf *block, const char *name,
    struct header_field *field)
{
	size_t at = 0;

	while (header_next(block, &at, field)) {
		if (header_is(field, name))
			return true;
	}
	return false;
}

void
header_unfold(const struct header_field *field, struct buf *out)
{
	const char *s = field->body;
	size_t i = 0, n = field->body_len;

	while (n > 0 && (is_blank(s[n - 1]) || s[n - 1] == '\r' ||
	    s[n - 1] == '\n'))
		n--;
	while (i < n && (is_blank(s[i]) || s[i] == '\r' || s[i] == '\n'))
		i++;
	for (; i < n; i++) {
		if (s[i] != '\r' && s[i] != '\n')
			buf_addc(out, s[i] != '\0' ? s[i] : ' ');
	}
}

/*
 * Encoded-words, RFC 2047:
 *
 *	"=?" charset "?" ("Q" / "B") "?" encoded-text "?="
 *
 * of at most 75 octets each, on lines of at most 76. One never ends inside a
 * character. A blank or a fold between two of them is not shown.
 */
struct coding {
	const char	*charset;
	bool		 utf8;
	char		 how;		/* 'Q' or 'B' */
};

/* Octets of one byte in "Q"; the set is that for phrases, the smallest. */
static size_t
q_len(char c)
{
	return is_alnum(c) || c == ' ' || (c != '\0' && strchr("!*+-/", c)) ?
	    1 : 3;
}

static void
q_write(struct buf *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == ' ')
			buf_addc(out, '_');
		else if (q_len(s[i]) == 1)
			buf_addc(out, s[i]);
		else {
			buf_addc(out, '=');
			buf_addc(out, hex[(unsigned char)s[i] >> 4]);
			buf_addc(out, hex[(unsigned char)s[i] & 0x0f]);
		}
	}
}

/* Base64, RFC 2045 6.8. */
static void
b_write(struct buf *out, const char *s, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *u = (const unsigned char *)s;
	unsigned bits;
	size_t i;

	for (i = 0; i < n; i += 3) {
		bits = (unsigned)u[i] << 16;
		if (i + 1 < n)
			bits |= (unsigned)u[i + 1] << 8;
		if (i + 2 < n)
			bits |= u[i + 2];
		buf_addc(out, digits[bits >> 18]);
		buf_addc(out, digits[bits >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[bits >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[bits & 63] : '=');
	}
}

static bool
is_utf8(const char *s, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = utf8_len(s + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

/* Which coding makes n bytes shortest. */
static struct coding
coding_choose(const char *s, size_t n, bool utf8)
{
	struct coding c = { utf8 ? "UTF-8" : "ISO-8859-1", utf8, 'B' };
	size_t i, q = 0;

	for (i = 0; i < n; i++)
		q += q_len(s[i]);
	if (q <= (n + 2) / 3 * 4)
		c.how = 'Q';
	return c;
}

/* How many bytes, in whole characters, fit into room octets when encoded. */
static size_t
coding_fit(const struct coding *c, const char *s, size_t n, size_t room)
{
	size_t bytes = 0, q = 0, len, i;

	while (bytes < n) {
		len = c->utf8 ? utf8_len(s + bytes, n - bytes) : 1;
		for (i = 0; i < len; i++)
			q += q_len(s[bytes + i]);
		if (c->how == 'Q' ? q > room :
				    (bytes + len + 2) / 3 * 4 > room)
			break;
		bytes += len;
	}
	return bytes;
}

/*
 * Append n bytes as encoded-words, each on a line of its own but the first,
 * which begins at column col if there is room. Returns the column behind.
 */
static size_t
encode(struct buf *out, const struct coding *c, const char *s, size_t n,
    size_t col)
{
	size_t frame = strlen("=?") + strlen(c->charset) + strlen("?Q?") +
	    strlen("?=");
	size_t done = 0, take, before;

	while (done < n) {
		if (done > 0 || col + WORD_ROOM > LINE_ENCODED) {
			buf_adds(out, "\r\n ");
			col = 1;
		}
		/* From column 1 on a line has the 75 octets of a word. */
		take = coding_fit(c, s + done, n - done,
		    LINE_ENCODED - frame - (col > 0 ? col : 1));
		before = out->len;
		buf_printf(out, "=?%s?%c?", c->charset, c->how);
		if (c->how == 'Q')
			q_write(out, s + done, take);
		else
			b_write(out, s + done, take);
		buf_adds(out, "?=");
		col += out->len - before;
		done += take;
	}
	return col;
}

/*
 * Writing.
 */

/* text without blanks at its ends, every control byte a blank. */
static void
plain_text(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (is_control(text[n - 1]) || text[n - 1] == ' '))
		n--;
	while (n > 0 && (is_control(*text) || *text == ' ')) {
		text++;
		n--;
	}
	for (; n > 0; text++, n--)
		buf_addc(out, is_control(*text) ? ' ' : *text);
}

/* May s stand in a phrase as it is: atoms and blanks, not nothing? */
static bool
is_atoms(const char *s)
{
	const char *p;

	for (p = s; *p != '\0'; p++) {
		if (!is_alnum(*p) && strchr(" !#$%&'*+-/=?^_`{|}~", *p) == NULL)
			return false;
	}
	return *s != '\0';
}

void
header_phrase(struct buf *out, const char *name)
{
	struct buf text = { 0 };
	struct coding c;
	const char *s;

	plain_text(&text, name);
	s = buf_str(&text);
	if (str_has_8bit(s)) {
		c = coding_choose(s, text.len, is_utf8(s, text.len));
		encode(out, &c, s, text.len, NAME_COLUMNS);
	} else if (is_atoms(s)) {
		buf_adds(out, s);
	} else {
		buf_addc(out, '"');
		for (; *s != '\0'; s++) {
			if (*s == '"' || *s == '\\')
				buf_addc(out, '\\');
			buf_addc(out, *s);
		}
		buf_addc(out, '"');
	}
	buf_release(&text);
}

static bool
has_8bit(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] > 0x7f)
			return true;
	}
	return false;
}

/*
 * Length of the piece at s, which begins with a word: that word, and when it
 * has to be encoded all that follow it and have to be, so that the blanks
 * between them, which a reader drops between encoded-words, go inside.
 */
static size_t
piece_len(const char *s, bool *coded)
{
	size_t word = strcspn(s, " "), len = word, next;

	*coded = has_8bit(s, word);
	while (*coded) {
		next = len + strspn(s + len, " ");
		word = strcspn(s + next, " ");
		if (!has_8bit(s + next, word))
			break;
		len = next + word;
	}
	return len;
}

/*
 * Append n blanks, folded in front of the last one where the piece behind
 * them does not fit: so no blank is lost and no line is blank altogether.
 * Returns the column behind them.
 */
static size_t
add_blanks(struct buf *out, size_t n, size_t col, size_t piece, bool coded)
{
	size_t need = coded ? WORD_ROOM : piece;
	size_t limit = coded ? LINE_ENCODED : LINE_NICE;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i == n - 1 && col + 1 + need > limit) {
			buf_adds(out, "\r\n");
			col = 0;
		}
		buf_addc(out, ' ');
		col++;
	}
	return col;
}

void
header_unstructured(struct buf *out, const char *text, size_t used)
{
	struct buf clean = { 0 };
	size_t blanks, n;
	struct coding c;
	const char *s;
	bool coded, utf8;

	plain_text(&clean, text);
	s = buf_str(&clean);
	utf8 = is_utf8(s, clean.len);
	while (*s != '\0') {
		blanks = strspn(s, " ");
		s += blanks;
		n = piece_len(s, &coded);
		used = add_blanks(out, blanks, used, n, coded);
		if (coded) {
			c = coding_choose(s, n, utf8);
			used = encode(out, &c, s, n, used);
		} else {
			buf_add(out, s, n);
			used += n;
		}
		s += n;
	}
	buf_release(&clean);
}

/*
 * Where to break a line of more than room octets: at the last blank that
 * fits and leaves no line of blanks, else where it must be, but not inside a
 * UTF-8 sequence.
 */
static size_t
break_at(const char *s, size_t room)
{
	size_t i;

	for (i = room; i > 0; i--) {
		if (is_blank(s[i]) && !is_blank(s[i - 1]))
			return i;
	}
	i = room - 1;
	while (i > room - 4 && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	return i;
}

/* Append a line that is too long, without its end, in several lines. */
static void
copy_long(struct buf *out, const char *s, size_t n)
{
	size_t at, lead = 0;

	/* Blanks that would make up lines of their own carry nothing. */
	while (n > 1 && is_blank(s[n - 1]))
		n--;
	for (;;) {
		for (; n > 1 && is_blank(s[0]) && is_blank(s[1]); s++)
			n--;
		if (n + lead <= LINE_MAX_OCTETS)
			break;
		at = break_at(s, LINE_MAX_OCTETS - lead);
		buf_add(out, s, at);
		buf_adds(out, "\r\n");
		s += at;
		n -= at;
		lead = is_blank(*s) ? 0 : 1;
		if (lead > 0)
			buf_addc(out, ' ');
	}
	buf_add(out, s, n);
}

void
header_copy(struct buf *out, const char *field, size_t n)
{
	size_t len, text;

	for (; n > 0; field += len, n -= len) {
		len = line_len(field, n);
		text = without_end(field, len);
		if (text <= LINE_MAX_OCTETS)
			buf_add(out, field, text);
		else
			copy_long(out, field, text);
		buf_add(out, field + text, len - text);
	}
}
