/* str and utf8. */
#include "config.h"

#include "check.h"

#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/utf8.h"

START_TEST(copy)
{
	char dst[4];

	ck_assert(str_copy(dst, sizeof(dst), "abc"));
	ck_assert_str_eq(dst, "abc");
	ck_assert(!str_copy(dst, sizeof(dst), "abcd"));
	ck_assert_str_eq(dst, "abc");
	ck_assert(str_copy(dst, sizeof(dst), ""));
	ck_assert_str_eq(dst, "");
	ck_assert(!str_copy(dst, 1, "x"));
	ck_assert_str_eq(dst, "");
	dst[0] = 'q';
	ck_assert(!str_copy(dst, 0, ""));
	ck_assert_int_eq(dst[0], 'q');
}
END_TEST

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "", "", true },
	{ "a", "A", true },
	{ "Example.ORG", "eXAMPLE.org", true },
	{ "a", "ab", false },
	{ "ab", "a", false },
	{ "a", "b", false },
	{ "[", "{", false },	/* 0x20 apart, but no letters */
	{ "@", "`", false },
	{ "\xc3\x84", "\xc3\xa4", false },	/* ASCII only */
};

START_TEST(compare)
{
	const char *a = pairs[_i].a, *b = pairs[_i].b;

	ck_assert_msg(str_ieq(a, b) == pairs[_i].equal, "%s, %s", a, b);
	ck_assert_msg(str_ieqn(a, b, 100) == pairs[_i].equal, "%s, %s", a, b);
	ck_assert(str_ieqn(a, b, 0));
}
END_TEST

START_TEST(begins)
{
	ck_assert(str_starts("From: x", "From:"));
	ck_assert(!str_starts("from: x", "From:"));
	ck_assert(str_istarts("from: x", "From:"));
	ck_assert(!str_istarts("fro", "From:"));
	ck_assert(str_starts("", ""));
	ck_assert(str_istarts("x", ""));
	ck_assert(str_ieqn("abcX", "ABCy", 3));
}
END_TEST

START_TEST(search)
{
	const char *hay = "Content-Type: TEXT/plain";

	ck_assert_ptr_eq(str_icasestr(hay, "text/PLAIN"), hay + 14);
	ck_assert_ptr_eq(str_icasestr(hay, ""), hay);
	ck_assert_ptr_null(str_icasestr(hay, "html"));
	ck_assert_ptr_null(str_icasestr("", "x"));
	ck_assert_ptr_nonnull(str_icasestr("", ""));
}
END_TEST

START_TEST(in_place)
{
	char lower[] = "AbZ[\xc3\x84", trim[] = " \t a b\r\n", blank[] = " \n";

	ck_assert_str_eq(str_lower(lower), "abz[\xc3\x84");
	ck_assert_str_eq(str_trim(trim), "a b");
	ck_assert_str_eq(str_trim(blank), "");
}
END_TEST

START_TEST(questions)
{
	ck_assert(!str_has_control("plain ~"));
	ck_assert(str_has_control("a\nb"));
	ck_assert(str_has_control("\x7f"));
	ck_assert(!str_has_control("\xc3\xa4"));
	ck_assert(!str_has_8bit("plain\x7f"));
	ck_assert(str_has_8bit("\xc3\xa4"));
}
END_TEST

static const struct {
	const char *name, *in, *want;
} texts[] = {
	{ "empty", "", "" },
	{ "plain", "550 no such user", "550 no such user" },
	{ "line end", "a\r\nb\tc", "a??b?c" },
	{ "escape", "\x1b[31mred\x7f", "?[31mred?" },
	{ "two bytes", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "three bytes", "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "four bytes", "\xf0\x9f\x93\xac", "\xf0\x9f\x93\xac" },
	{ "latin-1", "gr\xfc\xdf", "gr??" },
	{ "stray second byte", "a\x80\xbf", "a??" },
	{ "cut", "a\xe2\x82", "a??" },
	{ "cut by ASCII", "\xe2\x82z", "??z" },
	{ "longer than need be", "\xc0\xaf\xe0\x80\xaf", "?????" },
	{ "longer, four bytes", "\xf0\x80\x80\xaf", "????" },
	{ "surrogate", "\xed\xa0\x80", "???" },
	{ "last before surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf" },
	{ "above U+10FFFF", "\xf4\x90\x80\x80", "????" },
	{ "U+10FFFF", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	{ "no such byte", "\xf5\xfe\xff", "???" },
	{ "CSI as one character", "\xc2\x9b" "31m", "??31m" },
	{ "U+00A0 is no control", "\xc2\xa0", "\xc2\xa0" },
};

START_TEST(sanitise)
{
	char text[64];

	str_copy(text, sizeof(text), texts[_i].in);
	ck_assert_ptr_eq(str_sanitise(text), text);
	ck_assert_msg(strcmp(text, texts[_i].want) == 0, "%s: got %s",
	    texts[_i].name, text);
}
END_TEST

/* What utf8_len says must not depend on bytes it was not given. */
START_TEST(utf8_ends)
{
	const char euro[] = "\xe2\x82\xac";

	ck_assert_uint_eq(utf8_len(euro, 0), 0);
	ck_assert_uint_eq(utf8_len(euro, 1), 0);
	ck_assert_uint_eq(utf8_len(euro, 2), 0);
	ck_assert_uint_eq(utf8_len(euro, 3), 3);
	ck_assert_uint_eq(utf8_len("", 1), 1);
}
END_TEST

static const struct {
	const char *text;
	uint64_t max, want;
	int rc;
} numbers[] = {
	{ "0", 0, 0, 0 },
	{ "25", 65535, 25, 0 },
	{ "0065535", 65535, 65535, 0 },
	{ "65536", 65535, 0, -1 },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, 0 },
	{ "18446744073709551616", UINT64_MAX, 0, -1 },
	{ "99999999999999999999999", UINT64_MAX, 0, -1 },
	{ "1", 0, 0, -1 },
	{ "10", 9, 0, -1 },
	{ "", 9, 0, -1 },
	{ " 1", 9, 0, -1 },
	{ "1 ", 9, 0, -1 },
	{ "+1", 9, 0, -1 },
	{ "-1", UINT64_MAX, 0, -1 },
	{ "0x1", 9, 0, -1 },
	{ "1\n", 9, 0, -1 },
};

START_TEST(number)
{
	uint64_t got = 0;
	int rc = str_number(numbers[_i].text, numbers[_i].max, &got);

	ck_assert_msg(rc == numbers[_i].rc, "%s", numbers[_i].text);
	ck_assert_msg(got == numbers[_i].want, "%s", numbers[_i].text);
}
END_TEST

static const struct {
	const char *text;
	unsigned want;
	int rc;
} durations[] = {
	{ "0", 0, 0 },
	{ "90", 90, 0 },
	{ "90s", 90, 0 },
	{ "30m", 1800, 0 },
	{ "1h30m", 5400, 0 },
	{ "1H", 3600, 0 },
	{ "5d", 432000, 0 },
	{ "1w2d", 777600, 0 },
	{ "4294967295", UINT_MAX, 0 },
	{ "4294967295s", UINT_MAX, 0 },
	{ "4294967296", 0, -1 },
	{ "4294967295w", 0, -1 },
	{ "4294967295s1s", 0, -1 },
	{ "7102w", 0, -1 },
	{ "", 0, -1 },
	{ "h", 0, -1 },
	{ "1h30", 0, -1 },
	{ "1y", 0, -1 },
	{ "1h ", 0, -1 },
	{ "-1h", 0, -1 },
	{ "1.5h", 0, -1 },
};

START_TEST(duration)
{
	unsigned got = 0;
	int rc = str_duration(durations[_i].text, &got);

	ck_assert_msg(rc == durations[_i].rc, "%s", durations[_i].text);
	ck_assert_msg(got == durations[_i].want, "%s", durations[_i].text);
}
END_TEST

/* The published test vectors of FNV-1a. */
START_TEST(hash)
{
	uint64_t h = str_hash(STR_HASH_INIT, "foobar", 6);

	ck_assert(str_hash(STR_HASH_INIT, "", 0) == 0xcbf29ce484222325ULL);
	ck_assert(str_hash(STR_HASH_INIT, "a", 1) == 0xaf63dc4c8601ec8cULL);
	ck_assert(h == 0x85944171f73967e8ULL);
	ck_assert(str_hash(str_hash(STR_HASH_INIT, "foo", 3), "bar", 3) == h);
}
END_TEST

static const struct {
	const char *plain, *escaped;
} fields[] = {
	{ "", "%" },
	{ "bob@example.org", "bob@example.org" },
	{ "%", "%25" },
	{ "\"a b\"@x", "\"a%20b\"@x" },
	{ "a\nb\r\tc\x7f", "a%0Ab%0D%09c%7F" },
	{ "gr\xc3\xbc\xff", "gr\xc3\xbc\xff" },
	{ "50%25", "50%2525" },
};

START_TEST(escape)
{
	struct buf b = { 0 };

	str_escape(&b, fields[_i].plain);
	ck_assert_str_eq(buf_str(&b), fields[_i].escaped);
	buf_release(&b);
}
END_TEST

START_TEST(unescape)
{
	const char *s = fields[_i].escaped;
	struct buf b = { 0 };

	buf_adds(&b, "+");
	ck_assert_int_eq(str_unescape(&b, s, strlen(s)), 0);
	ck_assert_str_eq(buf_str(&b) + 1, fields[_i].plain);
	buf_release(&b);
}
END_TEST

/* Every byte but NUL there and back, and none of them a separator. */
START_TEST(escape_all)
{
	char all[256];
	struct buf b = { 0 }, back = { 0 };
	size_t i;

	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	str_escape(&b, all);
	for (i = 0; i < b.len; i++)
		ck_assert_uint_gt((unsigned char)b.data[i], ' ');
	ck_assert_int_eq(str_unescape(&back, b.data, b.len), 0);
	ck_assert_str_eq(buf_str(&back), all);
	buf_release(&b);
	buf_release(&back);
}
END_TEST

static const char *const bad_fields[] = {
	"", "a%", "%2", "a%2", "%zz", "%2g", "%g2", "%%", "%00", "a b", "a\nb",
	"\x7f", "% ", "%-1",
};

START_TEST(unescape_bad)
{
	const char *s = bad_fields[_i];
	struct buf b = { 0 };

	buf_adds(&b, "kept");
	ck_assert_msg(str_unescape(&b, s, strlen(s)) == -1, "'%s'", s);
	ck_assert_str_eq(buf_str(&b), "kept");
	buf_release(&b);
}
END_TEST

static TCase *
words(void)
{
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, copy);
	tcase_add_loop_test(tc, compare, 0, CHECK_ROWS(pairs));
	tcase_add_test(tc, begins);
	tcase_add_test(tc, search);
	tcase_add_test(tc, in_place);
	tcase_add_test(tc, questions);
	tcase_add_test(tc, hash);
	return tc;
}

static TCase *
text(void)
{
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, sanitise, 0, CHECK_ROWS(texts));
	tcase_add_test(tc, utf8_ends);
	tcase_add_loop_test(tc, number, 0, CHECK_ROWS(numbers));
	tcase_add_loop_test(tc, duration, 0, CHECK_ROWS(durations));
	return tc;
}

static TCase *
escapes(void)
{
	TCase *tc = tcase_create("escape");

	tcase_add_loop_test(tc, escape, 0, CHECK_ROWS(fields));
	tcase_add_loop_test(tc, unescape, 0, CHECK_ROWS(fields));
	tcase_add_test(tc, escape_all);
	tcase_add_loop_test(tc, unescape_bad, 0, CHECK_ROWS(bad_fields));
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("str");

	suite_add_tcase(s, words());
	suite_add_tcase(s, text());
	suite_add_tcase(s, escapes());
	return check_run(s);
}
