/*
 * Failures to sysexits(3): callers decide by these numbers whether to send
 * again, so they stand here once more as numbers.
 */
#include "config.h"

#include "check.h"

#include "cmd/exitcode.h"

static const struct {
	const char *name;
	enum err_kind kind;
	const char *status;
	int want;
} errs[] = {
	{ "usage", ERR_USAGE, NULL, 64 },
	{ "usage, whatever its status", ERR_USAGE, "5.1.1", 64 },
	{ "data", ERR_DATA, NULL, 65 },
	{ "data, whatever its status", ERR_DATA, "5.1.1", 65 },
	{ "input", ERR_NOINPUT, NULL, 66 },
	{ "settings", ERR_CONFIG, NULL, 78 },
	{ "for now", ERR_TEMP, NULL, 75 },
	{ "for now, whatever its status", ERR_TEMP, "4.1.2", 75 },
	{ "for good", ERR_PERM, NULL, 69 },
	{ "no such user", ERR_PERM, "5.1.1", 67 },
	{ "no such host", ERR_PERM, "5.1.2", 68 },
	{ "nothing known", ERR_NONE, "", 75 },
};

START_TEST(of_err)
{
	struct err err = { 0 };

	if (errs[_i].kind != ERR_NONE)
		err_set(&err, errs[_i].kind, errs[_i].status, "x");
	ck_assert_msg(exitcode_of_err(&err) == errs[_i].want, "%s: %d",
	    errs[_i].name, exitcode_of_err(&err));
}
END_TEST

static const struct {
	const char *status;
	int want;
} statuses[] = {
	{ "5.1.1", 67 }, { "5.1.6", 67 }, { "5.2.1", 67 },
	{ "5.1.2", 68 }, { "5.1.10", 68 }, { "5.4.4", 68 },
	{ "5.1.3", 65 }, { "5.3.4", 65 }, { "5.6.0", 65 }, { "5.6.7", 65 },
	/* every other refusal */
	{ "5.0.0", 69 }, { "5.7.1", 69 }, { "5.4.6", 69 }, { "5.4.7", 69 },
	{ "5.2.2", 69 },
	/* compared as a whole */
	{ "5.1.100", 69 }, { "5.1.11", 69 }, { "5.1", 69 }, { "", 69 },
	{ "4.1.1", 69 },
};

START_TEST(of_status)
{
	ck_assert_msg(exitcode_of_status(statuses[_i].status) ==
	    statuses[_i].want, "%s: %d", statuses[_i].status,
	    exitcode_of_status(statuses[_i].status));
}
END_TEST

static const struct {
	int first, second, want;
} joins[] = {
	{ 0, 67, 67 }, { 0, 69, 69 }, { 67, 67, 67 }, { 68, 68, 68 },
	{ 67, 68, 69 }, { 68, 67, 69 }, { 69, 67, 69 }, { 67, 69, 69 },
	{ 65, 75, 69 }, { 0, 0, 0 },
};

START_TEST(join)
{
	ck_assert_int_eq(exitcode_join(joins[_i].first, joins[_i].second),
	    joins[_i].want);
}
END_TEST

/* Whatever the order, three say the same. */
START_TEST(join_in_any_order)
{
	static const int codes[] = { 65, 67, 68, 69, 75 };

	for (size_t a = 0; a < 5; a++)
		for (size_t b = 0; b < 5; b++)
			for (size_t c = 0; c < 5; c++)
				ck_assert_int_eq(exitcode_join(exitcode_join(
				    codes[a], codes[b]), codes[c]),
				    exitcode_join(exitcode_join(codes[c],
				    codes[a]), codes[b]));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("exitcode");
	TCase *tc = tcase_create("exitcode");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, of_err, 0, CHECK_ROWS(errs));
	tcase_add_loop_test(tc, of_status, 0, CHECK_ROWS(statuses));
	tcase_add_loop_test(tc, join, 0, CHECK_ROWS(joins));
	tcase_add_test(tc, join_in_any_order);
	return check_run(s);
}
