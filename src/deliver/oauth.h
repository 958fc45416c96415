/*
 * Access tokens by the refresh grant (RFC 6749 section 6): the one kept in the
 * spool (tokenstore.h) while it is good, else a new one from the provider.
 *
 * The first refresh token comes from elsewhere, by signing in with a browser,
 * and is in oauth-refresh-token-file. When the provider replaces it, the new
 * one is kept in the spool; that file is never written to.
 */
#ifndef DELIVER_OAUTH_H
#define DELIVER_OAUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"
#include "deliver/account.h"

/* The longest that oauth_token() takes: for the lock, and two requests. */
#define OAUTH_MAX_MS 120000

/*
 * A token that is good for a minute at least, or new. Processes that ask at
 * the same time make one request. Takes its time, so it is for a child; the
 * request is made by one of its own, without privileges.
 *
 * user      of the account's endpoint; "" for none.
 * spool_fd  of the spool's directory.
 * shared    by a group.
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.7.0), which names the setting.
 */
int	oauth_token(const struct account *, const char *user, int spool_fd,
	    bool shared, struct secret *token, struct err *);

/* The server refused this token: if it is the one that is kept, forget it.
 * Another process may have renewed it meanwhile. For a guest nothing is done:
 * he could not renew it either, the next flush finds out for itself. */
void	oauth_forget(const struct account *, const char *user, int spool_fd,
	    const struct secret *token);

/* Are the settings complete and the files safe? Asks nobody. Returns as
 * oauth_token(). */
int	oauth_check(const struct account *, struct err *);

#endif
