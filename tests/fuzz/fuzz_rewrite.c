/*
 * Any field, rewritten by rules that fit much of what is there. It stays one
 * field of the same name; no line is too long that was not; lines stay as
 * many as they were, except where an address was folded or a line became too
 * long; the addresses that are found in it then are those found before, each
 * as the rules would have it, and so are the bad ones; and what the rules do
 * not change comes out octet for octet.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mail/addrlist.h"
#include "mail/rewrite.h"

#define HERE "d.example"
#define LINE_MAX_OCTETS 998

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
make_rules(struct rewrite *r)
{
	static const char *const texts[] = {
		"root@* admin@a-longer-domain.example",
		"*x*@* someone-else@x.example", "b @a-longer-domain.example",
		"\"* *\"@* s@s.example", "?@[*] l@literal.example"
	};
	struct err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		must(rewrite_add(r, texts[i], &err) == 0);
	r->masquerade = strdup("m.example");
	strlist_add(&r->hosts, HERE);
	strlist_add(&r->hosts, "*.h");
}

/* A field's body as text may be, with a name; lines that begin without a
 * blank get one, so that there is one field. */
static void
make_field(const uint8_t *data, size_t n, struct buf *out)
{
	buf_adds(out, "Reply-To:");
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && data[i - 1] == '\n' && data[i] != ' ' &&
		    data[i] != '\t')
			buf_addc(out, ' ');
		buf_addc(out, (char)data[i]);
	}
	if (n > 0 && data[n - 1] == '\n')
		buf_addc(out, ' ');
	buf_adds(out, "\r\n");
}

static void
measure(const struct buf *text, size_t *lines, size_t *longest)
{
	size_t n = 0;

	*lines = *longest = 0;
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] != '\n') {
			n++;
			continue;
		}
		if (i > 0 && text->data[i - 1] == '\r')
			n--;
		if (n > *longest)
			*longest = n;
		n = 0;
		++*lines;
	}
	must(n == 0);
}

/* Elements before and after, told in a row: "address\n", "\n" for a bad one.
 * folds counts the line ends within addresses. */
struct told {
	const struct rewrite *rules;	/* NULL: they have been followed */
	const char *text;
	struct buf list;
	size_t folds;
	bool changed;
};

static void
tell(void *arg, const struct addrlist_element *e)
{
	struct told *t = arg;

	if (e->address != NULL && t->rules != NULL)
		t->changed |= rewrite_address(t->rules, e->address, &t->list);
	else if (e->address != NULL)
		buf_adds(&t->list, e->address);
	buf_addc(&t->list, '\n');
	for (size_t i = e->at; i < e->at + e->len; i++)
		t->folds += t->text[i] == '\n';
}

static void
look(struct told *t, struct buf *block)
{
	struct header_field f;
	size_t at = 0;

	must(header_next(block, &at, &f) && at == block->len);
	must(header_is(&f, "Reply-To"));
	t->text = f.body;
	addrlist_walk(f.body, f.body_len, HERE, tell, t);
}

static void
compare(struct buf *in, struct buf *out, const struct rewrite *r)
{
	struct told before = { .rules = r }, after = { 0 };
	size_t lines_in, lines_out, longest_in, longest_out;

	look(&before, in);
	look(&after, out);
	measure(in, &lines_in, &longest_in);
	measure(out, &lines_out, &longest_out);
	/* so short that no run without a blank can be too long for a line */
	if (in->len < LINE_MAX_OCTETS - 260)
		must(before.list.len == after.list.len &&
		    memcmp(buf_str(&before.list), buf_str(&after.list),
			after.list.len) == 0);
	if (!before.changed)
		must(in->len == out->len &&
		    memcmp(in->data, out->data, in->len) == 0);
	else
		must(longest_out <= LINE_MAX_OCTETS);
	/* so short that it cannot grow to a line that is too long: "x," may
	 * become somebody of 22 octets */
	if (in->len < LINE_MAX_OCTETS / 14)
		must(lines_out <= lines_in &&
		    lines_out + before.folds >= lines_in);
	buf_release(&before.list);
	buf_release(&after.list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf in = { 0 }, out = { 0 };
	struct rewrite r = { 0 };
	struct header_field f;
	size_t at = 0;

	make_rules(&r);
	make_field(data, n, &in);
	must(header_next(&in, &at, &f));
	rewrite_field(&r, &f, HERE, &out);
	compare(&in, &out, &r);
	buf_release(&in);
	buf_release(&out);
	rewrite_release(&r);
	return 0;
}
