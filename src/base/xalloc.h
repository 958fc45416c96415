/*
 * Allocation that ends the program.
 *
 * When memory runs out the process writes one line to standard error and
 * ends with EX_TEMPFAIL (75), or as its last word says. That is safe
 * everywhere: mail that was promised is on disk, a worker that dies counts as
 * "try later" for what it had not reported. Sizes are bounded by the callers
 * before they come here.
 */
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stddef.h>

/*
 * What is to be done in this process (not in children of it) when memory has
 * run out, without allocating: fn returns the exit code. NULL: nothing.
 */
void	 xalloc_last_word(int (*fn)(void *), void *arg);

/* Like malloc, calloc, strdup, strndup; never NULL. The caller frees. */
void	*xmalloc(size_t n);
void	*xcalloc(size_t count, size_t size);
char	*xstrdup(const char *);
char	*xstrndup(const char *, size_t n);

/* Like reallocarray(3): count * size is checked for overflow. */
void	*xrealloc(void *, size_t count, size_t size);

/*
 * Make room for one more element of an array that grows by doubling.
 *
 * v     the array, owned by the caller, or NULL.
 * n     elements in use.
 * cap   elements allocated; updated.
 *
 * Returns the array, possibly moved.
 */
void	*xgrow(void *v, size_t n, size_t *cap, size_t size);

#endif
