/*
 * Any bytes as a header block: the fields together are the block, no copied
 * line passes 998 octets, and what we write ourselves is 7-bit text in
 * folded lines, a display name among it one.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mail/addrlist.h"
#include "mail/header.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Lines of at most limit octets, ended by LF or CRLF. */
static void
lines_within(const struct buf *b, size_t limit)
{
	size_t i, len = 0;

	for (i = 0; i < b->len; i++) {
		len = b->data[i] == '\n' ? 0 : len + 1;
		must(len <= limit + 1);
	}
}

static void
walk(const struct buf *block)
{
	struct buf out = { 0 };
	struct header_field f;
	size_t at = 0, sum = 0;

	while (header_next(block, &at, &f)) {
		must(f.text == block->data + sum && f.len > 0);
		sum += f.len;
		must(sum == at);
		must(f.body >= f.text);
		must(f.body + f.body_len <= f.text + f.len);
		must(f.name_len < f.len);
		buf_clear(&out);
		header_unfold(&f, &out);
		must(strlen(buf_str(&out)) == out.len);
		must(strpbrk(out.data, "\r\n") == NULL);
		buf_clear(&out);
		header_copy(&out, f.text, f.len);
		lines_within(&out, 998);
	}
	must(sum == block->len);
	buf_release(&out);
}

/* No line end but a fold, with something on every line. */
static void
folds_well(const char *s)
{
	size_t len;

	must(!str_has_8bit(s));
	while (*s != '\0') {
		len = strcspn(s, "\r\n");
		if (s[len] == '\0')
			break;
		must(str_starts(s + len, "\r\n "));
		s += len + 2;
		must(strspn(s, " ") == 1 && s[1] != '\0' && s[1] != '\r');
	}
}

static void
fields_written(const char *text)
{
	struct strlist good = { 0 }, bad = { 0 };
	struct buf out = { 0 };

	header_unstructured(&out, text, 9);
	folds_well(buf_str(&out));
	buf_clear(&out);
	header_phrase(&out, text);
	folds_well(buf_str(&out));
	if (str_has_8bit(text))
		lines_within(&out, 76);
	buf_adds(&out, " <a@b>");
	addrlist_parse(out.data, out.len, NULL, &good, &bad);
	must(good.n == 1 && bad.n == 0);
	must(strcmp(good.v[0], "a@b") == 0);
	strlist_release(&good);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf block = { 0 };

	buf_add(&block, data, n);
	walk(&block);
	fields_written(buf_str(&block));
	buf_release(&block);
	return 0;
}
