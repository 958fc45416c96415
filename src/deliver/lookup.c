#include "config.h"

#include "deliver/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/secret.h"
#include "base/xalloc.h"

/* Beyond what its queries may take, a resolver child gets this long. */
#define LOOKUP_GRACE_MS 5000

static void
reap(struct lookup *l)
{
	if (l->ending > 0)
		waitpid(l->ending, NULL, 0);
	l->ending = 0;
}

int
lookup_start(struct lookup *l, const struct resolver_options *options,
    const struct resolver_question *question, void *const *asker, size_t n,
    struct err *err)
{
	int fds[2];

	reap(l);
	*l = (struct lookup){ .fd = -1 };
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, ERR_TEMP, "4.3.0", "pipe: %s",
		    strerror(errno));
	l->pid = fork();
	if (l->pid == 0) {
		process_close_all_but(&fds[1], 1);
		process_detach_output();
		secret_clear_all_but(NULL);
		process_drop_all();
		/* its threads are few and short-lived: one heap will do */
		mallopt(M_ARENA_MAX, 1);
		resolver_run(options, question, n, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	if (l->pid < 0) {
		close(fds[0]);
		l->pid = 0;
		return err_set(err, ERR_TEMP, "4.3.0", "fork: %s",
		    strerror(errno));
	}
	l->fd = fds[0];
	fcntl(l->fd, F_SETFL, O_NONBLOCK);
	l->n = l->left = n;
	l->asker = xcalloc(n, sizeof(*l->asker));
	memcpy(l->asker, asker, n * sizeof(*l->asker));
	l->answered = xcalloc(n, sizeof(*l->answered));
	/* more questions than threads take turns */
	l->deadline = clock_ms() + LOOKUP_GRACE_MS +
	    (int64_t)options->timeout_s * 1000 *
	    (int64_t)(1 + n / 100);
	return 0;
}

/* Take one record off the input. Returns as lookup_read(). */
static int
take(struct lookup *l, struct mx_answer *answer)
{
	uint32_t len;

	if (l->in.len < sizeof(len))
		return 0;
	memcpy(&len, l->in.data, sizeof(len));
	if (len > sizeof(*answer))
		return -1;
	if (l->in.len < sizeof(len) + len)
		return 0;
	memset(answer, 0, sizeof(*answer));
	memcpy(answer, l->in.data + sizeof(len), len);
	if (!mx_answer_valid(answer, len, l->n) ||
	    l->answered[answer->index])
		return -1;
	buf_consume(&l->in, sizeof(len) + len);
	l->answered[answer->index] = true;
	l->left--;
	return 1;
}

int
lookup_read(struct lookup *l, struct mx_answer *answer)
{
	ssize_t n;
	int rc;

	for (;;) {
		if ((rc = take(l, answer)) != 0)
			return rc;
		n = read(l->fd, buf_reserve(&l->in, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -1;
		l->in.len += (size_t)n;
	}
}

void
lookup_end(struct lookup *l)
{
	if (l->pid > 0) {
		/* it owes nothing any more, and its end is not waited for */
		kill(l->pid, SIGKILL);
		l->ending = l->pid;
		close(l->fd);
	}
	free(l->asker);
	free(l->answered);
	buf_release(&l->in);
	*l = (struct lookup){ .fd = -1, .ending = l->ending };
}
