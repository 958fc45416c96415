/*
 * Who and where we are: the machine's name, the caller's name and places.
 */
#ifndef CMD_IDENTITY_H
#define CMD_IDENTITY_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * The machine's name in canonical form; the caller frees. gethostname(2), made
 * full by the line of /etc/hosts that names it; no network is asked. Never
 * empty: "localhost" at worst.
 */
char	*identity_hostname(void);

/* The domain for addresses without one: /etc/mailname, else hostname. */
char	*identity_origin(const char *hostname);

/*
 * The spool for who calls: the system's where it can be reached (root, or by
 * the set-group-id group), else below $XDG_STATE_HOME. The caller frees.
 */
char	*identity_spool(void);

/* Append the home of the calling user: HOME, else the user database. False
 * when there is none. */
bool	identity_home(struct buf *out);

/*
 * Append "$VARIABLE/name" or "~/fallback/name" of the calling user. False
 * when there is no such place.
 */
bool	identity_user_path(const char *variable, const char *fallback,
	    const char *name, struct buf *out);

/*
 * The calling user: login, never empty, and his name for From: NAME of the
 * environment, else the user database's, NULL when there is none. The caller
 * frees both.
 */
void	identity_caller(char **login, char **full_name);

#endif
