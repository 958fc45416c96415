/*
 * Any bytes as what passes while a connection opens: lines of the server's, and
 * with '>' before them of ours. Memory is bounded; nothing secret is shown; it
 * is proven only by a 235 to AUTH.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/overheard.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Behind the mechanism nothing but stars. */
static void
said(struct overheard *o, const char *line, size_t n)
{
	struct buf shown = { 0 };
	const char *text, *rest;

	overheard_said(o, line, n, &shown);
	text = buf_str(&shown);
	if (str_starts(text, "AUTH ")) {
		rest = text + 5 + strcspn(text + 5, " ");
		must(*rest == '\0' || strcmp(rest, " ****") == 0);
		must((size_t)(rest - text - 5) < sizeof(o->mechanism));
	} else
		must(strcmp(text, "****") == 0 || str_starts(text, "EHLO") ||
		    str_starts(text, "HELO") || str_starts(text, "STARTTLS") ||
		    strcmp(text, "AUTH") == 0);
	buf_release(&shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct overheard o = { .stage = CONN_CURL_CONNECT };
	const char *p = (const char *)data, *end;
	char text[512];
	size_t len;

	for (; n > 0; p += len, n -= len) {
		end = memchr(p, '\n', n);
		len = end != NULL ? (size_t)(end - p) + 1 : n;
		if (*p == '>')
			said(&o, p + 1, len - 1);
		else if (!overheard_line(&o, p, len))
			break;
		must(o.block.len <= OVERHEARD_MAX);
		must(o.reply.len <= OVERHEARD_MAX);
		must(o.offers.len <= OVERHEARD_MAX);
		must(!o.proven || o.said == OVERHEARD_AUTH);
		overheard_reply(&o, text, sizeof(text));
		must(!str_has_control(text));
		overheard_mechanisms(&o, text, sizeof(text));
		must(!str_has_control(text));
	}
	overheard_release(&o);
	return 0;
}
