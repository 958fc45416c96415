#include "config.h"

#include "mail/message.h"

#include <string.h>

#include "base/str.h"
#include "mail/envelope.h"
#include "mail/message_line.h"

/* The header */

static void
header_judge(struct message *m)
{
	const char *s;
	size_t n;

	line_undo_dot(m);
	s = m->line.data;
	n = m->line.len;
	if (m->header.len > 0 && (s[0] == ' ' || s[0] == '\t'))
		m->line_kind = LINE_FOLD;
	else if (line_field_name(s, n) > 0)
		m->line_kind = LINE_FIELD;
	else if (m->header.len == 0 && line_is_from(s, n))
		m->line_kind = LINE_FROM;
	else {
		m->line_kind = LINE_BODY;
		m->header_done = true;
		line_undo_mbox(m);
	}
}

static int
header_check_size(const struct message *m, struct err *err)
{
	if (m->header.len + m->line.len + 2 <= MESSAGE_HEADER_MAX)
		return 0;
	return err_set(err, ERR_DATA, "5.6.0",
	    "line %zu: header over %u octets", m->line_number + 1,
	    MESSAGE_HEADER_MAX);
}

static int
header_add(struct message *m, struct err *err)
{
	const char *s = m->line.data;
	size_t n = m->line.len;

	if (header_check_size(m, err) < 0)
		return -1;
	if (memchr(s, '\0', n) != NULL)
		return err_set(err, ERR_DATA, "5.6.0",
		    "line %zu: NUL in the header", m->line_number + 1);
	if (m->line_kind == LINE_FIELD && line_field_name(s, n) == 8 &&
	    str_ieqn(s, "Received", 8))
		m->hops++;
	if (line_has_8bit(s, n))
		m->body |= BODY_8BIT | BODY_UTF8_HEADER;
	if (s[0] == '.')
		m->body |= BODY_DOTS;
	buf_add(&m->header, s, n);
	buf_add(&m->header, "\r\n", 2);
	return 0;
}

/*
 * The line in m->line is complete. When it turns out to begin the body it
 * stays there, and its LF is left for feed_body().
 */
static int
header_line_end(struct message *m, struct err *err)
{
	m->pending_cr = false;
	if (m->line.len == 0 || line_is_end(m)) {
		m->ended = m->line.len > 0;
		m->header_done = true;
		line_reset(m);
		return 0;
	}
	if (m->line_kind == LINE_UNKNOWN)
		header_judge(m);
	if (m->line_kind == LINE_BODY)
		return 0;
	if (m->line_kind != LINE_FROM && header_add(m, err) < 0)
		return -1;
	line_reset(m);
	m->line_number++;
	return 0;
}

/* Part of a header line. Returns bytes used: n unless the body began. */
static ssize_t
header_part(struct message *m, const char *s, size_t n, struct err *err)
{
	size_t at = 0;

	while (at < n && !m->header_done) {
		at += line_gather(m, s + at, n - at,
		    m->line_kind == LINE_UNKNOWN ? LINE_JUDGE_AT
						 : MESSAGE_HEADER_MAX);
		if (m->line_kind == LINE_UNKNOWN &&
		    m->line.len >= LINE_JUDGE_AT)
			header_judge(m);
		if (m->line_kind != LINE_UNKNOWN && !m->header_done &&
		    header_check_size(m, err) < 0)
			return -1;
	}
	return (ssize_t)at;
}

static ssize_t
feed_header(struct message *m, const char *s, size_t n, struct err *err)
{
	const char *lf;
	size_t at = 0;
	ssize_t used;

	while (at < n && !m->header_done) {
		lf = memchr(s + at, '\n', n - at);
		used = header_part(m, s + at,
		    lf != NULL ? (size_t)(lf - s) - at : n - at, err);
		if (used < 0)
			return -1;
		at += (size_t)used;
		if (lf == NULL || m->header_done)
			continue;
		if (header_line_end(m, err) < 0)
			return -1;
		if (m->line_kind != LINE_BODY)
			at++;
	}
	return (ssize_t)at;
}

/* The body */

static void
emit(struct message *m, const char *s, size_t n, struct buf *out)
{
	char *to = buf_reserve(out, n + 2);

	if (n > 0) {
		if (s[0] == '.')
			m->body |= BODY_DOTS;
		if (!(m->body & BODY_8BIT) && line_has_8bit(s, n))
			m->body |= BODY_8BIT;
		if (!(m->body & BODY_NUL) && memchr(s, '\0', n) != NULL)
			m->body |= BODY_NUL;
		memcpy(to, s, n);
	}
	memcpy(to + n, "\r\n", 2);
	out->len += n + 2;
}

/* Let go what is too long for one line. */
static void
break_line(struct message *m, struct buf *out)
{
	size_t at;

	if (m->line_kind == LINE_UNKNOWN) {
		line_undo_dot(m);
		line_undo_mbox(m);
		m->line_kind = LINE_BODY;
	}
	while (m->line.len > MESSAGE_LINE_MAX) {
		at = line_break_at(m->line.data);
		emit(m, m->line.data, at, out);
		if (m->line.data[at] != ' ' && m->line.data[at] != '\t')
			m->line.data[--at] = ' ';
		buf_consume(&m->line, at);
	}
}

static void
body_part(struct message *m, const char *s, size_t n, struct buf *out)
{
	size_t at = 0;

	while (at < n) {
		at += line_gather(m, s + at, n - at, LINE_JUDGE_AT);
		if (m->line.len > MESSAGE_LINE_MAX)
			break_line(m, out);
	}
}

static void
body_line_end(struct message *m, struct buf *out)
{
	m->pending_cr = false;
	if (line_is_end(m))
		m->ended = true;
	else {
		break_line(m, out);
		emit(m, m->line.data, m->line.len, out);
	}
	line_reset(m);
}

/* May these n octets of a line without its end leave as they are? */
static bool
is_plain(const struct message *m, const char *s, size_t n)
{
	if (n == 0)
		return true;
	if (n > MESSAGE_LINE_MAX || (s[0] == '.' && m->dot_ends) ||
	    (s[0] == '>' && m->mbox_quoted))
		return false;
	return memchr(s, '\r', n) == NULL;
}

/*
 * This is the path of every byte. A whole line with nothing strange about it
 * goes straight from s to out; the rest goes by way of m->line.
 */
static size_t
feed_body(struct message *m, const char *s, size_t n, struct buf *out)
{
	const char *p = s, *end = s + n, *lf;
	size_t len;

	while (p < end && !m->ended) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL) {
			body_part(m, p, (size_t)(end - p), out);
			return n;
		}
		len = (size_t)(lf - p);
		while (len > 0 && p[len - 1] == '\r')
			len--;
		if (m->line.len == 0 && !m->pending_cr && is_plain(m, p, len))
			emit(m, p, len, out);
		else {
			body_part(m, p, len, out);
			body_line_end(m, out);
		}
		p = lf + 1;
	}
	return (size_t)(p - s);
}

ssize_t
message_feed(struct message *m, const char *s, size_t n, struct buf *out,
    struct err *err)
{
	if (m->ended || n == 0)
		return 0;
	if (!m->header_done)
		return feed_header(m, s, n, err);
	return (ssize_t)feed_body(m, s, n, out);
}

int
message_finish(struct message *m, struct buf *out, struct err *err)
{
	bool open = m->line.len > 0 || m->pending_cr;

	if (open && !m->header_done) {
		if (header_line_end(m, err) < 0)
			return -1;
		open = m->line_kind == LINE_BODY;
	}
	m->header_done = true;
	if (open)
		body_line_end(m, out);
	return 0;
}

void
message_release(struct message *m)
{
	buf_release(&m->header);
	buf_release(&m->line);
}
