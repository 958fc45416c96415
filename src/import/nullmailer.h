/*
 * The files of nullmailer as they are read. Only nullmailer*.c
 * include this.
 */
#ifndef IMPORT_NULLMAILER_H
#define IMPORT_NULLMAILER_H

#include "import/import_impl.h"

/* One line of remotes. */
struct remote {
	char	*host;		/* owned */
	struct item *item;	/* the line: its key is the host */
	struct items options;
};

struct nullmailer {
	struct import *imp;
	struct items lines;	/* of remotes */
	struct items files;	/* the others, by name */
	struct remote *v;
	size_t	 n, cap;
};

/* The names of the other files, and why one that is left over was. */
extern const struct reason nullmailer_files[];

/* Read remotes. Returns 0, or -1 with *err. */
int	nullmailer_read_remotes(struct nullmailer *, struct err *);

/* Read of each of the other files that are beside it the first line. */
void	nullmailer_read_files(struct nullmailer *);

void	nullmailer_release(struct nullmailer *);

#endif
