/*
 * Where the log goes: syslog (facility mail), a file, or standard error.
 *
 * The sink is the program's one global. Only deliver/ and cmd/ write to it;
 * the floors below describe failures in struct err instead. Workers never
 * log: they report to the dispatcher. Lines are sanitised (str_sanitise).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR
};

/*
 * Choose the sink.
 *
 * where  "syslog", "stderr", "none", or the absolute path of a file, which
 *        is opened for appending (0640).
 * tag    program name in each line, e.g. "postrider"; copied.
 *
 * Returns 0, or -1 with *err (ERR_CONFIG) when the file cannot be opened; the
 * sink is then syslog, so that nothing goes unsaid.
 */
int	log_open(const char *where, const char *tag, struct err *);

/*
 * Write one line. service is added to the tag as Postfix does
 * ("postrider/smtp[123]: ..."), so that its log tools can read it. One
 * write(2) a line: lines of many processes never mix. Opens syslog when
 * nothing was chosen.
 */
void	log_line(enum log_level, const char *service, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Close the sink; the next log_line() goes to syslog. */
void	log_close(void);

#endif
