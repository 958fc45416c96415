/*
 * Is this UTF-8 (RFC 3629)? Nothing else about it is known here.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/*
 * Length of the character that begins at s, of which n bytes may be read:
 * 1 to 4, or 0 when these bytes are no character (a stray or cut sequence,
 * one longer than it need be, a surrogate, above U+10FFFF).
 */
size_t	utf8_len(const char *s, size_t n);

#endif
