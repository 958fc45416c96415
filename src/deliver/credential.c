#include "config.h"

#include "deliver/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/command.h"
#include "base/fileio.h"
#include "base/process.h"
#include "base/str.h"
#include "deliver/netrc.h"
#include "deliver/oauth.h"
#include "deliver/secretfile.h"

/* A command may ask a person, or a server. */
#define COMMAND_S 60

/* Beyond what it may take, a child gets this long to say so. */
#define GRACE_MS 5000

/* What a child says: one of these, then the secret or the error's text; the
 * end of the pipe ends it. */
#define SAYS_SECRET 'S'
#define SAYS_FAILED 'F'
#define ANSWER_MAX (1 + SECRET_MAX)

enum source { SOURCE_NONE, SOURCE_FILE, SOURCE_NETRC, SOURCE_COMMAND,
	SOURCE_TOKEN_COMMAND, SOURCE_OAUTH };

static enum source
source_of(const struct account *a)
{
	if (a->password_file != NULL)
		return SOURCE_FILE;
	if (a->netrc != NULL)
		return SOURCE_NETRC;
	if (a->password_command != NULL)
		return SOURCE_COMMAND;
	if (a->token_command != NULL)
		return SOURCE_TOKEN_COMMAND;
	if (a->oauth_token_url != NULL)
		return SOURCE_OAUTH;
	return SOURCE_NONE;
}

/* Whose password it is: users may differ by endpoint, the secret does not. */
static const struct endpoint *
first_user(const struct account *a)
{
	for (size_t i = 0; i < a->nendpoint; i++)
		if (a->endpoints[i].user != NULL)
			return &a->endpoints[i];
	return NULL;
}

static const char *
user_name(const struct account *a)
{
	const struct endpoint *e = first_user(a);

	return e != NULL ? e->user : "";
}

/* A ticket or a certificate may do in place of a secret. */
static bool
can_do_without(const struct account *a)
{
	return first_user(a) == NULL || a->client_cert != NULL ||
	    (a->auth != NULL && (strstr(a->auth, "gssapi") != NULL ||
	    strstr(a->auth, "external") != NULL));
}

static int
look_up(const struct buf *text, const struct endpoint *e,
    struct secret *secret, struct err *err)
{
	struct buf password = { 0 };
	int rc;

	buf_reserve(&password, SECRETFILE_MAX + 1);
	rc = netrc_find(text->data, text->len, e->host, e->user, &password,
	    err);
	if (rc == 0)
		rc = err_set(err, ERR_TEMP, "4.7.0",
		    "no password for machine %s login %s", e->host, e->user);
	else if (rc > 0)
		rc = secret_of_text(password.data, password.len, secret, err);
	secretfile_wipe(&password);
	return rc;
}

static int
load_netrc(const struct account *a, struct secret *secret, struct err *err)
{
	const struct endpoint *e = first_user(a);
	struct buf text = { 0 };
	int rc;

	if (e == NULL)
		return 0;
	rc = secretfile_read("netrc", a->netrc, &text, err);
	if (rc == 0 && look_up(&text, e, secret, err) < 0)
		rc = err_prefix(err, "netrc %s", a->netrc);
	secretfile_wipe(&text);
	return rc;
}

/* What is there without a child. */
static int
load(const struct account *a, enum source source, struct secret *secret,
    struct err *err)
{
	if (source == SOURCE_FILE)
		return secretfile_line("password-file", a->password_file,
		    secret, err);
	if (source == SOURCE_NETRC)
		return load_netrc(a, secret, err);
	if (can_do_without(a))
		return 0;
	return err_set(err, ERR_TEMP, "4.7.0", "no password is set for %s: "
	    "password-file, password-command, netrc, token-command or "
	    "oauth-token-url", user_name(a));
}

static int
run_command(const char *name, const char *command, struct secret *secret,
    struct err *err)
{
	struct buf out = { 0 };
	int rc = command_output(name, command, COMMAND_S, SECRETFILE_MAX, &out,
	    err);

	if (rc < 0)
		str_copy(err->status, sizeof(err->status), "4.7.0");
	else if (secret_of_line(out.data, out.len, secret, err) < 0)
		rc = err_prefix(err, "%s", name);
	secretfile_wipe(&out);
	return rc;
}

/*
 * A signal to the caller's whole group ends a command, whose handlers were the
 * dispatcher's; but not who has a token half way here, for a server that
 * replaces refresh tokens has forgotten the old one by then.
 */
static void
set_signals(enum source source)
{
	static const int those[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction act = {
		.sa_handler = source == SOURCE_OAUTH ? SIG_IGN : SIG_DFL };

	for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
		sigaction(those[i], &act, NULL);
}

/* What the child is forked for. */
struct task {
	const struct account *account;
	enum source source;
	int	 spool_fd;
	bool	 shared;
};

/* What takes its time. */
static int
find_out(const struct task *t, struct secret *secret, struct err *err)
{
	const struct account *a = t->account;

	if (t->source == SOURCE_COMMAND)
		return run_command("password-command", a->password_command,
		    secret, err);
	if (t->source == SOURCE_TOKEN_COMMAND)
		return run_command("token-command", a->token_command, secret,
		    err);
	return oauth_token(a, user_name(a), t->spool_fd, t->shared, secret,
	    err);
}

static _Noreturn void
child(const struct task *t, int fd)
{
	const int keep[] = { fd, t->spool_fd };
	struct secret secret = { 0 };
	struct err err;
	char says;

	process_close_all_but(keep, 2);
	process_detach_output();
	set_signals(t->source);
	secret_clear_all_but(NULL);
	if (find_out(t, &secret, &err) == 0) {
		says = SAYS_SECRET;
		(void)!write_all(fd, &says, 1);
		(void)!write_all(fd, secret.text, secret.len);
		secret_clear(&secret);
	} else {
		says = SAYS_FAILED;
		(void)!write_all(fd, &says, 1);
		(void)!write_all(fd, err.text, strlen(err.text));
	}
	_exit(0);
}

static void
settle(struct credential *c, int rc)
{
	c->state = rc < 0 ? CREDENTIAL_FAILED : CREDENTIAL_READY;
}

static int
ask(struct credential *c, const struct task *t)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(&c->err, ERR_TEMP, "4.3.0", "pipe: %s",
		    strerror(errno));
	c->pid = fork();
	if (c->pid == 0)
		child(t, fds[1]);
	close(fds[1]);
	if (c->pid < 0) {
		err_set(&c->err, ERR_TEMP, "4.3.0", "fork: %s",
		    strerror(errno));
		close(fds[0]);
		c->pid = 0;
		return -1;
	}
	c->fd = fds[0];
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->is_oauth = t->source == SOURCE_OAUTH;
	c->deadline = clock_ms() + GRACE_MS +
	    (c->is_oauth ? OAUTH_MAX_MS : COMMAND_S * 1000);
	c->state = CREDENTIAL_ASKED;
	return 0;
}

void
credential_start(struct credential *c, const struct account *a, int spool_fd,
    bool shared)
{
	const struct task task = { a, source_of(a), spool_fd, shared };

	credential_release(c);
	switch (task.source) {
	case SOURCE_COMMAND:
	case SOURCE_TOKEN_COMMAND:
	case SOURCE_OAUTH:
		c->is_token = task.source != SOURCE_COMMAND;
		if (ask(c, &task) < 0)
			settle(c, -1);
		break;
	default:
		settle(c, load(a, task.source, &c->secret, &c->err));
	}
}

/*
 * The child is done, or is to be. One that asks for a token is left to end by
 * itself: it may hold the only copy of the next refresh token.
 */
static void
end_child(struct credential *c)
{
	if (c->pid > 0) {
		close(c->fd);
		if (!c->is_oauth)
			kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, c->is_oauth ? WNOHANG : 0);
	}
	c->pid = 0;
	c->fd = -1;
	secretfile_wipe(&c->in);
}

/* Judge the whole answer. */
static int
take_answer(struct credential *c)
{
	if (c->in.len > 1 && c->in.data[0] == SAYS_FAILED)
		return err_set(&c->err, ERR_TEMP, "4.7.0", "%.*s",
		    (int)(c->in.len - 1), c->in.data + 1);
	if (c->in.len > 1 && c->in.data[0] == SAYS_SECRET)
		return secret_of_text(c->in.data + 1, c->in.len - 1,
		    &c->secret, &c->err);
	return err_set(&c->err, ERR_TEMP, "4.7.0",
	    "the process that asks for the password has ended");
}

/* Returns whether there was something, and so may be more. */
static bool
read_more(struct credential *c)
{
	/* room for all at once: no copies are left behind */
	char *room = buf_reserve(&c->in, ANSWER_MAX + 1 - c->in.len);
	ssize_t n = read_some(c->fd, room, ANSWER_MAX + 1 - c->in.len);
	int rc;

	if (n > 0) {
		c->in.len += (size_t)n;
		return c->in.len <= ANSWER_MAX;
	}
	if (n < 0 && errno == EAGAIN)
		return false;
	rc = take_answer(c);
	end_child(c);
	settle(c, rc);
	return false;
}

void
credential_read(struct credential *c)
{
	if (c->state != CREDENTIAL_ASKED)
		return;
	while (read_more(c))
		;
	if (c->state == CREDENTIAL_ASKED &&
	    (c->in.len > ANSWER_MAX || clock_left_ms(c->deadline) == 0)) {
		end_child(c);
		settle(c, err_set(&c->err, ERR_TEMP, "4.7.0",
		    "the process that asks for the password takes too long"));
	}
}

void
credential_release(struct credential *c)
{
	end_child(c);
	secret_clear(&c->secret);
	*c = (struct credential){ .fd = -1 };
}

bool
credential_refused(const struct credential *c, const struct account *a,
    int spool_fd)
{
	enum source source = source_of(a);

	if (source == SOURCE_OAUTH)
		oauth_forget(a, user_name(a), spool_fd, &c->secret);
	return source == SOURCE_OAUTH || source == SOURCE_TOKEN_COMMAND;
}

int
credential_check(const struct account *a, struct err *err)
{
	struct secret secret = { 0 };
	enum source source = source_of(a);
	int rc = 0;

	if (source == SOURCE_NONE || source == SOURCE_FILE ||
	    source == SOURCE_NETRC)
		rc = load(a, source, &secret, err);
	else if (source == SOURCE_OAUTH)
		rc = oauth_check(a, err);
	secret_clear(&secret);
	if (rc < 0) {
		err->kind = ERR_CONFIG;
		str_copy(err->status, sizeof(err->status), "5.3.0");
	}
	return rc;
}

void
credential_describe(const struct account *a, struct buf *out)
{
	switch (source_of(a)) {
	case SOURCE_FILE:
		buf_printf(out, "password from %s", a->password_file);
		break;
	case SOURCE_NETRC:
		buf_printf(out, "password from %s", a->netrc);
		break;
	case SOURCE_COMMAND:
		buf_adds(out, "password by password-command");
		break;
	case SOURCE_TOKEN_COMMAND:
		buf_adds(out, "token by token-command");
		break;
	case SOURCE_OAUTH:
		buf_printf(out, "token from %s", a->oauth_token_url);
		break;
	case SOURCE_NONE:
		buf_adds(out, "no password");
	}
}
