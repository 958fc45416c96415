/*
 * Reading JSON (RFC 8259): the members of one object, found by name. Enough
 * for short answers from the network; base/json.h is what writes.
 *
 * Each call reads all of the text, and takes nothing from one that is not well
 * formed: other than an object, not UTF-8, a lone surrogate, nested deeper than
 * JSONREAD_DEPTH. What is nested is passed over. Of members with the same name
 * the last counts.
 */
#ifndef BASE_JSONREAD_H
#define BASE_JSONREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSONREAD_DEPTH 32

/*
 * A member that is a string.
 *
 * value  cleared, and filled without escapes; it may hold NUL. It does not
 *        grow: all the room was made before. Wipe it if it is a secret.
 *
 * Returns 1; 0 when there is no such member, or it is no string; or -1 when
 * the text is not well formed.
 */
int	jsonread_string(const char *text, size_t n, const char *name,
	    struct buf *value);

/* The same of a number: without its fraction, at most JSONREAD_NUMBER_MAX
 * either way. */
#define JSONREAD_NUMBER_MAX 9007199254740991
int	jsonread_number(const char *text, size_t n, const char *name,
	    int64_t *value);

#endif
