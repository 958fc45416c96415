/* date: RFC 5322 dates, in any zone. */
#include "config.h"

#include "check.h"

#include <stdint.h>
#include <string.h>

#include "mail/date.h"

static const struct {
	const char *name, *zone, *want;
	time_t t;
} dates[] = {
	{ "the epoch", "UTC0", "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
	{ "a day of two digits", "UTC0", "Sun, 22 Nov 2026 18:19:39 +0000",
	    1795371579 },
	{ "east", "CET-1", "Sun, 22 Nov 2026 19:19:39 +0100", 1795371579 },
	{ "west", "EST5", "Sun, 22 Nov 2026 13:19:39 -0500", 1795371579 },
	{ "east by half an hour", "IST-5:30",
	    "Sun, 22 Nov 2026 23:49:39 +0530", 1795371579 },
	{ "west by less than an hour", "XXX0:30",
	    "Sun, 22 Nov 2026 17:49:39 -0030", 1795371579 },
	{ "summer time", "CET-1CEST,M3.5.0,M10.5.0/3",
	    "Wed, 1 Jul 2026 12:00:00 +0200", 1782900000 },
	{ "leap day", "UTC0", "Thu, 29 Feb 2024 23:59:59 +0000",
	    1709251199 },
	{ "before the epoch", "UTC0", "Wed, 31 Dec 1969 23:59:59 +0000", -1 },
	{ "after 2038", "UTC0", "Tue, 19 Jan 2038 03:14:08 +0000",
	    (time_t)INT32_MAX + 1 },
	{ "beyond the calendar", "EST5", "Thu, 1 Jan 1970 00:00:00 +0000",
	    INT64_MAX },
};

START_TEST(date)
{
	char out[DATE_MAX];

	setenv("TZ", dates[_i].zone, 1);
	ck_assert_ptr_eq(date_rfc5322(dates[_i].t, out), out);
	ck_assert_msg(strcmp(out, dates[_i].want) == 0, "%s: got %s",
	    dates[_i].name, out);
}
END_TEST

/* TZ may change while the program runs, and the locale never matters. */
START_TEST(zone_changes)
{
	char out[DATE_MAX];

	setenv("LC_ALL", "de_DE.UTF-8", 1);
	setenv("TZ", "UTC0", 1);
	date_rfc5322(0, out);
	setenv("TZ", "XXX-2", 1);
	ck_assert_str_eq(date_rfc5322(0, out),
	    "Thu, 1 Jan 1970 02:00:00 +0200");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("date");
	TCase *tc = tcase_create("date");

	tcase_add_loop_test(tc, date, 0, CHECK_ROWS(dates));
	tcase_add_test(tc, zone_changes);
	suite_add_tcase(s, tc);
	return check_run(s);
}
