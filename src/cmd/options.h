/*
 * The command line: sendmail's flags (short) and Postrider's own (long).
 *
 * Only parsed here; what they do is somebody else's. A flag that sendmail's
 * callers pass and that means nothing here is accepted; one that asks for
 * something this program does not do is an error, never swallowed.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"

enum mode {
	MODE_SEND,		/* a message from standard input */
	MODE_FILES,		/* --send FILE... */
	MODE_FLUSH,		/* -q, --flush, runq */
	MODE_QUEUE,		/* -bp, --queue, mailq */
	MODE_COUNT,		/* -bP */
	MODE_SHOW,		/* --show */
	MODE_HOLD, MODE_RELEASE, MODE_DELETE, MODE_REQUEUE, MODE_RETURN,
	MODE_VERIFY,		/* -bv */
	MODE_EXPLAIN,		/* --explain ADDRESS... */
	MODE_IMPORT,		/* --import-config [FILE...] */
	MODE_CHECK_CONFIG,	/* --check-config */
	MODE_NOTHING,		/* newaliases, hoststat, purgestat, -bi */
	MODE_HELP,
	MODE_VERSION
};

/* -od: how the caller wants to wait. */
enum delivery_mode { DELIVER_NOW, DELIVER_BACKGROUND, DELIVER_QUEUE };

/* -oe: how the caller wants to hear that everybody was refused. */
enum error_mode { ERRORS_PRINT, ERRORS_MAIL, ERRORS_MAIL_QUIET, ERRORS_QUIET };

struct options {
	enum mode mode;
	const char *name;	/* as called: "sendmail" */
	enum delivery_mode delivery;
	enum error_mode errors;

	bool	 from_header;	/* -t */
	bool	 ignore_dots;	/* -i */
	const char *sender;	/* -f as given; NULL: not given */
	const char *full_name;	/* -F */
	const char *envid;	/* -V */
	uint8_t	 notify;	/* -N, NOTIFY_* */
	uint8_t	 ret;		/* -R, enum envelope_ret */
	bool	 utf8;		/* -U */

	bool	 verbose;	/* -v, -d */
	bool	 json;
	bool	 strict;
	bool	 now;		/* --now, -qf */
	const char *config;	/* -C */
	const char *trace;	/* -X */
	const char *tag;	/* -L */
	const char *account;	/* --account, or NULL */
	const char *import_format;	/* --format, or NULL */
	const char *import_passwords;	/* --passwords DIR, or NULL */
	const char *interval;	/* -q30m: asks for a daemon; NULL */
	const char *help;	/* --help=TOPIC, or NULL */
	int64_t	 wait_s;	/* --wait; -1: not given */
	int64_t	 lifetime_s;	/* --expire, -O Timeout.queuereturn; -1: not
				 * given */
	bool	 expire;	/* --expire */

	/* -qI, -qR, -qS: substrings; with the operands, which messages of the
	 * queue it is about (select.h) */
	struct strlist only_id, only_recipient, only_sender;
	const char *asked;	/* the long option that chose what to do with
				 * the queue, or NULL */

	struct strlist to;	/* --to, as given */
	char	**operands;	/* what is no option */
	int	 noperand;
};

/*
 * Parse. argv is permuted. Returns 0, or -1 with *err (ERR_USAGE).
 * Strings point into argv; release frees the rest.
 */
int	options_parse(struct options *, int argc, char **argv, struct err *);
void	options_release(struct options *);

/* Append the text of --help, or of one of its topics; false: no such topic. */
struct buf;
bool	options_help(struct buf *out, const char *topic);

#endif
