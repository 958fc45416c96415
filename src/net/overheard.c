#include "config.h"

#include "net/overheard.h"

#include <string.h>

#include "base/str.h"

static void
hello_said(struct overheard *o)
{
	o->stage = CONN_CURL_HELLO;
	o->proven = false;
	buf_clear(&o->offers);
}

static void
starttls_said(struct overheard *o)
{
	o->stage = CONN_CURL_HANDSHAKE;
	o->starttls = true;
	o->proven = false;
}

static void
auth_said(struct overheard *o)
{
	o->stage = CONN_CURL_AUTH;
	o->proven = false;
}

static const struct {
	const char *verb;
	enum overheard_word word;
	void	(*said)(struct overheard *);
} verbs[] = {
	{ "EHLO", OVERHEARD_EHLO, hello_said },
	{ "HELO", OVERHEARD_HELO, hello_said },
	{ "STARTTLS", OVERHEARD_STARTTLS, starttls_said },
	{ "AUTH", OVERHEARD_AUTH, auth_said },
};

/* "PLAIN aGVs...": the mechanism may be seen, and that there is more. */
static void
show_auth(struct overheard *o, const char *rest, size_t n, struct buf *shown)
{
	size_t len = 0;

	while (len < n && len < sizeof(o->mechanism) - 1 && rest[len] != ' ')
		len++;
	memcpy(o->mechanism, rest, len);
	o->mechanism[len] = '\0';
	buf_printf(shown, "AUTH %s%s", o->mechanism, len < n ? " ****" : "");
}

/* What is no whole command that is known could be part of a secret. */
void
overheard_said(struct overheard *o, const char *data, size_t n,
    struct buf *shown)
{
	size_t i, len;

	while (n > 0 && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		len = strlen(verbs[i].verb);
		if (n < len || memcmp(data, verbs[i].verb, len) != 0 ||
		    (n > len && data[len] != ' '))
			continue;
		o->said = verbs[i].word;
		verbs[i].said(o);
		if (o->said == OVERHEARD_AUTH && n > len)
			show_auth(o, data + len + 1, n - len - 1, shown);
		else
			buf_add(shown, data, n);
		return;
	}
	buf_adds(shown, "****");
}

/* Three digits, then a blank, '-' or the end (RFC 5321 4.2). Returns the code,
 * or -1. */
static int
code_of(const char *line, size_t n)
{
	int code = 0;
	size_t i;

	if (n < 3 || line[0] < '2' || line[0] > '5' ||
	    (n > 3 && line[3] != ' ' && line[3] != '-'))
		return -1;
	for (i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return -1;
		code = code * 10 + (line[i] - '0');
	}
	return code;
}

/* A reply is whole. */
static void
hear(struct overheard *o, int code)
{
	struct buf last = o->reply;
	int class = code / 100;

	o->code = code;
	o->reply = o->block;
	o->block = last;
	buf_clear(&o->block);
	o->lines = 0;
	if (o->said == OVERHEARD_NOTHING && class == 2)
		o->stage = CONN_CURL_HELLO;
	if (o->said == OVERHEARD_EHLO && class == 2) {
		buf_clear(&o->offers);
		buf_add(&o->offers, o->reply.data, o->reply.len);
	}
	/* what was offered in clear means nothing (RFC 3207 4.2) */
	if (o->said == OVERHEARD_STARTTLS)
		buf_clear(&o->offers);
	if (o->said == OVERHEARD_AUTH)
		o->proven = code == 235;
}

bool
overheard_line(struct overheard *o, const char *line, size_t n)
{
	size_t room = OVERHEARD_MAX - o->block.len;
	int code;

	if (o->said == OVERHEARD_NOTHING)
		o->stage = CONN_CURL_GREETING;
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	code = code_of(line, n);
	if (code < 0 || memchr(line, '\0', n) != NULL ||
	    ++o->lines > OVERHEARD_LINES_MAX)
		return false;
	if (o->lines > 1 && room > 0) {
		buf_addc(&o->block, '\n');
		room--;
	}
	if (n > 4)
		buf_add(&o->block, line + 4, n - 4 < room ? n - 4 : room);
	if (n == 3 || line[3] == ' ')
		hear(o, code);
	return true;
}

/* Length of an enhanced status code with the blanks behind it, or 0. */
static size_t
status_len(const char *text)
{
	size_t n = strspn(text, "0123456789.");

	if (n < 5 || (text[0] != '2' && text[0] != '4' && text[0] != '5') ||
	    text[1] != '.')
		return 0;
	return n + strspn(text + n, " ");
}

void
overheard_reply(struct overheard *o, char *out, size_t size)
{
	const char *text = buf_str(&o->reply), *end;
	size_t skip, first = status_len(text);
	struct buf joined = { 0 };
	const char *line;

	buf_printf(&joined, "%03d", o->code);
	for (line = text; *line != '\0'; line = end + (*end == '\n')) {
		skip = line == text ? 0 : status_len(line);
		if (skip > 0 && (first == 0 ||
		    strncmp(line, text, strcspn(text, " ")) != 0))
			skip = 0;
		line += skip;
		end = line + strcspn(line, "\n");
		if (end > line)
			buf_printf(&joined, " %.*s", (int)(end - line), line);
	}
	str_copy(out, size, buf_str(&joined));
	str_sanitise(out);
	buf_release(&joined);
}

void
overheard_mechanisms(struct overheard *o, char *out, size_t size)
{
	const char *line = buf_str(&o->offers);
	size_t n;

	str_copy(out, size, "");
	while ((line = strchr(line, '\n')) != NULL) {
		line++;
		if (!str_istarts(line, "AUTH "))
			continue;
		n = strcspn(line + 5, "\r\n") + 1;
		str_copy(out, n < size ? n : size, line + 5);
		str_sanitise(out);
		return;
	}
}

void
overheard_release(struct overheard *o)
{
	buf_release(&o->block);
	buf_release(&o->reply);
	buf_release(&o->offers);
	*o = (struct overheard){ 0 };
}
