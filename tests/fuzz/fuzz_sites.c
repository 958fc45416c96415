/*
 * Any bytes as the file of a site, and "CRC" at their end stands for the right
 * checksum: what is accepted holds nothing that a log could not, and reads the
 * same when it is written anew. Any two texts as key and reason: what is
 * written reads back.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/str.h"
#include "spool/fields.h"
#include "spool/siteline.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
is_same(const struct site_memory *a, const struct site_memory *b)
{
	return a->failures == b->failures && a->first_s == b->first_s &&
	    a->next_s == b->next_s && strcmp(a->reason, b->reason) == 0;
}

static void
reads_back(const char *key, const struct site_memory *m)
{
	struct site_memory again = { 0 };
	struct buf text = { 0 };

	buf_adds(&text, "x");
	siteline_write(&text, key, m);
	must(memchr(text.data, '\n', text.len) == text.data + text.len - 1);
	must(siteline_parse(text.data + 1, text.len - 1, key, &again) == 0);
	must(is_same(&again, m));
	must(siteline_parse(text.data + 1, text.len - 2, key, &again) < 0);
	buf_release(&text);
}

/* The key that the line itself names; the caller frees it. */
static char *
key_of(const char *text, size_t n)
{
	const char *end = n > 0 ? memchr(text, '\n', n) : NULL;
	struct fields f;

	if (fields_split(text, end != NULL ? (size_t)(end - text) : n, &f) <
	    0 || f.n < 3)
		return NULL;
	return fields_text(&f, 2);
}

static void
read_line(const uint8_t *data, size_t n)
{
	struct buf text = { 0 };
	struct site_memory m = { 0 };
	char *key;

	buf_add(&text, data, n);
	if (n >= 3 && memcmp(data + n - 3, "CRC", 3) == 0) {
		text.len -= 3;
		if (text.len > 0)
			text.len--;
		buf_printf(&text, " %08x\n", (unsigned)crc32_add(0, text.data,
		    text.len));
	}
	key = key_of(buf_str(&text), text.len);
	if (key != NULL && siteline_parse(text.data, text.len, key, &m) == 0) {
		must(strlen(m.reason) < sizeof(m.reason));
		must(!str_has_control(m.reason));
		reads_back(key, &m);
	}
	free(key);
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct site_memory m = { 0 };
	struct buf text = { 0 };
	const char *key;

	read_line(data, n);
	buf_add(&text, data, n);
	key = buf_str(&text);
	m.failures = (unsigned)n;
	m.next_s = (time_t)n * 4000000000;
	str_copy(m.reason, sizeof(m.reason), strlen(key) < n ?
	    key + strlen(key) + 1 : key);
	str_sanitise(m.reason);
	reads_back(key, &m);
	buf_release(&text);
	return 0;
}
