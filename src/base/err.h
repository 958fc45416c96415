/*
 * One failure, described where it is known (STYLE: three answers matter in
 * mail: done, try later, never).
 *
 * A struct err owns no memory and may be copied. Functions that fail return
 * -1 and fill it; what they leave in it on success means nothing.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE,
	ERR_TEMP,		/* try later */
	ERR_PERM,		/* never: a server or the DNS said so */
	ERR_USAGE,		/* the command line is wrong (EX_USAGE) */
	ERR_DATA,		/* the message or an address is (EX_DATAERR) */
	ERR_NOINPUT,		/* an input file cannot be read (EX_NOINPUT) */
	ERR_CONFIG		/* the settings are wrong (EX_CONFIG) */
};

#define ERR_TEXT_MAX 512

struct err {
	enum err_kind	kind;
	char		status[12];	/* RFC 3463, as "4.4.1" */
	char		text[ERR_TEXT_MAX];
};

/*
 * Fill *err; text is cut at ERR_TEXT_MAX and sanitised (str_sanitise).
 *
 * status  enhanced status code, or NULL: "4.3.0" for ERR_TEMP, "5.3.0"
 *         for every other kind.
 *
 * Returns -1, so that a caller can return it.
 */
int	err_set(struct err *err, enum err_kind kind, const char *status,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Put "what: " before the text of *err. Returns -1. */
int	err_prefix(struct err *err, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
