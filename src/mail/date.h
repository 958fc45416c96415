/*
 * Dates as mail writes them (RFC 5322 3.3): "Sun, 22 Nov 2026 18:19:39 +0000",
 * always in English, in the zone of TZ.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <time.h>

#define DATE_MAX 128

/* Write the date of t into out (DATE_MAX bytes) and return out. */
char	*date_rfc5322(time_t t, char *out);

#endif
