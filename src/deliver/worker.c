#include "config.h"

#include "deliver/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "deliver/session.h"

/* Beyond its own ceiling, a worker gets this long to say so. */
#define WORKER_GRACE_MS 15000

int
worker_start(struct worker *w, const struct delivery *how, struct site *site,
    const struct task *load, size_t n, struct err *err)
{
	int fds[2];

	*w = (struct worker){ .fd = -1 };
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, ERR_TEMP, "4.3.0", "pipe: %s",
		    strerror(errno));
	w->load = xmalloc(n * sizeof(*load));
	memcpy(w->load, load, n * sizeof(*load));
	w->told = xcalloc(n, 1);
	w->nload = w->left = n;
	w->site = site;
	w->deadline = clock_ms() + session_ceiling_ms(how, load, n) +
	    WORKER_GRACE_MS;
	w->pid = fork();
	if (w->pid == 0) {
		close(fds[0]);
		session_run(how, site, w->load, n, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	w->fd = fds[0];
	if (w->pid < 0) {
		err_set(err, ERR_TEMP, "4.3.0", "fork: %s", strerror(errno));
		worker_end(w, false);
		return -1;
	}
	fcntl(w->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Is it something that was not said before? */
static bool
is_new(struct worker *w, const struct report *report)
{
	unsigned bit = 1u << (report->slot & 31);

	if (report_is_refusal(report)) {
		bit &= ~w->refused;
		w->refused |= bit;
		return bit != 0;
	}
	if (w->told[report->slot] != 0)
		return false;
	w->told[report->slot] = 1;
	w->left--;
	return true;
}

int
worker_read(struct worker *w, struct report *report)
{
	ssize_t n;

	for (;;) {
		n = read(w->fd, w->part + w->npart,
		    sizeof(w->part) - w->npart);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			w->ended = true;
			return -1;
		}
		w->npart += (size_t)n;
		if (w->npart < sizeof(*report))
			continue;
		w->npart = 0;
		memcpy(report, w->part, sizeof(*report));
		return report_valid(report, w->nload) &&
		    is_new(w, report) ? 1 : -1;
	}
}

pid_t
worker_end(struct worker *w, bool kill_it)
{
	pid_t left = 0;

	if (w->fd >= 0)
		close(w->fd);
	/* one that has ended may have left its number to another */
	if (w->pid > 0 && kill_it && !w->ended)
		kill(w->pid, SIGKILL);
	if (w->pid > 0 && waitpid(w->pid, NULL, kill_it ? 0 : WNOHANG) == 0)
		left = w->pid;
	free(w->load);
	free(w->told);
	*w = (struct worker){ .fd = -1 };
	return left;
}
