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

static uint16_t
port_of(const struct session *s)
{
	return s->host->port != 0 ? s->host->port : s->how->port;
}

static int
dial_host(struct session *s, struct conn *conn, const struct mx_addr *addr)
{
	int64_t until = s->started + (int64_t)s->connect_s * 1000;
	int fd;

	fd = dial(addr, s->port, s->site->account->source_address,
	    until < s->ceiling ? until : s->ceiling, &s->err);
	s->stage = STAGE_CONNECT;
	if (fd < 0)
		return -1;
	conn_init(conn, fd);
	return 0;
}

/* What was said in vain is told in the dialogue, too. */
static void
trace_failure(const struct session *s)
{
	struct conn none = { .fd = -1, .trace_fd = s->how->trace_fd };

	str_copy(none.trace_name, sizeof(none.trace_name), s->host->name);
	conn_trace(&none, '*', s->err.text, strlen(s->err.text));
}

static int
connect_to(struct session *s, struct conn *conn, const struct mx_addr *addr,
    struct buf *offers)
{
	bool by_curl = s->site->way == WAY_SMARTHOST;

	s->started = clock_ms();
	s->tls[0] = '\0';
	s->port = port_of(s);
	if (addr != NULL)
		mx_addr_text(addr, s->address);
	else
		str_copy(s->address, sizeof(s->address), "by proxy");
	conn_init(conn, -1);
	if ((by_curl ? session_open_smarthost(s, conn, addr, offers) :
	    dial_host(s, conn, addr)) < 0) {
		conn_close(conn);
		trace_failure(s);
		return -1;
	}
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
 * Greeting, EHLO and TLS with a server that we dialed. Returns as talk().
 */
static int
greet(struct session *s, struct conn *conn, struct smtp_client *client,
    bool try_tls)
{
	if (smtp_hello(client, &s->stage, &s->err) < 0)
		return -1;
	if (secure(s, conn, client, try_tls) < 0)
		return s->how->tls == TLS_REQUIRED ? -1 : 1;
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
	struct buf offers = { 0 };
	struct conn conn;
	struct smtp_client *client;
	int rc = 0;

	s->connect_ms = 0;
	if (connect_to(s, &conn, addr, &offers) < 0) {
		buf_release(&offers);
		return -1;
	}
	client = smtp_new(&conn, s->hostname, &s->patience,
	    s->how->transaction_recipients, session_verdict, s);
	if (careful)
		smtp_be_careful(client);
	if (s->site->way == WAY_SMARTHOST)
		smtp_resume(client, buf_str(&offers));
	else
		rc = greet(s, &conn, client, try_tls);
	if (rc != 0)
		goto out;
	s->connect_ms = (uint32_t)(clock_ms() - s->started);
	rc = smtp_send(client, s->messages, s->nmessage, &s->stage, &s->err);
out:
	buf_release(&offers);
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
		} else if (!careful && ((rc == 0 && !again) ||
		    (rc < 0 && s->stage >= STAGE_MAIL &&
		    strcmp(s->err.status, "4.5.0") == 0)))
			/* it judged nobody, or broke the rules */
			careful = again = true;
	} while (again && session_undecided(s) > 0);
	return rc;
}
