/*
 * Header fields (RFC 5322 2.2): walking over a header block, and writing
 * fields of our own.
 *
 * A header block here is text with CRLF line ends, without the empty line.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct header_field {
	const char	*text;		/* the whole field with its last CRLF */
	size_t		 len;
	size_t		 name_len;	/* 0: a line that is not a field, all of
					 * it in body */
	const char	*body;		/* after the colon, folding and all */
	size_t		 body_len;	/* without the last CRLF */
};

/*
 * Walk over a block: *at is the position, 0 to begin.
 * Returns true and fills *field, or false at the end.
 */
bool	header_next(const struct buf *block, size_t *at,
	    struct header_field *field);

/* Is this the field called name (ASCII case ignored)? */
bool	header_is(const struct header_field *, const char *name);

/* The first field of that name; false when there is none. */
bool	header_find(const struct buf *block, const char *name,
	    struct header_field *field);

/* The body unfolded (RFC 5322 2.2.3) and trimmed, as a C string appended. */
void	header_unfold(const struct header_field *, struct buf *out);

/*
 * Append a display name so that it is a valid phrase: as it is when it is
 * atoms and blanks, a quoted-string when it has specials, encoded-words
 * (RFC 2047, UTF-8 or, when it is not UTF-8, ISO-8859-1; "B" or "Q"
 * whichever is shorter, none over 75 octets) when it has bytes above 0x7f.
 * Control bytes become blanks, blanks at the ends go, nothing becomes "".
 * Encoded-words are folded apart, the first with columns left for the name of
 * the field.
 */
void	header_phrase(struct buf *out, const char *name);

/*
 * Append text as an unstructured field body, encoded where it has bytes
 * above 0x7f, folded before column 78 where there are blanks. used: columns
 * already taken on the line.
 */
void	header_unstructured(struct buf *out, const char *text, size_t used);

/*
 * Append one field, breaking lines over 998 octets (RFC 5322 2.1.1): at the
 * last blank that fits, else after 997 octets with CRLF and a blank, never
 * inside a UTF-8 sequence.
 */
void	header_copy(struct buf *out, const char *field, size_t n);

#endif
