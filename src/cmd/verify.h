/*
 * -bv and --explain: where would mail to these addresses go, and why? Asks the
 * DNS, sends nothing.
 */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "cmd/options.h"
#include "cmd/settings.h"
#include "deliver/delivery.h"

/* A line (-bv), a paragraph or an object (--explain) an address on standard
 * output. Returns the exit status: that of the addresses that could not be
 * sent to, or 0. */
int	verify_run(const struct options *, const struct settings *,
	    const struct delivery *);

#endif
