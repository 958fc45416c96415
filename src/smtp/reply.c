#include "config.h"

#include "smtp/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"

/*
 * Reply-line = Reply-code [ ("-" / SP) textstring ] (RFC 5321 4.2), of which
 * the code is a class from 2 to 5 and two more digits. Returns it, or -1.
 */
static int
code_parse(const char *line, size_t n)
{
	size_t i;

	if (n < 3 || line[0] < '2' || line[0] > '5')
		return -1;
	for (i = 1; i < 3; i++)
		if (line[i] < '0' || line[i] > '9')
			return -1;
	if (n > 3 && line[3] != ' ' && line[3] != '-')
		return -1;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

/* Text over REPLY_MAX is read but not kept: it decides nothing. */
static void
text_add(struct reply *reply, const char *text, size_t n)
{
	if (reply->text.len >= REPLY_MAX)
		return;
	if (n > REPLY_MAX - reply->text.len)
		n = REPLY_MAX - reply->text.len;
	buf_add(&reply->text, text, n);
}

int
reply_add(struct reply *reply, const char *line, size_t n, struct err *err)
{
	int code = code_parse(line, n);
	bool first = reply->code == 0;

	if (code < 0 || memchr(line, '\0', n) != NULL)
		return err_set(err, ERR_TEMP, "4.5.0", "not a reply: %.*s",
		    (int)(n > 80 ? 80 : n), line);
	if (!first && code != reply->code)
		return err_set(err, ERR_TEMP, "4.5.0",
		    "a reply of two minds: %d and %d", reply->code, code);
	reply->code = code;
	if (!first)
		text_add(reply, "\n", 1);
	if (n > 4)
		text_add(reply, line + 4, n - 4);
	if (first && status_parse(buf_str(&reply->text), reply->status) > 0)
		status_agree(reply->status, code);
	return n == 3 || line[3] == ' ';
}

int
reply_read(struct conn *conn, unsigned wait_s, struct reply *reply,
    struct err *err)
{
	int64_t deadline = clock_ms() + (int64_t)wait_s * 1000;
	struct buf line = { 0 };
	unsigned lines = 0;
	int last = -1;

	do {
		if (lines++ == REPLY_LINES_MAX) {
			last = err_set(err, ERR_TEMP, "4.5.0",
			    "a reply of more than %d lines", REPLY_LINES_MAX);
			break;
		}
		last = conn_line(conn, deadline, REPLY_LINE_MAX, &line, err);
		if (last < 0)
			break;
		conn_trace(conn, '<', buf_str(&line), line.len);
		last = reply_add(reply, buf_str(&line), line.len, err);
	} while (last == 0);
	buf_release(&line);
	if (last < 0)
		reply_release(reply);
	return last < 0 ? -1 : 0;
}

bool
reply_is_ok(const struct reply *reply)
{
	return reply->code / 100 == 2;
}

bool
reply_is_temp(const struct reply *reply)
{
	return reply->code / 100 == 4;
}

bool
reply_is_perm(const struct reply *reply)
{
	return reply->code / 100 == 5;
}

/* That something is missing is said at the end, behind whole characters. */
static void
mark_cut(char *text, size_t size)
{
	size_t at = size - sizeof("...");

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	str_copy(text + at, size - at, "...");
}

/*
 * Servers repeat the enhanced status code on each line (RFC 2034 4): once is
 * enough for a reader.
 */
void
reply_line(const struct reply *reply, char *out, size_t size)
{
	const struct buf *text = &reply->text;
	char *copy = xstrndup(text->len > 0 ? text->data : "", text->len);
	char first[STATUS_MAX], again[STATUS_MAX];
	struct buf joined = { 0 };
	char *rest = copy, *line;

	buf_printf(&joined, "%03d", reply->code);
	status_parse(copy, first);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line != copy) {
			int skip = status_parse(line, again);

			if (strcmp(first, again) == 0)
				line += skip;
		}
		if (*line != '\0')
			buf_printf(&joined, " %s", line);
	}
	str_copy(out, size, buf_str(&joined));
	if (joined.len >= size && size > sizeof("..."))
		mark_cut(out, size);
	str_sanitise(out);
	buf_release(&joined);
	free(copy);
}

void
reply_release(struct reply *reply)
{
	buf_release(&reply->text);
	*reply = (struct reply){ 0 };
}
