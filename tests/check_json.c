/* json: what is written must be what any parser reads. */
#include "config.h"

#include "check.h"

#include <stdint.h>

#include "base/json.h"

START_TEST(object)
{
	struct buf b = { 0 };

	json_open(&b, NULL);
	json_string(&b, "to", "bob@example.org");
	json_number(&b, "code", 250);
	json_bool(&b, "tls", true);
	json_null(&b, "mx");
	json_open(&b, "policy");
	json_close(&b);
	json_open_array(&b, "hosts");
	json_string(&b, NULL, "a");
	json_string(&b, NULL, "b");
	json_open(&b, NULL);
	json_bool(&b, "x", false);
	json_close(&b);
	json_close_array(&b);
	json_milli(&b, "total", 1234);
	json_close(&b);
	ck_assert_str_eq(buf_str(&b), "{\"to\":\"bob@example.org\","
	    "\"code\":250,\"tls\":true,\"mx\":null,\"policy\":{},"
	    "\"hosts\":[\"a\",\"b\",{\"x\":false}],\"total\":1.234}");
	buf_release(&b);
}
END_TEST

/* A line end between objects; text that ends in an opening bracket. */
START_TEST(commas)
{
	struct buf b = { 0 };

	json_open(&b, NULL);
	json_close(&b);
	buf_addc(&b, '\n');
	json_open(&b, NULL);
	json_string(&b, "a{", "b[");
	json_string(&b, "c:", "");
	json_close(&b);
	ck_assert_str_eq(buf_str(&b), "{}\n{\"a{\":\"b[\",\"c:\":\"\"}");
	buf_release(&b);
}
END_TEST

static const struct {
	const char *in, *want;
} strings[] = {
	{ "", "\"\"" },
	{ NULL, "null" },
	{ "\"\\/", "\"\\\"\\\\/\"" },
	{ "a\nb\tc", "\"a\\nb\\tc\"" },
	{ "\r\x01\x1f\x7f", "\"\\u000d\\u0001\\u001f\\u007f\"" },
	{ "\xc2\x80\xc2\x9b" "31m\xc2\x9f\xc2\xa0",
	    "\"\\u0080\\u009b31m\\u009f\xc2\xa0\"" },
	{ "a\xc2", "\"a\xef\xbf\xbd\"" },
	{ "\x9b\xc2\xc2\x9b", "\"\xef\xbf\xbd\xef\xbf\xbd\\u009b\"" },
	{ "gr\xc3\xbc\xf0\x9f\x93\xac", "\"gr\xc3\xbc\xf0\x9f\x93\xac\"" },
	{ "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
	{ "cut\xe2\x82", "\"cut\xef\xbf\xbd\xef\xbf\xbd\"" },
};

START_TEST(string)
{
	struct buf b = { 0 };

	json_string(&b, NULL, strings[_i].in);
	ck_assert_str_eq(buf_str(&b), strings[_i].want);
	buf_release(&b);
}
END_TEST

static const struct {
	int64_t value;
	const char *number, *milli;
} numbers[] = {
	{ 0, "0", "0.000" },
	{ 7, "7", "0.007" },
	{ -5, "-5", "-0.005" },
	{ 30000, "30000", "30.000" },
	{ INT64_MAX, "9223372036854775807", "9223372036854775.807" },
	{ INT64_MIN, "-9223372036854775808", "-9223372036854775.808" },
};

START_TEST(number)
{
	struct buf b = { 0 };

	json_number(&b, NULL, numbers[_i].value);
	ck_assert_str_eq(buf_str(&b), numbers[_i].number);
	buf_clear(&b);
	json_milli(&b, NULL, numbers[_i].value);
	ck_assert_str_eq(buf_str(&b), numbers[_i].milli);
	buf_release(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, object);
	tcase_add_test(tc, commas);
	tcase_add_loop_test(tc, string, 0, CHECK_ROWS(strings));
	tcase_add_loop_test(tc, number, 0, CHECK_ROWS(numbers));
	suite_add_tcase(s, tc);
	return check_run(s);
}
