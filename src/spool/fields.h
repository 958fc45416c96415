/*
 * Lines of escaped fields (pure), as the envelope and the journal have them.
 */
#ifndef SPOOL_FIELDS_H
#define SPOOL_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FIELDS_MAX 10

/* The fields of one line, none of them copied. */
struct fields {
	struct {
		const char *at;
		size_t	    len;
	} v[FIELDS_MAX];
	size_t	n;
};

/*
 * Split a line (without its end) at single blanks. Returns 0, or -1 when a
 * field is empty or there are too many.
 */
int	fields_split(const char *line, size_t n, struct fields *);

/* Append a blank and the text escaped; a blank and the number. */
void	fields_add(struct buf *out, const char *text);
void	fields_add_number(struct buf *out, uint64_t);

/* Field i as a string that the caller frees; NULL when it is not sound. */
char	*fields_text(const struct fields *, size_t i);

/* The same into a place of size bytes. Returns 0, or -1: unsound, too long. */
int	fields_copy(const struct fields *, size_t i, char *out, size_t size);

/* Field i as a number of at most max. Returns 0, or -1. */
int	fields_number(const struct fields *, size_t i, uint64_t max,
	    uint64_t *n);

#endif
