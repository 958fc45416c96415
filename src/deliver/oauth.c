#include "config.h"

#include "deliver/oauth.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonread.h"
#include "base/process.h"
#include "base/str.h"
#include "deliver/fetch.h"
#include "deliver/secretfile.h"
#include "deliver/tokenstore.h"

#define REQUEST_S 30
#define ANSWER_MAX 65536
#define LOCK_MS 45000

/* A token is not used in its last minute. */
#define EARLY_S 60

/* For a token of which the server does not say. */
#define LIFE_DEFAULT_S 3600
#define LIFE_MAX_S (10 * 366 * 86400)

/* What the request is made of. */
struct grant {
	const struct account *account;
	struct secret refresh;		/* of the setting's file */
	struct secret client;		/* empty: a public client */
	uint64_t file;			/* hash of refresh */
};

static uint64_t
hash(const struct secret *s)
{
	return str_hash(STR_HASH_INIT, s->text, s->len);
}

static int
grant_load(struct grant *g, const struct account *a, struct err *err)
{
	*g = (struct grant){ .account = a };
	if (!str_istarts(a->oauth_token_url, "https://"))
		return err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-token-url %s: does not begin with https://",
		    a->oauth_token_url);
	if (a->oauth_client_id == NULL)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-client-id is not set");
	if (a->oauth_refresh_token_file == NULL)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-refresh-token-file is not set");
	if (secretfile_line("oauth-refresh-token-file",
	    a->oauth_refresh_token_file, &g->refresh, err) < 0)
		return -1;
	g->file = hash(&g->refresh);
	if (a->oauth_client_secret_file == NULL)
		return 0;
	return secretfile_line("oauth-client-secret-file",
	    a->oauth_client_secret_file, &g->client, err);
}

static void
grant_release(struct grant *g)
{
	secret_clear(&g->refresh);
	secret_clear(&g->client);
}

/* "name=value", as a form of HTML has it, percent-encoded throughout. */
static void
add_field(struct buf *out, const char *name, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	if (out->len > 0)
		buf_addc(out, '&');
	buf_adds(out, name);
	buf_addc(out, '=');
	for (; *value != '\0'; value++) {
		if (strchr(plain, *value) != NULL)
			buf_addc(out, *value);
		else
			buf_printf(out, "%%%02X", (unsigned char)*value);
	}
}

static void
make_form(const struct grant *g, const struct secret *refresh,
    struct buf *out)
{
	const struct account *a = g->account;

	buf_reserve(out, (size_t)8 * SECRET_MAX);
	add_field(out, "grant_type", "refresh_token");
	add_field(out, "refresh_token", refresh->text);
	add_field(out, "client_id", a->oauth_client_id);
	if (g->client.len > 0)
		add_field(out, "client_secret", g->client.text);
	if (a->oauth_scope != NULL)
		add_field(out, "scope", a->oauth_scope);
}

/* What would mend it (RFC 6749 5.2). */
static const char *
advice(const char *error)
{
	if (strcmp(error, "invalid_grant") == 0)
		return ": sign in again and renew oauth-refresh-token-file";
	if (strcmp(error, "invalid_client") == 0 ||
	    strcmp(error, "unauthorized_client") == 0)
		return ": see oauth-client-id and oauth-client-secret-file";
	if (strcmp(error, "invalid_scope") == 0)
		return ": see oauth-scope";
	return "";
}

/*
 * Any answer but a token. Returns -1, or -2 when the refresh token is not
 * accepted any more.
 */
static int
refused(unsigned status, const struct buf *body, struct err *err)
{
	struct buf error = { 0 }, text = { 0 };
	bool is_stale;

	if (jsonread_string(body->data, body->len, "error", &error) <= 0) {
		err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-token-url: the server answers with status %u%s",
		    status, status / 100 == 3 ?
		    ", to ask elsewhere; that is not done" : "");
		buf_release(&error);
		return -1;
	}
	jsonread_string(body->data, body->len, "error_description", &text);
	is_stale = strcmp(buf_str(&error), "invalid_grant") == 0;
	err_set(err, ERR_TEMP, "4.7.0",
	    "oauth-token-url: the server says %.60s%s%.250s%s%s",
	    buf_str(&error), text.len > 0 ? " (" : "", buf_str(&text),
	    text.len > 0 ? ")" : "", advice(buf_str(&error)));
	buf_release(&error);
	buf_release(&text);
	return is_stale ? -2 : -1;
}

/* A member that is a token: without it, or with an unfit one, none. */
static bool
take_token(const struct buf *body, const char *name, struct secret *token)
{
	struct buf text = { 0 };
	struct err err;
	bool ok;

	ok = jsonread_string(body->data, body->len, name, &text) > 0 &&
	    secret_of_text(text.data, text.len, token, &err) == 0;
	secretfile_wipe(&text);
	return ok;
}

/* "Bearer" is the only kind that mail servers know. */
static bool
is_bearer(const struct buf *body)
{
	struct buf type = { 0 };
	bool ok;

	ok = jsonread_string(body->data, body->len, "token_type", &type) <= 0 ||
	    str_ieq(buf_str(&type), "bearer");
	buf_release(&type);
	return ok;
}

static int64_t
lifetime(const struct buf *body)
{
	int64_t life = LIFE_DEFAULT_S;
	struct buf text = { 0 };
	uint64_t n;

	/* some servers write "3600", with the quotes */
	if (jsonread_number(body->data, body->len, "expires_in", &life) <= 0 &&
	    jsonread_string(body->data, body->len, "expires_in", &text) > 0 &&
	    str_number(buf_str(&text), LIFE_MAX_S, &n) == 0)
		life = (int64_t)n;
	buf_release(&text);
	return life < 0 ? 0 : life > LIFE_MAX_S ? LIFE_MAX_S : life;
}

/* Fill t, whose refresh token stays unless there is another. */
static int
accepted(const struct grant *g, const struct secret *used,
    const struct buf *body, struct tokens *t, struct err *err)
{
	struct secret refresh = { 0 };

	if (!take_token(body, "access_token", &t->access))
		return err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-token-url: no access token in the answer");
	if (!is_bearer(body))
		return err_set(err, ERR_TEMP, "4.7.0",
		    "oauth-token-url: the token is no bearer token");
	t->got = clock_wall();
	t->expires = t->got + lifetime(body);
	if (take_token(body, "refresh_token", &refresh) &&
	    strcmp(refresh.text, used->text) != 0) {
		secret_clear(&t->refresh);
		t->refresh = refresh;
		t->replaces = g->file;
		return 0;
	}
	secret_clear(&refresh);
	if (used == &g->refresh)
		secret_clear(&t->refresh);
	return 0;
}

/* Returns 0, -1, or -2 when the refresh token is not accepted any more. */
static int
request(const struct grant *g, const struct secret *refresh,
    struct tokens *t, struct err *err)
{
	struct buf form = { 0 }, body = { 0 };
	struct https_request q = {
		.url = g->account->oauth_token_url,
		.ca_file = g->account->ca_file,
		.proxy = g->account->proxy,
		.timeout_s = REQUEST_S,
		.max = ANSWER_MAX,
	};
	unsigned status = 0;
	int rc;

	make_form(g, refresh, &form);
	q.form = buf_str(&form);
	rc = fetch_post(&q, &status, &body, err);
	if (rc < 0)
		err_prefix(err, "oauth-token-url");
	else if (status == 200)
		rc = accepted(g, refresh, &body, t, err);
	else
		rc = refused(status, &body, err);
	secretfile_wipe(&form);
	secretfile_wipe(&body);
	return rc;
}

/* First with what the server gave last, if it came from the file's token. */
static int
request_any(const struct grant *g, struct tokens *t, struct err *err)
{
	int rc = -2;

	secret_clear(&t->access);
	if (t->refresh.len > 0 && t->replaces == g->file)
		rc = request(g, &t->refresh, t, err);
	if (rc == -2)
		rc = request(g, &g->refresh, t, err);
	return rc < 0 ? -1 : 0;
}

static bool
is_good(const struct tokens *t)
{
	int64_t now = clock_wall();

	/* a clock that was set back must not keep it for ever */
	return t->access.len > 0 && now >= t->got - EARLY_S &&
	    now < t->expires - EARLY_S;
}

/* With the lock held. */
static int
renew(struct tokenstore *store, struct tokens *t, struct err *err)
{
	struct grant g;
	struct err ignored;
	int rc = -1;

	if (grant_load(&g, store->account, err) < 0 ||
	    tokenstore_reserve(store, err) < 0 ||
	    request_any(&g, t, err) < 0)
		goto out;
	/* the token is good even when it cannot be kept */
	(void)tokenstore_write(store, t, &ignored);
	rc = 0;
out:
	grant_release(&g);
	return rc;
}

/*
 * A guest can stop or kill his processes: while one holds the lock, or between
 * the server's answer and the disk, that would be everybody's loss. So none of
 * his takes the lock, not even to forget a token.
 */
static int
leave_to_flush(struct err *err)
{
	return err_set(err, ERR_TEMP, "4.7.0", "the token of oauth-token-url "
	    "is to be renewed: the next flush does that, and sends this");
}

/* Look without the lock first: mostly there is a good one. */
static int
find_token(struct tokenstore *store, struct tokens *t, struct err *err)
{
	tokenstore_read(store, t);
	if (is_good(t))
		return 0;
	if (process_serves_guest())
		return leave_to_flush(err);
	if (tokenstore_lock(store, clock_ms() + LOCK_MS, err) < 0)
		return -1;
	tokens_release(t);
	tokenstore_read(store, t);
	if (is_good(t))
		return 0;
	return renew(store, t, err);
}

int
oauth_token(const struct account *a, const char *user, int spool_fd,
    bool shared, struct secret *token, struct err *err)
{
	struct tokenstore store;
	struct tokens t = { 0 };
	int rc;

	mode_t mode = shared ? 0770 : 0700;

	/* nor is the directory his */
	if (process_serves_guest() && faccessat(spool_fd, "tokens", F_OK,
	    AT_EACCESS) < 0)
		return leave_to_flush(err);
	rc = tokenstore_open(&store, a, user, spool_fd, mode, err);
	if (rc == 0)
		rc = find_token(&store, &t, err);
	if (rc == 0)
		secret_set(token, t.access.text, t.access.len);
	else
		str_copy(err->status, sizeof(err->status), "4.7.0");
	tokens_release(&t);
	tokenstore_close(&store);
	return rc;
}

void
oauth_forget(const struct account *a, const char *user, int spool_fd,
    const struct secret *token)
{
	struct tokenstore store;
	struct tokens t = { 0 };
	struct err ignored;

	if (process_serves_guest())
		return;
	/* who has the lock is asking for another one */
	if (tokenstore_open(&store, a, user, spool_fd, 0, &ignored) == 0 &&
	    tokenstore_lock(&store, clock_ms(), &ignored) == 0) {
		tokenstore_read(&store, &t);
		if (t.access.len > 0 && token->len > 0 &&
		    strcmp(t.access.text, token->text) == 0) {
			secret_clear(&t.access);
			(void)tokenstore_write(&store, &t, &ignored);
		}
	}
	tokens_release(&t);
	tokenstore_close(&store);
}

int
oauth_check(const struct account *a, struct err *err)
{
	struct grant g;
	int rc = grant_load(&g, a, err);

	grant_release(&g);
	return rc;
}
