#include "config.h"

#include "deliver/bounce.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"

/* As much of an original's header as is reported. */
#define BOUNCE_HEADER_MAX 65536

static void
make_boundary(char *out, size_t size)
{
	unsigned char random[12];

	process_random(random, sizeof(random));
	str_copy(out, size, "=_postrider_");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(out + strlen(out), size - strlen(out), "%02x",
		    random[i]);
}

/* The whole original, piece by piece. */
static int
append_original(struct entry *entry, struct draft *draft, struct err *err)
{
	char piece[65536];
	uint64_t at = 0, size = entry->env.size;
	ssize_t n;

	while (at < size) {
		n = pread_all(entry->fd, piece, size - at < sizeof(piece) ?
		    (size_t)(size - at) : sizeof(piece),
		    (off_t)(entry->message_at + at));
		if (n <= 0)
			return err_set(err, ERR_TEMP, "4.3.0",
			    "%s: the original cannot be read", entry->id);
		if (draft_write(draft, piece, (size_t)n, err) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

/*
 * A report goes the way of what it reports: by the account that was named, or
 * the sender's; unless the null reverse-path has one of its own. NULL: none.
 */
static char *
way_out(const struct routing *routing, const struct envelope *original)
{
	const struct account *a = NULL;

	if (original->account != NULL)
		return xstrdup(original->account);
	if (routing_account_of(routing, "") == &routing->accounts[0])
		a = routing_account_of(routing, original->reverse_path);
	return a == NULL || a->name[0] == '\0' ? NULL : xstrdup(a->name);
}

static void
address_dsn(const struct delivery *how, const struct entry *original,
    const char *to, struct envelope *env)
{
	env->reverse_path = xstrdup("");
	env->account = way_out(how->routing, &original->env);
	env->uid = original->env.uid;
	env->arrived_s = clock_wall();
	env->expires_s = env->arrived_s + (time_t)how->bounce_lifetime_s;
	env->body = original->env.body & (BODY_8BIT | BODY_DOTS);
	/* in the To field of the report */
	if (str_has_8bit(to))
		env->body |= BODY_8BIT | BODY_UTF8_HEADER;
	envelope_add(env, to);
}

static int
to_draft(void *arg, const void *data, size_t n, struct err *err)
{
	return draft_write(arg, data, n, err);
}

static int
write_dsn(struct spool *spool, const struct delivery *how,
    struct entry *entry, struct dsn *dsn, struct draft *draft,
    struct err *err)
{
	struct buf header = { 0 }, text = { 0 };
	int rc = -1;

	if (entry_open(spool, entry, err) < 0 ||
	    entry_header(spool, entry, BOUNCE_HEADER_MAX, &header, err) < 0)
		goto out;
	dsn->header = &header;
	dsn->depth = dsn_depth(&header) + 1;
	/* of a success the header says enough (RFC 3461 4.3); and many
	 * servers take no text with NULs, which would cost the report */
	dsn->whole = dsn->kind == DSN_FAILED && entry->env.ret != RET_HDRS &&
	    (entry->env.body & BODY_NUL) == 0 &&
	    entry->env.size <= how->dsn_whole_max;
	if (dsn_write(dsn, to_draft, draft, err) < 0 ||
	    (dsn->whole && append_original(entry, draft, err) < 0))
		goto out;
	dsn_close(dsn, &text);
	rc = draft_write(draft, text.data, text.len, err);
out:
	buf_release(&header);
	buf_release(&text);
	return rc;
}

int
bounce_allowed(struct spool *spool, struct entry *entry, struct err *err)
{
	unsigned most = entry->env.reverse_path[0] == '\0' ?
	    BOUNCE_DEPTH_NULL : BOUNCE_DEPTH_MAX;
	struct buf header = { 0 };
	int rc = -1;

	if (entry_open(spool, entry, err) == 0 &&
	    entry_header(spool, entry, BOUNCE_HEADER_MAX, &header, err) == 0)
		rc = dsn_depth(&header) < most;
	buf_release(&header);
	return rc;
}

int
bounce_make(struct spool *spool, const struct delivery *how,
    enum dsn_kind kind, struct entry *entry, const size_t *rcpts, size_t n, const char *to,
    struct entry *out, struct err *err)
{
	char boundary[64];
	struct draft draft;
	struct envelope env = { 0 };
	struct dsn dsn = { .kind = kind, .hostname = how->hostname,
		.queue_id = entry->id, .boundary = boundary,
		.env = &entry->env, .rcpts = rcpts, .nrcpt = n,
		.now = clock_wall() };

	make_boundary(boundary, sizeof(boundary));
	if (spool_draft(spool, &draft, err) < 0)
		return -1;
	dsn.message_id = draft.id;
	address_dsn(how, entry, to, &env);
	if (write_dsn(spool, how, entry, &dsn, &draft, err) < 0)
		draft_abort(&draft);
	else if (draft_commit(&draft, &env, PLACE_RUN, 0, true, out,
	    err) == 0)
		return 0;
	envelope_release(&env);
	return -1;
}
