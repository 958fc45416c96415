#include "config.h"

#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/process.h"
#include "base/secret.h"

/* So much of standard error is kept for the error's text. */
#define COMPLAINT_MAX 256

/* The end of a process does not wake poll(2); that of its pipes does, and is
 * mostly just before. */
#define LOOK_MS 20
#define LOOK_CLOSED_MS 2

struct run {
	pid_t	 pid;
	int	 out, complaint;	/* ends of pipes; -1: at their end */
	size_t	 left;			/* of what it may print */
	bool	 too_long;
	char	 said[COMPLAINT_MAX];
	size_t	 nsaid;
};

/* Signals that were ignored stay so across exec(2). */
static void
default_signals(void)
{
	struct sigaction act = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &act, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
become_shell(const char *command, pid_t parent, int out, int complaint)
{
	process_detach_output();
	dup2(out, STDOUT_FILENO);
	dup2(complaint, STDERR_FILENO);
	process_close_all_but(NULL, 0);
	process_drop_group();
	default_signals();
	/* a group of its own, to be killed together */
	setsid();
	/* who asked is gone: nobody wants to know any more */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(127);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	dprintf(STDERR_FILENO, "/bin/sh: %s\n", strerror(errno));
	_exit(127);
}

static int
start(struct run *r, const char *command)
{
	pid_t parent = getpid();
	int out[2], complaint[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(complaint, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	r->pid = fork();
	if (r->pid == 0)
		become_shell(command, parent, out[1], complaint[1]);
	close(out[1]);
	close(complaint[1]);
	r->out = out[0];
	r->complaint = complaint[0];
	fcntl(r->out, F_SETFL, O_NONBLOCK);
	fcntl(r->complaint, F_SETFL, O_NONBLOCK);
	return r->pid < 0 ? -1 : 0;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What is there of its output, without waiting. */
static void
take_output(struct run *r, struct buf *out)
{
	ssize_t n;

	while (r->out >= 0 && !r->too_long) {
		/* room for all was made before: no copies are left behind */
		n = read_some(r->out, buf_reserve(out, r->left + 1),
		    r->left + 1);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			close_end(&r->out);
		else if ((size_t)n > r->left)
			r->too_long = true;
		else {
			out->len += (size_t)n;
			r->left -= (size_t)n;
		}
	}
}

/* Some of its standard error, of which not much is kept. No loop: who writes
 * without end must not keep us from the deadline. */
static void
take_complaint(struct run *r)
{
	char text[4096];
	size_t fits;
	ssize_t n;

	if (r->complaint < 0)
		return;
	n = read_some(r->complaint, text, sizeof(text));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_end(&r->complaint);
		return;
	}
	fits = sizeof(r->said) - 1 - r->nsaid;
	if (fits > (size_t)n)
		fits = (size_t)n;
	memcpy(r->said + r->nsaid, text, fits);
	r->nsaid += fits;
}

/*
 * Read until the shell has ended. The pipes may stay open longer, with
 * something that it has left running: an agent of gpg.
 *
 * Returns its status of waitpid(2); -1 when it has to be ended.
 */
static int
gather(struct run *r, int64_t deadline, struct buf *out)
{
	struct pollfd fds[2];
	int status = 0, ms, look;
	pid_t ended;

	do {
		ms = clock_left_ms(deadline);
		look = r->out < 0 && r->complaint < 0 ? LOOK_CLOSED_MS :
		    LOOK_MS;
		fds[0] = (struct pollfd){ .fd = r->out, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = r->complaint,
		    .events = POLLIN };
		poll(fds, 2, ms < look ? ms : look);
		ended = waitpid(r->pid, &status, WNOHANG);
		take_output(r, out);
		take_complaint(r);
		if (ended != 0)
			return ended < 0 ? -1 : status;
	} while (!r->too_long && clock_left_ms(deadline) > 0);
	return -1;
}

static void
end(struct run *r)
{
	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
}

/* Behind the first line of what it said nothing is of interest. */
static const char *
first_line(struct run *r)
{
	r->said[r->nsaid] = '\0';
	r->said[strcspn(r->said, "\r\n")] = '\0';
	return r->said;
}

/* What became of it; status as of gather(). */
static int
judge(struct run *r, int status, struct err *err)
{
	const char *said = first_line(r), *colon = *said != '\0' ? ": " : "";

	if (r->too_long)
		return err_set(err, ERR_TEMP, NULL, "it prints too much");
	if (status == -1)
		return err_set(err, ERR_TEMP, NULL,
		    "it took too long and was ended%s%s", colon, said);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_TEMP, NULL, "killed by signal %d%s%s",
		    WTERMSIG(status), colon, said);
	if (WEXITSTATUS(status) != 0)
		return err_set(err, ERR_TEMP, NULL, "exit status %d%s%s",
		    WEXITSTATUS(status), colon, said);
	return 0;
}

int
command_output(const char *name, const char *command, unsigned timeout_s,
    size_t max, struct buf *out, struct err *err)
{
	struct run r = { .out = -1, .complaint = -1, .left = max };
	int64_t deadline = clock_ms() + (int64_t)timeout_s * 1000;
	size_t before = out->len;
	int status, rc;

	buf_reserve(out, max + 1);
	if (start(&r, command) < 0)
		rc = err_set(err, ERR_TEMP, NULL, "cannot be run: %s",
		    strerror(errno));
	else {
		status = gather(&r, deadline, out);
		if (status == -1)
			end(&r);
		rc = judge(&r, status, err);
	}
	close_end(&r.out);
	close_end(&r.complaint);
	if (rc < 0) {
		secret_wipe(out->data + before, max + 1);
		out->len = before;
		err_prefix(err, "%s", name);
	}
	return rc;
}
