#include "config.h"

#include "spool/fields.h"

#include <string.h>

#include "base/str.h"

int
fields_split(const char *line, size_t n, struct fields *f)
{
	const char *end = line + n, *blank;

	f->n = 0;
	for (;;) {
		blank = memchr(line, ' ', (size_t)(end - line));
		if (blank == NULL)
			blank = end;
		if (blank == line || f->n == FIELDS_MAX)
			return -1;
		f->v[f->n].at = line;
		f->v[f->n].len = (size_t)(blank - line);
		f->n++;
		if (blank == end)
			return 0;
		line = blank + 1;
	}
}

void
fields_add(struct buf *out, const char *text)
{
	buf_addc(out, ' ');
	str_escape(out, text);
}

void
fields_add_number(struct buf *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	/* Not buf_printf: an entry may have a hundred thousand lines. */
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_addc(out, ' ');
	buf_add(out, digits + at, sizeof(digits) - at);
}

/*
 * Whatever string was written is read back, control characters and all: to
 * refuse here what a caller let through would lose a promised entry.
 */
static int
unescape(const struct fields *f, size_t i, struct buf *out)
{
	return str_unescape(out, f->v[i].at, f->v[i].len);
}

char *
fields_text(const struct fields *f, size_t i)
{
	struct buf text = { 0 };

	if (unescape(f, i, &text) == 0)
		return buf_detach(&text);
	buf_release(&text);
	return NULL;
}

int
fields_copy(const struct fields *f, size_t i, char *out, size_t size)
{
	struct buf text = { 0 };
	int rc = -1;

	if (unescape(f, i, &text) == 0 && str_copy(out, size, buf_str(&text)))
		rc = 0;
	buf_release(&text);
	return rc;
}

int
fields_number(const struct fields *f, size_t i, uint64_t max, uint64_t *n)
{
	char digits[24];

	if (f->v[i].len >= sizeof(digits))
		return -1;
	memcpy(digits, f->v[i].at, f->v[i].len);
	digits[f->v[i].len] = '\0';
	return str_number(digits, max, n);
}
