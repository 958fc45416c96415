#include "config.h"

#include "deliver/session_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/secret.h"
#include "base/str.h"
#include "net/conn_curl.h"

/* Certificates and keys are a few kilobytes. */
#define FILE_MAX (1u << 20)

/*
 * The worker is about to become somebody who may not read the key. It takes a
 * copy along, in memory, that libcurl can open as a file.
 */
static void
load_file(const char *setting, const char *path, char *copy, size_t size,
    struct err *err)
{
	struct buf text = { 0 };
	int fd = -1;

	if (path == NULL || str_istarts(path, "pkcs11:")) {
		str_copy(copy, size, path != NULL ? path : "");
		return;
	}
	if (file_read(path, FILE_MAX, &text, err) == 0 &&
	    ((fd = memfd_create("key", MFD_CLOEXEC)) < 0 ||
	    write_all(fd, text.data, text.len) < 0))
		err_set(err, ERR_TEMP, "4.3.0", "%s: no memory for it", path);
	if (err->kind != ERR_NONE)
		err_prefix(err, "%s", setting);
	if (text.len > 0)
		secret_wipe(text.data, text.len);
	buf_release(&text);
	snprintf(copy, size, "/proc/self/fd/%d", fd);
}

void
session_load_files(struct session *s)
{
	const struct account *account = s->site->account;

	s->files_err = (struct err){ 0 };
	if (s->site->way != WAY_SMARTHOST)
		return;
	load_file("client-cert", account->client_cert, s->client_cert,
	    sizeof(s->client_cert), &s->files_err);
	if (s->files_err.kind == ERR_NONE)
		load_file("client-key", account->client_key, s->client_key,
		    sizeof(s->client_key), &s->files_err);
	if (s->files_err.kind != ERR_NONE) {
		s->files_err.kind = ERR_TEMP;
		str_copy(s->files_err.status, sizeof(s->files_err.status),
		    "4.7.0");
	}
}

static enum conn_curl_tls
tls_of(const struct endpoint *e, const struct mx_host *host)
{
	switch (e->scheme) {
	case ENDPOINT_CLEAR:
		return CONN_CURL_CLEAR;
	case ENDPOINT_TLS:
		return CONN_CURL_TLS;
	case ENDPOINT_AUTO:
		return host->tls ? CONN_CURL_TLS : CONN_CURL_STARTTLS;
	default:
		return CONN_CURL_STARTTLS;
	}
}

static enum outcome_stage
stage_of(enum conn_curl_stage stage)
{
	switch (stage) {
	case CONN_CURL_GREETING:
		return STAGE_GREETING;
	case CONN_CURL_HELLO:
		return STAGE_HELLO;
	case CONN_CURL_HANDSHAKE:
		return STAGE_TLS;
	case CONN_CURL_AUTH:
		return STAGE_AUTH;
	default:
		return STAGE_CONNECT;
	}
}

/* The setting that who we are comes from. */
static const char *
source_of_proof(const struct account *account)
{
	return account->password_file != NULL ? "password-file" :
	    account->password_command != NULL ? "password-command" :
	    account->token_command != NULL ? "token-command" :
	    account->netrc != NULL ? "netrc" :
	    account->oauth_token_url != NULL ? "oauth-token-url" :
	    account->client_cert != NULL ? "client-cert" : "auth";
}

/* What a reply to AUTH means that has no enhanced status code (RFC 4954 6,
 * RFC 5248); 4: all is temporary here. */
static const struct {
	int code;
	const char *status;
} meanings[] = {
	{ 421, "4.3.2" }, { 432, "4.7.12" }, { 454, "4.7.0" },
	{ 504, "4.5.4" }, { 530, "4.7.0" }, { 534, "4.7.9" },
	{ 535, STATUS_AUTH_REFUSED }, { 538, "4.7.11" },
};

/* Take the status of the server's own words, if that is what they are. */
static void
adopt_status(struct session *s)
{
	char *end, status[STATUS_MAX] = "";
	long code = strtol(s->err.text, &end, 10);

	if (end != s->err.text + 3 || *end != ' ' || code < 400)
		return;
	if (s->stage == STAGE_AUTH)
		s->auth_code = (int)code;
	for (size_t i = 0; s->stage == STAGE_AUTH &&
	    i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code)
			str_copy(status, sizeof(status), meanings[i].status);
	if (status_parse(end + 1, s->err.status) > 0)
		s->err.status[0] = '4';
	else if (status[0] != '\0')
		str_copy(s->err.status, sizeof(s->err.status), status);
	else
		str_copy(s->err.status, sizeof(s->err.status),
		    s->stage == STAGE_AUTH ? "4.7.0" : "4.3.2");
}

/* It says that who we are is not proved, whatever its status is. */
static bool
is_refusal(const struct session *s)
{
	return s->auth_code == 535 || s->auth_code == 534 ||
	    strcmp(s->err.status, STATUS_AUTH_REFUSED) == 0;
}

/* The reply to AUTH, and where to look. */
static void
explain_refusal(struct session *s, const struct endpoint *e)
{
	char reply[ERR_TEXT_MAX], status[STATUS_MAX];
	const struct account *account = s->site->account;

	str_copy(reply, sizeof(reply), s->err.text);
	str_copy(status, sizeof(status), s->err.status);
	err_set(&s->err, ERR_TEMP, status,
	    "%.200s (%s, user %s%s%s: check %s)", reply, s->host->name,
	    e->user != NULL ? e->user : "by certificate",
	    account->name[0] != '\0' ? ", account " : "", account->name,
	    source_of_proof(account));
	session_refused(s);
}

/* In so many seconds, but not beyond what the destination may take. */
static int64_t
in_time(const struct session *s, int64_t now, unsigned seconds)
{
	int64_t until = now + (int64_t)seconds * 1000;

	return until < s->ceiling ? until : s->ceiling;
}

/* All that libcurl does, each step as long as it may take; EHLO is said twice,
 * and AUTH may take as long as MAIL. */
static unsigned
opening_s(const struct session *s)
{
	const struct smtp_patience *p = &s->patience;

	return s->connect_s + p->greeting_s + 2 * p->hello_s + p->tls_s +
	    p->mail_s;
}

int
session_open_smarthost(struct session *s, struct conn *conn,
    const struct mx_addr *addr, struct buf *offers)
{
	const struct account *account = s->site->account;
	const struct endpoint *e = &account->endpoints[s->host->place];
	int64_t now = clock_ms();
	enum conn_curl_stage stage = CONN_CURL_CONNECT;
	const struct conn_curl_options o = {
		.host = s->host->name, .port = s->port,
		.tls = tls_of(e, s->host), .addr = addr,
		.source = account->source_address, .proxy = account->proxy,
		.hostname = s->hostname, .user = e->user,
		/* one that nobody logs in to is told nothing */
		.secret = e->user != NULL ?
		    s->site->credential.secret.text : NULL,
		.is_token = s->site->credential.is_token,
		.auth = account->auth, .ca_file = account->ca_file,
		.client_cert = s->client_cert[0] != '\0' ?
		    s->client_cert : NULL,
		.client_key = s->client_key[0] != '\0' ? s->client_key : NULL,
		.tls_pin = account->tls_pin,
		.connect_deadline = in_time(s, now, s->connect_s),
		.deadline = in_time(s, now, opening_s(s)),
		.watch_fd = s->report_fd, .trace_fd = s->how->trace_fd };
	int rc;

	if (s->files_err.kind != ERR_NONE) {
		s->err = s->files_err;
		s->stage = STAGE_AUTH;
		return -1;
	}
	s->auth_code = 0;
	rc = conn_curl_open(conn, &o, offers, &stage, &s->err);
	s->stage = stage_of(stage);
	if (rc < 0 && (s->stage == STAGE_AUTH || s->stage == STAGE_HELLO ||
	    s->stage == STAGE_GREETING))
		adopt_status(s);
	if (rc < 0 && s->stage == STAGE_AUTH && is_refusal(s))
		explain_refusal(s, e);
	if (rc < 0 && s->stage == STAGE_GREETING && s->port == 465)
		str_copy(s->err.text + strlen(s->err.text),
		    sizeof(s->err.text) - strlen(s->err.text),
		    " (port 465 wants smtps://, TLS from the start)");
	conn_curl_describe(conn, s->tls, sizeof(s->tls));
	return rc;
}
