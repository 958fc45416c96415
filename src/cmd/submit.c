#include "config.h"

#include "cmd/submit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/exitcode.h"
#include "cmd/intake.h"
#include "cmd/result.h"
#include "deliver/bounce.h"
#include "deliver/dispatch.h"
#include "deliver/settle.h"
#include "deliver/words.h"

struct submit {
	const struct options *options;
	struct delivery how;
	struct spool *spool;
	struct intake intake;
	struct settle settle;		/* with it, the dispatcher */

	struct source source;		/* --send: the operand at hand */
	bool	 source_open;
	int	 next_operand;

	bool	 taken;			/* the one message is in the spool, or
					 * went where it belongs */
	bool	 nobody_waits;		/* settle everything as a flush does */
	struct item *refused;		/* with failures not yet dealt with */
	size_t	 accepted;		/* forward-paths delivered or kept */
	int	 refusal;		/* exit code of the refused; 0: none */
	int	 trouble;		/* exit code of broken inputs; 0: none */
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig)
{
	interrupted = sig;
}

/* A signal ends the reading with nothing kept, and the waiting with all of
 * it safe in the queue; so it must not end the process before. */
static void
catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

void
submit_drain(void)
{
	char piece[4096];

	/* nobody writes there, or somebody whom we would keep waiting */
	if (isatty(STDIN_FILENO))
		return;
	while (read_some(STDIN_FILENO, piece, sizeof(piece)) > 0)
		;
}

static bool
has_unreported(const struct envelope *env)
{
	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state == OUTCOME_FAILED &&
		    !env->rcpts[i].reported)
			return true;
	return false;
}

static void
outcome(void *arg, struct item *item, size_t rcpt, const struct outcome *o)
{
	struct submit *s = arg;

	/* reports that we made ourselves are not what was asked for */
	if (s->nobody_waits)
		return;
	if (o->kind == OUTCOME_FAILED)
		s->refusal = exitcode_join(s->refusal,
		    exitcode_of_status(o->status));
	else
		s->accepted++;
	if (s->options->json)
		result_json(&item->entry, rcpt, o);
}

static void
settled(void *arg, struct item *item)
{
	struct submit *s = arg;

	if (!s->nobody_waits && has_unreported(&item->entry.env)) {
		/* what to do about it depends on all the others */
		item->next = s->refused;
		s->refused = item;
		return;
	}
	settle_item(&s->settle, item);
}

/* Recipients that were no addresses have failed already. */
static void
tell_bad(struct submit *s, struct item *item)
{
	const struct envelope *env = &item->entry.env;
	struct outcome o = { .kind = OUTCOME_FAILED, .status = "5.1.3" };

	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state == OUTCOME_FAILED) {
			str_copy(o.text, sizeof(o.text), env->rcpts[i].text);
			words_attempt(&item->entry, i, &o, 0);
			outcome(s, item, i, &o);
		}
}

/* What is not decided while the caller is here. */
static void
tell_queued(void *arg, struct item *item)
{
	const struct envelope *env = &item->entry.env;
	struct outcome o = { .kind = OUTCOME_DEFERRED, .status = "4.0.0",
		.text = "queued" };
	struct submit *s = arg;

	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state == OUTCOME_NONE) {
			s->accepted++;
			if (s->options->json)
				result_json(&item->entry, i, &o);
		}
}

/* Read the source's message at hand and put it on its way. */
static int
take_message(struct submit *s, struct source *source)
{
	struct entry entry = { .fd = -1 };
	struct item *item;
	struct err err;

	if (intake_message(&s->intake, source, &entry, &err) < 0) {
		if (s->options->mode == MODE_FILES)
			err_prefix(&err, "%s", source->name);
		result_complain(s->options->name, "%s", err.text);
		if (source->fd != STDIN_FILENO || interrupted != 0)
			return exitcode_of_err(&err);
		submit_drain();
		return err.kind == ERR_NOINPUT ? EX_IOERR :
		    exitcode_of_err(&err);
	}
	s->taken = s->options->mode == MODE_SEND;
	words_queued(&entry);
	item = item_new(&entry);
	tell_bad(s, item);
	if (s->options->delivery == DELIVER_QUEUE) {
		tell_queued(s, item);
		item_free(item);
	} else
		dispatch_add(s->settle.dispatch, item);
	return 0;
}

/* Go to the next message of the operands. Returns false when there are no
 * more; those that cannot be opened are complained about and passed over. */
static bool
next_message(struct submit *s)
{
	struct err err;
	int rc;

	for (;;) {
		if (!s->source_open) {
			if (s->next_operand == s->options->noperand)
				return false;
			rc = source_open(&s->source,
			    s->options->operands[s->next_operand++], &err);
			s->source_open = rc == 0;
			s->source.stop = &interrupted;
		} else if ((rc = source_next(&s->source, &err)) > 0)
			return true;
		else if (rc == 0) {
			source_close(&s->source);
			s->source_open = false;
		}
		if (rc < 0) {
			s->trouble = exitcode_join(s->trouble,
			    exitcode_of_err(&err));
			result_complain(s->options->name, "%s", err.text);
		}
		if (rc < 0 && !s->source_open)
			source_close(&s->source);
	}
}

/* A signal ends the reading: what was not read is not sent, and that is said. */
static void
leave_unread(struct submit *s)
{
	if (!s->source_open && s->next_operand == s->options->noperand)
		return;
	s->trouble = exitcode_join(s->trouble, EX_TEMPFAIL);
	result_complain(s->options->name, "interrupted: not read from %s on",
	    s->source_open ? s->source.argument :
	    s->options->operands[s->next_operand]);
}

static bool
more(void *arg)
{
	struct submit *s = arg;
	int code;

	if (interrupted == 0) {
		if (!next_message(s))
			return false;
		code = take_message(s, &s->source);
		if (code != 0)
			s->trouble = exitcode_join(s->trouble, code);
	}
	if (interrupted == 0)
		return true;
	/* nobody asks again: the deliveries stop as well */
	leave_unread(s);
	return false;
}

static void
promise(void *arg, struct item *item)
{
	struct submit *s = arg;
	struct err err;

	if (entry_promise(s->spool, &item->entry, &err) == 0)
		return;
	s->settle.unkept++;
	s->settle.trouble = err;
	log_line(LOG_LEVEL_ERROR, "qmgr", "%s: %s", item->entry.id, err.text);
}

/* Refused, and no report will be mailed: then it is said here. */
static void
print_unmailed(const struct submit *s, struct item *item)
{
	const struct envelope *env = &item->entry.env;
	struct err err;
	bool mailed = env->reverse_path[0] != '\0' &&
	    bounce_allowed(s->spool, &item->entry, &err) != 0;

	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state == OUTCOME_FAILED &&
		    s->options->errors != ERRORS_QUIET &&
		    !(mailed && settle_wants_failure(&env->rcpts[i])))
			result_refused(s->options->name, &env->rcpts[i]);
}

/* Failures nobody is told of any other way are mailed to the sender. */
static void
mail_refused(struct submit *s)
{
	struct item *item;

	s->nobody_waits = true;
	while ((item = s->refused) != NULL) {
		s->refused = item->next;
		print_unmailed(s, item);
		settle_item(&s->settle, item);
	}
}

/* Everybody was refused while the caller waits: he is told, and nothing is
 * kept. */
static void
print_refused(struct submit *s)
{
	struct item *item;
	struct err err;

	s->taken = false;
	while ((item = s->refused) != NULL) {
		const struct envelope *env = &item->entry.env;

		s->refused = item->next;
		for (size_t i = 0; i < env->nrcpt; i++)
			if (s->options->errors != ERRORS_QUIET &&
			    env->rcpts[i].state == OUTCOME_FAILED)
				result_refused(s->options->name,
				    &env->rcpts[i]);
		if (entry_complete(s->spool, &item->entry, &err) < 0)
			log_line(LOG_LEVEL_ERROR, "qmgr", "%s: %s",
			    item->entry.id, err.text);
		item_free(item);
	}
}

static int
exit_code(const struct submit *s)
{
	if (s->trouble != 0)
		return s->trouble;
	if (s->settle.unkept > 0) {
		result_complain(s->options->name, "the queue: %s; not sent to "
		    "all, and not kept", s->settle.trouble.text);
		return EX_TEMPFAIL;
	}
	if (s->refusal == 0)
		return EX_OK;
	if (s->accepted > 0)
		return s->options->strict ? s->refusal : EX_OK;
	return s->options->errors == ERRORS_MAIL_QUIET ? EX_OK : s->refusal;
}

/*
 * What is left goes on without the caller. The parent returns its exit
 * status; the child, which has the claim and the workers' pipes, stays until
 * all is settled. When no process can be made, the work is done here.
 */
static int
go_on_in_background(struct submit *s)
{
	int code = exit_code(s);
	pid_t pid = fork();

	if (pid > 0)
		_exit(code);
	if (pid == 0) {
		setsid();
		process_detach_output();
	}
	s->how.stop = NULL;
	mail_refused(s);
	dispatch_run(s->settle.dispatch, 0);
	return code;
}

/* Deal with who was refused. Returns true when there is more to deliver. */
static bool
deal_with_refused(struct submit *s)
{
	if (s->refused == NULL)
		return false;
	if (s->accepted > 0 || s->options->errors == ERRORS_MAIL ||
	    s->options->errors == ERRORS_MAIL_QUIET)
		mail_refused(s);
	else
		print_refused(s);
	return dispatch_unsettled(s->settle.dispatch) > 0;
}

/* Deliver for as long as the caller has patience. */
static int
deliver(struct submit *s, int64_t deadline)
{
	struct dispatch *d = s->settle.dispatch;

	if (dispatch_run(d, deadline) && (!deal_with_refused(s) ||
	    dispatch_run(d, deadline)))
		return exit_code(s);
	/* the promise: what is not delivered is safe before we say 0 */
	dispatch_each(d, promise, s);
	for (struct item *i = s->refused; i != NULL; i = i->next)
		promise(s, i);
	if (s->settle.unkept > 0) {
		/* it cannot be kept; so it must be waited for */
		s->how.stop = NULL;
		s->settle.unkept = 0;
		return deliver(s, 0);
	}
	dispatch_each(d, tell_queued, s);
	return go_on_in_background(s);
}

/* The one message of standard input. */
static int
take_standard_input(struct submit *s)
{
	struct err err;
	int code;

	if (source_open(&s->source, "-", &err) < 0 ||
	    source_next(&s->source, &err) < 0)
		return exitcode_of_err(&err);
	s->source.stop = &interrupted;
	code = take_message(s, &s->source);
	source_close(&s->source);
	return code;
}

static int
run(struct submit *s, int64_t wait_s)
{
	const struct options *o = s->options;
	int code;

	if (o->mode == MODE_SEND && (code = take_standard_input(s)) != 0)
		return code;
	if (o->delivery == DELIVER_NOW)
		return deliver(s, clock_ms() + wait_s * 1000);
	while (o->mode == MODE_FILES && more(s))
		;
	if (dispatch_unsettled(s->settle.dispatch) == 0)
		return exit_code(s);
	/* it is safe in the queue: whatever follows, he is not to send again */
	s->accepted += dispatch_unsettled(s->settle.dispatch);
	dispatch_each(s->settle.dispatch, tell_queued, s);
	return go_on_in_background(s);
}

/*
 * There is no memory to go on with. The message is committed, and whoever comes
 * next will send it; so the caller must not. Of several messages he could not
 * be told which.
 */
static int
leave_it_queued(void *arg)
{
	struct submit *s = arg;
	struct err err;

	if (!s->taken || s->settle.unkept > 0 ||
	    spool_promise_all(s->spool, &err) < 0)
		return EX_TEMPFAIL;
	return EX_OK;
}

int
submit_run(const struct options *options, const struct settings *settings,
    const struct delivery *how, struct spool *spool)
{
	struct submit s = { .options = options, .how = *how, .spool = spool };
	struct dispatch_owner owner = { .arg = &s, .outcome = outcome,
		.settled = settled };
	struct err err;
	int code;

	s.how.caller_waits = true;
	s.how.fresh = true;
	s.how.stop = &interrupted;
	s.settle = (struct settle){ .spool = spool, .how = &s.how,
		.promise = true, .drop = true };
	if (intake_init(&s.intake, options, settings, spool, &err) < 0) {
		if (options->mode == MODE_SEND)
			submit_drain();
		result_complain(options->name, "%s", err.text);
		intake_release(&s.intake);
		return exitcode_of_err(&err);
	}
	if (options->mode == MODE_FILES && options->delivery == DELIVER_NOW)
		owner.more = more;
	catch_signals();
	xalloc_last_word(leave_it_queued, &s);
	s.settle.dispatch = dispatch_new(spool, &s.how, &owner);
	code = run(&s, options->wait_s >= 0 ? options->wait_s :
	    (int64_t)settings->wait);
	xalloc_last_word(NULL, NULL);
	dispatch_free(s.settle.dispatch);
	intake_release(&s.intake);
	return code;
}
