/*
 * A list of owned strings. All zero is the empty list.
 */
#ifndef BASE_STRLIST_H
#define BASE_STRLIST_H

#include <stddef.h>

struct strlist {
	char	**v;		/* each owned */
	size_t	  n;
	size_t	  cap;
};

/* Append a copy of s; append s itself and own it. */
void	strlist_add(struct strlist *, const char *s);
void	strlist_take(struct strlist *, char *s);

/* Free all strings and the array; the list is empty and usable again. */
void	strlist_release(struct strlist *);

#endif
