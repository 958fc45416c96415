/*
 * Growable bytes.
 *
 * A buf may hold NUL; buf_str() gives it as a C string. All zero is the empty
 * buf, and buf_release() of an empty buf does nothing. Memory comes from
 * xalloc: a failure ends the program (see xalloc.h), so nothing here fails.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char	*data;		/* owned; NULL while nothing was added */
	size_t	 len;		/* bytes in use */
	size_t	 cap;		/* bytes allocated */
};

/* Make room for more further bytes after len and return where they go. */
char	*buf_reserve(struct buf *, size_t more);

/* Append n bytes, one byte, a C string. */
void	 buf_add(struct buf *, const void *, size_t n);
void	 buf_addc(struct buf *, char);
void	 buf_adds(struct buf *, const char *);

/* Append formatted text (printf(3)). */
void	 buf_printf(struct buf *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 buf_vprintf(struct buf *, const char *fmt, va_list)
	    __attribute__((format(printf, 2, 0)));

/*
 * The content as a C string: a NUL is put after the last byte, not counted in
 * len. Valid until the next call that changes the buf; never NULL.
 */
const char *buf_str(struct buf *);

/* Drop the first n bytes (n <= len) and move the rest to the front. */
void	 buf_consume(struct buf *, size_t n);

/* Forget the content, keep the memory. */
void	 buf_clear(struct buf *);

/* Give the memory back; the buf is empty and usable again. */
void	 buf_release(struct buf *);

/* Hand the content over as a C string that the caller frees; buf is empty. */
char	*buf_detach(struct buf *);

#endif
