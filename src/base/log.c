#include "config.h"

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"

#define TAG_MAX 64

enum sink_kind {
	SINK_SYSLOG,		/* also what an unopened log is */
	SINK_FD,
	SINK_NONE
};

static struct {
	enum sink_kind	kind;
	int		fd;		/* of SINK_FD; 2 is not ours to close */
	char		tag[TAG_MAX];	/* "" means "postrider" */
	char		ident[2 * TAG_MAX]; /* openlog(3) keeps the pointer */
} sink;

static const int priorities[] = {
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_ERROR] = LOG_ERR,
};

int
log_open(const char *where, const char *tag, struct err *err)
{
	int fd;

	log_close();
	str_copy(sink.tag, sizeof(sink.tag), tag);
	/* a caller may choose the tag, but not write lines with it */
	for (char *p = sink.tag; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._/-", *p) == NULL)
			*p = '_';
	if (strcmp(where, "syslog") == 0)
		return 0;
	if (strcmp(where, "none") == 0) {
		sink.kind = SINK_NONE;
		return 0;
	}
	if (strcmp(where, "stderr") == 0) {
		sink.fd = STDERR_FILENO;
		sink.kind = SINK_FD;
		return 0;
	}
	if (where[0] != '/') {
		return err_set(err, ERR_CONFIG, NULL,
		    "log %s: not syslog, stderr, none or an absolute path",
		    where);
	}
	fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
	    0640);
	if (fd < 0) {
		return err_set(err, ERR_CONFIG, NULL, "log %s: %s", where,
		    strerror(errno));
	}
	sink.fd = fd;
	sink.kind = SINK_FD;
	return 0;
}

static const char *
tag_name(void)
{
	return sink.tag[0] != '\0' ? sink.tag : "postrider";
}

/* "postrider/smtp" */
static void
add_ident(struct buf *out, const char *service)
{
	buf_adds(out, tag_name());
	if (service != NULL && service[0] != '\0')
		buf_printf(out, "/%s", service);
}

static void
write_syslog(enum log_level level, const char *service, const char *text)
{
	struct buf ident = { 0 };

	add_ident(&ident, service);
	if (strcmp(buf_str(&ident), sink.ident) != 0) {
		str_copy(sink.ident, sizeof(sink.ident), buf_str(&ident));
		openlog(sink.ident, LOG_PID, LOG_MAIL);
	}
	buf_release(&ident);
	syslog(LOG_MAIL | priorities[level], "%s", text);
}

/* "Nov 22 18:19:39 host ", as syslog daemons write it. */
static void
add_stamp(struct buf *line)
{
	char stamp[32], host[256];
	time_t now = clock_wall();
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm) == 0)
		str_copy(stamp, sizeof(stamp), "-");
	if (gethostname(host, sizeof(host)) < 0)
		str_copy(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	host[strcspn(host, ".")] = '\0';
	buf_printf(line, "%s %s ", stamp, host);
}

static void
write_fd(const char *service, const char *text)
{
	struct buf line = { 0 };

	add_stamp(&line);
	add_ident(&line, service);
	buf_printf(&line, "[%ld]: %s\n", (long)getpid(), text);
	/*
	 * A log that cannot be written must not stop the mail. A short write
	 * on a full disk is finished in a second call rather than lost.
	 */
	(void)write_all(sink.fd, line.data, line.len);
	buf_release(&line);
}

void
log_line(enum log_level level, const char *service, const char *fmt, ...)
{
	struct buf buf = { 0 };
	int saved = errno;
	char *text;
	va_list ap;

	if (sink.kind == SINK_NONE)
		return;
	va_start(ap, fmt);
	buf_vprintf(&buf, fmt, ap);
	va_end(ap);
	text = str_sanitise(buf_detach(&buf));
	if (sink.kind == SINK_FD)
		write_fd(service, text);
	else
		write_syslog(level, service, text);
	free(text);
	errno = saved;
}

void
log_close(void)
{
	if (sink.kind == SINK_FD && sink.fd != STDERR_FILENO)
		close(sink.fd);
	if (sink.ident[0] != '\0')
		closelog();
	sink.kind = SINK_SYSLOG;
	sink.fd = -1;
	sink.tag[0] = '\0';
	sink.ident[0] = '\0';
}
