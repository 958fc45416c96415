/*
 * What an account proves itself with: found out by the dispatcher when the
 * first message goes through a smarthost, once for all its workers.
 *
 *	password-file, netrc	read at once
 *	password-command,	by a child, because they may take their time:
 *	token-command		the dispatcher goes on meanwhile
 *	oauth-*			by a child: the token kept in SPOOL/tokens/NAME
 *				while it is good, else a new one, fetched over
 *				HTTPS by a process without privileges; a lock on
 *				the file makes concurrent processes fetch one
 *
 * Failures are temporary, and their text names the setting to look at.
 */
#ifndef DELIVER_CREDENTIAL_H
#define DELIVER_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "deliver/account.h"

enum credential_state {
	CREDENTIAL_UNKNOWN,	/* not asked for yet */
	CREDENTIAL_ASKED,	/* a child is at it: wait for fd */
	CREDENTIAL_READY,
	CREDENTIAL_FAILED	/* err says why */
};

/* All zero is CREDENTIAL_UNKNOWN. */
struct credential {
	enum credential_state state;
	bool	 is_token;	/* for XOAUTH2 and OAUTHBEARER */
	struct secret secret;	/* empty for an account that needs none */
	struct err err;		/* ERR_TEMP 4.7.0 */
	pid_t	 pid;
	int	 fd;		/* to be polled while CREDENTIAL_ASKED */
	bool	 is_oauth;	/* then the child is left to end by itself */
	int64_t	 deadline;	/* clock_ms() */
	struct buf in;
};

/*
 * Begin. Afterwards the state is READY, FAILED, or ASKED.
 *
 * spool_fd  of the spool's directory, for SPOOL/tokens.
 * shared    the spool is shared by a group: the file is 0660, else 0600.
 */
void	credential_start(struct credential *, const struct account *,
	    int spool_fd, bool shared);

/* Read what the child has to say, without waiting; also to be called when the
 * deadline has passed. */
void	credential_read(struct credential *);

/* Wipe the secret, end the child. The state is UNKNOWN again. */
void	credential_release(struct credential *);

/*
 * The server has refused it: if it is the token that is kept, that is not used
 * again. To be called before it is released. Returns true when asking once more
 * could give another one.
 */
bool	credential_refused(const struct credential *, const struct account *,
	    int spool_fd);

/*
 * Is what the account names there and safe? Files exist and are closed to
 * others; nothing is run. Returns 0, or -1 with *err (ERR_CONFIG).
 */
int	credential_check(const struct account *, struct err *);

/* For --explain: "password from /etc/x", "token by token-command". */
void	credential_describe(const struct account *, struct buf *out);

#endif
