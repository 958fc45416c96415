/*
 * main.cf and its tables. Only src/cmd/import_postfix*.c, import_maincf.c and
 * import_table.c include this.
 */
#ifndef CMD_IMPORT_POSTFIX_H
#define CMD_IMPORT_POSTFIX_H

#include "cmd/import_impl.h"

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

/* ---- import_postfix_reasons.c ---- */

/* All parameters but those that postfix_is_inside() knows by their end. */
extern const struct reason postfix_reasons[];
bool	postfix_is_inside(const char *name);

/* ---- import_maincf.c ---- */

/* Read main.cf and expand what its values refer to. Returns 0, or -1 with
 * *err. */
int	maincf_read(struct postfix *, struct err *);

/* The parameter, done; NULL: it is not set, or is empty. */
struct item *maincf_take(struct postfix *, const char *name);

/* The value of a parameter that is "yes" or "no"; done. */
bool	maincf_is_yes(struct postfix *, const char *name);

/* ---- import_table.c ---- */

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

/* ---- import_postfix_relay.c ---- */

/* "[host]:port" and the like. */
struct nexthop {
	char	*host;		/* owned */
	uint16_t port;		/* 0: none was named */
	bool	 is_mx;		/* without brackets: its MX hosts were meant */
};

/* Returns 0, or -1: it is none. */
int	nexthop_parse(const char *text, struct nexthop *);

/* relayhost, TLS, AUTH, and accounts for senders. */
void	postfix_relays(struct postfix *);

/* What a table of routes says to do with a nexthop: "host a.example:25" or
 * "smarthost NAME", for which an account was written. Returns 0, or -1. */
int	postfix_hub(struct postfix *, struct item *, const char *nexthop,
	    struct buf *action);

/* "route * host ..." where relayhost became that; behind all other routes. */
void	postfix_last_route(struct postfix *);

/* ---- import_postfix_tables.c ---- */

/* Masquerading, canonical and generic addresses. */
void	postfix_rewrite(struct postfix *);

/* transport_maps */
void	postfix_routes(struct postfix *);

#endif
