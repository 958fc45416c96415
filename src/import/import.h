/*
 * --import-config: the settings of another program as a postrider.conf.
 *
 *	msmtp		msmtprc; a system's and a user's together
 *	dma		dma.conf, and the auth.conf that it names
 *	nullmailer	remotes, and the other files of its directory
 *	ssmtp		ssmtp.conf, and revaliases beside it
 *	postfix		main.cf, and the tables that it names
 *
 * What comes out is accepted by the reader of settings, whatever went in: each
 * line has been tried. What could not be taken over is a comment that says
 * where it stood and why; passwords are in neither.
 *
 * It does what the other program did, not what its settings are called: where
 * Postrider is stricter (a certificate is always checked, a password never
 * travels in clear) a comment says so.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "cmd/options.h"

/*
 * Do it: read the operands, or the first that is there of the usual places;
 * print. Operands after the first are files that it names, as they are found
 * here (sasl_passwd, auth.conf), or a second msmtprc.
 *
 * Returns 0 when something usable was printed, else 64 no such format, 66
 * cannot be read, 73 a password could not be kept (all the rest is printed), 78
 * not understood at all.
 */
int	import_run(const struct options *);

enum import_format { IMPORT_MSMTP, IMPORT_DMA, IMPORT_NULLMAILER,
	IMPORT_SSMTP, IMPORT_POSTFIX, IMPORT_FORMATS };

/* "msmtp" and so on. */
extern const char *const import_names[IMPORT_FORMATS];

/* By the word of --format; IMPORT_FORMATS: there is none. */
enum import_format import_by_name(const char *word);

/* By the name of the file, else by what is in it; IMPORT_FORMATS: unknown. */
enum import_format import_guess(const char *path, const struct buf *text);

/* Where it comes from. Paths are used as they are found. */
struct import_source {
	enum import_format format;
	struct strlist paths;	/* the file; others of the same format that
				 * come over it */

	/* Append a file. Returns 0, or -1 with *err (ERR_NOINPUT). */
	int	(*read)(void *context, const char *path, struct buf *out,
		    struct err *);

	/* Keep a password under a name, append where. Returns 0, or -1 with
	 * *err. NULL: passwords are not kept. */
	int	(*keep)(void *context, const char *name, const char *password,
		    struct buf *path, struct err *);
	void	*context;
};

struct import_result {
	struct buf text;		/* a postrider.conf */
	struct strlist complaints;	/* "FILE:LINE: ...", for stderr */
	size_t	 settings;		/* lines that were taken over */
	size_t	 unkept;		/* passwords that keep() has refused */
};

/*
 * The translation, without files of its own.
 *
 * result  all zero on entry; filled either way.
 *
 * Returns 0, or -1 with *err: ERR_NOINPUT the file cannot be read; ERR_CONFIG
 * nothing in it is of that format.
 */
int	import_translate(const struct import_source *, struct import_result *,
	    struct err *);
void	import_result_release(struct import_result *);

#endif
