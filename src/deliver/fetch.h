/*
 * A POST by a process of its own, without privileges or descriptors: the one
 * that asks for a token never reads the network itself, only what that one
 * writes into a pipe.
 */
#ifndef DELIVER_FETCH_H
#define DELIVER_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "net/https.h"

/* As https_post(), and ERR_TEMP 4.3.0: that process could not be started, or
 * ended without an answer, or too late. */
int	fetch_post(const struct https_request *, unsigned *status,
	    struct buf *body, struct err *);

#endif
