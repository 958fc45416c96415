/*
 * Between the two halves of credential.h: where the secret of an account comes
 * from (credential_source.c), and who waits for it (credential.c).
 */
#ifndef DELIVER_CREDENTIAL_IMPL_H
#define DELIVER_CREDENTIAL_IMPL_H

#include "deliver/credential.h"

enum credential_source {
	SOURCE_NONE,
	SOURCE_FILE,		/* password-file */
	SOURCE_NETRC,
	SOURCE_COMMAND,		/* password-command */
	SOURCE_TOKEN_COMMAND,
	SOURCE_OAUTH
};

/* A command may ask a person, or a server. */
#define CREDENTIAL_COMMAND_S 60

/* What a child is forked for. */
struct credential_task {
	const struct account *account;
	enum credential_source source;
	int	 spool_fd;
	bool	 shared;
};

enum credential_source credential_source(const struct account *);

/* Is it there at once? Else it is for a child. */
bool	credential_is_at_hand(enum credential_source);

/*
 * What is at hand; what a child is forked for. The secret stays empty for an
 * account that needs none. Returns 0, or -1 with *err (ERR_TEMP 4.7.0).
 */
int	credential_load(const struct account *, struct secret *,
	    struct err *);
int	credential_find(const struct credential_task *, struct secret *,
	    struct err *);

#endif
