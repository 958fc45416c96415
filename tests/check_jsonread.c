#include "config.h"

#include "base/jsonread.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define STRING(s) s, sizeof(s) - 1

static const struct {
	const char *name, *json;
	size_t n;
	const char *want;	/* the member "a"; NULL: there is none */
	size_t want_n;
} strings[] = {
	{ "plain", STRING("{\"a\":\"x\"}"), STRING("x") },
	{ "empty", STRING("{\"a\":\"\"}"), STRING("") },
	{ "blanks", STRING(" {\t\"a\" \r\n: \"x y\" } \n"), STRING("x y") },
	{ "second", STRING("{\"b\":1,\"a\":\"x\"}"), STRING("x") },
	{ "absent", STRING("{\"b\":\"x\"}"), NULL, 0 },
	{ "no members", STRING("{}"), NULL, 0 },
	{ "a number", STRING("{\"a\":1}"), NULL, 0 },
	{ "null", STRING("{\"a\":null}"), NULL, 0 },
	{ "an object", STRING("{\"a\":{\"a\":\"x\"}}"), NULL, 0 },
	{ "within another", STRING("{\"b\":{\"a\":\"y\"},\"a\":\"x\"}"),
	    STRING("x") },
	{ "behind all kinds", STRING("{\"b\":[1,-2.5e+3,true,false,null,"
	    "\"\\\"]\",[],{}],\"a\":\"x\"}"), STRING("x") },
	{ "the last of two", STRING("{\"a\":\"x\",\"a\":\"y\"}"), STRING("y") },
	{ "the last is none", STRING("{\"a\":\"x\",\"a\":0}"), NULL, 0 },
	{ "a shorter name", STRING("{\"\":\"x\"}"), NULL, 0 },
	{ "a longer name", STRING("{\"aa\":\"x\"}"), NULL, 0 },
	{ "a name with NUL", STRING("{\"a\\u0000\":\"x\"}"), NULL, 0 },
	{ "an escaped name", STRING("{\"\\u0061\":\"x\"}"), STRING("x") },
	{ "escapes", STRING("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"),
	    STRING("\"\\/\b\f\n\r\t") },
	{ "\\u", STRING("{\"a\":\"\\u0041\\u00e9\\u20AC\"}"),
	    STRING("A\xc3\xa9\xe2\x82\xac") },
	{ "a pair", STRING("{\"a\":\"\\ud83d\\ude00!\"}"),
	    STRING("\xf0\x9f\x98\x80!") },
	{ "the last character", STRING("{\"a\":\"\\udbff\\udfff\"}"),
	    STRING("\xf4\x8f\xbf\xbf") },
	{ "NUL", STRING("{\"a\":\"x\\u0000y\"}"), STRING("x\0y") },
	{ "UTF-8", STRING("{\"a\":\"\xc3\xa9\"}"), STRING("\xc3\xa9") },
	{ "DEL", STRING("{\"a\":\"\x7f\"}"), STRING("\x7f") },
};

START_TEST(string)
{
	struct buf got = { 0 };
	int rc = jsonread_string(strings[_i].json, strings[_i].n, "a", &got);

	ck_assert_msg(rc == (strings[_i].want != NULL), "%s: %d",
	    strings[_i].name, rc);
	if (rc == 1)
		ck_assert_msg(got.len == strings[_i].want_n &&
		    memcmp(got.data, strings[_i].want, got.len) == 0,
		    "%s: got %s", strings[_i].name, buf_str(&got));
	buf_release(&got);
}
END_TEST

static const struct {
	const char *json;
	int rc;
	int64_t want;		/* the member "n" */
} numbers[] = {
	{ "{\"n\":0}", 1, 0 },
	{ "{\"n\":3599}", 1, 3599 },
	{ "{\"n\":-1}", 1, -1 },
	{ "{\"n\":3599.99}", 1, 3599 },
	{ "{\"n\":36e2}", 1, 3600 },
	{ "{\"n\":36E+2}", 1, 3600 },
	{ "{\"n\":36000e-1}", 1, 3600 },
	{ "{\"n\":1e400}", 1, JSONREAD_NUMBER_MAX },
	{ "{\"n\":-1e400}", 1, -JSONREAD_NUMBER_MAX },
	{ "{\"n\":9007199254740991}", 1, JSONREAD_NUMBER_MAX },
	{ "{\"n\":\"3600\"}", 0, 0 },
	{ "{\"m\":3600}", 0, 0 },
	/* more digits than anybody means */
	{ "{\"n\":00}", -1, 0 },
	{ "{\"n\":1111111111111111111111111111111111111111111111111111111111"
	    "11111111111111}", 0, 0 },
};

START_TEST(number)
{
	const char *json = numbers[_i].json;
	int64_t got = 0;
	int rc = jsonread_number(json, strlen(json), "n", &got);

	ck_assert_msg(rc == numbers[_i].rc, "%s: %d", json, rc);
	ck_assert_msg(got == numbers[_i].want, "%s: %lld", json,
	    (long long)got);
}
END_TEST

static const struct {
	const char *json;
	size_t n;
} bad[] = {
	{ STRING("") }, { STRING(" ") }, { STRING("{") }, { STRING("}") },
	{ STRING("[]") }, { STRING("\"a\"") }, { STRING("1") },
	{ STRING("<html>") },
	{ STRING("{\"a\"}") }, { STRING("{\"a\":}") },
	{ STRING("{\"a\":\"x\"") }, { STRING("{\"a\":\"x}") },
	{ STRING("{\"a\":\"x\",}") }, { STRING("{,\"a\":\"x\"}") },
	{ STRING("{a:\"x\"}") }, { STRING("{'a':'x'}") },
	{ STRING("{1:\"x\"}") }, { STRING("{\"a\" \"x\"}") },
	{ STRING("{\"a\":\"x\"}{}") }, { STRING("{\"a\":\"x\"} x") },
	{ STRING("{\"a\":\"x\"}\0") }, { STRING("\xef\xbb\xbf{}") },
	{ STRING("{\"a\":\"\n\"}") }, { STRING("{\"a\":\"\0\"}") },
	{ STRING("{\"a\":\"\\x\"}") }, { STRING("{\"a\":\"\\\0\"}") },
	{ STRING("{\"a\":\"\\") }, { STRING("{\"a\":\"\\u") },
	{ STRING("{\"a\":\"\\u12\"}") }, { STRING("{\"a\":\"\\u12g4\"}") },
	{ STRING("{\"a\":\"\\ud83d\"}") }, { STRING("{\"a\":\"\\ude00\"}") },
	{ STRING("{\"a\":\"\\ud83dx\"}") },
	{ STRING("{\"a\":\"\\ud83d\\u0041\"}") },
	{ STRING("{\"a\":\"\\ud83d\\ud83d\"}") },
	{ STRING("{\"a\":\"\xff\"}") }, { STRING("{\"a\":\"\xc3\"}") },
	{ STRING("{\"a\":\"\xed\xa0\xbd\"}") },
	{ STRING("{\"a\":\"\xc0\x80\"}") },
	{ STRING("{\"a\":\"x\",\"b\":01}") }, { STRING("{\"a\":-}") },
	{ STRING("{\"a\":+1}") }, { STRING("{\"a\":1.}") },
	{ STRING("{\"a\":.5}") }, { STRING("{\"a\":1e}") },
	{ STRING("{\"a\":1e+}") }, { STRING("{\"a\":NaN}") },
	{ STRING("{\"a\":truth}") }, { STRING("{\"a\":tru") },
	{ STRING("{\"a\":[1,]}") }, { STRING("{\"a\":[1 2]}") },
	{ STRING("{\"a\":[1}}") }, { STRING("{\"a\":[}") },
	/* what stood in front is not taken either */
	{ STRING("{\"a\":\"x\",\"b\":oops}") },
};

START_TEST(malformed)
{
	struct buf got = { 0 };
	int64_t n = 77;

	ck_assert_msg(jsonread_string(bad[_i].json, bad[_i].n, "a", &got) ==
	    -1, "taken: %s", bad[_i].json);
	ck_assert_uint_eq(got.len, 0);
	ck_assert_int_eq(jsonread_number(bad[_i].json, bad[_i].n, "a", &n), -1);
	ck_assert_int_eq(n, 77);
	buf_release(&got);
}
END_TEST

/* Depth times open, then "1", then as many close, as the member "b". */
static int
read_nested(unsigned depth, const char *open, const char *close)
{
	struct buf text = { 0 }, got = { 0 };
	int rc;

	buf_adds(&text, "{\"b\":");
	for (unsigned i = 0; i < depth; i++)
		buf_adds(&text, open);
	buf_adds(&text, "1");
	for (unsigned i = 0; i < depth; i++)
		buf_adds(&text, close);
	buf_adds(&text, ",\"a\":\"x\"}");
	rc = jsonread_string(text.data, text.len, "a", &got);
	buf_release(&text);
	buf_release(&got);
	return rc;
}

START_TEST(depth)
{
	ck_assert_int_eq(read_nested(JSONREAD_DEPTH, "[", "]"), 1);
	ck_assert_int_eq(read_nested(JSONREAD_DEPTH + 1, "[", "]"), -1);
	ck_assert_int_eq(read_nested(JSONREAD_DEPTH, "{\"a\":", "}"), 1);
	ck_assert_int_eq(read_nested(JSONREAD_DEPTH + 1, "{\"a\":", "}"), -1);
	ck_assert_int_eq(read_nested(1000000, "[", ""), -1);
}
END_TEST

/* Every beginning of a good text is none, and is read no further. */
START_TEST(cut)
{
	static const char text[] = "{\"b\":[{\"a\":-1.5e3},\"\\ud83d\\ude00\"],"
	    "\"a\":\"x\\n\xc3\xa9\",\"c\":true}";
	struct buf got = { 0 };
	char *copy;
	size_t n;

	for (n = 0; n < sizeof(text) - 1; n++) {
		/* of that size exactly, for the sanitizer */
		copy = malloc(n > 0 ? n : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, n);
		ck_assert_int_eq(jsonread_string(copy, n, "a", &got), -1);
		free(copy);
	}
	ck_assert_int_eq(jsonread_string(text, n, "a", &got), 1);
	ck_assert_str_eq(buf_str(&got), "x\n\xc3\xa9");
	buf_release(&got);
}
END_TEST

/* No copies of a secret in memory given back: the buf stays where it is. */
START_TEST(does_not_grow)
{
	static const char text[] = "{\"a\":\"0123456789\",\"a\":\"abcdefghijk\"}";
	struct buf got = { 0 };
	char *room = buf_reserve(&got, sizeof(text) + 1);

	ck_assert_int_eq(jsonread_string(text, sizeof(text) - 1, "a", &got),
	    1);
	ck_assert_str_eq(buf_str(&got), "abcdefghijk");
	ck_assert_ptr_eq(got.data, room);
	buf_release(&got);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("jsonread");
	TCase *tc = tcase_create("jsonread");

	tcase_add_loop_test(tc, string, 0, CHECK_ROWS(strings));
	tcase_add_loop_test(tc, number, 0, CHECK_ROWS(numbers));
	tcase_add_loop_test(tc, malformed, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, depth);
	tcase_add_test(tc, cut);
	tcase_add_test(tc, does_not_grow);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
