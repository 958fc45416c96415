/*
 * What is remembered of a site, as the line of text that its file has (pure):
 *
 *	site 1 KEY FAILURES FIRST NEXT REASON CRC
 *
 * in fields (fields.h); CRC is of the line before it, without its blank.
 */
#ifndef SPOOL_SITELINE_H
#define SPOOL_SITELINE_H

#include <stddef.h>

#include "base/buf.h"
#include "spool/sites.h"

/* Append the line, its end included. */
void	siteline_write(struct buf *out, const char *key,
	    const struct site_memory *);

/*
 * Parse a file of n octets. Returns 0, or -1 when it is not such a line, or
 * that of another key; *m is undefined then.
 */
int	siteline_parse(const char *text, size_t n, const char *key,
	    struct site_memory *m);

#endif
