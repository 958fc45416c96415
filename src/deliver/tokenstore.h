/*
 * Tokens that outlive the process: one file for each account that signs in by
 * OAuth, SPOOL/tokens/NAME ("default" for the account without a name), 0600,
 * or 0660 where a group shares the spool. Lines of fields, each as
 * str_escape() writes it, blanks between; times of the wall clock in seconds:
 *
 *	postrider-token 1
 *	for TOKEN-URL CLIENT-ID SCOPE USER
 *	access TOKEN GOT EXPIRES
 *	refresh TOKEN REPLACES
 *	end
 *
 * access is left out when the server refused it. refresh is there when the
 * server gave one in place of that in oauth-refresh-token-file; REPLACES is
 * the hash of what stood in the file then (str_hash(), hex): when something
 * else stands there, somebody has signed in again, and the file counts. A file
 * that is for something else, or damaged, is as none.
 *
 * Who changes it holds a lock, flock(2) on SPOOL/tokens/.NAME.lock; a new file
 * is written as .NAME.new, synced and renamed: some servers never accept the
 * old refresh token again.
 */
#ifndef DELIVER_TOKENSTORE_H
#define DELIVER_TOKENSTORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/secret.h"
#include "deliver/account.h"

struct tokens {
	struct secret access;	/* empty: none */
	int64_t	 got, expires;
	struct secret refresh;	/* empty: none but that of the file */
	uint64_t replaces;
};

struct tokenstore {
	const struct account *account;	/* not owned */
	const char *user;		/* not owned */
	int	 dirfd, lock, draft;	/* -1: none */
	bool	 shared;
};

/*
 * Open the directory.
 *
 * user  of the account's endpoint; "" for none.
 * mode  with which it is made where it is missing; 0: it is not made.
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.3.0). Close it either way.
 */
int	tokenstore_open(struct tokenstore *, const struct account *,
	    const char *user, int spool_fd, mode_t mode, struct err *);
void	tokenstore_close(struct tokenstore *);

/* Wait for the lock until deadline (clock_ms()). Returns 0, or -1 with *err
 * (ERR_TEMP 4.7.0). It is freed by tokenstore_close(). */
int	tokenstore_lock(struct tokenstore *, int64_t deadline, struct err *);

/* What is kept, or nothing. */
void	tokenstore_read(const struct tokenstore *, struct tokens *);

/*
 * Make sure, with the lock held, that a new file can be written: before a
 * server is asked that will give its answer once. Returns 0, or -1 with *err
 * (ERR_TEMP 4.3.0).
 */
int	tokenstore_reserve(struct tokenstore *, struct err *);

/* Write it, with the lock held. Returns as above. */
int	tokenstore_write(struct tokenstore *, const struct tokens *,
	    struct err *);

void	tokens_release(struct tokens *);

#endif
