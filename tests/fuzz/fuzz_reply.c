/*
 * Any bytes as lines of a reply: a code of class 2 to 5 and a bounded text,
 * or none; and in one line it is harmless to log and terminal.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "smtp/reply.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
look(const struct reply *reply, size_t size)
{
	char *line = malloc(size);

	must(reply->code >= 200 && reply->code <= 599);
	must(reply->text.len <= REPLY_MAX);
	must(reply->status[0] == '\0' || reply->code < 400 ||
	    reply->status[0] - '0' == reply->code / 100);
	must(reply_is_ok(reply) + reply_is_temp(reply) +
	    reply_is_perm(reply) <= 1);
	reply_line(reply, line, size);
	must(strlen(line) < size && !str_has_control(line));
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *line = (const char *)data, *end;
	struct reply reply = { 0 };
	struct err err;
	size_t len;
	int last = 0;

	for (; n > 0 && last == 0; line += len, n -= len) {
		end = memchr(line, '\n', n);
		len = end == NULL ? n : (size_t)(end - line) + 1;
		last = reply_add(&reply, line, len - (end != NULL), &err);
		if (last >= 0) {
			look(&reply, 1 + len);
			look(&reply, 512);
		}
	}
	reply_release(&reply);
	return 0;
}
