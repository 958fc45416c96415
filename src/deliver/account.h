/*
 * An account: a way out through a provider, and who goes there. The settings
 * fill it (cmd/settings.h); deliver/ only reads it.
 */
#ifndef DELIVER_ACCOUNT_H
#define DELIVER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"

enum endpoint_scheme {
	ENDPOINT_STARTTLS,	/* smtp://  STARTTLS required; port 587 */
	ENDPOINT_TLS,		/* smtps:// TLS from the first byte; 465 */
	ENDPOINT_CLEAR,		/* smtp+plain:// no TLS, no AUTH; 25 */
	ENDPOINT_AUTO		/* auto: SRV of a domain (RFC 6186, 8314) */
};

/* One URL of a smarthost setting. */
struct endpoint {
	uint8_t	 scheme;	/* enum endpoint_scheme */
	uint16_t rank;		/* 0, 1, ...: the order; equal ones share */
	uint16_t port;		/* ENDPOINT_AUTO: 0 */
	char	*host;		/* owned; canonical name, IP address without
				 * brackets; ENDPOINT_AUTO: the domain */
	char	*user;		/* owned, decoded; NULL: no AUTH */
};

#define ENDPOINTS_MAX 8

/* Strings are owned; NULL where it is not set. */
struct account {
	char	*name;			/* "" for the settings outside of any */
	struct strlist from;		/* patterns of senders (mail/pattern.h) */
	struct endpoint endpoints[ENDPOINTS_MAX];
	size_t	 nendpoint;		/* 0: no smarthost, mail goes direct */
	struct err trouble;		/* the smarthost could not be found out
					 * (smarthost-command): try later */

	/* at most one of the first five, see credential.h */
	char	*password_file, *password_command, *token_command, *netrc,
		*oauth_token_url;
	char	*oauth_client_id, *oauth_client_secret_file,
		*oauth_refresh_token_file, *oauth_scope;
	char	*auth;			/* mechanisms, lower case, one blank
					 * between; NULL: all but Kerberos and
					 * NTLM */

	char	*ca_file;		/* NULL: the system's */
	char	*client_cert, *client_key;	/* files or pkcs11: URIs */
	char	*tls_pin;		/* "sha256//BASE64" of the public key */
	char	*proxy;			/* "socks5://h:p", "http://h:p" */

	char	*hostname;		/* for EHLO; NULL: the delivery's */
	char	*source_address;	/* IP addresses to connect from, at most
					 * one a family, blank between */
};

/*
 * Parse what follows "smarthost": URLs with blanks between in the order to be
 * tried, with commas between those of equal rank that share the work:
 *
 *	smtps://user@smtp.example.org
 *	smtp://user@[2001:db8::1]:587,smtp://user@b.example smtps://c.example
 *	auto:user@example.org
 *
 * The user may be an address: the last '@' ends it, %40 does as well; behind
 * auto: it always is one, that of the user at the domain (RFC 6186 4). A
 * password in it is refused: settings are no place for one. So is a user with
 * smtp+plain://. The word "none" is no smarthost at all.
 *
 * Fills endpoints and nendpoint (released before). Returns 0, or -1 with *err
 * (ERR_CONFIG; nothing of a URL is in its text) and no endpoints.
 */
int	account_set_smarthost(struct account *, const char *text, struct err *);

/* Copy the endpoints, and the trouble there was with them. */
void	account_copy_smarthost(struct account *to, const struct account *from);

/* Has any endpoint a user? */
bool	account_has_user(const struct account *);

/* Does any endpoint want AUTH: a user, or a client certificate? */
bool	account_needs_auth(const struct account *);

/* Forget the endpoints. */
void	account_release_smarthost(struct account *);
void	account_release(struct account *);

/* "smtps://user@host:465" appended, as in a file; brackets and %40 where they
 * are needed. */
struct buf;
void	endpoint_write(const struct endpoint *, struct buf *out);

/* All of them, as account_set_smarthost() reads them. */
void	account_write_smarthost(const struct account *, struct buf *out);

#endif
