#include "config.h"

#include "mail/date.h"

#include <stdio.h>
#include <stdlib.h>

char *
date_rfc5322(time_t t, char *out)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static const struct tm epoch = { .tm_mday = 1, .tm_year = 70,
		.tm_wday = 4 };
	struct tm tm;
	long zone;

	/*
	 * localtime_r() alone need not look at TZ again. A time beyond the
	 * calendar is written as 1970: a wrong clock must not cost mail.
	 */
	tzset();
	if (localtime_r(&t, &tm) == NULL)
		tm = epoch;
	zone = labs(tm.tm_gmtoff) / 60;
	snprintf(out, DATE_MAX, "%s, %d %s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    tm.tm_gmtoff < 0 ? '-' : '+', zone / 60, zone % 60);
	return out;
}
