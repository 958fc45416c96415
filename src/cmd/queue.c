#include "config.h"

#include "cmd/queue.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/json.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/exitcode.h"
#include "cmd/result.h"
#include "deliver/flush.h"
#include "mail/address.h"

/* What is printed is gathered up to this much. */
#define OUTPUT_MAX 65536

struct row {
	char	 id[SPOOL_ID_MAX];
	enum spool_place place;
	time_t	 due;
};

struct listing {
	const struct options *options;
	struct spool *spool;
	struct row *rows;
	size_t	 n, cap;
	size_t	 shown;
	uint64_t octets;
	struct buf out;
};

static void
print(struct buf *out)
{
	(void)!write_all(STDOUT_FILENO, out->data, out->len);
	buf_clear(out);
}

static bool
collect(void *arg, const char *id, enum spool_place place, time_t due)
{
	struct listing *l = arg;

	l->rows = xgrow(l->rows, l->n, &l->cap, sizeof(*l->rows));
	str_copy(l->rows[l->n].id, SPOOL_ID_MAX, id);
	l->rows[l->n].place = place;
	l->rows[l->n++].due = due;
	return true;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

/* Not yet done with, and so to be listed. */
static bool
is_open(const struct rcpt *rcpt)
{
	return rcpt->state != OUTCOME_DELIVERED &&
	    !(rcpt->state == OUTCOME_FAILED && rcpt->reported);
}

/* Is the entry named by an operand: its id, a recipient, a domain? */
static bool
is_named(const struct entry *entry, const char *name)
{
	const struct envelope *env = &entry->env;

	if (strcmp(entry->id, name) == 0)
		return true;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (is_open(&env->rcpts[i]) &&
		    (str_ieq(env->rcpts[i].path, name) ||
		    str_ieq(address_domain(env->rcpts[i].path), name)))
			return true;
	return false;
}

static bool
is_named_by_any(const struct entry *entry, const struct options *o)
{
	for (int i = 0; i < o->noperand; i++)
		if (is_named(entry, o->operands[i]))
			return true;
	return o->noperand == 0;
}

static const char *
place_name(enum spool_place place)
{
	switch (place) {
	case PLACE_RUN:
		return "active";
	case PLACE_HOLD:
		return "hold";
	case PLACE_DAMAGED:
		return "damaged";
	case PLACE_QUEUE:
		break;
	}
	return "deferred";
}

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

/* "(reason)" once for recipients that share it, as mailq of Postfix. */
static void
list_rcpts(struct listing *l, const struct envelope *env)
{
	const char *last = "";

	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *rcpt = &env->rcpts[i];
		const char *text = rcpt->text != NULL ? rcpt->text : "";

		if (!is_open(rcpt))
			continue;
		if (strcmp(text, last) != 0 && text[0] != '\0')
			add_line(&l->out, "(%s)", text);
		last = text;
		add_line(&l->out, "%41s%s", "", rcpt->path);
	}
}

static void
head_line(struct listing *l)
{
	if (l->shown == 0)
		buf_adds(&l->out, "-Queue ID-  --Size-- ----Arrival Time---- "
		    "-Sender/Recipient-------\n");
}

static void
list_entry(struct listing *l, const struct row *row, const struct entry *entry)
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
	list_rcpts(l, env);
	buf_addc(&l->out, '\n');
}

static void
list_entry_json(struct listing *l, const struct row *row,
    const struct entry *entry)
{
	const struct envelope *env = &entry->env;

	json_open(&l->out, NULL);
	json_string(&l->out, "queue_name", place_name(row->place));
	json_string(&l->out, "queue_id", entry->id);
	json_number(&l->out, "arrival_time", env->arrived_s);
	json_number(&l->out, "message_size", (int64_t)env->size);
	json_string(&l->out, "sender", env->reverse_path);
	json_number(&l->out, "expires", env->expires_s);
	if (row->place == PLACE_QUEUE)
		json_number(&l->out, "due", row->due);
	json_open_array(&l->out, "recipients");
	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *rcpt = &env->rcpts[i];

		if (!is_open(rcpt))
			continue;
		json_open(&l->out, NULL);
		json_string(&l->out, "address", rcpt->path);
		json_string(&l->out, "state", outcome_name(rcpt->state));
		json_number(&l->out, "attempts", rcpt->attempts);
		if (rcpt->text != NULL)
			json_string(&l->out, "delay_reason", rcpt->text);
		json_close(&l->out);
	}
	json_close_array(&l->out);
	json_close(&l->out);
	buf_addc(&l->out, '\n');
}

/* What nobody can read or send any more, but an administrator should see. */
static void
list_damaged(struct listing *l, const struct row *row, const char *why)
{
	if (l->options->json) {
		json_open(&l->out, NULL);
		json_string(&l->out, "queue_name", place_name(PLACE_DAMAGED));
		json_string(&l->out, "queue_id", row->id);
		json_string(&l->out, "reason", why);
		json_close(&l->out);
		buf_addc(&l->out, '\n');
		return;
	}
	head_line(l);
	buf_printf(&l->out, "%s#        - damaged; kept aside, not sent\n(%s)\n\n",
	    row->id, why);
}

static void
show(struct listing *l, const struct row *row)
{
	struct entry entry = { .fd = -1 };
	struct err err;
	int rc = spool_peek(l->spool, row->id, row->place, &entry, &err);

	if (rc > 0 && (!is_named_by_any(&entry, l->options) ||
	    (process_serves_guest() && entry.env.uid != getuid())))
		rc = 0;
	if (rc < 0 && process_serves_guest())
		rc = 0;
	if (rc > 0 && row->place == PLACE_DAMAGED) {
		rc = -1;
		err_set(&err, ERR_DATA, NULL, "its message is damaged");
	}
	if (rc < 0)
		list_damaged(l, row, err.text);
	else if (rc > 0 && l->options->json)
		list_entry_json(l, row, &entry);
	else if (rc > 0)
		list_entry(l, row, &entry);
	l->shown += rc != 0;
	l->octets += rc > 0 ? entry.env.size : 0;
	entry_release(&entry);
	if (l->out.len > OUTPUT_MAX)
		print(&l->out);
}

static int
scan(struct listing *l, const struct options *options, struct spool *spool)
{
	struct err err;

	*l = (struct listing){ .options = options, .spool = spool };
	if (spool_scan(spool, collect, l, &err) == 0)
		return 0;
	result_complain(options->name, "%s", err.text);
	free(l->rows);
	return exitcode_of_err(&err);
}

int
queue_list(const struct options *options, struct spool *spool)
{
	struct listing l;
	int code = scan(&l, options, spool);

	if (code != 0)
		return code;
	if (l.n > 0)
		qsort(l.rows, l.n, sizeof(*l.rows), by_id);
	for (size_t i = 0; i < l.n; i++)
		show(&l, &l.rows[i]);
	if (!options->json && l.shown == 0)
		buf_adds(&l.out, "Mail queue is empty\n");
	else if (!options->json)
		buf_printf(&l.out, "-- %" PRIu64 " Kbytes in %zu Request%s.\n",
		    (l.octets + 1023) / 1024, l.shown,
		    l.shown == 1 ? "" : "s");
	print(&l.out);
	buf_release(&l.out);
	free(l.rows);
	return EX_OK;
}

int
queue_count(const struct options *options, struct spool *spool)
{
	struct listing l;
	int code = scan(&l, options, spool);

	if (code != 0)
		return code;
	for (size_t i = 0; i < l.n; i++)
		l.shown += l.rows[i].place != PLACE_DAMAGED;
	buf_printf(&l.out, "%zu\n", l.shown);
	print(&l.out);
	buf_release(&l.out);
	free(l.rows);
	return EX_OK;
}

static bool
has_rcpt(const struct envelope *env, const char *text)
{
	for (size_t i = 0; i < env->nrcpt; i++)
		if (is_open(&env->rcpts[i]) &&
		    str_icasestr(env->rcpts[i].path, text) != NULL)
			return true;
	return false;
}

static bool
wanted(void *arg, const struct entry *entry)
{
	const struct options *o = arg;

	return is_named_by_any(entry, o) &&
	    (o->only_id == NULL || strstr(entry->id, o->only_id) != NULL) &&
	    (o->only_sender == NULL || str_icasestr(entry->env.reverse_path,
	    o->only_sender) != NULL) &&
	    (o->only_recipient == NULL || has_rcpt(&entry->env,
	    o->only_recipient));
}

static void
outcome(void *arg, struct item *item, size_t rcpt, const struct outcome *o)
{
	const struct options *options = arg;

	if (options->json)
		result_json(&item->entry, rcpt, o);
}

/* On a terminal somebody wants to know what is left, and until when. */
static void
tell(const struct flush_result *r)
{
	size_t left = r->kept + r->waiting;
	struct buf line = { 0 };
	char when[32] = "";
	struct tm tm;

	buf_printf(&line, "%zu delivered, %zu deferred, %zu failed; ",
	    r->delivered, r->deferred, r->failed);
	if (r->next_due != 0 && localtime_r(&r->next_due, &tm) != NULL)
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	if (left == 0)
		buf_adds(&line, "nothing waits\n");
	else
		buf_printf(&line, "%zu message%s wait%s, the next is due %s\n",
		    left, left == 1 ? "" : "s", left == 1 ? "s" : "", when);
	print(&line);
	buf_release(&line);
}

int
queue_flush(const struct options *options, const struct delivery *settings,
    struct spool *spool)
{
	bool selected = options->noperand > 0 || options->only_id != NULL ||
	    options->only_recipient != NULL || options->only_sender != NULL;
	struct delivery how = *settings;
	struct options o = *options;
	struct flush_options flush = { .now = options->now,
		.wanted = selected ? wanted : NULL, .arg = &o,
		.outcome = outcome, .own_only = process_serves_guest() };
	struct flush_result result;
	struct err err;

	if (options->interval != NULL)
		result_complain(options->name, "-q%s: there is no daemon; "
		    "this is one pass", options->interval);
	how.force = options->now || selected;
	if (flush_run(spool, &how, &flush, &result, &err) < 0) {
		result_complain(options->name, "%s", err.text);
		return exitcode_of_err(&err);
	}
	if (!options->json && isatty(STDOUT_FILENO) && selected &&
	    result.matched == 0)
		result_complain(options->name, "no message in the queue "
		    "matches");
	else if (!options->json && isatty(STDOUT_FILENO))
		tell(&result);
	return EX_OK;
}
