/*
 * What the caller is told: nothing when all is well, lines on standard error
 * when it is not, one JSON object for each recipient on standard output when
 * that was asked for. The object is described in postrider(1).
 */
#ifndef CMD_RESULT_H
#define CMD_RESULT_H

#include <stddef.h>

#include "base/err.h"
#include "mail/outcome.h"
#include "spool/spool.h"

/* The version of the object; raised when a member changes its meaning. */
#define RESULT_VERSION 1

/* "NAME: text" on standard error. */
void	result_complain(const char *name, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* The reason without "ID: " in front, where the id stands beside it. */
const char *result_reason(const char *id, const char *reason);

/* One recipient's object. */
void	result_json(const struct entry *, size_t rcpt,
	    const struct outcome *);

/* One refused recipient in words, from the envelope. */
void	result_refused(const char *name, const struct rcpt *);

#endif
