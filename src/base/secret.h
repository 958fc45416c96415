/*
 * A password or a token in memory: never in a core dump, never swapped where
 * that can be had, and gone from processes that have no need of it.
 *
 * Secrets live in pages of their own, outside of the heap. A child that reads
 * the network forgets all but the one it was forked to use.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

#define SECRET_MAX 16384	/* octets; tokens can be long */

/* All zero is no secret. */
struct secret {
	char	*text;		/* NUL-terminated; NULL: none */
	size_t	 len;
};

/* Keep a copy of n octets (at most SECRET_MAX), in place of what was there;
 * the source is the caller's to wipe. */
void	secret_set(struct secret *, const char *, size_t n);

/* Wipe and forget. */
void	secret_clear(struct secret *);

/* Wipe every secret of the process but keep (NULL: all). For children. */
void	secret_clear_all_but(const struct secret *keep);

/* Overwrite memory that held one (explicit_bzero). */
void	secret_wipe(void *, size_t n);

#endif
