/*
 * Queue ids: Postfix's long form, so that ids sort by time and tools that
 * read Postfix's logs know them.
 *
 *	id = 6*digit52		seconds since 1970
 *	     4*digit52		microseconds
 *	     "z"
 *	     5*digit51		random; Postfix has the inode number here
 *
 * The digits are 0-9 and the consonants of both cases, in ASCII order; "z" is
 * the last of the 52 and none of the 51.
 */
#ifndef SPOOL_QUEUEID_H
#define SPOOL_QUEUEID_H

#include <stdbool.h>

#include "spool/spool.h"

#define QUEUEID_LEN 16

/* Make an id of now: SPOOL_ID_MAX bytes. */
void	queueid_make(char *out);

/* Can s be an id? Names of files are asked this before they are used. */
bool	queueid_valid(const char *s);

#endif
