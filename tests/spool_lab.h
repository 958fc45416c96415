/*
 * What the tests of the spool share: a directory of their own, and entries to
 * put there.
 */
#ifndef TESTS_SPOOL_LAB_H
#define TESTS_SPOOL_LAB_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/xalloc.h"
#include "check.h"
#include "mail/envelope.h"
#include "spool/spool.h"

#define LAB_MESSAGE "Subject: hello\r\nTo: you\r\n\r\n.one\r\ntwo\r\n"

/* End the test, with what *err says, unless the call returns 0 or more. */
#define LAB_OK(call) \
	do { \
		if ((call) < 0) \
			ck_abort_msg("%s", err.text); \
	} while (0)

/*
 * For children that a test has forked: Check's own assertions write into a
 * buffer that the child has inherited.
 */
#define LAB_MUST(what) \
	do { \
		if (!(what)) { \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			_exit(99); \
		} \
	} while (0)

static char lab_dir[64], lab_path[128];

static inline void
lab_setup(void)
{
	umask(077);
	snprintf(lab_dir, sizeof(lab_dir), "/tmp/check_spool.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(lab_dir));
	snprintf(lab_path, sizeof(lab_path), "%s/spool", lab_dir);
}

static inline int
lab_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
lab_teardown(void)
{
	nftw(lab_dir, lab_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* An envelope to n forward-paths, with something in every field. */
static inline struct envelope
lab_envelope(size_t n)
{
	struct envelope env = { .uid = 1000, .ret = RET_HDRS, .body = BODY_DOTS,
		.utf8 = true, .arrived_s = 1700000000,
		.expires_s = 1700432000 };
	struct rcpt *r;
	char path[64];
	size_t i;

	env.reverse_path = xstrdup("\"a b%\"@example.org");
	env.envid = xstrdup("id+2B1");
	env.account = xstrdup("work");
	env.submitter = xstrdup("alice");
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "user%zu@example.net", i);
		r = envelope_append(&env, path);
		r->notify = (uint8_t)(i % 2 ? NOTIFY_FAILURE : 0);
		if (i % 3 == 1)
			r->orcpt = xstrdup("rfc822;u+40x");
	}
	return env;
}

static inline struct outcome
lab_outcome(enum outcome_kind kind)
{
	struct outcome o = { .kind = (uint8_t)kind, .code = 450 };

	strcpy(o.status, "4.2.0");
	strcpy(o.text, "450 4.2.0 not now, 100% sure");
	strcpy(o.host, "mx.example.net");
	return o;
}

static inline bool
lab_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do two envelopes say the same, states and all? */
static inline bool
lab_equal(const struct envelope *a, const struct envelope *b)
{
	const struct rcpt *x, *y;
	size_t i;

	if (!lab_same(a->reverse_path, b->reverse_path) ||
	    !lab_same(a->envid, b->envid) ||
	    !lab_same(a->account, b->account) || a->uid != b->uid ||
	    !lab_same(a->submitter, b->submitter) || a->ret != b->ret ||
	    a->body != b->body || a->utf8 != b->utf8 || a->size != b->size ||
	    a->arrived_s != b->arrived_s || a->expires_s != b->expires_s ||
	    a->nrcpt != b->nrcpt)
		return false;
	for (i = 0; i < a->nrcpt; i++) {
		x = &a->rcpts[i];
		y = &b->rcpts[i];
		if (!lab_same(x->path, y->path) ||
		    !lab_same(x->orcpt, y->orcpt) || x->notify != y->notify ||
		    x->state != y->state || x->reported != y->reported ||
		    x->attempts != y->attempts || x->last_s != y->last_s ||
		    !lab_same(x->status, y->status) ||
		    !lab_same(x->text, y->text) || !lab_same(x->host, y->host))
			return false;
	}
	return true;
}

/* Commit LAB_MESSAGE to n forward-paths. out may be NULL for PLACE_QUEUE. */
static inline int
lab_commit(struct spool *s, size_t n, enum spool_place place, time_t due,
    bool sync, struct entry *out, struct err *err)
{
	struct envelope env = lab_envelope(n);
	struct draft d;
	int rc = -1;

	if (spool_draft(s, &d, err) < 0)
		goto out;
	if (draft_write(&d, LAB_MESSAGE, strlen(LAB_MESSAGE), err) < 0)
		draft_abort(&d);
	else
		rc = draft_commit(&d, &env, place, due, sync, out, err);
out:
	envelope_release(&env);
	return rc;
}

/* What a scan finds. */
struct lab_seen {
	size_t	n[4];		/* by enum spool_place */
	char	id[SPOOL_ID_MAX];	/* the last one in PLACE_QUEUE */
	time_t	due;		/* and its time */
};

static inline bool
lab_see(void *arg, const char *id, enum spool_place place, time_t due)
{
	struct lab_seen *seen = arg;

	seen->n[place]++;
	if (place == PLACE_QUEUE) {
		snprintf(seen->id, sizeof(seen->id), "%s", id);
		seen->due = due;
	}
	return true;
}

static inline struct lab_seen
lab_scan(struct spool *s)
{
	struct lab_seen seen = { { 0 }, "", 0 };
	struct err err;

	LAB_OK(spool_scan(s, lab_see, &seen, &err));
	return seen;
}

/* Is the stored message what lab_commit() wrote? */
static inline bool
lab_has_message(struct spool *s, struct entry *e)
{
	char data[sizeof(LAB_MESSAGE)];
	struct err err;
	size_t n = strlen(LAB_MESSAGE);

	return entry_verify(s, e, &err) == 0 && e->env.size == n &&
	    pread(e->fd, data, n, (off_t)e->message_at) == (ssize_t)n &&
	    memcmp(data, LAB_MESSAGE, n) == 0;
}

#endif
