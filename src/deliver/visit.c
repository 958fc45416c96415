#include "config.h"

#include "deliver/session_impl.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/dial.h"
#include "net/tls.h"

/* Say goodbye politely without making anybody wait: what the server still
 * says is read for a moment, so that its last write meets no reset. */
static void
leave(struct conn *conn)
{
	int64_t until = clock_ms() + 2000;
	struct buf line = { 0 };
	struct err err;

	if (conn->fd >= 0 && !conn->broken) {
		shutdown(conn->fd, SHUT_WR);
		conn->watch_fd = -1;
		while (conn_line(conn, until, 4096, &line, &err) == 0)
			;
	}
	buf_release(&line);
	conn_close(conn);
}

static int
connect_to(struct session *s, struct conn *conn, const struct mx_addr *addr)
{
	int64_t now = clock_ms();
	int64_t until = now + (int64_t)s->connect_s * 1000;
	int fd;

	s->started = now;
	s->tls[0] = '\0';
	mx_addr_text(addr, s->address);
	fd = dial(addr, s->how->port, until < s->ceiling ? until : s->ceiling,
	    &s->err);
	if (fd < 0) {
		struct conn none = { .fd = -1, .trace_fd = s->how->trace_fd };

		str_copy(none.trace_name, sizeof(none.trace_name),
		    s->host->name);
		conn_trace(&none, '*', s->err.text, strlen(s->err.text));
		s->stage = STAGE_CONNECT;
		return -1;
	}
	conn_init(conn, fd);
	conn->watch_fd = s->report_fd;
	conn->ceiling = s->ceiling;
	conn->trace_fd = s->how->trace_fd;
	snprintf(conn->trace_name, sizeof(conn->trace_name), "%.40s",
	    s->host->name);
	return 0;
}

/* Take up TLS where policy and server agree. Returns 0 to go on; -1 with
 * the reason when this connection is of no more use. */
static int
secure(struct session *s, struct conn *conn, struct smtp_client *client,
    bool try_tls)
{
	int rc;

	if (!try_tls)
		return 0;
	s->stage = STAGE_TLS;
	if (!smtp_offers(client)->starttls) {
		if (s->how->tls != TLS_REQUIRED)
			return 0;
		return err_set(&s->err, ERR_TEMP, "4.7.4",
		    "TLS is required here, but %s does not offer it",
		    s->host->name);
	}
	rc = smtp_starttls(client, s->host->name, &s->err);
	if (rc < 0)
		return -1;
	s->downgraded = rc > 0;
	if (rc > 0 && s->how->tls == TLS_REQUIRED)
		return err_set(&s->err, ERR_TEMP, "4.7.4",
		    "TLS is required here, but %s declined it", s->host->name);
	tls_describe(conn, s->tls, sizeof(s->tls));
	return 0;
}

/*
 * One connection to one address. Returns 0 when it ended in order; -1 when
 * the next address should be tried, with s->err and s->stage; 1 when TLS
 * broke it and clear text may be tried.
 */
static int
talk(struct session *s, const struct mx_addr *addr, bool try_tls,
    bool careful)
{
	struct conn conn;
	struct smtp_client *client;
	int rc = -1;

	s->connect_ms = 0;
	if (connect_to(s, &conn, addr) < 0)
		return -1;
	client = smtp_new(&conn, s->how->hostname, &s->patience,
	    s->how->transaction_recipients, session_verdict, s);
	if (careful)
		smtp_be_careful(client);
	if (smtp_hello(client, &s->stage, &s->err) < 0)
		goto out;
	if (secure(s, &conn, client, try_tls) < 0) {
		rc = s->how->tls == TLS_REQUIRED ? -1 : 1;
		goto out;
	}
	s->connect_ms = (uint32_t)(clock_ms() - s->started);
	rc = smtp_send(client, s->messages, s->nmessage, &s->stage, &s->err);
out:
	smtp_free(client);
	/* the last verdict is out: end of the report, then the goodbye */
	if (rc == 0 && session_undecided(s) == 0 && !session_holds_any(s)) {
		conn.watch_fd = -1;
		close(s->report_fd);
		s->report_fd = -1;
		leave(&conn);
	} else
		conn_close(&conn);
	return rc;
}

/* One address, in as many connections as the server's limits ask for: in
 * clear when TLS fails, and without what it offers when it breaks the rules. */
int
session_visit(struct session *s, const struct mx_addr *addr)
{
	bool try_tls = s->how->tls != TLS_OFF, careful = false, again;
	size_t left;
	int rc;

	s->downgraded = false;
	do {
		left = session_undecided(s);
		rc = talk(s, addr, try_tls, careful);
		again = rc == 0 && session_undecided(s) < left;
		if (rc > 0) {
			try_tls = false;
			s->downgraded = again = true;
		} else if (rc < 0 && !careful && s->stage >= STAGE_MAIL &&
		    strcmp(s->err.status, "4.5.0") == 0)
			careful = again = true;
	} while (again && session_undecided(s) > 0);
	return rc;
}
