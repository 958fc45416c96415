/*
 * Failures to sysexits(3), as DESIGN promises them to callers.
 */
#ifndef CMD_EXITCODE_H
#define CMD_EXITCODE_H

#include "base/err.h"

int	exitcode_of_err(const struct err *);

/* Of a refused recipient, by its enhanced status code. */
int	exitcode_of_status(const char *status);

/* Two refusals together: the code they share, or EX_UNAVAILABLE. first is 0
 * when there was none before. */
int	exitcode_join(int first, int second);

#endif
