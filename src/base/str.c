#include "config.h"

#include "base/str.h"

#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

bool
str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);
	bool fits = len < size;

	if (size == 0)
		return false;
	if (!fits)
		len = size - 1;
	/* src may be dst itself, as when an error is described anew. */
	memmove(dst, src, len);
	dst[len] = '\0';
	return fits;
}

bool
str_ieq(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool
str_ieqn(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
		if (a[i] == '\0')
			break;
	}
	return true;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_istarts(const char *s, const char *prefix)
{
	return str_ieqn(s, prefix, strlen(prefix));
}

const char *
str_icasestr(const char *haystack, const char *needle)
{
	size_t n = strlen(needle);

	do {
		if (str_ieqn(haystack, needle, n))
			return haystack;
	} while (*haystack++ != '\0');
	return NULL;
}

char *
str_lower(char *s)
{
	char *p;

	for (p = s; *p != '\0'; p++)
		*p = lower(*p);
	return s;
}

char *
str_trim(char *s)
{
	size_t len;

	while (is_space(*s))
		s++;
	len = strlen(s);
	while (len > 0 && is_space(s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

bool
str_has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if (is_control(*s))
			return true;
	}
	return false;
}

bool
str_has_8bit(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s > 0x7f)
			return true;
	}
	return false;
}

/* U+0080 to U+009F: valid UTF-8, and to a terminal as good as ESC. */
static bool
is_c1_control(const char *s, size_t len)
{
	return len == 2 && (unsigned char)s[0] == 0xc2 &&
	    (unsigned char)s[1] < 0xa0;
}

char *
str_sanitise(char *s)
{
	size_t left = strlen(s), len, i;
	char *p = s;

	while (left > 0) {
		len = utf8_len(p, left);
		if (len == 0 || is_control(*p) || is_c1_control(p, len)) {
			len = len > 0 ? len : 1;
			for (i = 0; i < len; i++)
				p[i] = '?';
		}
		p += len;
		left -= len;
	}
	return s;
}

/* Read digits at *s and step over them; -1 when none or above max. */
static int
number_at(const char **s, uint64_t max, uint64_t *n)
{
	const char *p = *s;
	uint64_t sum = 0, digit;

	if (!is_digit(*p))
		return -1;
	for (; is_digit(*p); p++) {
		digit = (uint64_t)(*p - '0');
		if (sum > max / 10 || digit > max - sum * 10)
			return -1;
		sum = sum * 10 + digit;
	}
	*s = p;
	*n = sum;
	return 0;
}

int
str_number(const char *s, uint64_t max, uint64_t *n)
{
	uint64_t value;

	if (number_at(&s, max, &value) < 0 || *s != '\0')
		return -1;
	*n = value;
	return 0;
}

static unsigned
seconds_of(char unit)
{
	switch (lower(unit)) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 60 * 60;
	case 'd':
		return 24 * 60 * 60;
	case 'w':
		return 7 * 24 * 60 * 60;
	}
	return 0;
}

int
str_duration(const char *s, unsigned *seconds)
{
	uint64_t n, sum = 0;
	unsigned unit;

	if (str_number(s, UINT_MAX, &n) == 0) {
		*seconds = (unsigned)n;
		return 0;
	}
	do {
		if (number_at(&s, UINT_MAX, &n) < 0)
			return -1;
		unit = seconds_of(*s);
		if (unit == 0)
			return -1;
		s++;
		sum += n * unit;
		if (sum > UINT_MAX)
			return -1;
	} while (*s != '\0');
	*seconds = (unsigned)sum;
	return 0;
}

uint64_t
str_hash(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

static bool
needs_escape(char c)
{
	return is_control(c) || c == ' ' || c == '%';
}

void
str_escape(struct buf *out, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	if (*s == '\0')
		buf_addc(out, '%');
	for (; *s != '\0'; s++) {
		if (!needs_escape(*s)) {
			buf_addc(out, *s);
			continue;
		}
		buf_addc(out, '%');
		buf_addc(out, hex[(unsigned char)*s >> 4]);
		buf_addc(out, hex[(unsigned char)*s & 0x0f]);
	}
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Bytes that str_escape never writes are refused, and so is %00: they are
 * the work of a damaged disk or of somebody with plans.
 */
int
str_unescape(struct buf *out, const char *s, size_t n)
{
	size_t i, start = out->len;
	int high, low;

	if (n == 1 && s[0] == '%')
		return 0;
	if (n == 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (s[i] != '%' && !needs_escape(s[i])) {
			buf_addc(out, s[i]);
			continue;
		}
		if (s[i] != '%' || n - i < 3)
			goto bad;
		high = hex_value(s[i + 1]);
		low = hex_value(s[i + 2]);
		if (high < 0 || low < 0 || high + low == 0)
			goto bad;
		buf_addc(out, (char)(high << 4 | low));
		i += 2;
	}
	return 0;
bad:
	out->len = start;
	return -1;
}
