#include "config.h"

#include "base/jsonread.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Digits of a number that are looked at; one with more is none of ours. */
#define DIGITS_MAX 64

struct reader {
	const char *p, *end;
	unsigned depth;
};

/* What is looked for: one of the two. */
struct wanted {
	const char *name;
	struct buf *string;
	int64_t	 number;
	int	 found;
};

static int	read_value(struct reader *, struct buf *string,
		    int64_t *number);

static void
skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' ||
	    *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Take c, with blanks in front of it. */
static bool
take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Four digits. Returns -1 when they are none. */
static int
read_unit(struct reader *r)
{
	int unit = 0, digit;

	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if ((digit = hex(*r->p++)) < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* What is passed over is kept nowhere: it may be a secret. */
static void
keep(struct buf *out, const char *text, size_t n)
{
	if (out != NULL)
		buf_add(out, text, n);
}

/* A character in UTF-8: bits of the lead octet, then six in each other. */
static void
keep_char(struct buf *out, unsigned c)
{
	static const unsigned char leads[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	char text[4];

	text[0] = (char)(leads[more] | c >> 6 * more);
	for (unsigned i = 1; i <= more; i++)
		text[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
	keep(out, text, more + 1);
}

/* Behind "\u": one unit of UTF-16, or two that make a pair. */
static int
read_unicode(struct reader *r, struct buf *out)
{
	int unit = read_unit(r), low;

	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return -1;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return -1;
		r->p += 2;
		low = read_unit(r);
		if (low < 0xdc00 || low > 0xdfff)
			return -1;
		unit = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
	}
	keep_char(out, (unsigned)unit);
	return 0;
}

/* Behind the backslash. */
static int
read_escape(struct reader *r, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p == r->end || *r->p == '\0')
		return -1;
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r, out);
	}
	if ((at = strchr(names, *r->p)) == NULL)
		return -1;
	keep(out, &chars[at - names], 1);
	r->p++;
	return 0;
}

/* Behind the first quote, up to the other. out is cleared; NULL: it is passed
 * over. */
static int
read_string(struct reader *r, struct buf *out)
{
	size_t n;

	if (out != NULL)
		buf_clear(out);
	while (r->p < r->end && *r->p != '"') {
		if ((unsigned char)*r->p < 0x20)
			return -1;
		if (*r->p == '\\') {
			r->p++;
			if (read_escape(r, out) < 0)
				return -1;
			continue;
		}
		n = utf8_len(r->p, (size_t)(r->end - r->p));
		if (n == 0)
			return -1;
		keep(out, r->p, n);
		r->p += n;
	}
	return take(r, '"') ? 0 : -1;
}

/* One digit or more. */
static bool
skip_digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

/* As strtod(3) reads it, which is given a copy with an end. */
static int
convert(const char *from, size_t n, int64_t *number)
{
	char text[DIGITS_MAX];
	double d;

	if (n >= sizeof(text))
		return 0;
	memcpy(text, from, n);
	text[n] = '\0';
	d = strtod(text, NULL);
	if (d > (double)JSONREAD_NUMBER_MAX)
		*number = JSONREAD_NUMBER_MAX;
	else if (d < -(double)JSONREAD_NUMBER_MAX)
		*number = -JSONREAD_NUMBER_MAX;
	else
		*number = (int64_t)d;
	return 1;
}

static int
read_number(struct reader *r, int64_t *number)
{
	const char *from = r->p;

	r->p += *r->p == '-';
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!skip_digits(r))
		return -1;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!skip_digits(r))
			return -1;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!skip_digits(r))
			return -1;
	}
	if (number == NULL)
		return 0;
	return convert(from, (size_t)(r->p - from), number);
}

static int
read_word(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t left = (size_t)(r->end - r->p), n;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		n = strlen(words[i]);
		if (left >= n && memcmp(r->p, words[i], n) == 0) {
			r->p += n;
			return 0;
		}
	}
	return -1;
}

/* Behind the bracket. */
static int
skip_array(struct reader *r)
{
	if (take(r, ']'))
		return 0;
	do {
		if (read_value(r, NULL, NULL) < 0)
			return -1;
	} while (take(r, ','));
	return take(r, ']') ? 0 : -1;
}

/* One member. found is set to what its value is, if it is the one. */
static int
read_member(struct reader *r, struct wanted *w)
{
	struct buf name = { 0 };
	bool is_it;
	int rc = -1;

	if (!take(r, '"') || read_string(r, &name) < 0 || !take(r, ':'))
		goto out;
	is_it = w != NULL && name.len == strlen(w->name) &&
	    memcmp(buf_str(&name), w->name, name.len) == 0;
	if (is_it && w->string != NULL)
		rc = w->found = read_value(r, w->string, NULL);
	else if (is_it)
		rc = w->found = read_value(r, NULL, &w->number);
	else
		rc = read_value(r, NULL, NULL);
out:
	buf_release(&name);
	return rc;
}

/* Behind the brace. w is NULL for an object that is passed over. */
static int
read_object(struct reader *r, struct wanted *w)
{
	if (take(r, '}'))
		return 0;
	do {
		if (read_member(r, w) < 0)
			return -1;
	} while (take(r, ','));
	return take(r, '}') ? 0 : -1;
}

static int
skip_nested(struct reader *r)
{
	int rc;

	if (r->depth >= JSONREAD_DEPTH)
		return -1;
	r->depth++;
	rc = *r->p++ == '{' ? read_object(r, NULL) : skip_array(r);
	r->depth--;
	return rc;
}

/* Any value. Returns 1 when it is of the kind that is asked for, and kept. */
static int
read_value(struct reader *r, struct buf *string, int64_t *number)
{
	skip_space(r);
	if (r->p == r->end)
		return -1;
	switch (*r->p) {
	case '"':
		r->p++;
		if (read_string(r, string) < 0)
			return -1;
		return string != NULL;
	case '{':
	case '[':
		return skip_nested(r);
	case 't':
	case 'f':
	case 'n':
		return read_word(r);
	}
	return read_number(r, number);
}

/* Returns -1, or w->found. */
static int
find(const char *text, size_t n, struct wanted *w)
{
	struct reader r = { .p = text, .end = text + n };

	if (n == 0 || !take(&r, '{') || read_object(&r, w) < 0)
		return -1;
	skip_space(&r);
	return r.p == r.end ? w->found : -1;
}

int
jsonread_string(const char *text, size_t n, const char *name,
    struct buf *value)
{
	struct wanted w = { .name = name, .string = value };
	int rc;

	buf_clear(value);
	buf_reserve(value, n + 1);
	rc = find(text, n, &w);
	if (rc <= 0)
		buf_clear(value);
	return rc;
}

int
jsonread_number(const char *text, size_t n, const char *name, int64_t *value)
{
	struct wanted w = { .name = name };
	int rc = find(text, n, &w);

	if (rc > 0)
		*value = w.number;
	return rc;
}
