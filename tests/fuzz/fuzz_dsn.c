/*
 * A DSN about hostile texts: it stays three parts between boundaries, with
 * lines of at most 998 octets that end in CRLF; before the original none begins
 * with '.' and all but To is 7-bit text; and the part for programs has one
 * group of fields for each row, with its Final-Recipient, Action and Status.
 *
 * The first byte says which kind and how much comes back; texts follow, each
 * ended by NUL: reverse-path, ENVID, then for each row path, ORCPT, status,
 * text, host; the last is the header of the original.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/dsn.h"

#define BOUNDARY "=_postrider_0123456789abcdef"
#define ROWS_MAX 4

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

struct texts {
	const char *p;
	size_t	 left;
};

/* The next text, or NULL when it is empty or there is none. */
static char *
next_text(struct texts *t)
{
	size_t n = strnlen(t->p, t->left);
	char *s = n > 0 ? xstrndup(t->p, n) : NULL;

	if (n < t->left)
		n++;
	t->p += n;
	t->left -= n;
	return s;
}

/* One that is an address. */
static char *
next_address(struct texts *t, const char *other)
{
	char *s = next_text(t);
	struct buf address = { 0 };
	struct err err;

	if (s == NULL || address_parse(s, "d.example", &address, &err) < 0) {
		buf_clear(&address);
		buf_adds(&address, other);
	}
	free(s);
	return buf_detach(&address);
}

static void
make_row(struct envelope *env, struct texts *t)
{
	char *path = next_address(t, "ann@example.org");
	struct rcpt *r = envelope_append(env, path);

	free(path);
	r->orcpt = next_text(t);
	r->status = next_text(t);
	r->text = next_text(t);
	r->host = next_text(t);
	r->last_s = 1795371579;
}

/* As a stored message has it: short lines that end in CRLF. */
static void
make_header(struct texts *t, struct buf *out)
{
	size_t len = 0;

	for (size_t i = 0; i < t->left; i++) {
		if (t->p[i] == '\n' || len == 900) {
			buf_adds(out, "\r\n");
			len = 0;
		} else if (t->p[i] != '\r') {
			buf_addc(out, t->p[i]);
			len++;
		}
	}
	if (len > 0)
		buf_adds(out, "\r\n");
}

/* Lines of it, and where the third part begins. */
static const char *
read_lines(const struct buf *b)
{
	const char *end = b->data + b->len, *eol, *third = end;
	int boundaries = 0;
	size_t n;

	for (const char *p = b->data; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		must(eol != NULL && eol > b->data && eol[-1] == '\r');
		n = (size_t)(eol - p) - 1;
		must(n <= 998);
		if (third < end)
			continue;
		must(memchr(p, '\r', n) == NULL && p[0] != '.');
		if (n == strlen(BOUNDARY) + 2 &&
		    memcmp(p, "--" BOUNDARY, n) == 0 && ++boundaries == 3)
			third = eol + 1;
		for (size_t i = 0; i < n; i++)
			must(str_starts(p, "To: ") || (p[i] >= ' ' ?
			    p[i] <= '~' : p[i] == '\t'));
	}
	must(boundaries == 3);
	return third;
}

static const char *
find(const char *p, const char *end, const char *text)
{
	return memmem(p, (size_t)(end - p), text, strlen(text));
}

static size_t
count(const char *p, const char *end, const char *line)
{
	size_t n = 0;

	for (; (p = find(p, end, line)) != NULL; p += strlen(line))
		n++;
	return n;
}

static void
check(struct buf *b, size_t nrcpt)
{
	const char *third, *report, *end;

	third = read_lines(b);
	report = find(b->data, third, "\r\nContent-Type: message/"
	    "delivery-status\r\n");
	must(report != NULL);
	end = find(report, third, "\r\n--" BOUNDARY);
	must(end != NULL);
	must(count(report, end, "\r\n\r\n") == nrcpt + 1);
	must(count(report, end, "\r\nFinal-Recipient: ") == nrcpt);
	must(count(report, end, "\r\nAction: ") == nrcpt);
	must(count(report, end, "\r\nStatus: ") == nrcpt);
	must(count(report, end, "\r\nReporting-MTA: ") == 1);
}

static int
take(void *arg, const void *data, size_t n, struct err *err)
{
	(void)err;
	buf_add(arg, data, n);
	return 0;
}

static void
run(unsigned how, struct texts *t)
{
	static const size_t rows[ROWS_MAX] = { 0, 1, 2, 3 };
	struct buf header = { 0 }, out = { 0 };
	struct envelope env = { .arrived_s = 1795371579,
		.expires_s = 1795803579, .ret = how % 3 };
	struct dsn dsn = { .kind = (enum dsn_kind)(how % 3),
		.hostname = "h.example", .queue_id = "ID",
		.boundary = BOUNDARY, .message_id = "ID2", .env = &env,
		.rcpts = rows, .nrcpt = how / 3 % ROWS_MAX + 1,
		.header = &header, .whole = how & 0x80,
		.now = 1795371600 };
	struct err err;

	env.reverse_path = next_address(t, "");
	env.envid = next_text(t);
	for (size_t i = 0; i < dsn.nrcpt; i++)
		make_row(&env, t);
	make_header(t, &header);
	must(dsn_write(&dsn, take, &out, &err) == 0);
	if (dsn.whole)
		buf_add(&out, header.data, header.len);
	dsn_close(&dsn, &out);
	check(&out, dsn.nrcpt);
	envelope_release(&env);
	buf_release(&header);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct texts t;

	if (n < 1)
		return 0;
	t = (struct texts){ (const char *)data + 1, n - 1 };
	run(data[0], &t);
	return 0;
}
