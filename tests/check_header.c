/* header: walking over fields, and writing them. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "mail/addrlist.h"
#include "mail/header.h"

#define UE "\xc3\xbc"			/* two octets of UTF-8 */
#define CLEF "\xf0\x9d\x84\x9e"	/* four */
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10

static const struct {
	const char *name, *text, *field, *body;
	size_t rest;		/* octets behind the field */
} fields[] = {
	{ "plain", "To: a@b\r\n", "To", " a@b", 0 },
	{ "and another", "To: a@b\r\nCc: c\r\n", "To", " a@b", 7 },
	{ "folded", "To: a@b,\r\n\tc@d\r\nCc: c\r\n", "To",
	    " a@b,\r\n\tc@d", 7 },
	{ "folded over nothing", "To:\r\n \r\n a@b\r\n", "To",
	    "\r\n \r\n a@b", 0 },
	{ "empty", "Cc:\r\n", "Cc", "", 0 },
	{ "empty, folded", "Cc: \r\n \r\nTo: x\r\n", "Cc", " \r\n ", 7 },
	{ "blank before the colon", "Cc \t: x\r\n", "Cc", " x", 0 },
	{ "colons in the body", "Subject: a: b\r\n", "Subject", " a: b", 0 },
	{ "no colon", "hello\r\n", "", "hello", 0 },
	{ "words before the colon", "hello world: x\r\n", "",
	    "hello world: x", 0 },
	{ "no name", ": x\r\n", "", ": x", 0 },
	{ "8-bit name", "S\xfcj: x\r\n", "", "S\xfcj: x", 0 },
	{ "begins with a blank", " x: y\r\n", "", " x: y", 0 },
	{ "LF alone", "To: a@b\nCc: c\n", "To", " a@b", 6 },
	{ "no line end", "To: a@b", "To", " a@b", 0 },
	{ "every byte a name may have", "!#$%&'*+-./09;<=>?@AZ[]^_`az{|}~:x\r\n",
	    "!#$%&'*+-./09;<=>?@AZ[]^_`az{|}~", "x", 0 },
};

START_TEST(walk)
{
	struct buf block = { 0 };
	struct header_field f;
	size_t at = 0;

	buf_adds(&block, fields[_i].text);
	ck_assert(header_next(&block, &at, &f));
	ck_assert_msg(f.name_len == strlen(fields[_i].field) &&
	    memcmp(f.text, fields[_i].field, f.name_len) == 0,
	    "%s: name is %.*s", fields[_i].name, (int)f.name_len, f.text);
	ck_assert_msg(f.body_len == strlen(fields[_i].body) &&
	    memcmp(f.body, fields[_i].body, f.body_len) == 0,
	    "%s: body is %.*s", fields[_i].name, (int)f.body_len, f.body);
	ck_assert_uint_eq(block.len - at, fields[_i].rest);
	ck_assert_uint_eq(f.len, at);
	while (header_next(&block, &at, &f))
		;
	ck_assert_uint_eq(at, block.len);
	buf_release(&block);
}
END_TEST

START_TEST(walk_nothing)
{
	struct buf block = { 0 };
	struct header_field f;
	size_t at = 0;

	ck_assert(!header_next(&block, &at, &f));
	ck_assert(!header_find(&block, "To", &f));
}
END_TEST

START_TEST(find)
{
	struct buf block = { 0 };
	struct header_field f;

	buf_adds(&block, "Tom: 1\r\nTO : 2\r\nto: 3\r\nnone\r\n");
	ck_assert(header_find(&block, "To", &f));
	ck_assert_int_eq(f.body[1], '2');
	ck_assert(header_is(&f, "tO"));
	ck_assert(!header_is(&f, "T"));
	ck_assert(!header_is(&f, "Tom"));
	ck_assert(!header_find(&block, "Cc", &f));
	ck_assert(!header_find(&block, "", &f));
	buf_release(&block);
}
END_TEST

static const struct {
	const char *name, *text, *want;
} unfolds[] = {
	{ "plain", "A: x y\r\n", "x y" },
	{ "folded", "A: x\r\n y\r\n", "x y" },
	{ "tab kept", "A: x\r\n\ty\r\n", "x\ty" },
	{ "blanks inside kept", "A: x  \r\n  y\r\n", "x    y" },
	{ "ends trimmed", "A:\r\n  \r\n x \t\r\n \r\n", "x" },
	{ "nothing", "A: \r\n \r\n", "" },
};

START_TEST(unfold)
{
	struct buf block = { 0 }, out = { 0 };
	struct header_field f;

	buf_adds(&block, unfolds[_i].text);
	ck_assert(header_find(&block, "A", &f));
	buf_adds(&out, "+");
	header_unfold(&f, &out);
	ck_assert_msg(strcmp(buf_str(&out) + 1, unfolds[_i].want) == 0,
	    "%s: got %s", unfolds[_i].name, buf_str(&out));
	buf_release(&block);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *text, *want;
} phrases[] = {
	{ "nothing", "", "\"\"" },
	{ "blanks", "  ", "\"\"" },
	{ "atoms", "John Doe", "John Doe" },
	{ "apostrophe", "John O'Brien", "John O'Brien" },
	{ "blanks at the ends", "  John ", "John" },
	{ "dot", "John Q. Doe", "\"John Q. Doe\"" },
	{ "comma", "Doe, John", "\"Doe, John\"" },
	{ "at", "a@b", "\"a@b\"" },
	{ "bracket", "x <a@b>", "\"x <a@b>\"" },
	{ "quote", "the \"boss\"", "\"the \\\"boss\\\"\"" },
	{ "backslash", "a\\b", "\"a\\\\b\"" },
	{ "paren", "John (home)", "\"John (home)\"" },
	{ "line end", "a\r\nBcc: x@y", "\"a  Bcc: x@y\"" },
	{ "control bytes", "a\tb\x1b\x7f" "c", "a b  c" },
	{ "encoded already", "=?utf-8?q?J=C3=BC?=", "=?utf-8?q?J=C3=BC?=" },
	{ "one letter, Q", "J" UE "rgen Doe, Jr.",
	    "=?UTF-8?Q?J=C3=BCrgen_Doe=2C_Jr=2E?=" },
	{ "all letters, B", UE UE UE, "=?UTF-8?B?w7zDvMO8?=" },
	{ "padding of one", UE UE UE UE, "=?UTF-8?B?w7zDvMO8w7w=?=" },
	{ "padding of two", UE UE UE UE UE, "=?UTF-8?B?w7zDvMO8w7zDvA==?=" },
	{ "Latin-1", "J\xf6rg", "=?ISO-8859-1?Q?J=F6rg?=" },
	{ "line end, encoded", UE "\r\nBcc: x",
	    "=?UTF-8?Q?=C3=BC__Bcc=3A_x?=" },
	{ "underscore, question mark, equals", UE "abcdefghijklmnopqrstuvwx_?=",
	    "=?UTF-8?Q?=C3=BCabcdefghijklmnopqrstuvwx=5F=3F=3D?=" },
	{ "shorter in B", UE "abcdefghijkl_?=",
	    "=?UTF-8?B?w7xhYmNkZWZnaGlqa2xfPz0=?=" },
};

START_TEST(phrase)
{
	struct buf out = { 0 };

	header_phrase(&out, phrases[_i].text);
	ck_assert_msg(strcmp(buf_str(&out), phrases[_i].want) == 0,
	    "%s: got %s", phrases[_i].name, buf_str(&out));
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *text;
	size_t used;
	const char *want;
} unstructured[] = {
	{ "nothing", "", 9, "" },
	{ "plain", "hello world", 9, "hello world" },
	{ "specials stay", "Re: \"a\" <b> (c)", 9, "Re: \"a\" <b> (c)" },
	{ "ends trimmed", " hello ", 9, "hello" },
	{ "line end", "a\r\nBcc: x", 9, "a  Bcc: x" },
	{ "exactly 78", X50 " " X10 " 2345678", 9,
	    X50 " " X10 " 2345678" },
	{ "79", X50 " " X10 " 23456789", 9,
	    X50 " " X10 "\r\n 23456789" },
	{ "blanks at the fold", X50 "   " X50, 9, X50 "  \r\n " X50 },
	{ "no blank to fold at", X50 X50, 9, X50 X50 },
	{ "one word encoded", "an " UE "bersicht fall", 9,
	    "an =?UTF-8?Q?=C3=BCbersicht?= fall" },
	{ "words together", "a " UE "  " UE " b", 9,
	    "a =?UTF-8?B?w7wgIMO8?= b" },
	{ "words apart", UE " b " UE, 9,
	    "=?UTF-8?B?w7w=?= b =?UTF-8?B?w7w=?=" },
	{ "Latin-1 as a whole", "\xfc b " UE, 9,
	    "=?ISO-8859-1?Q?=FC?= b =?ISO-8859-1?B?w7w=?=" },
	{ "far to the right", X50 " " UE, 9, X50 "\r\n =?UTF-8?B?w7w=?=" },
	{ "far to the right, first", UE, 60, "\r\n =?UTF-8?B?w7w=?=" },
};

START_TEST(unstructured_text)
{
	struct buf out = { 0 };

	header_unstructured(
	    &out, unstructured[_i].text, unstructured[_i].used);
	ck_assert_msg(strcmp(buf_str(&out), unstructured[_i].want) == 0,
	    "%s: got %s", unstructured[_i].name, buf_str(&out));
	buf_release(&out);
}
END_TEST

static unsigned
hex_value(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

static unsigned
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = strchr(digits, c);

	return p != NULL ? (unsigned)(p - digits) : 0;
}

static void
decode_word(struct buf *out, char how, const char *s, size_t n)
{
	unsigned bits;
	size_t i;

	for (i = 0; i < n && how == 'Q'; i++) {
		if (s[i] == '=') {
			buf_addc(out, (char)(hex_value(s[i + 1]) << 4 |
			    hex_value(s[i + 2])));
			i += 2;
		} else
			buf_addc(out, s[i] == '_' ? ' ' : s[i]);
	}
	for (i = 0; i < n && how == 'B'; i += 4) {
		bits = base64_value(s[i]) << 18 |
		    base64_value(s[i + 1]) << 12 |
		    base64_value(s[i + 2]) << 6 | base64_value(s[i + 3]);
		buf_addc(out, (char)(bits >> 16));
		if (s[i + 2] != '=')
			buf_addc(out, (char)(bits >> 8 & 0xff));
		if (s[i + 3] != '=')
			buf_addc(out, (char)(bits & 0xff));
	}
}

static bool
is_utf8(const char *s)
{
	size_t left = strlen(s), len;

	for (; left > 0; s += len, left -= len) {
		len = utf8_len(s, left);
		if (len == 0)
			return false;
	}
	return true;
}

/*
 * Read as a mail reader does: unfold, decode, drop blanks between two
 * encoded-words. Each of them has to be short enough and whole UTF-8.
 */
static void
read_text(const char *s, struct buf *out)
{
	static const char start[] = "=?UTF-8?";
	const char *end;
	size_t word, blanks;

	while (*s != '\0') {
		if (!str_starts(s, start)) {
			if (*s != '\r' && *s != '\n')
				buf_addc(out, *s);
			s++;
			continue;
		}
		end = strstr(s + strlen(start) + 2, "?=");
		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end + 2 - s, 75);
		word = out->len;
		s += strlen(start);
		decode_word(out, s[0], s + 2, (size_t)(end - s - 2));
		ck_assert(is_utf8(buf_str(out) + word));
		s = end + 2;
		blanks = strspn(s, " \r\n");
		if (str_starts(s + blanks, start))
			s += blanks;
	}
}

static void
check_lines(const char *s, size_t used, size_t limit)
{
	size_t len;

	while (*s != '\0') {
		len = strcspn(s, "\r\n");
		ck_assert_msg(used + len <= limit, "line of %zu: %s",
		    used + len, s);
		ck_assert_msg(strspn(s, " ") < len, "line of blanks");
		used = 0;
		s += len;
		if (*s != '\0') {
			ck_assert(str_starts(s, "\r\n "));
			s += 2;
		}
	}
}

/* Texts of every length, of characters of one to four octets. */
START_TEST(read_back)
{
	static const char *const letters[] = { "a", UE, "\xe2\x82\xac", CLEF,
		"-" };
	struct buf text = { 0 }, out = { 0 }, seen = { 0 };
	int i;

	for (i = 0; i < 200; i++) {
		buf_adds(&text, letters[(i * i + _i) % 5]);
		if (i % 40 < _i)
			buf_addc(&text, ' ');
		buf_adds(&text, UE);
		buf_clear(&out);
		buf_clear(&seen);
		header_unstructured(&out, buf_str(&text), 9);
		check_lines(buf_str(&out), 9, 76);
		read_text(buf_str(&out), &seen);
		ck_assert_str_eq(buf_str(&seen), buf_str(&text));
		buf_clear(&out);
		buf_clear(&seen);
		header_phrase(&out, buf_str(&text));
		check_lines(buf_str(&out), strlen("Resent-From: "), 76);
		read_text(buf_str(&out), &seen);
		ck_assert_str_eq(buf_str(&seen), buf_str(&text));
	}
	buf_release(&text);
	buf_release(&out);
	buf_release(&seen);
}
END_TEST

/* Whatever it was, in front of an address it is a display name. */
START_TEST(phrase_is_one)
{
	struct strlist good = { 0 }, bad = { 0 };
	struct buf out = { 0 };

	header_phrase(&out, phrases[_i].text);
	buf_adds(&out, " <a@b>");
	addrlist_parse(out.data, out.len, NULL, &good, &bad);
	ck_assert_uint_eq(good.n, 1);
	ck_assert_uint_eq(bad.n, 0);
	ck_assert_str_eq(good.v[0], "a@b");
	strlist_release(&good);
	strlist_release(&bad);
	buf_release(&out);
}
END_TEST

/*
 * Rows for header_copy() are made of runs: count times a text, one after the
 * other.
 */
struct run {
	size_t count;
	const char *text;
};

static void
build(struct buf *out, const struct run *run)
{
	size_t i;

	for (; run->text != NULL; run++) {
		for (i = 0; i < run->count; i++)
			buf_adds(out, run->text);
	}
}

static const struct {
	const char *name;
	struct run in[8], want[8];
} copies[] = {
	{ "short", { { 1, "A: b\r\n c\r\n" } }, { { 1, "A: b\r\n c\r\n" } } },
	{ "no line end", { { 1, "A: b" } }, { { 1, "A: b" } } },
	{ "998", { { 998, "x" }, { 1, "\r\n" } },
	    { { 998, "x" }, { 1, "\r\n" } } },
	{ "999", { { 999, "x" }, { 1, "\r\n" } },
	    { { 997, "x" }, { 1, "\r\n xx\r\n" } } },
	{ "hard twice", { { 1995, "x" }, { 1, "\r\n" } },
	    { { 997, "x" }, { 1, "\r\n " }, { 996, "x" },
		{ 1, "\r\n xx\r\n" } } },
	{ "at the last blank", { { 500, "x" }, { 1, " " }, { 400, "y" },
	    { 1, " " }, { 400, "z" }, { 1, "\r\n" } },
	    { { 500, "x" }, { 1, " " }, { 400, "y" }, { 1, "\r\n " },
		{ 400, "z" }, { 1, "\r\n" } } },
	{ "at a tab", { { 500, "x" }, { 1, "\t" }, { 500, "y" },
	    { 1, "\r\n" } },
	    { { 500, "x" }, { 1, "\r\n\t" }, { 500, "y" }, { 1, "\r\n" } } },
	{ "blank behind 998", { { 998, "x" }, { 1, " y\r\n" } },
	    { { 998, "x" }, { 1, "\r\n y\r\n" } } },
	{ "blank behind 999", { { 999, "x" }, { 1, " y\r\n" } },
	    { { 997, "x" }, { 1, "\r\n xx y\r\n" } } },
	{ "a run of blanks", { { 1, "x" }, { 2000, " " }, { 1, "y\r\n" } },
	    { { 1, "x\r\n y\r\n" } } },
	{ "blanks at the end", { { 1, "x" }, { 2000, " " }, { 1, "\r\n" } },
	    { { 1, "x\r\n" } } },
	{ "nothing but blanks", { { 1, "A: x\r\n" }, { 2000, " " },
	    { 1, "\r\n y\r\n" } }, { { 1, "A: x\r\n \r\n y\r\n" } } },
	{ "long continuation", { { 1, "A: x\r\n " }, { 999, "y" },
	    { 1, "\r\n z\r\n" } },
	    { { 1, "A: x\r\n " }, { 996, "y" }, { 1, "\r\n yyy\r\n z\r\n" } } },
	{ "not inside UTF-8, of two", { { 996, "x" }, { 3, UE },
	    { 1, "\r\n" } },
	    { { 996, "x" }, { 1, "\r\n " }, { 3, UE }, { 1, "\r\n" } } },
	{ "not inside UTF-8, of four", { { 994, "x" }, { 3, CLEF },
	    { 1, "\r\n" } },
	    { { 994, "x" }, { 1, "\r\n " }, { 3, CLEF }, { 1, "\r\n" } } },
	{ "UTF-8 that fits", { { 995, "x" }, { 3, UE }, { 1, "\r\n" } },
	    { { 995, "x" }, { 1, UE "\r\n " UE UE "\r\n" } } },
	{ "no UTF-8", { { 999, "\x80" }, { 1, "\r\n" } },
	    { { 994, "\x80" }, { 1, "\r\n \x80\x80\x80\x80\x80\r\n" } } },
};

START_TEST(copy)
{
	struct buf in = { 0 }, want = { 0 }, out = { 0 };

	build(&in, copies[_i].in);
	build(&want, copies[_i].want);
	header_copy(&out, in.data, in.len);
	ck_assert_msg(strcmp(buf_str(&out), buf_str(&want)) == 0,
	    "%s: got %s", copies[_i].name, buf_str(&out));
	buf_clear(&in);
	header_copy(&in, out.data, out.len);
	ck_assert_str_eq(buf_str(&in), buf_str(&want));
	buf_release(&in);
	buf_release(&want);
	buf_release(&out);
}
END_TEST

static const char *const pieces[] = { "x", " ", "x ", " \t", UE, "\x80",
	"x\r\n ", "\"" };

/* A megabyte of anything: lines stay within 998, in time that is linear. */
START_TEST(long_text)
{
	struct buf in = { 0 }, out = { 0 };
	const char *s;
	size_t len;

	buf_adds(&in, "Subject: ");
	while (in.len < 1000000)
		buf_adds(&in, pieces[_i]);
	buf_adds(&in, "\r\n");
	header_copy(&out, in.data, in.len);
	for (s = buf_str(&out); *s != '\0'; s += len + 2) {
		len = strcspn(s, "\r\n");
		ck_assert_uint_le(len, 998);
	}
	buf_clear(&out);
	header_unstructured(&out, buf_str(&in), 9);
	buf_clear(&out);
	header_phrase(&out, buf_str(&in));
	buf_release(&in);
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("header");
	TCase *reading = tcase_create("reading");
	TCase *writing = tcase_create("writing");

	tcase_add_loop_test(reading, walk, 0, CHECK_ROWS(fields));
	tcase_add_test(reading, walk_nothing);
	tcase_add_test(reading, find);
	tcase_add_loop_test(reading, unfold, 0, CHECK_ROWS(unfolds));
	tcase_add_loop_test(writing, phrase, 0, CHECK_ROWS(phrases));
	tcase_add_loop_test(writing, phrase_is_one, 0, CHECK_ROWS(phrases));
	tcase_add_loop_test(
	    writing, unstructured_text, 0, CHECK_ROWS(unstructured));
	tcase_add_loop_test(writing, read_back, 0, 5);
	tcase_add_loop_test(writing, copy, 0, CHECK_ROWS(copies));
	tcase_add_loop_test(writing, long_text, 0, CHECK_ROWS(pieces));
	suite_add_tcase(s, reading);
	suite_add_tcase(s, writing);
	return check_run(s);
}
