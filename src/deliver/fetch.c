#include "config.h"

#include "deliver/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/process.h"
#include "base/secret.h"

/* Beyond the time of the request, the child gets this long to say so. */
#define GRACE_MS 5000

/* What comes through the pipe: this, then the body. */
struct answer {
	uint32_t status;	/* 0: err says why */
	struct err err;
};

/* The record of a child is what any stranger may have written. */
static bool
answer_valid(const struct answer *a)
{
	if (a->status != 0)
		return a->status <= 999;
	return a->err.kind == ERR_TEMP &&
	    memchr(a->err.text, '\0', sizeof(a->err.text)) != NULL;
}

static _Noreturn void
child(const struct https_request *q, pid_t parent, int fd)
{
	struct answer answer = { 0 };
	struct buf body = { 0 };
	unsigned status = 0;

	process_close_all_but(&fd, 1);
	process_detach_output();
	process_drop_all();
	/* who asked is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(0);
	if (https_post(q, &status, &body, &answer.err) == 0)
		answer.status = status;
	(void)!write_all(fd, &answer, sizeof(answer));
	if (answer.status != 0)
		(void)!write_all(fd, body.data, body.len);
	_exit(0);
}

/* Read to the end of the pipe, at most max octets and no longer than it may
 * take. Returns 0, or -1. */
static int
read_to_end(int fd, size_t max, int64_t deadline, struct buf *in)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (in->len <= max) {
		if (poll(&p, 1, clock_left_ms(deadline)) == 0)
			return -1;
		n = read_some(fd, buf_reserve(in, max + 1 - in->len),
		    max + 1 - in->len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n > 0)
			in->len += (size_t)n;
	}
	return -1;
}

static int
take_answer(struct buf *in, unsigned *status, struct buf *body,
    struct err *err)
{
	struct answer answer;

	if (in->len < sizeof(answer))
		goto bad;
	memcpy(&answer, in->data, sizeof(answer));
	if (!answer_valid(&answer))
		goto bad;
	if (answer.status == 0)
		return err_set(err, ERR_TEMP, "4.4.1", "%s", answer.err.text);
	*status = answer.status;
	buf_add(body, in->data + sizeof(answer), in->len - sizeof(answer));
	return 0;
bad:
	return err_set(err, ERR_TEMP, "4.3.0",
	    "the process that speaks HTTPS has ended without an answer");
}

int
fetch_post(const struct https_request *q, unsigned *status, struct buf *body,
    struct err *err)
{
	int64_t deadline = clock_ms() + (int64_t)q->timeout_s * 1000 +
	    GRACE_MS;
	size_t max = sizeof(struct answer) + q->max;
	pid_t parent = getpid(), pid;
	struct buf in = { 0 };
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, ERR_TEMP, "4.3.0", "pipe: %s",
		    strerror(errno));
	if ((pid = fork()) == 0)
		child(q, parent, fds[1]);
	close(fds[1]);
	/* room for all at once: no copies are left behind */
	buf_reserve(&in, max + 1);
	buf_clear(body);
	buf_reserve(body, q->max + 1);
	if (pid < 0)
		rc = err_set(err, ERR_TEMP, "4.3.0", "fork: %s",
		    strerror(errno));
	else if (read_to_end(fds[0], max, deadline, &in) < 0)
		rc = err_set(err, ERR_TEMP, "4.3.0",
		    "the process that speaks HTTPS takes too long");
	else
		rc = take_answer(&in, status, body, err);
	close(fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	secret_wipe(in.data, in.cap);
	buf_release(&in);
	return rc;
}
