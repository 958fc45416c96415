/*
 * Any bytes as JSON: whatever is looked for, the verdict about the text is the
 * same; a value is never longer than the text, and is UTF-8.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/jsonread.h"
#include "base/utf8.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
is_utf8(const struct buf *text)
{
	size_t i, n;

	for (i = 0; i < text->len; i += n) {
		n = utf8_len(text->data + i, text->len - i);
		if (n == 0)
			return false;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "a", "access_token", "", "b" };
	const char *text = (const char *)data;
	struct buf value = { 0 };
	int64_t number = 0;
	int verdict = 0, rc, also;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rc = jsonread_string(text, n, names[i], &value);
		must(rc >= -1 && rc <= 1);
		must(value.len <= n && is_utf8(&value));
		must(rc == 1 || value.len == 0);
		also = jsonread_number(text, n, names[i], &number);
		must((rc < 0) == (also < 0) && rc + also < 2);
		must(number >= -JSONREAD_NUMBER_MAX &&
		    number <= JSONREAD_NUMBER_MAX);
		must(i == 0 || (rc < 0) == (verdict < 0));
		verdict = rc;
	}
	buf_release(&value);
	return 0;
}
