#include "config.h"

#include "smtp/client_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/ourname.h"
#include "net/tls.h"
#include "smtp/command.h"

const struct smtp_patience smtp_patience_flush = {
	.greeting_s = 300, .hello_s = 300, .tls_s = 60, .mail_s = 300,
	.rcpt_s = 300, .data_s = 120, .block_s = 180, .dot_s = 600,
	.quit_s = 5
};

/* Never less for the dot: who gives up on it sends twice (RFC 1047). */
const struct smtp_patience smtp_patience_caller = {
	.greeting_s = 30, .hello_s = 30, .tls_s = 15, .mail_s = 60,
	.rcpt_s = 60, .data_s = 60, .block_s = 60, .dot_s = 600,
	.quit_s = 5
};

struct smtp_client *
smtp_new(struct conn *conn, const char *hostname,
    const struct smtp_patience *patience, unsigned rcpt_max,
    smtp_verdict_fn *verdict, void *arg)
{
	struct smtp_client *c = xcalloc(1, sizeof(*c));

	c->conn = conn;
	c->hostname = ourname(conn->fd, hostname);
	c->patience = patience;
	c->rcpt_max = rcpt_max;
	c->verdict = verdict;
	c->arg = arg;
	return c;
}

void
smtp_free(struct smtp_client *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < 2; i++) {
		verdict_drop(&c->t[i]);
		free(c->t[i].slots);
	}
	free(c->again);
	free(c->hostname);
	buf_release(&c->line);
	buf_release(&c->block);
	buf_release(&c->stuffed);
	free(c);
}

void
smtp_be_careful(struct smtp_client *c)
{
	c->careful = true;
}

const struct ehlo *
smtp_offers(const struct smtp_client *c)
{
	return &c->offers;
}

/* One command and its reply, outside of any transaction. */
static int
ask(struct smtp_client *c, const char *verb, const char *argument,
    unsigned wait_s, struct reply *reply, struct err *err)
{
	struct buf *line = &c->line;

	buf_clear(line);
	reply_release(reply);
	if (command_simple(line, verb, argument, err) < 0)
		return -1;
	if (dialogue_check(c, err) < 0)
		return -1;
	conn_trace(c->conn, '>', line->data, line->len - 2);
	if (conn_write(c->conn, line->data, line->len, wait_s, err) < 0 ||
	    conn_flush(c->conn, wait_s, err) < 0)
		return -1;
	return reply_read(c->conn, wait_s, reply, err);
}

/* The server does not want us: never an answer about any recipient. */
static int
turned_away(const struct reply *reply, enum err_kind kind, struct err *err)
{
	char line[ERR_TEXT_MAX], status[STATUS_MAX];

	reply_line(reply, line, sizeof(line));
	str_copy(status, sizeof(status), reply->status);
	status_agree(status, kind == ERR_PERM ? 500 : 400);
	if (reply->status[0] == '\0')
		str_copy(status, sizeof(status),
		    kind == ERR_PERM ? "5.3.2" : "4.3.2");
	return err_set(err, kind, status, "%s", line);
}

/* What was offered, less what has shown not to work. */
static void
learn_offers(struct smtp_client *c, const char *text)
{
	struct ehlo *e = &c->offers;

	ehlo_parse(e, text);
	if (c->careful)
		*e = (struct ehlo){ .extended = e->extended,
			.starttls = e->starttls, .utf8 = e->utf8,
			.rcpt_max = e->rcpt_max, .mail_max = e->mail_max };
}

/* Part politely from a server that does not want us (RFC 5321 4.1.1.10). */
static void
quit_unwanted(struct smtp_client *c, const struct reply *reply)
{
	struct err err;

	if (reply->code != 421 && reply->code != 0 &&
	    conn_write(c->conn, "QUIT\r\n", 6, c->patience->quit_s, &err) == 0)
		conn_flush(c->conn, c->patience->quit_s, &err);
}

/* EHLO, or HELO to a server from before RFC 1869. */
static int
hello(struct smtp_client *c, struct err *err)
{
	struct reply reply = { 0 };
	unsigned wait_s = c->patience->hello_s;
	int rc = -1;

	c->offers = (struct ehlo){ 0 };
	if (ask(c, "EHLO", c->hostname, wait_s, &reply, err) < 0)
		goto out;
	if (reply_is_ok(&reply))
		learn_offers(c, buf_str(&reply.text));
	else if (reply_is_perm(&reply) &&
	    ask(c, "HELO", c->hostname, wait_s, &reply, err) < 0)
		goto out;
	rc = reply_is_ok(&reply) ? 0 : turned_away(&reply, ERR_TEMP, err);
	if (rc < 0)
		quit_unwanted(c, &reply);
out:
	reply_release(&reply);
	return rc;
}

int
smtp_hello(struct smtp_client *c, enum outcome_stage *stage, struct err *err)
{
	struct reply reply = { 0 };
	int rc;

	*stage = STAGE_GREETING;
	if (reply_read(c->conn, c->patience->greeting_s, &reply, err) < 0)
		return -1;
	if (reply.code == 220)
		rc = 0;
	else if (reply.code == 521)
		rc = turned_away(&reply, ERR_PERM, err);
	else
		rc = turned_away(&reply, ERR_TEMP, err);
	if (rc < 0)
		quit_unwanted(c, &reply);
	reply_release(&reply);
	if (rc < 0)
		return -1;
	*stage = STAGE_HELLO;
	return hello(c, err);
}

void
smtp_resume(struct smtp_client *c, const char *offers)
{
	learn_offers(c, offers);
}

/* Behind the 220 nobody may speak before the handshake: what is there came
 * from somebody in between (RFC 3207, CVE-2011-0411). */
static int
handshake(struct smtp_client *c, const char *host, struct err *err)
{
	int64_t deadline = clock_ms() + (int64_t)c->patience->tls_s * 1000;
	int arrived = dialogue_arrived(c, err);

	if (arrived < 0)
		return -1;
	if (arrived > 0)
		return err_set(err, ERR_TEMP, "4.7.5",
		    "plain text behind the reply to STARTTLS");
	c->offers = (struct ehlo){ 0 };
	return tls_start(c->conn, host, deadline, err);
}

int
smtp_starttls(struct smtp_client *c, const char *host, struct err *err)
{
	struct reply reply = { 0 };
	int rc = -1;

	if (ask(c, "STARTTLS", NULL, c->patience->tls_s, &reply, err) < 0)
		goto out;
	if (reply.code == 421)
		rc = dialogue_closing(c, err, &reply);
	else if (reply.code == 220)
		rc = handshake(c, host, err) < 0 ? -1 : hello(c, err);
	else if (reply_is_temp(&reply) || reply_is_perm(&reply))
		rc = 1;
	else
		rc = dialogue_desync(c, err, "reply to STARTTLS", &reply);
out:
	reply_release(&reply);
	return rc;
}
