/*
 * Inside of --import-config; nobody outside of this folder includes it.
 *
 *	import.c		operands, usual places, printing, exit codes
 *	guess.c			which format a file has
 *	translate.c	the frame that all formats share
 *	item.c			lines of a file as keys and values
 *	conf.c			the postrider.conf that comes out
 *	note.c			its comments: what could not be taken over
 *	relay.c			one server as a URL; its password
 *	msmtp.c ...	one for each format; the larger ones have more,
 *				and a header of their own
 *	maincf.c, table.c
 *				Postfix's files
 */
#ifndef IMPORT_IMPORT_IMPL_H
#define IMPORT_IMPORT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "import/import.h"

#define IMPORT_FILE_MAX (1u << 20)	/* octets of one file */
#define IMPORT_LINES_MAX 20000		/* of all tables together */

/* ---- item.c ---- */

/* One line of a file. All strings are owned; none is NULL. */
struct item {
	char	*key, *value;
	char	*file;		/* its last part: "msmtprc" */
	unsigned line;		/* 0: the file as a whole */
	bool	 is_secret;	/* the value is not to be shown */
	bool	 is_done;	/* taken over, or a comment says why not */
	bool	 is_default;	/* msmtp: from a defaults section */
};

/* All zero is the empty list. */
struct items {
	struct item *v;
	size_t	 n, cap;
};

/* Append. path is cut to its last part. The item is good until the next. */
struct item *items_add(struct items *, const char *key, const char *value,
	    const char *path, unsigned line);

/* The last with that key, in any case of letters; NULL: none. All of them are
 * done then. */
struct item *items_take(struct items *, const char *key);

/* The same, but nothing is done. */
struct item *items_find(const struct items *, const char *key);

/* The last one's value, done; NULL: none. */
const char *items_value(struct items *, const char *key);

void	items_release(struct items *);

/* Each becomes the other. */
void	item_swap(struct item *, struct item *);

/* Append "msmtprc:12". */
void	item_place(const struct item *, struct buf *out);

/* Append "msmtprc:12 host, :13 port" of the items that are not NULL. */
void	items_places(const struct item *const *, size_t n, struct buf *out);

/* The lines of a text, which is changed. */
struct lines {
	char	*next;		/* NULL: at the end */
	unsigned number;	/* of the line at hand */
};

void	lines_begin(struct lines *, struct buf *text);

/* The next line, without its end; NULL: no more. */
char	*lines_next(struct lines *);

/*
 * The next logical line, as Postfix's files have them: lines that begin with a
 * blank continue the one before; empty ones and comments are passed over.
 *
 * out     cleared and filled.
 * number  of its first line.
 *
 * Returns false at the end.
 */
bool	lines_logical(struct lines *, struct buf *out, unsigned *number);

/* Cut the next word off at any of these characters; NULL: no more. */
char	*word_next(char **rest, const char *delimiters);

/* Overwrite what may hold passwords, and release. */
void	import_wipe(struct buf *);

/* ---- conf.c ---- */

/* What stands outside of account blocks, or one of these. */
struct conf_section {
	char	*name;		/* owned; "": outside */
	struct buf text;
	char	*origin;	/* owned: the comment that was written last */
	struct strlist keys;	/* that were set */
};

struct conf {
	struct conf_section *v;	/* [0] is there from conf_init() on */
	size_t	 n, cap;
	struct strlist complaints;
	struct strmap noted;	/* places of lines that have a comment */
	size_t	 settings;	/* lines written */
};

void	conf_init(struct conf *);
void	conf_release(struct conf *);

/* Begin an account block with that name, or one like it where it is taken or
 * could not be one. Returns its number. */
size_t	conf_account(struct conf *, const char *name);

/*
 * Write "key value", if the reader of settings takes it; else a comment and a
 * complaint.
 *
 * section  number; 0: outside of accounts.
 * origin   comment in front of it, where it comes from; NULL: none.
 *
 * Returns whether it was written.
 */
bool	conf_set(struct conf *, size_t section, const char *origin,
	    const char *key, const char *value);

/* conf_set() with the place and key of one item as origin. */
bool	conf_take(struct conf *, size_t section, struct item *,
	    const char *key, const char *value);

/* Was this key set there? */
bool	conf_has(const struct conf *, size_t section, const char *key);

/* Append all of it as a file. */
void	conf_write(const struct conf *, struct buf *out);

/* ---- note.c ---- */

/* Append "# text". */
void	conf_comment(struct conf_section *, const char *text);

/* A comment; conf_warn() complains as well. One line each. */
void	conf_note(struct conf *, size_t section, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	conf_warn(struct conf *, size_t section, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* The same about one item: "# FILE:LINE: KEY VALUE: ...", without the value
 * of a secret one. It is done. Not twice for the same line. */
void	conf_note_item(struct conf *, size_t section, struct item *,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void	conf_warn_item(struct conf *, size_t section, struct item *,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Why a key was not taken over. A key that ends with '*' stands for all that
 * begin so; why may be NULL: there is no such setting. What begins with '!' is
 * a complaint as well: mail goes another way without it. */
struct reason {
	const char *key, *why;
};

/* The reason of a key, or NULL: the format has no such key. The first that
 * fits counts; {NULL} ends the list. */
const struct reason *reason_find(const struct reason *, const char *key);

/* A comment for each item that is not done. Of keys that the format does not
 * have the value is not shown: nobody knows what it is. */
void	conf_leftovers(struct conf *, size_t section, struct items *,
	    const struct reason *);

/* ---- translate.c ---- */

struct import {
	const struct import_source *source;
	struct conf conf;
	bool	 is_understood;	/* something was of this format */

	struct strlist passwords, places;	/* kept so far; in pairs */
	size_t	 unkept;
	bool	 lacks_password;	/* somebody has to put one there */
};

/* Append a file of the source. Refuses what is no text. */
int	import_read(struct import *, const char *path, struct buf *out,
	    struct err *);

/*
 * Append a file that a setting names: there (a relative path is one from the
 * first file), else beside the first file under its last part. used: cleared,
 * which it was. Returns 0 or -1 with *err.
 */
int	import_read_related(struct import *, const char *path,
	    struct buf *out, struct buf *used, struct err *);

/* Append the path of a file beside the first one. */
void	import_beside(const struct import *, const char *name,
	    struct buf *out);

/* The last part of a path. */
const char *import_basename(const char *path);

/* Append a path in which "~" is the home of who owns the first file. */
void	import_tilde(const struct import *, const char *path,
	    struct buf *out);

/* ---- relay.c ---- */

enum relay_tls { RELAY_CLEAR, RELAY_STARTTLS, RELAY_TLS };

/* A server that takes all mail. Strings are the caller's. */
struct relay {
	const char *host;	/* without brackets */
	uint16_t port;
	enum relay_tls tls;
	const char *user;	/* NULL: it does not log in */
};

#define RELAYS_MAX 8

/*
 * Write smarthost for servers in the order to be tried. Where a password would
 * go in clear it is STARTTLS, and a comment. Returns whether it was written.
 */
bool	relay_write(struct import *, size_t section, const char *origin,
	    const struct relay *, size_t n);

/*
 * Write password-file: kept under the name of the section, or, where passwords
 * are not kept, as a comment.
 *
 * item  where it stood.
 */
void	relay_password(struct import *, size_t section, struct item *,
	    const char *password);

/* "25", or the name of one of the services of mail; 0: it is none. */
uint16_t relay_port(const char *text);

/* ---- one for each format ---- */

/* Returns 0, or -1 with *err (ERR_NOINPUT). */
int	import_msmtp(struct import *, struct err *);
int	import_dma(struct import *, struct err *);
int	import_nullmailer(struct import *, struct err *);
int	import_ssmtp(struct import *, struct err *);
int	import_postfix(struct import *, struct err *);

/* Is this line one of the format? It may be changed. */
bool	msmtp_knows(char *line);
bool	dma_knows(char *line);
bool	nullmailer_knows(char *line);
bool	ssmtp_knows(char *line);
bool	postfix_knows(char *line);

#endif
