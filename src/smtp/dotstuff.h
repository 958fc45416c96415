/*
 * Dot-stuffing (RFC 5321 4.5.2). Pure, for text with CRLF line ends that
 * comes in pieces of any size.
 */
#ifndef SMTP_DOTSTUFF_H
#define SMTP_DOTSTUFF_H

#include <stddef.h>

#include "base/buf.h"

struct dotstuff {
	unsigned char seen;	/* CR and LF seen last; 0: at the beginning
				 * of a line when the text begins */
	unsigned char started;
};

/* Append n bytes to out with each '.' at the beginning of a line doubled. */
void	dotstuff(struct dotstuff *, const char *, size_t n, struct buf *out);

#endif
