/*
 * Strings to pointers: a hash table that only grows. All zero is empty.
 *
 * Keys may be anybody's, domain names above all: where they go in the table is
 * another matter in each process, so that nobody can choose many that meet.
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_slot {
	char	*key;		/* owned; NULL: free */
	void	*value;
};

struct strmap {
	struct strmap_slot *slots;
	size_t	 n;
	size_t	 cap;		/* a power of two, or 0 */
	uint64_t start;		/* of the hash */
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

/*
 * For tables of other forms: a start that is another in each process, and which
 * of cap places (a power of two) key has by it.
 */
uint64_t  strmap_start(void);
size_t	  strmap_place(uint64_t start, const char *key, size_t cap);

#endif
