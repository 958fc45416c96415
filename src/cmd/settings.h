/*
 * The settings: postrider.conf(5).
 *
 * One table of keys (settings_keys.c) feeds the parser, --help=settings, the
 * list in the manual page and the error messages. A file has lines of "key
 * value"; '#' begins a comment; a value with blanks at its ends, '#' or '"'
 * stands in double quotes, with \" and \\ inside. "account NAME" begins a
 * block, up to the next one or the end of the file. Everything has a default
 * that works.
 *
 * In order: settings_init(), settings_load(), settings_complete(),
 * settings_check().
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "deliver/delivery.h"
#include "deliver/route.h"
#include "mail/rewrite.h"

/* Of the setting lifetime, and of --expire: 100 days. */
#define LIFETIME_MAX_S 8640000u

/* Where the sender comes from: the envelope-from setting. */
enum envelope_from {
	ENVELOPE_FROM_OPTION,	/* -f, else "from", else login@origin */
	ENVELOPE_FROM_HEADER,	/* -f, else the header's author */
	ENVELOPE_FROM_HEADER_ALWAYS,	/* the header's author, even with -f */
	ENVELOPE_FROM_FIXED	/* "from", even with -f */
};

enum from_header { FROM_HEADER_KEEP, FROM_HEADER_REPLACE };

struct settings {
	/* strings are owned; NULL or "" where the default says "(...)" */
	char	*hostname;
	char	*origin;
	char	*spool;
	char	*nameserver;
	char	*log;
	char	*double_bounce;
	char	*worker_user;
	uint64_t smtp_port, jobs, site_connections, connection_messages,
	    transaction_recipients, recipients_max, dsn_size;
	uint64_t wait, lifetime, bounce_lifetime, delay_warning, retry_first,
	    retry_max, dns_timeout, connect_timeout, command_timeout,
	    dot_timeout, destination_timeout;	/* seconds */
	uint64_t tls;			/* enum tls_level */

	/* accounts[0] has what stands outside of account blocks; complete after
	 * settings_complete() */
	struct routing routing;
	char	*smarthost_command;
	char	*from;			/* canonical; NULL: login@origin */
	struct rewrite rewrite;
	uint64_t envelope_from, from_header;

	/* of the reader, see settings_impl.h */
	struct strlist route_texts;	/* of routing.routes, as written */
	struct strmap places;		/* where which key was set */
	unsigned files;			/* read so far */
};

/* Everything at its default. */
void	settings_init(struct settings *);
void	settings_release(struct settings *);

/*
 * Read one file over what is there: a key replaces the same key, an account
 * the one of that name; accounts, routes and rewriting rules come before those
 * that are there. A smarthost starts without the credentials of the files
 * before: a password never goes to another server by accident.
 *
 * missing_ok  a file that does not exist is as an empty one.
 *
 * Returns 0, or -1 with *err (ERR_CONFIG): "FILE:LINE: key: what is wrong".
 */
int	settings_read(struct settings *, const char *path, int missing_ok,
	    struct err *);

/* The same from text; name stands for the file in errors. */
int	settings_parse(struct settings *, const char *name, struct buf *text,
	    struct err *);

/*
 * The usual files: $sysconfdir/postrider.conf, then, for a plain user where the
 * program is not set-group-id, $XDG_CONFIG_HOME/postrider.conf (~/.config).
 * With file not NULL, that one only.
 */
int	settings_load(struct settings *, const char *file, struct err *);

/*
 * Fill in what depends on the machine and the user (hostname, origin, spool,
 * whom the masquerade is for), and what accounts take from the settings
 * outside of them. With smarthost-command, its accounts are in trouble until
 * settings_smarthost() was called.
 */
void	settings_complete(struct settings *);

/* Does it all make sense together? Returns 0, or -1 with *err (ERR_CONFIG):
 * "FILE:LINE: key: what is wrong". */
int	settings_check(const struct settings *, struct err *);

/*
 * What smarthost-command has printed takes the place of a smarthost setting,
 * for the accounts, too, that have none of their own. Where it makes no sense,
 * or with text NULL and *why, these accounts are in trouble: try later.
 */
void	settings_smarthost(struct settings *, const char *text,
	    const struct err *why);

/* Append what is in effect, as lines of a file; of accounts what they have of
 * their own. The password of a proxy is masked. */
void	settings_show(const struct settings *, struct buf *out);

/* Append the list of keys: for people, or as mdoc(7) for the manual page. */
void	settings_list(struct buf *out);
void	settings_list_mdoc(struct buf *out);

/* What deliver/ needs to know. Strings stay with the settings. */
void	settings_delivery(const struct settings *, struct delivery *);

#endif
