/* message: whatever comes in, what goes out is fit for the wire. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "mail/envelope.h"
#include "mail/message.h"

#define DOT 1		/* dot_ends */
#define MBOX 2		/* mbox_quoted */

/* Feed s in pieces; out gets the body. */
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
		at += (size_t)used;
	}
	return message_finish(m, out, err);
}

static void
assert_same(struct buf *a, struct buf *b, const char *name)
{
	/* Not ck_assert: it costs a system call even when all is well. */
	if (a->len != b->len ||
	    (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
		ck_abort_msg("%s: \"%s\" is not \"%s\"", name, buf_str(a),
		    buf_str(b));
}

/* The same by pieces as all at once. */
static void
assert_pieces(const char *s, size_t n, int how, const char *name)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 1000 };
	struct message whole = { .dot_ends = how & DOT,
		.mbox_quoted = how & MBOX };
	struct buf whole_out = { 0 };
	struct err err;
	size_t i;
	int rc;

	rc = run(&whole, s, n, SIZE_MAX, &whole_out, &err);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct message m = { .dot_ends = how & DOT,
			.mbox_quoted = how & MBOX };
		struct buf out = { 0 };

		if (run(&m, s, n, sizes[i], &out, &err) != rc ||
		    m.body != whole.body || m.ended != whole.ended ||
		    m.hops != whole.hops)
			ck_abort_msg("%s: other facts in pieces of %zu", name,
			    sizes[i]);
		assert_same(&m.header, &whole.header, name);
		assert_same(&out, &whole_out, name);
		message_release(&m);
		buf_release(&out);
	}
	message_release(&whole);
	buf_release(&whole_out);
}

/* Lines end in CRLF and in nothing else, none is over 998. */
static void
assert_fit(const struct buf *b, const char *name)
{
	size_t i, start = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\r' &&
		    (i + 1 == b->len || b->data[i + 1] != '\n'))
			ck_abort_msg("%s: lone CR", name);
		if (b->data[i] != '\n')
			continue;
		if (i == 0 || b->data[i - 1] != '\r')
			ck_abort_msg("%s: lone LF", name);
		if (i - 1 - start > MESSAGE_LINE_MAX)
			ck_abort_msg("%s: line of %zu", name, i - 1 - start);
		start = i + 1;
	}
	ck_assert_msg(start == b->len, "%s: last line is open", name);
}

static const struct {
	const char *name, *in, *header, *body;
	int how, bits;
} cases[] = {
	{ "nothing", "", "", "", 0, 0 },
	{ "header and body", "A: b\n\nc\n", "A: b\r\n", "c\r\n", 0, 0 },
	{ "CRLF", "A: b\r\n\r\nc\r\n", "A: b\r\n", "c\r\n", 0, 0 },
	{ "CRLF header, LF body, as from PHP", "A: b\r\n\r\nc\nd\n",
	    "A: b\r\n", "c\r\nd\r\n", 0, 0 },
	{ "many CR before LF", "A: b\r\r\n\r\r\r\nc\r\r\r\n", "A: b\r\n",
	    "c\r\n", 0, 0 },
	{ "lone CR", "A: b\rc\n\nd\re\r\rf\n", "A: b c\r\n", "d e f\r\n", 0,
	    0 },
	{ "CR at the very end", "A: b\n\nc\r", "A: b\r\n", "c\r\n", 0, 0 },
	{ "no line end at the end", "A: b\n\nc", "A: b\r\n", "c\r\n", 0, 0 },
	{ "header only", "A: b\n", "A: b\r\n", "", 0, 0 },
	{ "header only, open", "A: b", "A: b\r\n", "", 0, 0 },
	{ "folded", "A: b\n c\n\td\n\ne\n", "A: b\r\n c\r\n\td\r\n", "e\r\n",
	    0, 0 },
	{ "folding of blanks alone", "A: b\n \n c\n\nd\n",
	    "A: b\r\n \r\n c\r\n", "d\r\n", 0, 0 },
	{ "blank before the colon", "A \t: b\n\nc\n", "A \t: b\r\n", "c\r\n",
	    0, 0 },
	{ "no empty line", "A: b\nhello you\nC: d\n", "A: b\r\n",
	    "hello you\r\nC: d\r\n", 0, 0 },
	{ "body alone", "hello you\n\nagain\n", "",
	    "hello you\r\n\r\nagain\r\n", 0, 0 },
	{ "body alone, open", "hello", "", "hello\r\n", 0, 0 },
	{ "empty line first", "\nA: b\n", "", "A: b\r\n", 0, 0 },
	{ "two empty lines first", "\n\nx\n", "", "\r\nx\r\n", 0, 0 },
	{ "continuation of nothing", " a\nB: c\n", "", " a\r\nB: c\r\n", 0,
	    0 },
	{ "name without letters", ": a\n", "", ": a\r\n", 0, 0 },
	{ "name with 8 bits", "\xc3\xa4: a\n", "", "\xc3\xa4: a\r\n", 0,
	    BODY_8BIT },
	{ "only line ends", "\n\n\n", "", "\r\n\r\n", 0, 0 },

	{ "From_", "From a@b Sun Nov 22\nA: b\n\nc\n", "A: b\r\n", "c\r\n", 0,
	    0 },
	{ "From_ many", ">From x\n>>From y\nFrom z\nA: b\n\nc\n", "A: b\r\n",
	    "c\r\n", 0, 0 },
	{ "From_ and body", "From x\nhello\n", "", "hello\r\n", 0, 0 },
	{ "From_ alone", "From x", "", "", 0, 0 },
	{ "From_ late is body", "A: b\nFrom x\nC: d\n", "A: b\r\n",
	    "From x\r\nC: d\r\n", 0, 0 },
	{ "From_ in the body", "A: b\n\nFrom x\n>From y\n", "A: b\r\n",
	    "From x\r\n>From y\r\n", 0, 0 },
	{ "From with a blank before its colon", "From : a@b\n\nc\n",
	    "From : a@b\r\n", "c\r\n", 0, 0 },
	{ "from_ small", "from x\n", "", "from x\r\n", 0, 0 },

	{ "mboxrd", "A: b\n\n>From x\n>>From y\nFrom z\n> From\n>Fro", "A: b\r\n",
	    "From x\r\n>From y\r\nFrom z\r\n> From\r\n>Fro\r\n", MBOX, 0 },
	{ "mboxrd, no empty line", "A: b\n>From x\n>From y\n", "A: b\r\n",
	    "From x\r\nFrom y\r\n", MBOX, 0 },

	{ "dots kept", "A: b\n\n.\n..\n.x\n...\n", "A: b\r\n",
	    ".\r\n..\r\n.x\r\n...\r\n", 0, BODY_DOTS },
	{ "dot ends", "A: b\n\nc\n.\nd\n", "A: b\r\n", "c\r\n", DOT, 0 },
	{ "dot CRLF ends", "A: b\n\nc\n.\r\nd\n", "A: b\r\n", "c\r\n", DOT,
	    0 },
	{ "dot without LF ends", "A: b\n\nc\n.", "A: b\r\n", "c\r\n", DOT, 0 },
	{ "dot at once", ".\nA: b\n", "", "", DOT, 0 },
	{ "dot in the header", "A: b\n.\nC: d\n", "A: b\r\n", "", DOT, 0 },
	{ "dot is first of the body", "A: b\n\n.\nC: d\n", "A: b\r\n", "", DOT,
	    0 },
	{ "two dots become one", "A: b\n\n..\n..x\n...\n.x\n. \n.\n",
	    "A: b\r\n", ".\r\n.x\r\n..\r\n.x\r\n. \r\n", DOT, BODY_DOTS },
	{ "two dots begin the body", "A: b\n..\nc\n", "A: b\r\n",
	    ".\r\nc\r\n", DOT, BODY_DOTS },
	{ "two dots and a colon", "..x: b\n\nc\n", ".x: b\r\n", "c\r\n", DOT,
	    BODY_DOTS },
	{ "dot and CR", "A: b\n\n.\rx\n", "A: b\r\n", ". x\r\n", DOT,
	    BODY_DOTS },
	{ "dot and blank is none", "A: b\n. \nc\n", "A: b\r\n",
	    ". \r\nc\r\n", DOT, BODY_DOTS },

	{ "8 bits in the header", "A: \xe4\n\nc\n", "A: \xe4\r\n", "c\r\n", 0,
	    BODY_8BIT | BODY_UTF8_HEADER },
	{ "8 bits in the body", "A: b\n\n0123456\xe4\n", "A: b\r\n",
	    "0123456\xe4\r\n", 0, BODY_8BIT },
	{ "8 bits in the 9th byte", "A: b\n\n01234567\x80\n", "A: b\r\n",
	    "01234567\x80\r\n", 0, BODY_8BIT },
	{ "8 bits behind the end", "A: b\n\nc\n.\n\xe4\n", "A: b\r\n",
	    "c\r\n", DOT, 0 },
};

START_TEST(stream)
{
	const char *in = cases[_i].in, *name = cases[_i].name;
	struct message m = { .dot_ends = cases[_i].how & DOT,
		.mbox_quoted = cases[_i].how & MBOX };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(run(&m, in, strlen(in), SIZE_MAX, &out, &err), 0);
	ck_assert_msg(strcmp(buf_str(&m.header), cases[_i].header) == 0,
	    "%s: header \"%s\"", name, buf_str(&m.header));
	ck_assert_msg(strcmp(buf_str(&out), cases[_i].body) == 0,
	    "%s: body \"%s\"", name, buf_str(&out));
	ck_assert_msg(m.body == cases[_i].bits, "%s: bits %d", name, m.body);
	ck_assert(m.header_done);
	assert_fit(&out, name);
	assert_pieces(in, strlen(in), cases[_i].how, name);
	message_release(&m);
	buf_release(&out);
}
END_TEST

/* The header is complete as soon as it can be, and the rest is left. */
START_TEST(header_first)
{
	static const struct {
		const char *in;
		ssize_t used;
	} stops[] = {
		{ "A: b\n\nc\n", 6 },
		{ "A: b\r\n\r\nc\r\n", 8 },
		{ "A: b\nhello\n", 10 },	/* its LF is left */
		{ "\nhello\n", 1 },
	};
	struct buf out = { 0 };
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		struct message m = { 0 };

		ck_assert_int_eq(message_feed(&m, stops[i].in,
		    strlen(stops[i].in), &out, &err), stops[i].used);
		ck_assert(m.header_done);
		ck_assert_uint_eq(out.len, 0);
		message_release(&m);
	}
}
END_TEST

/* Nothing is taken after the end. */
START_TEST(ended)
{
	struct message m = { .dot_ends = true };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(message_feed(&m, "\n", 1, &out, &err), 1);
	ck_assert_int_eq(message_feed(&m, "a\n.\nb\n", 6, &out, &err), 4);
	ck_assert(m.ended);
	ck_assert_int_eq(message_feed(&m, "b\n", 2, &out, &err), 0);
	ck_assert_int_eq(message_finish(&m, &out, &err), 0);
	ck_assert_str_eq(buf_str(&out), "a\r\n");
	message_release(&m);
	buf_release(&out);
}
END_TEST

START_TEST(hops)
{
	static const char in[] = "Received: a\nReceived-SPF: b\nRECEIVED : c\n"
				 " Received: d\nX: y\n\nReceived: e\n";
	struct message m = { 0 };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(run(&m, in, strlen(in), SIZE_MAX, &out, &err), 0);
	ck_assert_uint_eq(m.hops, 2);
	message_release(&m);
	buf_release(&out);
}
END_TEST

/*
 * The rules again, as simply as can be, for a body of short lines. Returns
 * false when nothing more is to come.
 */
static bool
plain_line(const char *s, size_t n, int how, struct buf *out)
{
	size_t i;

	while (n > 0 && s[n - 1] == '\r')
		n--;
	if (how & DOT && n == 1 && s[0] == '.')
		return false;
	if (how & DOT && n >= 2 && s[0] == '.' && s[1] == '.') {
		s++;
		n--;
	}
	for (i = 0; i < n; i++) {
		if (s[i] != '\r')
			buf_addc(out, s[i]);
		else if (s[i + 1] != '\r')
			buf_addc(out, ' ');
	}
	buf_adds(out, "\r\n");
	return true;
}

static void
plain_body(const char *s, int how, struct buf *out)
{
	const char *lf;

	while ((lf = strchr(s, '\n')) != NULL) {
		if (!plain_line(s, (size_t)(lf - s), how, out))
			return;
		s = lf + 1;
	}
	if (*s != '\0')
		plain_line(s, strlen(s), how, out);
}

/* Every text of up to 6 of these bytes, as a body and as a whole message. */
START_TEST(smuggling)
{
	static const char letters[] = "\r\n.a";
	char in[16];
	unsigned len, total, i, k, code;
	struct message m;
	struct buf out = { 0 }, want = { 0 };
	struct err err;

	for (len = 1, total = 4; len <= 6; len++, total *= 4) {
		for (i = 0; i < total; i++) {
			memcpy(in, "A: b\n\n", 6);
			for (k = 0, code = i; k < len; k++, code /= 4)
				in[6 + k] = letters[code % 4];
			in[6 + len] = '\0';
			m = (struct message){ .dot_ends = _i & DOT };
			buf_clear(&out);
			buf_clear(&want);
			if (run(&m, in, 6 + len, SIZE_MAX, &out, &err) < 0)
				ck_abort_msg("%s: %s", in, err.text);
			plain_body(in + 6, _i, &want);
			assert_same(&out, &want, in);
			assert_fit(&out, in);
			message_release(&m);
			assert_pieces(in, 6 + len, _i, in);
			assert_pieces(in + 6, len, _i, in + 6);
		}
	}
	buf_release(&out);
	buf_release(&want);
}
END_TEST

/* A line of n octets made of unit, in front of it a header or not. */
static void
make_long(struct buf *in, const char *before, const char *unit, size_t n)
{
	buf_clear(in);
	buf_adds(in, before);
	while (n > 0) {
		size_t len = strlen(unit) < n ? strlen(unit) : n;

		buf_add(in, unit, len);
		n -= len;
	}
	buf_adds(in, "\nend\n");
}

/* out without its line ends, and without the blanks put in behind them. */
static void
rejoin(const struct buf *out, struct buf *joined)
{
	size_t i;

	buf_clear(joined);
	for (i = 0; i < out->len; i++) {
		if (out->data[i] != '\r' && out->data[i] != '\n' &&
		    out->data[i] != ' ')
			buf_addc(joined, out->data[i]);
	}
}

static bool
is_utf8(const struct buf *b, size_t from, size_t to)
{
	size_t len;

	for (; from < to; from += len) {
		len = utf8_len(b->data + from, to - from);
		if (len == 0)
			return false;
	}
	return true;
}

static const struct {
	const char *name, *unit;
} units[] = {
	{ "letters", "x" },
	{ "two bytes", "\xc3\xa4" },
	{ "three bytes", "\xe2\x82\xac" },
	{ "four bytes", "\xf0\x9f\x93\xac" },
	{ "words", "lorem ipsum " },
	{ "words of three bytes", "\xe2\x82\xac\xe2\x82\xac \xe2\x82\xac" },
	{ "one blank far away", "x                                         " },
	{ "no UTF-8", "\x80" },
	{ "dots", "." },
	{ "quotes", ">" },
};

START_TEST(long_lines)
{
	static const size_t lengths[] = { 996, 997, 998, 999, 1000, 1001, 1002,
		1995, 1996, 1997, 1998, 2000, 5000, 100000 };
	static const char *const befores[] = { "", "\n", "A: b\n\n", "A: b\n",
		"A: b\n\n\xe2\x82\xac", "A: b\n\n.", "A: b\n\n>From " };
	struct buf in = { 0 }, out = { 0 }, a = { 0 }, b = { 0 };
	const char *name = units[_i].name;
	struct err err;
	size_t i, k, p;

	for (i = 0; i < 14 * 7; i++) {
		struct message m = { 0 };

		make_long(&in, befores[i / 14], units[_i].unit,
		    lengths[i % 14] / strlen(units[_i].unit) *
		    strlen(units[_i].unit));
		assert_pieces(in.data, in.len, 0, name);
		assert_pieces(in.data, in.len, DOT | MBOX, name);
		buf_clear(&out);
		ck_assert_int_eq(run(&m, in.data, in.len, 4096, &out, &err),
		    0);
		assert_fit(&out, name);
		/* Nothing is lost but line ends, nothing added but blanks. */
		p = strlen(befores[i / 14]);
		p = p > 0 && befores[i / 14][p - 1] == '\n' ? p :
		    p > 6 ? 6 : p;
		rejoin(&out, &a);
		rejoin(&(struct buf){ in.data + p, in.len - p, 0 }, &b);
		assert_same(&a, &b, name);
		/* Each line is UTF-8 if the whole is. */
		if (!is_utf8(&in, 0, in.len))
			out.len = 0;
		for (p = k = 0; k < out.len; k++) {
			if (out.data[k] != '\n')
				continue;
			if (!is_utf8(&out, p, k + 1))
				ck_abort_msg("%s: a character is broken", name);
			p = k + 1;
		}
		message_release(&m);
	}
	buf_release(&in);
	buf_release(&out);
	buf_release(&a);
	buf_release(&b);
}
END_TEST

/* Where a line is broken: before a blank that is near, else inside. */
START_TEST(breaks)
{
	struct buf in = { 0 }, out = { 0 };
	struct message m = { 0 };
	struct err err;

	buf_adds(&in, "\n");
	buf_printf(&in, "%0990d https://example.org/ %0990d\n", 0, 1);
	ck_assert_int_eq(run(&m, in.data, in.len, SIZE_MAX, &out, &err), 0);
	ck_assert_int_eq(memcmp(out.data + 990, "\r\n https://", 11), 0);
	message_release(&m);

	m = (struct message){ 0 };
	buf_clear(&in);
	buf_clear(&out);
	buf_printf(&in, "\n%01500d\n", 7);
	ck_assert_int_eq(run(&m, in.data, in.len, SIZE_MAX, &out, &err), 0);
	ck_assert_uint_eq(out.len, 1500 + 2 + 1 + 2);
	ck_assert_int_eq(memcmp(out.data + 998, "\r\n 0", 4), 0);
	message_release(&m);
	buf_release(&in);
	buf_release(&out);
}
END_TEST

/* A line without end passes through in little memory. */
START_TEST(endless_line)
{
	static const char *const starts[] = { "A: b\n\n", "", ">>From ",
		"A: b\n\n\r" };
	static char piece[64 * 1024];
	struct message m = { 0 };
	struct buf out = { 0 };
	struct err err;
	size_t at = 0, total = 0, i;

	memset(piece, 'x', sizeof(piece));
	memcpy(piece, starts[_i], strlen(starts[_i]));
	for (i = 0; i < 512; i++) {
		for (at = 0; at < sizeof(piece);) {
			ssize_t used = message_feed(&m, piece + at,
			    sizeof(piece) - at, &out, &err);

			if (used < 0)
				break;
			at += (size_t)used;
		}
		if (at < sizeof(piece))
			break;
		total += out.len;
		buf_clear(&out);
		memset(piece, 'x', 16);
	}
	/* Only a From_ line is part of the header, and too long for it. */
	ck_assert_int_eq(i < 512, _i == 2);
	if (_i != 2) {
		ck_assert_uint_gt(total, 512 * sizeof(piece) - 2048);
		ck_assert_uint_lt(m.line.cap, 8192);
	}
	message_release(&m);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *in;
	size_t n;
	const char *text;
} refused[] = {
	{ "NUL in a field", "A: b\nC: \0d\n\n", 12, "line 2: NUL" },
	{ "NUL in a folded line", "A: b\n c\0\n\n", 10, "line 2: NUL" },
	{ "NUL behind From_", "From x\nA: \0\n", 12, "line 2: NUL" },
};

START_TEST(bad_header)
{
	struct message m = { 0 };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(run(&m, refused[_i].in, refused[_i].n, SIZE_MAX,
	    &out, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DATA);
	ck_assert_str_eq(err.status, "5.6.0");
	ck_assert_msg(strncmp(err.text, refused[_i].text,
	    strlen(refused[_i].text)) == 0, "%s: %s", refused[_i].name,
	    err.text);
	assert_pieces(refused[_i].in, refused[_i].n, 0, refused[_i].name);
	message_release(&m);
}
END_TEST

/* NUL in the body is the receiver's business. */
START_TEST(nul_in_body)
{
	struct message m = { 0 };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(run(&m, "A: b\n\nc\0d\n", 10, SIZE_MAX, &out, &err),
	    0);
	ck_assert_uint_eq(out.len, 5);
	ck_assert_int_eq(memcmp(out.data, "c\0d\r\n", 5), 0);
	assert_pieces("A: b\n\nc\0d\n", 10, 0, "NUL");
	message_release(&m);
	buf_release(&out);
}
END_TEST

/* The header may be as large as it may be, and not one octet larger. */
START_TEST(header_size)
{
	static const char *const grains[] = { "A: b\n", "x" };
	struct buf in = { 0 }, out = { 0 };
	struct message m = { 0 };
	struct err err;
	size_t stored = _i == 0 ? 6 : 1, room = MESSAGE_HEADER_MAX, i;

	if (_i == 1) {
		buf_adds(&in, "A: ");
		room -= 5;
	}
	for (i = 0; i < room / stored; i++)
		buf_adds(&in, grains[_i]);
	ck_assert_int_eq(run(&m, in.data, in.len, 65536, &out, &err), 0);
	ck_assert_uint_le(m.header.len, MESSAGE_HEADER_MAX);
	ck_assert_uint_gt(m.header.len, MESSAGE_HEADER_MAX - 6);
	message_release(&m);
	m = (struct message){ 0 };
	buf_adds(&in, grains[_i]);
	ck_assert_int_eq(run(&m, in.data, in.len, 65536, &out, &err), -1);
	ck_assert_str_eq(err.status, "5.6.0");
	message_release(&m);
	buf_release(&in);
}
END_TEST

static const struct message_fix plain_fix = {
	.queue_id = "ID1", .hostname = "mx.example.org",
	.from = "joe@example.org", .uid = 1000, .now = 1795371579
};

#define RECEIVED                                                              \
	"Received: by mx.example.org (Postrider, from userid 1000)\r\n"       \
	"\tid ID1; Sun, 22 Nov 2026 18:19:39 +0000\r\n"
#define FROM "From: joe@example.org\r\n"
#define DATE "Date: Sun, 22 Nov 2026 18:19:39 +0000\r\n"
#define MESSAGE_ID "Message-ID: <ID1@mx.example.org>\r\n"

static const struct {
	const char *name, *in, *want;
} fixes[] = {
	{ "nothing there", "", RECEIVED FROM DATE MESSAGE_ID "\r\n" },
	{ "all there",
	    "From: a@b\nDate: x\nMessage-ID: <y@z>\nSubject: s\n",
	    RECEIVED "From: a@b\r\nDate: x\r\nMessage-ID: <y@z>\r\n"
		     "Subject: s\r\n\r\n" },
	{ "any case, obsolete blanks", "FROM : a@b\ndate:x\nmessage-id:\ty\n",
	    RECEIVED "FROM : a@b\r\ndate:x\r\nmessage-id:\ty\r\n\r\n" },
	{ "twice stays twice",
	    "From: a@b\nDate: x\nFrom: c@d\nDate: y\nMessage-ID: z\n",
	    RECEIVED "From: a@b\r\nDate: x\r\nFrom: c@d\r\nDate: y\r\n"
		     "Message-ID: z\r\n\r\n" },
	{ "empty From", "From:\nTo: c@d\nFrom: \n \n\t\nDate: x\n",
	    RECEIVED "To: c@d\r\nDate: x\r\n" FROM MESSAGE_ID "\r\n" },
	{ "empty and full From", "From:\nFrom: a@b\nDate:x\nMessage-ID:y\n",
	    RECEIVED "From: a@b\r\nDate:x\r\nMessage-ID:y\r\n\r\n" },
	{ "Bcc with its folds",
	    "From: a@b\nBcc: c@d,\n e@f,\n\tg@h\nDate: x\nbcc:\n"
	    "RESENT-BCC : i@j\nMessage-ID: y\nReturn-Path: <k@l>\n"
	    "Content-Length: 5\nBcc-Not: z\n",
	    RECEIVED "Resent-From: joe@example.org\r\n"
		     "Resent-" DATE "Resent-" MESSAGE_ID
		     "From: a@b\r\nDate: x\r\nMessage-ID: y\r\n"
		     "Bcc-Not: z\r\n\r\n" },
	{ "resent",
	    "Resent-From: m@n\nResent-Date: w\nResent-To: o@p\nTo: q@r\n",
	    RECEIVED "Resent-" MESSAGE_ID "Resent-From: m@n\r\n"
		     "Resent-Date: w\r\nResent-To: o@p\r\nTo: q@r\r\n\r\n" },
	{ "body follows", "From: a@b\nhello\n",
	    RECEIVED "From: a@b\r\n" DATE MESSAGE_ID "\r\nhello\r\n" },
};

/* Header and body of s, mended. */
static int
mend(const char *s, size_t n, const struct message_fix *fix, struct buf *out,
    struct err *err)
{
	struct message m = { 0 };
	struct buf body = { 0 };
	int rc;

	ck_assert_int_eq(run(&m, s, n, SIZE_MAX, &body, err), 0);
	rc = message_fix(&m, fix, out, err);
	buf_add(out, body.data, body.len);
	buf_release(&body);
	message_release(&m);
	return rc;
}

START_TEST(fix)
{
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(mend(fixes[_i].in, strlen(fixes[_i].in), &plain_fix,
	    &out, &err), 0);
	ck_assert_msg(strcmp(buf_str(&out), fixes[_i].want) == 0, "%s: %s",
	    fixes[_i].name, buf_str(&out));
	buf_release(&out);
}
END_TEST

static const struct {
	const char *full_name, *want;
} names[] = {
	{ NULL, "From: joe@example.org\r\n\r\n" },
	{ "", "From: joe@example.org\r\n\r\n" },
	{ "Joe User", "From: Joe User <joe@example.org>\r\n\r\n" },
	{ "Joe \"x\" U., Jr.",
	    "From: \"Joe \\\"x\\\" U., Jr.\" <joe@example.org>\r\n\r\n" },
	{ "Joe M\xc3\xbcller",
	    "From: =?UTF-8?Q?Joe_M=C3=BCller?= <joe@example.org>\r\n\r\n" },
	{ "a\r\nBcc: b",
	    "From: \"a  Bcc: b\" <joe@example.org>\r\n\r\n" },
};

START_TEST(full_name)
{
	struct message_fix how = plain_fix;
	struct buf out = { 0 };
	struct err err;

	how.full_name = names[_i].full_name;
	how.no_received = true;
	ck_assert_int_eq(mend("Date: x\nMessage-ID: y\n", 22, &how, &out,
	    &err), 0);
	ck_assert_str_eq(buf_str(&out) + 9 + 15, names[_i].want);
	buf_release(&out);
}
END_TEST

/*
 * Rewritten: everybody at h.example moves to example.org, root is ops there;
 * names without a domain are of h.example.
 */
#define MINE "Date: x\nMessage-ID: y\n"
#define THEIRS "Date: x\r\nMessage-ID: y\r\n"

static const struct {
	const char *name, *in, *want;
} rewritten[] = {
	{ "From", "From: Joe <joe@h.example>\n",
	    "From: Joe <joe@example.org>\r\n" },
	{ "each field of a sender",
	    "From: a@h.example\nSender: b@h.example\nReply-To: c@h.example\n"
	    "FROM : d@h.example\n",
	    "From: a@example.org\r\nSender: b@example.org\r\n"
	    "Reply-To: c@example.org\r\nFROM : d@example.org\r\n" },
	{ "no other field",
	    "From: x@y.org\nTo: a@h.example\nCc: b@h.example\n"
	    "Errors-To: c@h.example\nX-From: d@h.example\n"
	    "Disposition-Notification-To: e@h.example\nSubject: f@h.example\n",
	    "From: x@y.org\r\nTo: a@h.example\r\nCc: b@h.example\r\n"
	    "Errors-To: c@h.example\r\nX-From: d@h.example\r\n"
	    "Disposition-Notification-To: e@h.example\r\n"
	    "Subject: f@h.example\r\n" },
	{ "cron", "From: root (Cron Daemon)\n",
	    "From: ops@example.org (Cron Daemon)\r\n" },
	{ "several, folded", "From: a@h.example,\n\tB C <b@h.example>\n",
	    "From: a@example.org,\r\n\tB C <b@example.org>\r\n" },
	{ "body", "From: a@h.example\n" MINE "\nFrom: b@h.example\n",
	    "From: a@example.org\r\n" THEIRS "\r\nFrom: b@h.example\r\n" },
};

static void
assert_mended(const char *name, const char *in, const char *want,
    struct message_fix how)
{
	struct buf text = { 0 }, wanted = { 0 }, out = { 0 };
	bool whole = strstr(in, "Message-ID: y") != NULL;
	struct err err;

	buf_printf(&text, "%s%s", in, whole ? "" : MINE);
	buf_printf(&wanted, "%s%s", want, whole ? "" : THEIRS "\r\n");
	how.no_received = true;
	ck_assert_int_eq(mend(text.data, text.len, &how, &out, &err), 0);
	ck_assert_msg(strcmp(buf_str(&out), buf_str(&wanted)) == 0, "%s: %s",
	    name, buf_str(&out));
	buf_release(&text);
	buf_release(&wanted);
	buf_release(&out);
}

static void
make_rules(struct rewrite *rules)
{
	struct err err;

	ck_assert_int_eq(rewrite_add(rules, "root@* ops@example.org", &err),
	    0);
	ck_assert_int_eq(rewrite_add(rules, "h.example @example.org", &err),
	    0);
}

START_TEST(rewrite)
{
	struct message_fix how = plain_fix;
	struct rewrite rules = { 0 };

	how.default_domain = "h.example";
	assert_mended(rewritten[_i].name, rewritten[_i].want,
	    rewritten[_i].want, how);
	how.rewrite = &rules;
	assert_mended("no rules", rewritten[_i].want, rewritten[_i].want, how);
	make_rules(&rules);
	assert_mended(rewritten[_i].name, rewritten[_i].in,
	    rewritten[_i].want, how);
	rewrite_release(&rules);
}
END_TEST

static const struct {
	const char *name, *full_name, *in, *want;
} replaced[] = {
	{ "one", NULL, "To: x\nFrom: Joe <joe@h.example>\nX: y\n",
	    "To: x\r\nFrom: set@example.org\r\nX: y\r\n" },
	{ "with a name", "S. Et", "From: Joe <joe@h.example>\n",
	    "From: \"S. Et\" <set@example.org>\r\n" },
	{ "several become the one", NULL,
	    "From: a@h.example,\n b@h.example, C <c@d.org>\n",
	    "From: set@example.org\r\n" },
	{ "several fields do", NULL, "From: a@h.example\nfrom: b@h.example\n",
	    "From: set@example.org\r\n" },
	{ "empty ones do not count", NULL, "From:\nX: y\nFrom: a@b\n",
	    "X: y\r\nFrom: set@example.org\r\n" },
	{ "the same keeps its name", "Other",
	    "From: \"Ann\"\n (x) <set@EXAMPLE.org>\n",
	    "From: \"Ann\"\r\n (x) <set@EXAMPLE.org>\r\n" },
	{ "what becomes the same, too", "Other", "From: Ann <set@h.example>\n",
	    "From: Ann <set@example.org>\r\n" },
	{ "the same beside another", NULL,
	    "From: Ann <set@example.org>, b@c.org\n",
	    "From: set@example.org\r\n" },
	{ "the same beside what is none", NULL,
	    "From: b c, Ann <set@example.org>\n",
	    "From: set@example.org\r\n" },
	{ "no address", NULL, "From: Undisclosed:;\n",
	    "From: set@example.org\r\n" },
	{ "what is no address", NULL, "From: me, myself & I\n",
	    "From: set@example.org\r\n" },
	{ "others are rewritten", NULL,
	    "From: a@b\nSender: root\nReply-To: b@h.example\n",
	    "From: set@example.org\r\nSender: ops@example.org\r\n"
	    "Reply-To: b@example.org\r\n" },
};

START_TEST(set_from)
{
	struct message_fix how = plain_fix;
	struct rewrite rules = { 0 };

	make_rules(&rules);
	how.rewrite = &rules;
	how.default_domain = "h.example";
	how.set_from = "set@example.org";
	how.full_name = replaced[_i].full_name;
	assert_mended(replaced[_i].name, replaced[_i].in, replaced[_i].want,
	    how);
	rewrite_release(&rules);
}
END_TEST

/* Added, it is the same. */
START_TEST(set_from_missing)
{
	struct message_fix how = plain_fix;

	how.set_from = "set@example.org";
	how.full_name = "Joe";
	assert_mended("missing", MINE, THEIRS
	    "From: Joe <set@example.org>\r\n\r\n", how);
}
END_TEST

/* The newest Resent-From is who sends now; From is the author's. */
START_TEST(set_from_resent)
{
	struct message_fix how = plain_fix;

	how.set_from = "set@example.org";
	assert_mended("resent",
	    "Resent-From: a@b\nResent-Date: 2\nResent-Message-ID: <2>\n"
	    "Received: x\nResent-From: c@d\nResent-Date: 1\nFrom: e@f\n",
	    "Resent-From: set@example.org\r\nResent-Date: 2\r\n"
	    "Resent-Message-ID: <2>\r\nReceived: x\r\nResent-From: c@d\r\n"
	    "Resent-Date: 1\r\nFrom: e@f\r\n", how);
}
END_TEST

/* A display name of any length makes no line too long. */
START_TEST(endless_name)
{
	struct message_fix how = plain_fix;
	struct buf out = { 0 }, name = { 0 };
	struct err err;
	int i;

	for (i = 0; i < 3000; i++)
		buf_addc(&name, 'x');
	how.full_name = buf_str(&name);
	ck_assert_int_eq(mend("", 0, &how, &out, &err), 0);
	assert_fit(&out, "name");
	buf_release(&out);
	buf_release(&name);
}
END_TEST

START_TEST(too_many_hops)
{
	struct buf in = { 0 }, out = { 0 };
	struct err err;
	int i;

	for (i = 1; i < MESSAGE_HOPS_MAX; i++)
		buf_adds(&in, "Received: by here; then\n");
	ck_assert_int_eq(mend(in.data, in.len, &plain_fix, &out, &err), 0);
	buf_clear(&out);
	buf_adds(&in, "Received: by here; then\n");
	ck_assert_int_eq(mend(in.data, in.len, &plain_fix, &out, &err), -1);
	ck_assert_int_eq(err.kind, ERR_PERM);
	ck_assert_str_eq(err.status, "5.4.6");
	buf_release(&in);
	buf_release(&out);
}
END_TEST

/* 10,000 fields, a field of 1 MiB, one of 1 MiB of folds: Check's own time
 * limit is what tells linear from not. */
START_TEST(large_header)
{
	struct buf in = { 0 }, out = { 0 };
	struct err err;
	int i;

	for (i = 0; i < 10000; i++)
		buf_printf(&in, "X-%d: y\n", i);
	buf_adds(&in, "X-Long: ");
	for (i = 0; i < 1 << 18; i++)
		buf_adds(&in, _i ? "word " : "word");
	buf_adds(&in, "\nX-Folds: x\n");
	for (i = 0; i < 1 << 18; i++)
		buf_adds(&in, " x\n");
	ck_assert_int_eq(mend(in.data, in.len, &plain_fix, &out, &err), 0);
	assert_fit(&out, "large");
	ck_assert_uint_gt(out.len, in.len);
	buf_release(&in);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *in, *good, *bad;
} recipients[] = {
	{ "to, cc, bcc", "To: a@b.org\nCC : c@d.org\nbcc: e@f.org,\n g@h.org\n"
	    "From: i@j.org\nReply-To: k@l.org\n",
	    "a@b.org c@d.org e@f.org g@h.org ", "" },
	{ "one field for each", "To: a@b.org\nTo: c@d.org\nCc: \n",
	    "a@b.org c@d.org ", "" },
	{ "default domain", "To: root\n", "root@example.org ", "" },
	{ "group", "To: undisclosed-recipients:;\nBcc: a@b.org\n", "a@b.org ",
	    "" },
	{ "resent alone counts", "Resent-To: a@b.org\nResent-Bcc: c@d.org\n"
	    "To: e@f.org\nResent-CC: g@h.org\nBcc: i@j.org\n",
	    "a@b.org c@d.org g@h.org ", "" },
	{ "any Resent-", "Resent-Date: x\nTo: e@f.org\n", "", "" },
	{ "only in the header", "To: a@b.org\n\nTo: c@d.org\n", "a@b.org ",
	    "" },
};

START_TEST(header_recipients)
{
	const char *in = recipients[_i].in;
	struct strlist good = { 0 }, bad = { 0 };
	struct buf out = { 0 }, got = { 0 };
	struct message m = { 0 };
	struct err err;
	size_t i;

	ck_assert_int_eq(run(&m, in, strlen(in), SIZE_MAX, &out, &err), 0);
	message_recipients(&m, "example.org", &good, &bad);
	for (i = 0; i < good.n; i++)
		buf_printf(&got, "%s ", good.v[i]);
	ck_assert_msg(strcmp(buf_str(&got), recipients[_i].good) == 0,
	    "%s: %s", recipients[_i].name, buf_str(&got));
	ck_assert_uint_eq(bad.n, 0);
	strlist_release(&good);
	strlist_release(&bad);
	buf_release(&out);
	buf_release(&got);
	message_release(&m);
}
END_TEST

static const struct {
	const char *name, *in, *want;
} authors[] = {
	{ "nobody", "To: a@b.org\n", NULL },
	{ "From", "From: Ann <A@B.org>\n", "A@b.org" },
	{ "without a domain", "From: root (Cron Daemon)\n",
	    "root@example.org" },
	{ "the first of many", "From: a@b.org, c@d.org\nFrom: e@f.org\n",
	    "a@b.org" },
	{ "of the second field", "From:\nFrom: e@f.org\n", "e@f.org" },
	{ "the first that is one", "From: a b@c, c@d.org\n", "c@d.org" },
	{ "none that is one", "From: me, myself & I\n", "me@example.org" },
	{ "really none", "From: Me Myself\n", NULL },
	{ "empty", "From:\n", NULL },
	{ "group", "From: Us: a@b.org;\n", "a@b.org" },
	{ "Sender", "Sender: s@b.org\nFrom: a@b.org, c@d.org\n", "s@b.org" },
	{ "Sender behind", "From: a@b.org\nSender: s@b.org\n", "s@b.org" },
	{ "Sender that is none", "From: a@b.org\nSender: x y\n", "a@b.org" },
	{ "Sender alone", "Sender: s@b.org\n", "s@b.org" },
	{ "Reply-To is nobody", "Reply-To: s@b.org\n", NULL },
	{ "in the body", "To: x\n\nFrom: a@b.org\n", NULL },
	{ "resent", "Resent-From: r@b.org\nFrom: a@b.org\nSender: s@b.org\n",
	    "r@b.org" },
	{ "resent twice", "Resent-From: r@b.org\nResent-Date: 2\n"
	    "Resent-From: q@b.org\nResent-Sender: s@b.org\nFrom: a@b.org\n",
	    "r@b.org" },
	{ "resent by another", "Resent-From: r@b.org\nResent-Date: 2\n"
	    "Resent-Sender: s@b.org\nFrom: a@b.org\n", "s@b.org" },
	{ "of another block", "Resent-From: r@b.org\nResent-Date: 2\n"
	    "Received: x\nResent-Sender: s@b.org\nResent-From: q@b.org\n",
	    "r@b.org" },
	{ "Sender first", "Received: y\nResent-Sender: s@b.org\n"
	    "Resent-From: r@b.org\nReceived: x\nResent-From: q@b.org\n",
	    "s@b.org" },
	{ "resent by nobody", "Resent-To: x@y.org\nFrom: a@b.org\n", NULL },
};

START_TEST(author)
{
	const char *in = authors[_i].in, *want = authors[_i].want;
	struct buf body = { 0 }, out = { 0 };
	struct message m = { 0 };
	struct err err;
	bool found;

	ck_assert_int_eq(run(&m, in, strlen(in), SIZE_MAX, &body, &err), 0);
	found = message_author(&m, "example.org", &out);
	ck_assert_msg(found == (want != NULL) &&
	    strcmp(buf_str(&out), found ? want : "") == 0, "%s: %s",
	    authors[_i].name, buf_str(&out));
	buf_release(&body);
	buf_release(&out);
	message_release(&m);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("message");
	TCase *tc = tcase_create("stream"), *fixing = tcase_create("fix");

	setenv("TZ", "UTC", 1);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, stream, 0, CHECK_ROWS(cases));
	tcase_add_test(tc, header_first);
	tcase_add_test(tc, ended);
	tcase_add_test(tc, hops);
	tcase_add_loop_test(tc, smuggling, 0, DOT + 1);
	tcase_add_loop_test(tc, long_lines, 0, CHECK_ROWS(units));
	tcase_add_test(tc, breaks);
	tcase_add_loop_test(tc, endless_line, 0, 4);
	tcase_add_loop_test(tc, bad_header, 0, CHECK_ROWS(refused));
	tcase_add_test(tc, nul_in_body);
	tcase_add_loop_test(tc, header_size, 0, 2);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(fixing, fix, 0, CHECK_ROWS(fixes));
	tcase_add_loop_test(fixing, full_name, 0, CHECK_ROWS(names));
	tcase_add_loop_test(fixing, rewrite, 0, CHECK_ROWS(rewritten));
	tcase_add_loop_test(fixing, set_from, 0, CHECK_ROWS(replaced));
	tcase_add_test(fixing, set_from_missing);
	tcase_add_test(fixing, set_from_resent);
	tcase_add_loop_test(fixing, author, 0, CHECK_ROWS(authors));
	tcase_add_test(fixing, endless_name);
	tcase_add_test(fixing, too_many_hops);
	tcase_add_loop_test(fixing, large_header, 0, 2);
	tcase_add_loop_test(fixing, header_recipients, 0,
	    CHECK_ROWS(recipients));
	suite_add_tcase(s, fixing);
	return check_run(s);
}
