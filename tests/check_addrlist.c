/* addrlist: what a header or an argument names. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/addrlist.h"

/*
 * Each row is read in a text of its own. want and bad are joined with '|',
 * because every other separator means something here.
 */
static const struct {
	const char *name, *text, *want;
} good[] = {
	{ "nothing", "", "" },
	{ "blanks", "  \t ", "" },
	{ "comment alone", "(nobody)", "" },
	{ "one", "a@b", "a@b" },
	{ "two", "a@b, c@d", "a@b|c@d" },
	{ "two without a blank", "a@b,c@d", "a@b|c@d" },
	{ "twice the same", "a@b, a@b", "a@b|a@b" },
	{ "empty elements", ",, a@b ,, c@d, ,", "a@b|c@d" },
	{ "comment between commas", "a@b, (x), c@d", "a@b|c@d" },
	{ "semicolons, as Outlook has it", "a@b; c@d;", "a@b|c@d" },
	{ "brackets", "<a@b>, <c@d>", "a@b|c@d" },
	{ "display name", "John Doe <a@b>", "a@b" },
	{ "display name, no blank", "John<a@b>", "a@b" },
	{ "display name with dots", "John Q. Doe <a@b>", "a@b" },
	{ "display name in quotes", "\"Doe, John\" <a@b>, c@d", "a@b|c@d" },
	{ "display name, quoted bracket", "\"<x@y>\" <a@b>", "a@b" },
	{ "display name, escaped quote", "\"a\\\",b\" <a@b>", "a@b" },
	{ "display name is an address", "c@d <a@b>", "a@b" },
	{ "display name encoded", "=?utf-8?q?J=2C?= <a@b>", "a@b" },
	{ "display name in Latin-1", "J\xf6rg <a@b>", "a@b" },
	{ "display name in ISO-2022-JP", "\x1b$BF|K\\\x1b(B <a@b> (x)",
	    "a@b" },
	{ "display name with tag", "[x: y] John <a@b>", "a@b" },
	{ "one apostrophe", "O'Brien <a@b>, c@d", "a@b|c@d" },
	{ "many words", "word word word <a@b>", "a@b" },
	{ "comment behind", "a@b (Doe, John)", "a@b" },
	{ "comment behind brackets", "<a@b> (x), c@d", "a@b|c@d" },
	{ "comment with address", "a@b (was <c@d>, e@f)", "a@b" },
	{ "comment with quote", "a@b (5\" disk), c@d", "a@b|c@d" },
	{ "quote with paren", "\"a :(\" <a@b>, c@d", "a@b|c@d" },
	{ "group", "Friends: a@b, John <c@d>;", "a@b|c@d" },
	{ "group and more", "x: a@b;, c@d", "a@b|c@d" },
	{ "group without comma behind", "x: a@b; c@d", "a@b|c@d" },
	{ "group not closed", "x: a@b, c@d", "a@b|c@d" },
	{ "two groups", "x: a@b; y: c@d;", "a@b|c@d" },
	{ "group in a group", "x: y: a@b;;", "a@b" },
	{ "group with quoted name", "\"x: @\": a@b;", "a@b" },
	{ "empty group", "undisclosed-recipients:;", "" },
	{ "empty group with blanks", "Undisclosed recipients : ; ", "" },
	{ "empty group and one", "x:;, a@b", "a@b" },
	{ "RFC 5322 A.5",
	    "A Group(Some people)\r\n     :Chris Jones "
	    "<c@(Chris's host.)public.example>,\r\n         joe@example.org,"
	    "\r\n  John <jdoe@one.test> (my dear friend); "
	    "(the end of the group)",
	    "c@public.example|joe@example.org|jdoe@one.test" },
	{ "RFC 5322 A.6.1", "Mary Smith <@node.test:mary@example.net>, , "
	    "jdoe@test  . example", "mary@example.net|jdoe@test.example" },
	{ "folded", "a@b,\r\n c@d,\r\n\te@f", "a@b|c@d|e@f" },
	{ "folded with LF", "a@b,\n c@d", "a@b|c@d" },
	{ "folded in brackets", "<\r\n a@b>", "a@b" },
	{ "folded in a name", "\"John\r\n Doe\" <a@b>", "a@b" },
	{ "folded twice over", "a@b,\r\n \r\n c@d", "a@b|c@d" },
	{ "folded in a quoted local part", "\"a\r\n b\"@c", "\"a b\"@c" },
	{ "route", "<@a,@b:c@d>, e@f", "c@d|e@f" },
	{ "route with name", "x <@a , @b : c@d>, e@f", "c@d|e@f" },
	{ "route, bare", "@a,@b:c@d, e@f", "c@d|e@f" },
	{ "quoted local parts", "\"a,b\"@c, <\"d>;e\"@f>",
	    "\"a,b\"@c|\"d>;e\"@f" },
	{ "literals", "a@[IPv6:::1], <b@[192.0.2.1]>",
	    "a@[IPv6:::1]|b@[192.0.2.1]" },
	{ "group of a literal", "x: a@[IPv6:::1];", "a@[IPv6:::1]" },
	{ "no domain", "root, <postmaster>, \"a b\"",
	    "root@here.example|postmaster@here.example|"
	    "\"a b\"@here.example" },
	{ "no canonical form yet", "John@EXAMPLE.Org.", "John@example.org" },
	{ "stray quote in a name", "5\" disk <a@b>, c@d", "a@b|c@d" },
	{ "stray paren in a name", "x :( <a@b>, c@d", "a@b|c@d" },
};

static const struct {
	const char *name, *text, *want, *bad;
} mixed[] = {
	{ "null path", "a@b, <>, c@d", "a@b|c@d", "<>: empty address" },
	{ "empty quotes", "x <>, c@d", "c@d", "x <>: empty address" },
	{ "double dot", "a..b@c, d@e", "d@e",
	    "a..b@c: stray dot in the local part" },
	{ "two words", "John Doe, a@b", "a@b",
	    "John Doe: 'D' is out of place" },
	{ "no domain behind @", "a@, b@c", "b@c", "a@: empty domain" },
	{ "no local part", "@x, a@b", "a@b", "@x: nothing before the '@'" },
	{ "missing >", "John <a@b, c@d", "c@d", "John <a@b: missing '>'" },
	{ "missing > at the end", "c@d, <a@b", "c@d", "<a@b: missing '>'" },
	{ "missing <", "a@b>, c@d", "c@d", "a@b>: '>' is out of place" },
	{ "missing > in a group", "x: <a@b; c@d", "c@d",
	    "<a@b: missing '>'" },
	{ "missing > behind a route", "<@x,@y:a@b, c@d", "c@d",
	    "<@x,@y:a@b: missing '>'" },
	{ "route without end", "<@x, a@b", "a@b", "<@x: missing '>'" },
	{ "missing comma", "<a@b> <c@d>, e@f", "e@f",
	    "<a@b> <c@d>: text after '>'" },
	{ "text behind", "<a@b> John, e@f", "e@f",
	    "<a@b> John: text after '>'" },
	{ "two brackets", "<<a@b>>, c@d", "c@d", "<<a@b>>: text after '>'" },
	{ "unclosed quote", "\"John <a@b>, c@d", "a@b|c@d", "" },
	{ "unclosed quote, no bracket", "\"a@b, c@d", "c@d",
	    "\"a@b: unclosed quote" },
	{ "unclosed comment", "a@b (x, c@d", "c@d",
	    "a@b (x: unclosed comment" },
	{ "unclosed, then closed", "a@b (x, c@d (y), \"e\"@f", "c@d|e@f",
	    "a@b (x: unclosed comment" },
	{ "colon behind an address", "a@b: c@d, e@f", "e@f",
	    "a@b: c@d: ':' is out of place" },
	{ "colon first", ":include:/etc/passwd", "",
	    ":include:/etc/passwd: ':' is out of place" },
	{ "LF without a blank", "a@b\nc@d, e@f", "e@f",
	    "a@b?c@d: line end or NUL inside" },
	{ "CR", "a\r@b, e@f", "e@f", "a?@b: line end or NUL inside" },
	{ "LF at the end", "a@b\n", "", "a@b?: line end or NUL inside" },
	{ "a command", "a@b\r\nRCPT TO:<c@d>, e@f", "e@f",
	    "a@b??RCPT TO:<c@d>: line end or NUL inside" },
	{ "a command behind a name", "John\nRCPT TO:<c@d>, e@f", "e@f",
	    "John?RCPT TO:<c@d>: line end or NUL inside" },
	{ "LF in a quoted name", "\"a\nb\" <c@d>, e@f", "e@f",
	    "\"a?b\" <c@d>: line end or NUL inside" },
	{ "LF in a comment", "c@d (\n), e@f", "e@f",
	    "c@d (?): line end or NUL inside" },
	{ "ESC", "a\x1b[2J@b, e@f", "e@f", "a?[2J@b: control character" },
	{ "Latin-1", "\xfc@b, e@f", "e@f", "?@b: local part is not UTF-8" },
	{ "bad literal", "a@[300.1.1.1], e@f", "e@f",
	    "a@[300.1.1.1]: bad address literal" },
	{ "unclosed literal", "a@[1.2.3.4, e@f", "e@f",
	    "a@[1.2.3.4: bad address literal" },
	{ "each for itself", "a@, @b, c@d, e@f@g", "c@d",
	    "a@: empty domain|@b: nothing before the '@'|"
	    "e@f@g: '@' is out of place" },
	{ "named by what was written", "  \"A, B\"\r\n <a..b@c> ,", "",
	    "\"A, B\" <a..b@c>: stray dot in the local part" },
};

static const char *
joined(const struct strlist *list, struct buf *out)
{
	size_t i;

	buf_clear(out);
	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buf_addc(out, '|');
		buf_adds(out, list->v[i]);
	}
	return buf_str(out);
}

static void
expect(const char *name, const char *text, size_t n, const char *want,
    const char *want_bad)
{
	struct strlist found = { 0 }, bad = { 0 };
	struct buf line = { 0 };

	addrlist_parse(text, n, "here.example", &found, &bad);
	ck_assert_msg(strcmp(joined(&found, &line), want) == 0,
	    "%s: got %s", name, buf_str(&line));
	ck_assert_msg(strcmp(joined(&bad, &line), want_bad) == 0,
	    "%s: bad is %s", name, buf_str(&line));
	strlist_release(&found);
	strlist_release(&bad);
	buf_release(&line);
}

START_TEST(all_good)
{
	expect(good[_i].name, good[_i].text, strlen(good[_i].text),
	    good[_i].want, "");
}
END_TEST

START_TEST(some_bad)
{
	expect(mixed[_i].name, mixed[_i].text, strlen(mixed[_i].text),
	    mixed[_i].want, mixed[_i].bad);
}
END_TEST

/* What was found, written as a list again, is found again. */
START_TEST(read_back)
{
	struct buf text = { 0 };
	const char *p;

	for (p = good[_i].want; *p != '\0'; p++) {
		if (*p == '|')
			buf_adds(&text, ", ");
		else
			buf_addc(&text, *p);
	}
	expect(good[_i].name, buf_str(&text), text.len, good[_i].want, "");
	buf_release(&text);
}
END_TEST

/* Cut anywhere, nothing is read behind the cut and nothing lost before it. */
START_TEST(cut_anywhere)
{
	const char *text = mixed[_i].text;
	struct strlist found = { 0 }, bad = { 0 };
	char *copy;
	size_t n;

	for (n = 0; n <= strlen(text); n++) {
		copy = malloc(n > 0 ? n : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, n);
		addrlist_parse(copy, n, "here.example", &found, &bad);
		free(copy);
	}
	ck_assert_uint_gt(found.n + bad.n, 0);
	strlist_release(&found);
	strlist_release(&bad);
}
END_TEST

/* What stands for each address, joined with '|'; a bad one is "-". */
static const struct {
	const char *text, *want;
} places[] = {
	{ "", "" },
	{ "a@b", "a@b" },
	{ " a@b ,\tA@B\t", "a@b|A@B" },
	{ "<a@b>,x< c@d >", "a@b|c@d" },
	{ "(x)a@b(y),(x) <(y)c@d (z)> (u)", "a@b|c@d" },
	{ "a (x) @ b . c", "a (x) @ b . c" },
	{ "a@\r\n b, c@d", "a@\r\n b|c@d" },
	{ "\r\n a@b\r\n ,\n\tc@d\r\n ", "a@b|c@d" },
	{ "<@r,@s : a@b>, @r:c@d", "@r,@s : a@b|@r:c@d" },
	{ "\"a, b\" <\"c d\"@e>", "\"c d\"@e" },
	{ "x@y <a@b>", "a@b" },
	{ "root, G: a@b;c@d", "root|a@b|c@d" },
	{ "a b@c, d@e", "-|d@e" },
	{ "a@b\rc, \r\r\n d@e, f@g", "-|-|f@g" },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
};

struct placed {
	const char *text;
	struct buf got;
};

static void
note_place(void *arg, const struct addrlist_element *e)
{
	struct placed *p = arg;

	if (p->got.len > 0)
		buf_addc(&p->got, '|');
	if (e->address == NULL) {
		ck_assert_ptr_nonnull(strstr(e->trouble, ": "));
		buf_addc(&p->got, '-');
	} else
		buf_add(&p->got, p->text + e->at, e->len);
}

START_TEST(place)
{
	struct placed p = { .text = places[_i].text };

	addrlist_walk(p.text, strlen(p.text), "here.example", note_place, &p);
	ck_assert_str_eq(buf_str(&p.got), places[_i].want);
	buf_release(&p.got);
}
END_TEST

START_TEST(no_default)
{
	struct strlist found = { 0 }, bad = { 0 };

	addrlist_parse("root, a@b", 9, NULL, &found, &bad);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(bad.n, 1);
	ck_assert_str_eq(bad.v[0], "root: no domain");
	strlist_release(&found);
	strlist_release(&bad);
}
END_TEST

START_TEST(appends)
{
	struct strlist found = { 0 }, bad = { 0 };

	addrlist_parse("a@b, c@", 7, NULL, &found, &bad);
	addrlist_parse("d@e, f@", 7, NULL, &found, &bad);
	ck_assert_uint_eq(found.n, 2);
	ck_assert_uint_eq(bad.n, 2);
	ck_assert_str_eq(found.v[1], "d@e");
	ck_assert_str_eq(bad.v[1], "f@: empty domain");
	strlist_release(&found);
	strlist_release(&bad);
}
END_TEST

START_TEST(nul_inside)
{
	static const char text[] = "a@b\0, c@d";

	expect("NUL", text, sizeof(text) - 1, "c@d",
	    "a@b?: line end or NUL inside");
}
END_TEST

START_TEST(long_bad_is_cut)
{
	struct strlist found = { 0 }, bad = { 0 };
	struct buf text = { 0 };
	int i;

	for (i = 0; i < 10000; i++)
		buf_addc(&text, 'a');
	buf_adds(&text, "@b");
	addrlist_parse(text.data, text.len, NULL, &found, &bad);
	ck_assert_uint_eq(found.n, 0);
	ck_assert_uint_eq(bad.n, 1);
	ck_assert_uint_lt(strlen(bad.v[0]), 250);
	ck_assert_ptr_nonnull(
	    strstr(bad.v[0], "aaa...: local part over 64 octets"));
	strlist_release(&found);
	strlist_release(&bad);
	buf_release(&text);
}
END_TEST

START_TEST(ten_thousand)
{
	struct strlist found = { 0 }, bad = { 0 };
	struct buf text = { 0 };
	char want[64];
	int i;

	for (i = 0; i < 10000; i++)
		buf_printf(&text, "\"User, %d\" <u%d@d%d.example>,\r\n ", i,
		    i, i);
	addrlist_parse(text.data, text.len, NULL, &found, &bad);
	ck_assert_uint_eq(found.n, 10000);
	ck_assert_uint_eq(bad.n, 0);
	for (i = 0; i < 10000; i++) {
		snprintf(want, sizeof(want), "u%d@d%d.example", i, i);
		ck_assert_str_eq(found.v[i], want);
	}
	strlist_release(&found);
	strlist_release(&bad);
	buf_release(&text);
}
END_TEST

static const char *const pieces[] = { "(", ")", "\"", "\"\\", "(\"", "<", ">",
	"<@a,", "@a,", "@,", ",", ";", "x:", "x:;", ":", "[", "\\", "\r\n ",
	"a@b (", "a@b \"", "@a,                " };

/*
 * Half a million of anything, with an address behind it: time is the test's
 * own limit, a square would pass it by far.
 */
START_TEST(long_text)
{
	struct strlist found = { 0 }, bad = { 0 };
	struct buf text = { 0 };
	size_t i;

	while (text.len < 500000)
		buf_adds(&text, pieces[_i]);
	buf_adds(&text, ", x@y");
	addrlist_parse(text.data, text.len, NULL, &found, &bad);
	ck_assert_uint_gt(found.n + bad.n, 0);
	ck_assert_msg(strstr(pieces[_i], "<") == NULL || found.n == 1,
	    "lost the address behind");
	for (i = 0; i < bad.n; i++)
		ck_assert(!str_has_control(bad.v[i]));
	strlist_release(&found);
	strlist_release(&bad);
	buf_release(&text);
}
END_TEST

START_TEST(deep_comment)
{
	struct strlist found = { 0 }, bad = { 0 };
	struct buf text = { 0 };
	int i;

	buf_adds(&text, "a@b ");
	for (i = 0; i < 10000; i++)
		buf_addc(&text, '(');
	for (i = 0; i < 10000; i++)
		buf_addc(&text, ')');
	buf_adds(&text, ", c@d");
	addrlist_parse(text.data, text.len, NULL, &found, &bad);
	ck_assert_uint_eq(found.n, 2);
	ck_assert_uint_eq(bad.n, 0);
	strlist_release(&found);
	strlist_release(&bad);
	buf_release(&text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("addrlist");
	TCase *tc = tcase_create("lists");
	TCase *size = tcase_create("size");

	tcase_add_loop_test(tc, all_good, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, some_bad, 0, CHECK_ROWS(mixed));
	tcase_add_loop_test(tc, read_back, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, cut_anywhere, 0, CHECK_ROWS(mixed));
	tcase_add_loop_test(tc, place, 0, CHECK_ROWS(places));
	tcase_add_test(tc, no_default);
	tcase_add_test(tc, appends);
	tcase_add_test(tc, nul_inside);
	tcase_add_test(size, long_bad_is_cut);
	tcase_add_test(size, ten_thousand);
	tcase_add_loop_test(size, long_text, 0, CHECK_ROWS(pieces));
	tcase_add_test(size, deep_comment);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, size);
	return check_run(s);
}
