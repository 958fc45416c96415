/*
 * What every test program shares: run one suite and say how it went.
 *
 * main() of a test is one line: return check_run(suite).
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <check.h>
#include <stdlib.h>

/* Rows of a table, as the bounds of tcase_add_loop_test() want them. */
#define CHECK_ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static inline int
check_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
