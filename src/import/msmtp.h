/*
 * msmtprc as it is read: accounts with all that they inherit, nothing
 * translated yet. Only msmtp*.c include this.
 */
#ifndef IMPORT_MSMTP_H
#define IMPORT_MSMTP_H

#include "import/import_impl.h"

#define MSMTP_ACCOUNTS_MAX 500

/* Each command once in items: the one that counts. */
struct msmtp_account {
	char	*name;		/* owned */
	struct items items;
	unsigned file;		/* its number */
};

struct msmtp {
	struct msmtp_account *v;	/* in the order of msmtp's search */
	size_t	 n, cap;

	/* while reading */
	struct items defaults;
	const char *path;
	unsigned file;
	size_t	 current;	/* the account at hand, from 1; 0: none */
	bool	 in_defaults;
};

/* Is there such a command? */
bool	msmtp_command(const char *key);

/* Read one file over what is there; its accounts replace those of the same
 * name. Returns 0, or -1 with *err. */
int	msmtp_read(struct import *, struct msmtp *, const char *path,
	    struct err *);

/* The account of that name, or NULL. */
struct msmtp_account *msmtp_find(struct msmtp *, const char *name);

void	msmtp_release(struct msmtp *);

/* An account on its way into a section. */
struct work {
	struct import *imp;
	struct items *items;
	size_t	 section;
	struct msmtp *m;
	const struct msmtp_account *account;
};

/* ---- msmtp_server.c ---- */

extern const char msmtp_always_checked[];

/* The command, done, unless its argument is empty: that unsets it. */
struct item *msmtp_take(struct work *, const char *key);

/* "on", "off", or nothing for on. */
bool	msmtp_is_on(struct work *, const char *key, bool otherwise);

/* A command whose argument is a file. */
void	msmtp_take_file(struct work *, const char *key, const char *setting);

/* Where mail goes, how it logs in, what it is called. */
void	msmtp_server(struct work *);

/* ---- msmtp_sender.c ---- */

/* Of the default account: the sender where the caller names none. */
void	msmtp_sender(struct work *);

/* Of the others: patterns of senders. msmtp takes user+detail@ for user@. */
void	msmtp_senders(struct work *);

#endif
