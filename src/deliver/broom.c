#include "config.h"

#include "deliver/broom.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/xalloc.h"

/* A file takes long to remove, when it takes longer than to make a process
 * does, divided by the files that this one will remove. */
#define SLOW_US 200

/* Files for one child. */
#define LOAD 100

/* So many of the last times weigh half in the average. */
#define INERTIA 8

static int
remove_now(struct broom *b, struct spool *s, struct entry *entry,
    struct err *err)
{
	int64_t began = clock_us();
	int rc = entry_complete(s, entry, err);

	b->took_us += (clock_us() - began - b->took_us) / INERTIA;
	return rc;
}

/* Note whose time has come; with wait, wait for one of them at least. */
static void
reap(struct broom *b, bool wait)
{
	for (size_t i = 0; i < BROOM_CHILDREN; i++) {
		if (b->children[i] == 0 ||
		    waitpid(b->children[i], NULL, wait ? 0 : WNOHANG) == 0)
			continue;
		b->children[i] = 0;
		wait = false;
	}
}

static pid_t *
free_place(struct broom *b)
{
	for (size_t i = 0; i < BROOM_CHILDREN; i++)
		if (b->children[i] == 0)
			return &b->children[i];
	return NULL;
}

/* Give what has come together to a child; or do it, when there can be none. */
static void
hand_over(struct broom *b, struct spool *s)
{
	pid_t *place, pid;

	reap(b, false);
	if ((place = free_place(b)) == NULL) {
		reap(b, true);
		place = free_place(b);
	}
	pid = fork();
	if (pid == 0) {
		process_close_all_but(&s->mine_fd, 1);
		process_detach_output();
		secret_clear_all_but(NULL);
	}
	if (pid <= 0)
		spool_clear(s, b->ids, b->n);
	if (pid == 0)
		_exit(0);
	*place = pid > 0 ? pid : 0;
	b->n = 0;
}

int
broom_sweep(struct broom *b, struct spool *s, struct entry *entry,
    struct err *err)
{
	if (b->took_us < SLOW_US)
		return remove_now(b, s, entry, err);
	if (entry_finish(s, entry, err) < 0)
		return -1;
	b->ids = xgrow(b->ids, b->n, &b->cap, sizeof(*b->ids));
	str_copy(b->ids[b->n++], SPOOL_ID_MAX, entry->id);
	if (b->n == LOAD)
		hand_over(b, s);
	return 0;
}

void
broom_end(struct broom *b, struct spool *s)
{
	if (b->n > 0)
		hand_over(b, s);
	for (size_t i = 0; i < BROOM_CHILDREN; i++)
		if (b->children[i] != 0)
			waitpid(b->children[i], NULL, 0);
	free(b->ids);
	*b = (struct broom){ 0 };
}
