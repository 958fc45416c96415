/*
 * Internationalised domain names (IDNA 2008, non-transitional) by libidn2,
 * which is loaded when the first one comes.
 */
#ifndef MAIL_IDN_H
#define MAIL_IDN_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Append the A-labels of a domain in UTF-8. Returns 0, or -1 with *err: ERR_DATA
 * 5.1.2 it is none; ERR_TEMP the library cannot be loaded.
 */
int	idn_to_ascii(const char *domain, struct buf *out, struct err *err);

/* Version of the library, for --version. */
const char *idn_library(void);

#endif
