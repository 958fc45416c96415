/*
 * Strings to pointers: a hash table that only grows. All zero is empty.
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>

struct strmap_slot {
	char	*key;		/* owned; NULL: free */
	void	*value;
};

struct strmap {
	struct strmap_slot *slots;
	size_t	 n;
	size_t	 cap;		/* a power of two, or 0 */
};

/*
 * The place of the value of key, made (holding NULL) when there was none.
 * Valid until the next call.
 */
void	**strmap_at(struct strmap *, const char *key);

/* The value of key, or NULL. */
void	 *strmap_get(const struct strmap *, const char *key);

/* Free the table and its keys, not the values. */
void	  strmap_release(struct strmap *);

#endif
