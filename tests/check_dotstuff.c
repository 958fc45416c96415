#include "config.h"

#include "check.h"

#include <string.h>

#include "smtp/dotstuff.h"

static const struct {
	const char *name, *text, *want;
} cases[] = {
	{ "nothing", "", "" },
	{ "no dots", "a\r\nb\r\n", "a\r\nb\r\n" },
	{ "dot at the very beginning", ".a\r\n", "..a\r\n" },
	{ "dot alone on a line", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n" },
	{ "two dots", "a\r\n..\r\n", "a\r\n...\r\n" },
	{ "dots inside a line", "a.b..\r\n", "a.b..\r\n" },
	{ "line after line", ".\r\n.\r\n.\r\n", "..\r\n..\r\n..\r\n" },
	{ "empty lines", "\r\n\r\n.\r\n", "\r\n\r\n..\r\n" },
	{ "LF alone ends no line", "a\n.\r\n", "a\n.\r\n" },
	{ "CR alone ends no line", "a\r.\r\n", "a\r.\r\n" },
	{ "CR CR LF", "a\r\r\n.\r\n", "a\r\r\n..\r\n" },
};

START_TEST(stuffed)
{
	const char *text = cases[_i].text;
	size_t step, i, n = strlen(text);

	for (step = 1; step <= n + 1; step++) {
		struct dotstuff d = { 0 };
		struct buf out = { 0 };

		for (i = 0; i < n; i += step)
			dotstuff(&d, text + i, n - i < step ? n - i : step,
			    &out);
		ck_assert_msg(strcmp(buf_str(&out), cases[_i].want) == 0,
		    "%s, by %zu", cases[_i].name, step);
		buf_release(&out);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dotstuff");
	TCase *tc = tcase_create("dotstuff");

	tcase_add_loop_test(tc, stuffed, 0, CHECK_ROWS(cases));
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
