#include "config.h"

#include "smtp/dotstuff.h"

#include <stdbool.h>
#include <string.h>

enum { SEEN_NOTHING, SEEN_CR, SEEN_CRLF };

/* What a piece ends in, for the one that follows it. */
static unsigned char
ending(unsigned char before, const char *s, size_t n)
{
	char ahead = n > 1 ? s[n - 2] : before == SEEN_CR ? '\r' : '\0';

	if (s[n - 1] == '\r')
		return SEEN_CR;
	return s[n - 1] == '\n' && ahead == '\r' ? SEEN_CRLF : SEEN_NOTHING;
}

void
dotstuff(struct dotstuff *d, const char *s, size_t n, struct buf *out)
{
	const char *end;
	size_t len;

	while (n > 0) {
		if (*s == '.' && (!d->started || d->seen == SEEN_CRLF))
			buf_addc(out, '.');
		end = memchr(s, '\n', n);
		len = end == NULL ? n : (size_t)(end - s) + 1;
		buf_add(out, s, len);
		d->seen = ending(d->seen, s, len);
		d->started = 1;
		s += len;
		n -= len;
	}
}
