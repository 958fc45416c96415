#include "config.h"

#include "spool/siteline.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/str.h"
#include "spool/fields.h"

#define CRC_LEN 8

/* Does the checksum, and nothing else, end the text? */
static bool
is_sound(const char *text, size_t n)
{
	char want[CRC_LEN + 2];

	if (n <= CRC_LEN + 1)
		return false;
	n -= CRC_LEN + 1;
	snprintf(want, sizeof(want), "%08x\n",
	    (unsigned)crc32_add(0, text, n));
	return memcmp(text + n, want, CRC_LEN + 1) == 0;
}

/* Is field i this text? */
static bool
field_is(const struct fields *f, size_t i, const char *text)
{
	char *have = fields_text(f, i);
	bool same = have != NULL && strcmp(have, text) == 0;

	free(have);
	return same;
}

int
siteline_parse(const char *text, size_t n, const char *key,
    struct site_memory *m)
{
	uint64_t failures, first, next;
	struct fields f;

	if (!is_sound(text, n) || fields_split(text, n - 1, &f) < 0 ||
	    f.n != 8 || !field_is(&f, 0, "site") || !field_is(&f, 1, "1") ||
	    !field_is(&f, 2, key) ||
	    fields_number(&f, 3, UINT32_MAX, &failures) < 0 ||
	    fields_number(&f, 4, INT64_MAX, &first) < 0 ||
	    fields_number(&f, 5, INT64_MAX, &next) < 0 ||
	    fields_copy(&f, 6, m->reason, sizeof(m->reason)) < 0)
		return -1;
	m->failures = (unsigned)failures;
	m->first_s = (time_t)first;
	m->next_s = (time_t)next;
	str_sanitise(m->reason);
	return 0;
}

void
siteline_write(struct buf *out, const char *key, const struct site_memory *m)
{
	size_t start = out->len;

	buf_adds(out, "site 1");
	fields_add(out, key);
	fields_add_number(out, m->failures);
	fields_add_number(out, m->first_s < 0 ? 0 : (uint64_t)m->first_s);
	fields_add_number(out, m->next_s < 0 ? 0 : (uint64_t)m->next_s);
	fields_add(out, m->reason);
	buf_addc(out, ' ');
	buf_printf(out, "%08x\n", (unsigned)crc32_add(0, out->data + start,
	    out->len - start));
}
