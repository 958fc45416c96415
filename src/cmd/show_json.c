#include "config.h"

#include "cmd/show_json.h"

#include "base/json.h"
#include "cmd/result.h"

/* As much of a header as is shown. */
#define HEADER_MAX 65536

static void
json_text(struct buf *out, const char *name, const char *text)
{
	if (text != NULL)
		json_string(out, name, text);
}

static void
json_envelope(struct buf *out, const struct queue_row *row,
    const struct envelope *env, const char *trouble)
{
	json_number(out, "version", RESULT_VERSION);
	json_string(out, "queue_id", row->id);
	json_string(out, "queue_name", queue_place_name(trouble != NULL ?
	    PLACE_DAMAGED : row->place));
	json_text(out, "reason", trouble);
	json_string(out, "sender", env->reverse_path);
	json_number(out, "message_size", (int64_t)env->size);
	json_number(out, "arrival_time", env->arrived_s);
	json_number(out, "expires", env->expires_s);
	if (row->place == PLACE_QUEUE)
		json_number(out, "due", row->due);
	json_number(out, "uid", env->uid);
	json_text(out, "submitter", env->submitter);
	json_text(out, "account", env->account);
	json_text(out, "envid", env->envid);
	if (env->ret != RET_NONE)
		json_string(out, "ret", env->ret == RET_FULL ? "full" :
		    "hdrs");
}

static void
json_rcpt(struct buf *out, const struct rcpt *r)
{
	struct buf notify = { 0 };

	json_open(out, NULL);
	json_string(out, "address", r->path);
	json_string(out, "state", outcome_name(r->state));
	json_number(out, "attempts", r->attempts);
	json_bool(out, "reported", r->reported);
	json_bool(out, "warned", r->warned);
	if (r->notify != 0) {
		notify_write(&notify, r->notify);
		json_string(out, "notify", buf_str(&notify));
	}
	json_text(out, "orcpt", r->orcpt);
	json_text(out, "status", r->status);
	json_text(out, "text", r->text);
	json_text(out, "host", r->host);
	if (r->last_s != 0)
		json_number(out, "last_attempt", r->last_s);
	json_close(out);
	buf_release(&notify);
}

struct history {
	struct buf *out;
	const struct envelope *env;
};

static void
json_event(void *arg, const struct event *e)
{
	const struct history *h = arg;
	struct buf *out = h->out;

	json_open(out, NULL);
	json_string(out, "event", event_name(e->kind));
	if (e->time_s != 0)
		json_number(out, "time", e->time_s);
	if (e->kind >= EVENT_HELD)
		json_number(out, "uid", e->uid);
	else
		json_string(out, "recipient",
		    h->env->rcpts[e->rcpt].path);
	if (e->kind < EVENT_REPORTED) {
		json_number(out, "code", e->outcome.code);
		json_string(out, "status", e->outcome.status);
		json_string(out, "host", e->outcome.host);
		json_string(out, "text", e->outcome.text);
	}
	json_close(out);
}

/* Lines end as files' lines do. */
static void
json_header(struct buf *out, const struct buf *header)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < header->len; i++)
		if (header->data[i] != '\r')
			buf_addc(&text, header->data[i]);
	json_string(out, "header", buf_str(&text));
	buf_release(&text);
}

int
show_json(struct spool *spool, const struct queue_row *row,
    struct entry *entry, const char *trouble, struct buf *out,
    struct err *err)
{
	struct history history = { out, &entry->env };
	struct buf header = { 0 };
	int rc;

	json_open(out, NULL);
	json_envelope(out, row, &entry->env, trouble);
	json_open_array(out, "recipients");
	for (size_t i = 0; i < entry->env.nrcpt; i++)
		json_rcpt(out, &entry->env.rcpts[i]);
	json_close_array(out);
	json_open_array(out, "history");
	rc = entry_history(spool, entry, json_event, &history, err);
	json_close_array(out);
	if (entry_header(spool, entry, HEADER_MAX, &header, err) < 0)
		rc = -1;
	json_header(out, &header);
	json_close(out);
	buf_addc(out, '\n');
	buf_release(&header);
	return rc;
}

void
show_json_damaged(const struct queue_row *row, const char *why,
    struct buf *out)
{
	json_open(out, NULL);
	json_number(out, "version", RESULT_VERSION);
	json_string(out, "queue_id", row->id);
	json_string(out, "queue_name", queue_place_name(PLACE_DAMAGED));
	json_string(out, "reason", why);
	json_close(out);
	buf_addc(out, '\n');
}
