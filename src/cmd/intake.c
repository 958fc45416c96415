#include "config.h"

#include "cmd/intake.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"
#include "mail/addrlist.h"
#include "mail/message.h"

static void
add_list(struct intake *in, const char *list)
{
	size_t before = in->recipients.n + in->bad.n;

	addrlist_parse(list, strlen(list), in->settings->origin,
	    &in->recipients, &in->bad);
	if (in->recipients.n + in->bad.n == before)
		strlist_add(&in->bad, "\"\": an empty address");
}

/* As far as it can be told without a message. */
static char *
sender_of_command_line(const struct sender *who)
{
	struct sending sending = { 0 };
	char *path;

	sender_find(who, NULL, &sending);
	path = buf_detach(&sending.path);
	sending_release(&sending);
	return path;
}

int
intake_init(struct intake *in, const struct options *options,
    const struct settings *settings, struct spool *spool, struct err *err)
{
	*in = (struct intake){ .options = options, .settings = settings,
		.spool = spool, .place = PLACE_RUN };
	identity_caller(&in->login, &in->full_name);
	if (sender_init(&in->who, options, settings, in->login, err) < 0)
		return -1;
	in->sender = sender_of_command_line(&in->who);
	if (options->full_name != NULL) {
		free(in->full_name);
		in->full_name = xstrdup(options->full_name);
	}
	for (size_t i = 0; i < options->to.n; i++)
		add_list(in, options->to.v[i]);
	if (options->mode != MODE_FILES)
		for (int i = 0; i < options->noperand; i++)
			add_list(in, options->operands[i]);
	in->headers_too = options->from_header ||
	    (options->mode == MODE_FILES && options->to.n == 0);
	if (!in->headers_too && in->recipients.n == 0 && in->bad.n == 0)
		return err_set(err, ERR_USAGE, NULL, "no recipients: name "
		    "them, or use -t to take them from the header");
	in->sync = options->delivery != DELIVER_NOW;
	if (options->delivery == DELIVER_QUEUE)
		in->place = PLACE_QUEUE;
	return 0;
}

void
intake_release(struct intake *in)
{
	sender_release(&in->who);
	free(in->sender);
	free(in->login);
	free(in->full_name);
	strlist_release(&in->recipients);
	strlist_release(&in->bad);
	*in = (struct intake){ 0 };
}

/* A recipient that is no address: a row that failed before it was tried. */
static void
add_bad(struct envelope *env, const char *line, uint8_t notify)
{
	const char *reason = strstr(line, ": ");
	struct outcome o = { 0 };
	struct err err;
	char *path = reason == NULL ? xstrdup(line) :
	    xstrndup(line, (size_t)(reason - line));

	err_set(&err, ERR_PERM, "5.1.3", "%s",
	    reason != NULL ? reason + 2 : "not an address");
	outcome_from_err(&o, STAGE_NONE, &err);
	envelope_append(env, path)->notify = notify;
	envelope_note(env, env->nrcpt - 1, &o, clock_wall());
	free(path);
}

/* Which reports are wanted. Who wants any is told by which address he sent,
 * wherever the mail goes on to from the next host (RFC 3461 4.2). */
static void
set_reports(struct rcpt *rcpt, uint8_t notify)
{
	struct buf orcpt = { 0 };

	rcpt->notify = notify;
	if (notify == 0 || notify == NOTIFY_NEVER || str_has_8bit(rcpt->path))
		return;
	buf_adds(&orcpt, "rfc822;");
	xtext_write(&orcpt, rcpt->path);
	if (orcpt.len <= ORCPT_MAX)
		rcpt->orcpt = xstrdup(buf_str(&orcpt));
	buf_release(&orcpt);
}

/* Forward-paths with what the command line says of reports. */
static void
add_rcpts(const struct intake *in, struct envelope *env,
    const struct strlist *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		set_reports(envelope_append(env, paths->v[i]),
		    in->options->notify);
}

/* What the envelope has of the command line. */
static void
set_options(const struct intake *in, struct envelope *env)
{
	const struct options *o = in->options;
	uint64_t lifetime = o->lifetime_s >= 0 ? (uint64_t)o->lifetime_s :
	    in->settings->lifetime;

	env->envid = o->envid != NULL ? xstrdup(o->envid) : NULL;
	env->account = o->account != NULL ? xstrdup(o->account) : NULL;
	env->submitter = xstrdup(in->login);
	env->uid = (uint32_t)getuid();
	env->ret = o->ret;
	env->utf8 = o->utf8;
	env->arrived_s = clock_wall();
	env->expires_s = env->arrived_s + (time_t)lifetime;
}

/* The envelope; recipients once each, and not more than there may be. */
static int
make_envelope(struct intake *in, const struct message *m,
    struct sending *sending, struct envelope *env, struct err *err)
{
	struct strlist good = { 0 }, bad = { 0 };

	env->reverse_path = xstrdup(buf_str(&sending->path));
	set_options(in, env);
	if (in->headers_too)
		message_recipients(m, in->settings->origin, &good, &bad);
	add_rcpts(in, env, &in->recipients);
	add_rcpts(in, env, &good);
	envelope_unique(env);
	for (size_t i = 0; i < in->bad.n; i++)
		add_bad(env, in->bad.v[i], in->options->notify);
	for (size_t i = 0; i < bad.n; i++)
		add_bad(env, bad.v[i], in->options->notify);
	strlist_release(&good);
	strlist_release(&bad);
	if (env->nrcpt > in->settings->recipients_max)
		return err_set(err, ERR_DATA, "5.5.3", "%zu recipients are "
		    "more than one message may have (recipients-max %" PRIu64
		    ")", env->nrcpt, in->settings->recipients_max);
	if (envelope_count(env, OUTCOME_NONE) > 0)
		return 0;
	if (env->nrcpt > 0)
		return err_set(err, ERR_DATA, "5.1.3", "%s: %s",
		    env->rcpts[0].path, env->rcpts[0].text);
	return err_set(err, ERR_USAGE, NULL,
	    "no recipients: To, Cc and Bcc name nobody");
}

/* Read on until the header is complete or the source ends. More than a line
 * of body may have come with it: it goes to the draft behind the header. */
struct pass {
	struct source *source;
	struct message message;
	struct draft *draft;
	struct sending sending;		/* once the header is complete */
	char	 piece[SOURCE_READ];
	size_t	 n, used;		/* of piece */
	bool	 eof;
	struct buf out;
};

/* Feed the message from the piece, reading another when it is used up.
 * Returns 1, 0 when there is no more, -1. */
static int
step(struct pass *p, struct err *err)
{
	ssize_t n;

	if (p->message.ended)
		return 0;
	if (p->used == p->n) {
		if ((n = source_read(p->source, p->piece, err)) < 0)
			return -1;
		p->n = (size_t)n;
		p->used = 0;
	}
	if (p->n == 0) {
		p->eof = true;
		return message_finish(&p->message, &p->out, err);
	}
	n = message_feed(&p->message, p->piece + p->used, p->n - p->used,
	    &p->out, err);
	if (n < 0)
		return -1;
	p->used += (size_t)n;
	return 1;
}

static int
write_header(const struct intake *in, struct pass *p, struct err *err)
{
	const struct settings *set = in->settings;
	const char *from = buf_str(&p->sending.from);
	/* the caller's own name belongs to his own address only */
	bool own = in->options->full_name != NULL || p->sending.own;
	const struct message_fix fix = { .queue_id = p->draft->id,
		.hostname = set->hostname, .from = from,
		.full_name = own ? in->full_name : NULL,
		.uid = (unsigned)getuid(), .now = clock_wall(),
		.rewrite = rewrite_is_empty(&set->rewrite) ? NULL :
		    &set->rewrite,
		.set_from = set->from_header == FROM_HEADER_REPLACE ? from :
		    NULL,
		.default_domain = set->origin };
	struct buf header = { 0 };
	int rc = message_fix(&p->message, &fix, &header, err);

	/* an address that was put in may need what the others did not */
	if (rc == 0 && str_has_8bit(buf_str(&header)))
		p->message.body |= BODY_8BIT | BODY_UTF8_HEADER;
	if (rc == 0)
		rc = draft_write(p->draft, header.data, header.len, err);
	buf_release(&header);
	return rc;
}

static int
write_body(struct pass *p, struct err *err)
{
	int rc = 1;

	while (rc > 0) {
		if (p->out.len > 0 && draft_write(p->draft, p->out.data,
		    p->out.len, err) < 0)
			return -1;
		buf_clear(&p->out);
		rc = p->eof ? 0 : step(p, err);
	}
	if (rc == 0 && p->out.len > 0)
		rc = draft_write(p->draft, p->out.data, p->out.len, err);
	return rc;
}

/* The message into the draft, and what it says of the envelope. */
static int
read_message(struct intake *in, struct pass *p, struct envelope *env,
    struct err *err)
{
	int rc = 1;

	p->message.dot_ends = !in->options->ignore_dots &&
	    in->options->mode == MODE_SEND;
	p->message.mbox_quoted = p->source->mbox;
	while (rc > 0 && !p->message.header_done)
		rc = step(p, err);
	if (rc < 0)
		return -1;
	/* a lone dot may have ended it inside the header */
	if (!p->message.header_done && message_finish(&p->message, &p->out,
	    err) < 0)
		return -1;
	sender_find(&in->who, &p->message, &p->sending);
	if (make_envelope(in, &p->message, &p->sending, env, err) < 0 ||
	    write_header(in, p, err) < 0 || write_body(p, err) < 0)
		return -1;
	env->body = p->message.body;
	return 0;
}

int
intake_message(struct intake *in, struct source *source, struct entry *out,
    struct err *err)
{
	struct pass *p = xcalloc(1, sizeof(*p));
	struct envelope env = { 0 };
	struct draft draft;
	int rc = -1;

	*out = (struct entry){ .fd = -1 };
	p->source = source;
	p->draft = &draft;
	if (spool_draft(in->spool, &draft, err) < 0)
		goto out;
	if (read_message(in, p, &env, err) < 0) {
		draft_abort(&draft);
		goto out;
	}
	rc = draft_commit(&draft, &env, in->place, env.arrived_s, in->sync,
	    out, err);
out:
	envelope_release(&env);
	message_release(&p->message);
	sending_release(&p->sending);
	buf_release(&p->out);
	free(p);
	return rc;
}
