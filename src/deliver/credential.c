#include "config.h"

#include "deliver/credential_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/process.h"
#include "deliver/oauth.h"
#include "deliver/secretfile.h"

/* Beyond what it may take, a child gets this long to say so. */
#define GRACE_MS 5000

/* What a child says: one of these, then the secret or the error's text; the
 * end of the pipe ends it. */
#define SAYS_SECRET 'S'
#define SAYS_FAILED 'F'
#define ANSWER_MAX (1 + SECRET_MAX)

/*
 * A signal to the caller's whole group ends a command, whose handlers were the
 * dispatcher's; but not who has a token half way here, for a server that
 * replaces refresh tokens has forgotten the old one by then.
 */
static void
set_signals(enum credential_source source)
{
	static const int those[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction act = {
		.sa_handler = source == SOURCE_OAUTH ? SIG_IGN : SIG_DFL };

	for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
		sigaction(those[i], &act, NULL);
}

static _Noreturn void
child(const struct credential_task *t, int fd)
{
	const int keep[] = { fd, t->spool_fd };
	struct secret secret = { 0 };
	struct err err;
	char says;

	process_close_all_but(keep, 2);
	process_detach_output();
	set_signals(t->source);
	secret_clear_all_but(NULL);
	if (credential_find(t, &secret, &err) == 0) {
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
ask(struct credential *c, const struct credential_task *t)
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
	    (c->is_oauth ? OAUTH_MAX_MS : CREDENTIAL_COMMAND_S * 1000);
	c->state = CREDENTIAL_ASKED;
	return 0;
}

void
credential_start(struct credential *c, const struct account *a, int spool_fd,
    bool shared)
{
	const struct credential_task task = { a, credential_source(a),
	    spool_fd, shared };

	credential_release(c);
	c->is_token = task.source == SOURCE_TOKEN_COMMAND ||
	    task.source == SOURCE_OAUTH;
	if (credential_is_at_hand(task.source))
		settle(c, credential_load(a, &c->secret, &c->err));
	else if (ask(c, &task) < 0)
		settle(c, -1);
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
