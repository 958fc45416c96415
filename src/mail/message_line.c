#include "config.h"

#include "mail/message_line.h"

#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t
line_gather(struct message *m, const char *s, size_t n, size_t limit)
{
	const char *cr;

	if (*s == '\r') {
		m->pending_cr = true;
		return 1;
	}
	if (m->pending_cr) {
		m->pending_cr = false;
		buf_addc(&m->line, ' ');
		return 0;
	}
	if (n > limit - m->line.len)
		n = limit - m->line.len;
	cr = memchr(s, '\r', n);
	if (cr != NULL)
		n = (size_t)(cr - s);
	buf_add(&m->line, s, n);
	return n;
}

void
line_reset(struct message *m)
{
	buf_clear(&m->line);
	m->line_kind = LINE_UNKNOWN;
}

bool
line_is_end(const struct message *m)
{
	return m->dot_ends && m->line_kind == LINE_UNKNOWN &&
	       m->line.len == 1 && m->line.data[0] == '.';
}

void
line_undo_dot(struct message *m)
{
	if (m->dot_ends && m->line.len >= 2 &&
	    memcmp(m->line.data, "..", 2) == 0)
		buf_consume(&m->line, 1);
}

void
line_undo_mbox(struct message *m)
{
	if (m->mbox_quoted && m->line.len > 0 && m->line.data[0] == '>' &&
	    line_is_from(m->line.data, m->line.len))
		buf_consume(&m->line, 1);
}

bool
line_has_8bit(const char *s, size_t n)
{
	uint64_t word, all = 0;

	for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		all |= word;
	}
	for (; n > 0; n--)
		all |= (unsigned char)*s++;
	return (all & 0x8080808080808080ULL) != 0;
}

size_t
line_field_name(const char *s, size_t n)
{
	size_t len = 0, i;

	if (n > MESSAGE_LINE_MAX)
		n = MESSAGE_LINE_MAX;
	while (len < n && s[len] > ' ' && s[len] < 0x7f && s[len] != ':')
		len++;
	for (i = len; i < n && is_blank(s[i]);)
		i++;
	return i < n && s[i] == ':' ? len : 0;
}

bool
line_is_from(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] == '>')
		i++;
	return n - i >= 5 && memcmp(s + i, "From ", 5) == 0;
}

size_t
line_break_at(const char *s)
{
	size_t at, back;

	for (at = MESSAGE_LINE_MAX; at > MESSAGE_LINE_MAX / 2; at--) {
		if (is_blank(s[at]))
			return at;
	}
	for (back = 0; back < 4; back++) {
		at = MESSAGE_LINE_MAX - back;
		if (((unsigned char)s[at] & 0xc0) != 0x80)
			return at;
	}
	/* So many continuations are no UTF-8. */
	return MESSAGE_LINE_MAX;
}
