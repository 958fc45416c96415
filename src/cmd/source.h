/*
 * Where messages come from: standard input, message files, mailboxes (mbox),
 * and Maildir folders. A source is one argument and may hold many messages.
 */
#ifndef CMD_SOURCE_H
#define CMD_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"

struct source {
	const char *argument;	/* as given */
	char	*name;		/* of the message at hand, for errors; owned */
	int	 fd;		/* -1: none is open */
	struct strlist files;	/* of a Maildir, still to come */
	size_t	 next_file;
	bool	 mbox;
	bool	 at_message;	/* mbox: in front of a "From " line */
	bool	 ended;		/* of the message at hand */
	size_t	 count;		/* messages so far */
	struct buf in;		/* mbox: read ahead */
	bool	 eof;
	volatile sig_atomic_t *stop;	/* or NULL */
};

/*
 * Open an argument: "-" is standard input. Refuses FIFOs, devices and
 * directories that are no Maildir, without hanging on them.
 *
 * Returns 0, or -1 with *err (ERR_NOINPUT).
 */
int	source_open(struct source *, const char *argument, struct err *);

/*
 * Go to the next message, whether or not the one at hand was read to its
 * end. Returns 1; 0 when there are no more; -1 with *err (ERR_NOINPUT) when a
 * file cannot be opened: the next call goes on behind it.
 */
int	source_next(struct source *, struct err *);

/* Octets that source_read() may give at once. */
#define SOURCE_READ 65536

/*
 * Read bytes of the message at hand into SOURCE_READ of them. Returns their number; 0 at its end; -1
 * with *err: ERR_NOINPUT read error, ERR_TEMP when *stop was set.
 */
ssize_t	source_read(struct source *, char *, struct err *);

void	source_close(struct source *);

#endif
