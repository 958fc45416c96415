/*
 * One connection, read by lines and written in flights.
 *
 * Output gathers in a buffer and goes out with conn_flush() or when the buffer
 * is large, so that one flight of pipelined commands is one segment. While
 * output waits for a peer that does not read, nothing is read: the peer's
 * replies are small and bounded by the caller.
 *
 * Two clocks: every wait has its own limit (RFC 5321 4.5.3.2), and the whole
 * connection has a ceiling that a dripping peer cannot pass (conn.ceiling).
 *
 * A conn is plain or, after tls_start(), TLS by GnuTLS (tls.h), or libcurl's
 * (conn_curl.h), all behind the functions of struct conn_io.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define CONN_OUT_MAX 65536	/* output is flushed at this size */

struct conn;

/* How bytes pass: non-blocking; -1 with *want POLLIN/POLLOUT to wait for, or
 * with *want 0 and *err when it failed; 0 from recv: the peer closed. */
struct conn_io {
	ssize_t	(*send)(struct conn *, const void *, size_t, short *want,
		    struct err *);
	ssize_t	(*recv)(struct conn *, void *, size_t, short *want,
		    struct err *);
	void	(*bye)(struct conn *);	/* e.g. TLS close_notify, without
					 * waiting, and free .tls; or NULL */
};

struct conn {
	int	 fd;		/* owned; non-blocking; -1: closed */
	int	 watch_fd;	/* -1, or: when this descriptor reports an
				 * error or hang-up, every wait fails (the
				 * dispatcher is gone) */
	const struct conn_io *io;
	void	*tls;		/* struct tls, or libcurl's connection, by io;
				 * owned; NULL: plain */
	int64_t	 ceiling;	/* clock_ms(); 0: none */
	struct buf in;		/* received, from in_at on not yet consumed */
	size_t	 in_at;
	struct buf out;
	int	 trace_fd;	/* -1, or the dialogue is written there */
	char	 trace_name[64];	/* what its lines begin with */
	bool	 broken;	/* a read or write has failed */
};

/* Take over a connected, non-blocking descriptor as a plain connection. */
void	conn_init(struct conn *, int fd);

/* Flush nothing, say bye when TLS is up, close, free. Safe when closed. */
void	conn_close(struct conn *);

/* Append to the output; flushes when it is over CONN_OUT_MAX. wait_s: for
 * each block (RFC 5321 4.5.3.2.5). Returns 0, or -1 with *err. */
int	conn_write(struct conn *, const void *, size_t n, unsigned wait_s,
	    struct err *);

/* Send what waits. Returns 0, or -1 with *err (ERR_TEMP 4.4.2). */
int	conn_flush(struct conn *, unsigned wait_s, struct err *);

/*
 * Read one line.
 *
 * deadline  clock_ms() value for the whole line.
 * max       octets without the line end; a longer line is an error.
 * line      cleared, then the line without CRLF or LF.
 *
 * Returns 0, or -1 with *err: ERR_TEMP 4.4.2 lost, closed or silent; 4.5.0
 * line too long. Lines that had arrived whole before the connection broke are
 * still given out: when sending fails, a server may have said why.
 */
int	conn_line(struct conn *, int64_t deadline, size_t max,
	    struct buf *line, struct err *);

/* Has input arrived that nobody has consumed (in the buffer)? */
bool	conn_has_input(const struct conn *);

/*
 * Write text to the trace with the connection's name and a mark ('>' we,
 * '<' they, '*' remarks); nothing when tracing is off.
 */
void	conn_trace(struct conn *, char mark, const char *text, size_t n);

/* Is the dispatcher still there? Asked before what cannot be taken back.
 * Returns 0, or -1 with *err, and nothing goes out any more. */
int	conn_wanted(struct conn *, struct err *);

/* Wait until fd is ready for want, as the module's functions do. Returns 0,
 * or -1 with *err (ERR_TEMP 4.4.2). For tls.c. */
int	conn_wait(struct conn *, short want, int64_t deadline, struct err *);

#endif
