/*
 * Standard output: whatever the program prints there goes through here, so
 * that what could not be printed is noticed, and said once.
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"

/* Who speaks of a failure; kept by reference. */
void	output_init(const char *name);

/*
 * Print out, and clear it. The first failure is said on standard error, and
 * after it nothing is printed any more: half a list must not look whole. A
 * reader who has gone (EPIPE) has seen what he wanted, and nothing is said.
 */
void	output_write(struct buf *out);

/* Is something missing that somebody waits for? */
bool	output_failed(void);

#endif
