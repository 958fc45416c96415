#include "config.h"

#include "cmd/list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"
#include "base/str.h"
#include "cmd/exitcode.h"
#include "cmd/lost.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "cmd/result.h"

/* What is printed is gathered up to this much. */
#define OUTPUT_MAX 65536

struct listing {
	const struct options *options;
	const struct delivery *how;
	struct spool *spool;
	size_t	 shown;
	uint64_t octets;
	struct buf out;
};

/* One line, without what could steer a terminal. */
static void __attribute__((format(printf, 2, 3)))
add_line(struct buf *out, const char *fmt, ...)
{
	size_t from = out->len;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(out, fmt, ap);
	va_end(ap);
	buf_str(out);
	out->len = from + strlen(str_sanitise(out->data + from));
	buf_addc(out, '\n');
}

/* "host HOST said: 450 no", or in our own words "HOST: timed out", where
 * these do not begin with it. */
static void
add_reason(struct buf *out, const struct rcpt *rcpt)
{
	const char *text = rcpt->text != NULL ? rcpt->text : "";

	if (rcpt->host == NULL || text[0] == '\0' ||
	    str_starts(text, rcpt->host))
		buf_adds(out, text);
	else if (rcpt_has_reply(rcpt))
		buf_printf(out, "host %s said: %s", rcpt->host, text);
	else
		buf_printf(out, "%s: %s", rcpt->host, text);
}

/* "(reason)" once for recipients that share it, as mailq of Postfix. */
static void
list_rcpts(struct listing *l, const struct envelope *env)
{
	struct buf reason = { 0 }, last = { 0 };

	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *rcpt = &env->rcpts[i];

		if (!rcpt_is_open(rcpt))
			continue;
		buf_clear(&reason);
		add_reason(&reason, rcpt);
		if (reason.len > 0 &&
		    strcmp(buf_str(&reason), buf_str(&last)) != 0)
			add_line(&l->out, "(%s)", buf_str(&reason));
		buf_clear(&last);
		buf_adds(&last, buf_str(&reason));
		add_line(&l->out, "%41s%s", "", rcpt->path);
	}
	buf_release(&reason);
	buf_release(&last);
}

static void
add_time(struct buf *out, const char *what, time_t t)
{
	char date[32] = "?";
	struct tm tm;

	if (localtime_r(&t, &tm) != NULL)
		strftime(date, sizeof(date), "%b %e %H:%M:%S", &tm);
	buf_printf(out, "%s %s", what, date);
}

/* -v: what comes next, if nobody does anything. */
static void
list_times(struct listing *l, const struct queue_row *row,
    const struct envelope *env)
{
	buf_addc(&l->out, '(');
	if (row->place == PLACE_QUEUE && row->due > clock_wall())
		add_time(&l->out, "next attempt", row->due);
	else if (row->place == PLACE_QUEUE)
		buf_adds(&l->out, "next attempt at the next flush");
	if (row->place == PLACE_QUEUE)
		buf_adds(&l->out, ", ");
	add_time(&l->out, "expires", env->expires_s);
	buf_adds(&l->out, ")\n");
}

static void
head_line(struct listing *l)
{
	if (l->shown == 0)
		buf_adds(&l->out, "-Queue ID-  --Size-- ----Arrival Time---- "
		    "-Sender/Recipient-------\n");
}

static void
list_entry(struct listing *l, const struct queue_row *row,
    struct entry *entry)
{
	const struct envelope *env = &entry->env;
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&env->arrived_s, &tm) != NULL)
		strftime(date, sizeof(date), "%a %b %e %H:%M:%S", &tm);
	head_line(l);
	add_line(&l->out, "%s%c %8" PRIu64 " %s  %s", entry->id,
	    row->place == PLACE_RUN ? '*' : row->place == PLACE_HOLD ? '!' :
	    ' ', env->size, date, env->reverse_path[0] != '\0' ?
	    env->reverse_path : "MAILER-DAEMON");
	if (row->place == PLACE_HOLD && lost_entry(l->spool, entry,
	    l->how->double_bounce))
		buf_adds(&l->out, "(failed; nobody can be told)\n");
	list_rcpts(l, env);
	if (l->options->verbose)
		list_times(l, row, env);
	buf_addc(&l->out, '\n');
}

static void
list_rcpt_json(struct buf *out, const struct rcpt *rcpt)
{
	json_open(out, NULL);
	json_string(out, "address", rcpt->path);
	json_string(out, "state", outcome_name(rcpt->state));
	json_number(out, "attempts", rcpt->attempts);
	if (rcpt->text != NULL)
		json_string(out, "delay_reason", rcpt->text);
	if (rcpt->host != NULL)
		json_string(out, "host", rcpt->host);
	if (rcpt->last_s != 0)
		json_number(out, "last_attempt", rcpt->last_s);
	json_close(out);
}

static void
list_entry_json(struct listing *l, const struct queue_row *row,
    const struct entry *entry)
{
	const struct envelope *env = &entry->env;

	json_open(&l->out, NULL);
	json_number(&l->out, "version", RESULT_VERSION);
	json_string(&l->out, "queue_name", queue_place_name(row->place));
	json_string(&l->out, "queue_id", entry->id);
	json_number(&l->out, "arrival_time", env->arrived_s);
	json_number(&l->out, "message_size", (int64_t)env->size);
	json_string(&l->out, "sender", env->reverse_path);
	json_number(&l->out, "expires", env->expires_s);
	if (row->place == PLACE_QUEUE)
		json_number(&l->out, "due", row->due);
	json_open_array(&l->out, "recipients");
	for (size_t i = 0; i < env->nrcpt; i++)
		if (rcpt_is_open(&env->rcpts[i]))
			list_rcpt_json(&l->out, &env->rcpts[i]);
	json_close_array(&l->out);
	json_close(&l->out);
	buf_addc(&l->out, '\n');
}

/* What nobody can read or send, but an administrator should see. why NULL: only
 * the message is damaged. */
static void
list_damaged(struct listing *l, const struct queue_row *row,
    const struct err *why)
{
	const char *reason = why != NULL ? result_reason(row->id, why->text) :
	    "its message is damaged";
	bool later = why != NULL && why->kind != ERR_DATA;

	if (l->options->json) {
		json_open(&l->out, NULL);
		json_number(&l->out, "version", RESULT_VERSION);
		json_string(&l->out, "queue_name", queue_place_name(later ?
		    row->place : PLACE_DAMAGED));
		json_string(&l->out, "queue_id", row->id);
		json_string(&l->out, "reason", reason);
		json_close(&l->out);
		buf_addc(&l->out, '\n');
		return;
	}
	head_line(l);
	buf_printf(&l->out, "%s#        - %s\n(%s)\n\n", row->id, later ?
	    "cannot be read now; not sent" : "damaged; kept aside, not sent",
	    reason);
}

static void
list_row(void *arg, const struct queue_row *row, struct entry *entry,
    const struct err *why)
{
	struct listing *l = arg;

	if (entry == NULL)
		list_damaged(l, row, why);
	else if (row->place == PLACE_DAMAGED)
		list_damaged(l, row, NULL);
	else if (l->options->json)
		list_entry_json(l, row, entry);
	else
		list_entry(l, row, entry);
	l->shown++;
	l->octets += entry != NULL ? entry->env.size : 0;
	if (l->out.len > OUTPUT_MAX)
		output_write(&l->out);
}

/* Nothing ever touches it: somebody has put it there, and may wonder. */
static void
list_stranger(void *arg, enum spool_place place, const char *name)
{
	const struct listing *l = arg;

	result_complain(l->options->name, "%s/%s: no message, left alone",
	    place == PLACE_HOLD ? "hold" : "queue", name);
}

static void
list_end(struct listing *l)
{
	if (!l->options->json && l->shown == 0)
		buf_adds(&l->out, "Mail queue is empty\n");
	else if (!l->options->json)
		buf_printf(&l->out, "-- %" PRIu64 " Kbytes in %zu Request%s.\n",
		    (l->octets + 1023) / 1024, l->shown,
		    l->shown == 1 ? "" : "s");
	output_write(&l->out);
	buf_release(&l->out);
}

static int
list_selected(struct listing *l, struct select *select)
{
	struct err err;
	int code = EX_OK;

	if (queue_walk(l->spool, select, list_row, l, &err) < 0) {
		result_complain(l->options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	}
	if (select->asked && l->shown == 0) {
		if (code == EX_OK)
			result_complain(l->options->name,
			    "no message in the queue matches");
		return code == EX_OK ? EX_UNAVAILABLE : code;
	}
	if (!select->asked && !process_serves_guest())
		(void)spool_strangers(l->spool, list_stranger, l, &err);
	list_end(l);
	return code;
}

int
list_run(const struct options *options, const struct delivery *how,
    struct spool *spool)
{
	struct listing l = { .options = options, .how = how, .spool = spool };
	struct select select;
	struct err err;
	int code;

	if (select_init(&select, options, &err) == 0)
		code = list_selected(&l, &select);
	else {
		result_complain(options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	}
	select_release(&select);
	return code;
}

int
list_count(const struct options *options, struct spool *spool)
{
	struct buf out = { 0 };
	struct err err;
	size_t n;

	if (queue_count(spool, &n, &err) < 0) {
		result_complain(options->name, "%s", err.text);
		return exitcode_of_err(&err);
	}
	buf_printf(&out, "%zu\n", n);
	output_write(&out);
	buf_release(&out);
	return EX_OK;
}
