/*
 * main.cf and its tables. Only postfix*.c, maincf.c and
 * table.c include this.
 */
#ifndef IMPORT_POSTFIX_H
#define IMPORT_POSTFIX_H

#include "import/import_impl.h"

#define MAINCF_MAX 2000		/* parameters in a file */
#define POSTFIX_ACCOUNTS_MAX 500

struct postfix {
	struct import *imp;
	struct items items;	/* main.cf; values are expanded */
	size_t	 rows;		/* read from tables so far */

	char	*origin;	/* domain of addresses without one; owned;
				 * NULL: not known */
	struct items sasl;	/* smtp_sasl_password_maps; empty: no AUTH */
	struct items senders;	/* sender_dependent_relayhost_maps */
	struct items hubs;	/* nexthops that got an account: its name */
	char	*hub;		/* "HOST:PORT" of "route * host"; owned; NULL */
};

/* ---- postfix_reasons.c ---- */

/* All parameters but those that postfix_is_inside() knows by their end. */
extern const struct reason postfix_reasons[];
bool	postfix_is_inside(const char *name);

/* What becomes of mail to users of this machine, as a reason. */
extern const char postfix_delivers[];

/* ---- maincf.c ---- */

/* Read main.cf and expand what its values refer to. Returns 0, or -1 with
 * *err. */
int	maincf_read(struct postfix *, struct err *);

/* The parameter, done; NULL: it is not set, or is empty. */
struct item *maincf_take(struct postfix *, const char *name);

/* The value of a parameter that is "yes" or "no"; done. */
bool	maincf_is_yes(struct postfix *, const char *name);

/* ---- table.c ---- */

/*
 * Append the rows of the tables that a parameter names: "hash:/etc/x, inline:{
 * a=b }". The key of one for everything is "*". What cannot be read is a
 * complaint.
 *
 * secret  the values are not to be shown.
 */
void	table_read(struct postfix *, struct item *, bool secret,
	    struct items *rows);

/* The row with that key, done, or NULL. */
struct item *table_find(struct items *rows, const char *key);

/* ---- postfix_server.c ---- */

enum level { LEVEL_UNSET, LEVEL_NONE, LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_DANE,
	LEVEL_DANE_ONLY, LEVEL_FINGERPRINT, LEVEL_VERIFY, LEVEL_SECURE };

/* smtp_tls_security_level, and the parameter that sets it (NULL: none). */
enum level postfix_level(struct postfix *, struct item **);

/* Read smtp_sasl_password_maps, where somebody logs in. */
void	postfix_passwords(struct postfix *);

/* The row for a sender, as mail_addr_find() of Postfix looks: the address,
 * then "@domain". NULL: none. */
struct item *postfix_find_sender(struct items *rows, const char *sender);

/* "[host]:port" and the like. */
struct nexthop {
	char	*host;		/* owned */
	uint16_t port;		/* 0: none was named */
	bool	 is_mx;		/* without brackets: its MX hosts were meant */
};

struct server {
	struct nexthop hop;
	struct item *row;	/* of the password; NULL: it does not log in */
	char	*user;		/* owned; NULL */
};

/* Servers in the order to be tried, for all mail or for one account. */
struct servers {
	struct server v[RELAYS_MAX];
	size_t	 n;
	struct item *item;	/* where they are named */
	struct item *row;	/* the one password that counts; NULL: nobody
				 * logs in */
};

/* Add those of a list, with the credentials for the sender (NULL: for any);
 * what is none is a complaint. */
void	servers_add(struct postfix *, size_t section, struct servers *,
	    const char *sender, const char *list);

/* Write them as a smarthost, with all that belongs to it. */
void	servers_write(struct postfix *, size_t section, struct servers *);

void	servers_release(struct servers *);

/* ---- postfix_relay.c ---- */

/* relayhost, TLS, AUTH, and accounts for senders. */
void	postfix_relays(struct postfix *);

/* What a table of routes says to do with a nexthop: "host a.example:25" or
 * "smarthost NAME", for which an account was written. Returns 0, or -1. */
int	postfix_hub(struct postfix *, struct item *, const char *nexthop,
	    struct buf *action);

/* "route * host ..." where relayhost became that; behind all other routes. */
void	postfix_last_route(struct postfix *);

/* ---- postfix_tables.c ---- */

/* Masquerading, canonical and generic addresses. */
void	postfix_rewrite(struct postfix *);

/* transport_maps */
void	postfix_routes(struct postfix *);

#endif
