#include "config.h"

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

/*
 * A comma belongs before everything but the first member: every value ends
 * in a digit, a letter, a quote or a closing bracket, and nothing else does.
 */
static bool
is_first(const struct buf *out)
{
	return out->len == 0 || strchr("{[:\n", out->data[out->len - 1]) != NULL;
}

/* U+0080 to U+009F: JSON does not mind, but the terminal of somebody who looks
 * at it takes them as ESC with a letter behind it. */
static bool
is_c1_control(const char *s, size_t len)
{
	return len == 2 && (unsigned char)s[0] == 0xc2 &&
	    (unsigned char)s[1] < 0xa0;
}

/* Text goes out in runs of harmless bytes; returns the length of one. */
static size_t
run_len(const char *s, size_t n)
{
	size_t i = 0, len;

	while (i < n && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f) {
		len = utf8_len(s + i, n - i);
		if (len == 0 || (unsigned char)s[i] < 0x20 ||
		    is_c1_control(s + i, len))
			break;
		i += len;
	}
	return i;
}

/* What no run has; returns its length, of at most n bytes. */
static size_t
add_special(struct buf *out, const char *s, size_t n)
{
	char c = *s;

	if (c == '"' || c == '\\') {
		buf_addc(out, '\\');
		buf_addc(out, c);
	} else if (c == '\n') {
		buf_adds(out, "\\n");
	} else if (c == '\t') {
		buf_adds(out, "\\t");
	} else if ((unsigned char)c < 0x80) {
		buf_printf(out, "\\u%04x", (unsigned)c);
	} else if (is_c1_control(s, utf8_len(s, n))) {
		buf_printf(out, "\\u%04x", (unsigned)(unsigned char)s[1]);
		return 2;
	} else {
		buf_adds(out, "\xef\xbf\xbd");	/* U+FFFD */
	}
	return 1;
}

static void
add_quoted(struct buf *out, const char *s)
{
	size_t left = strlen(s), n;

	buf_addc(out, '"');
	while (left > 0) {
		n = run_len(s, left);
		buf_add(out, s, n);
		s += n;
		left -= n;
		if (left > 0) {
			n = add_special(out, s, left);
			s += n;
			left -= n;
		}
	}
	buf_addc(out, '"');
}

static void
add_name(struct buf *out, const char *name)
{
	if (!is_first(out))
		buf_addc(out, ',');
	if (name != NULL) {
		add_quoted(out, name);
		buf_addc(out, ':');
	}
}

void
json_open(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_addc(out, '{');
}

void
json_close(struct buf *out)
{
	buf_addc(out, '}');
}

void
json_open_array(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_addc(out, '[');
}

void
json_close_array(struct buf *out)
{
	buf_addc(out, ']');
}

void
json_string(struct buf *out, const char *name, const char *value)
{
	if (value == NULL) {
		json_null(out, name);
		return;
	}
	add_name(out, name);
	add_quoted(out, value);
}

void
json_number(struct buf *out, const char *name, int64_t value)
{
	add_name(out, name);
	buf_printf(out, "%" PRId64, value);
}

void
json_bool(struct buf *out, const char *name, bool value)
{
	add_name(out, name);
	buf_adds(out, value ? "true" : "false");
}

void
json_milli(struct buf *out, const char *name, int64_t value)
{
	/* Not -value: the least int64_t has no positive twin. */
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

	add_name(out, name);
	buf_printf(out, "%s%" PRIu64 ".%03" PRIu64, value < 0 ? "-" : "",
	    size / 1000, size % 1000);
}

void
json_null(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_adds(out, "null");
}
