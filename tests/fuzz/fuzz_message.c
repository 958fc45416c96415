/*
 * Any bytes as a message. First byte: which rules, and in what pieces. What
 * comes out has lines of at most 998 octets that end in CRLF and in nothing
 * else; in pieces it is the same as all at once; and mended once more it stays
 * as it is.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/message.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
must_be_fit(const struct buf *b)
{
	size_t i, len = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\r')
			must(i + 1 < b->len && b->data[i + 1] == '\n');
		if (b->data[i] == '\n') {
			must(i > 0 && b->data[i - 1] == '\r');
			must(len - 1 <= MESSAGE_LINE_MAX);
			len = 0;
		} else
			len++;
	}
	must(len == 0);
}

static void
must_be_same(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len);
	must(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static int
run(struct message *m, const char *s, size_t n, size_t piece,
    struct buf *out, struct err *err)
{
	size_t at = 0;
	ssize_t used;

	while (at < n && !m->ended) {
		used = message_feed(m, s + at, n - at < piece ? n - at : piece,
		    out, err);
		if (used < 0)
			return -1;
		must((size_t)used <= n - at);
		at += (size_t)used;
	}
	return message_finish(m, out, err);
}

/* Header and body as they leave. */
static int
mend(const char *s, size_t n, unsigned how, size_t piece, bool plain,
    struct buf *out)
{
	const struct message_fix fix = { .queue_id = "I", .hostname = "h.org",
		.from = "a@b.org", .full_name = "A B", .no_received = plain };
	struct message m = { .dot_ends = how & 1, .mbox_quoted = how & 2 };
	struct buf body = { 0 };
	struct err err;
	int rc;

	rc = run(&m, s, n, piece, &body, &err);
	must(rc < 0 || m.header_done);
	if (rc == 0)
		rc = message_fix(&m, &fix, out, &err);
	if (rc == 0)
		must_be_fit(&body);
	buf_add(out, body.data, body.len);
	buf_addc(out, (char)m.body);
	buf_release(&body);
	message_release(&m);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data + 1;
	struct buf whole = { 0 }, pieces = { 0 }, again = { 0 };
	struct strlist good = { 0 }, bad = { 0 };
	struct message m = { 0 };
	struct err err;
	unsigned how;
	int rc;

	if (n == 0)
		return 0;
	how = data[0];
	n--;
	rc = mend(s, n, how, SIZE_MAX, false, &whole);
	must(mend(s, n, how, 1, false, &pieces) == rc);
	must_be_same(&whole, &pieces);
	buf_clear(&pieces);
	must(mend(s, n, how, (how >> 2) + 1, false, &pieces) == rc);
	must_be_same(&whole, &pieces);
	if (rc == 0) {
		whole.len--;
		must_be_fit(&whole);
		must(mend(whole.data, whole.len, 0, SIZE_MAX, true, &again) ==
		    0);
		again.len--;
		must_be_same(&whole, &again);
	}
	if (run(&m, s, n, SIZE_MAX, &again, &err) == 0)
		message_recipients(&m, how & 1 ? "d.org" : NULL, &good, &bad);
	message_release(&m);
	strlist_release(&good);
	strlist_release(&bad);
	buf_release(&whole);
	buf_release(&pieces);
	buf_release(&again);
	return 0;
}
