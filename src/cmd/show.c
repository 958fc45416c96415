#include "config.h"

#include "cmd/show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cmd/exitcode.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "cmd/result.h"
#include "cmd/show_json.h"
#include "deliver/settle.h"

/* What is printed is gathered up to this much. */
#define OUTPUT_MAX 65536

/* Bytes of a character. */
#define UTF8_MAX 4

struct show {
	const struct options *options;
	struct spool *spool;
	struct select select;
	const struct entry *entry;	/* the one at hand */
	bool	 terminal;
	size_t	 shown;
	int	 code;			/* of what could not be read; 0 */
	struct buf out;
};

/* One line, "  name      text", without what could steer a terminal. */
static void __attribute__((format(printf, 3, 4)))
add(struct show *s, const char *name, const char *fmt, ...)
{
	size_t from = s->out.len;
	va_list ap;

	buf_printf(&s->out, "  %-8s  ", name);
	va_start(ap, fmt);
	buf_vprintf(&s->out, fmt, ap);
	va_end(ap);
	buf_str(&s->out);
	s->out.len = from + strlen(str_sanitise(s->out.data + from));
	buf_addc(&s->out, '\n');
}

static const char *
date(time_t t, char *out, size_t size)
{
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%a %b %e %H:%M:%S %Y", &tm) == 0)
		str_copy(out, size, "?");
	return out;
}

static void
add_state(struct show *s, const struct queue_row *row, const char *trouble)
{
	const struct envelope *env = &s->entry->env;
	const char *place = queue_place_name(row->place);
	char when[64];

	if (trouble != NULL)
		add(s, "state", "damaged: %s", trouble);
	else if (row->place == PLACE_QUEUE)
		add(s, "state", "%s, due %s", place,
		    date(row->due, when, sizeof(when)));
	else if (row->place == PLACE_HOLD && env->held_s != 0)
		add(s, "state", "%s, by uid %lu since %s", place,
		    (unsigned long)env->held_by,
		    date(env->held_s, when, sizeof(when)));
	else
		add(s, "state", "%s", place);
}

static void
add_envelope(struct show *s)
{
	const struct envelope *env = &s->entry->env;
	char when[64];

	add(s, "sender", "%s", env->reverse_path[0] != '\0' ?
	    env->reverse_path : "<>");
	add(s, "sent by", "%s%suid %lu", env->submitter != NULL ?
	    env->submitter : "", env->submitter != NULL ? ", " : "",
	    (unsigned long)env->uid);
	add(s, "arrived", "%s", date(env->arrived_s, when, sizeof(when)));
	add(s, "expires", "%s", date(env->expires_s, when, sizeof(when)));
	add(s, "size", "%" PRIu64 " octets", env->size);
	if (env->account != NULL)
		add(s, "account", "%s", env->account);
	if (env->envid != NULL)
		add(s, "envid", "%s", env->envid);
	if (env->ret != RET_NONE)
		add(s, "report", "%s", env->ret == RET_FULL ? "full" : "hdrs");
}

static void
add_rcpt(struct show *s, const struct rcpt *r)
{
	struct buf more = { 0 };

	if (r->attempts > 0)
		buf_printf(&more, ", %u attempt%s", (unsigned)r->attempts,
		    r->attempts == 1 ? "" : "s");
	if (r->reported)
		buf_adds(&more, settle_wants_failure(r) ? ", reported" :
		    ", not to be reported");
	if (r->warned)
		buf_adds(&more, ", warned of the delay");
	if (r->notify != 0) {
		buf_adds(&more, ", notify ");
		notify_write(&more, r->notify);
	}
	add(s, "to", "%s: %s%s", r->path, outcome_name(r->state),
	    buf_str(&more));
	if (r->text != NULL && r->host != NULL)
		add(s, "", "%s (%s %s)", r->text, rcpt_host_word(r), r->host);
	else if (r->text != NULL)
		add(s, "", "%s", r->text);
	buf_release(&more);
}

static void
add_event(void *arg, const struct event *e)
{
	struct show *s = arg;
	const struct outcome *o = &e->outcome;
	const char *path = s->entry->env.rcpts != NULL ?
	    s->entry->env.rcpts[e->rcpt].path : "";
	char when[64];

	if (e->kind >= EVENT_HELD)
		add(s, "history", "%s %s by uid %lu", date(e->time_s, when,
		    sizeof(when)), event_name(e->kind),
		    (unsigned long)e->uid);
	else if (e->kind >= EVENT_REPORTED)
		add(s, "history", "%24s %s %s", "", event_name(e->kind), path);
	else
		add(s, "history", "%s %s %s %s%s%s%s%s", date(e->time_s, when,
		    sizeof(when)), event_name(e->kind), path, o->status,
		    o->host[0] != '\0' ? " " : "", o->host,
		    o->text[0] != '\0' ? ": " : "", o->text);
	if (s->out.len > OUTPUT_MAX)
		output_write(&s->out);
}

/*
 * Could this character, or this byte of none, steer a terminal? U+0080 to
 * U+009F are as good as ESC, in UTF-8, and as bytes where it does not know
 * UTF-8.
 */
static bool
steers(const char *text, size_t len)
{
	unsigned char c = (unsigned char)text[0];

	if (c < 0x80)
		return (c < ' ' || c == 0x7f) && c != '\n' && c != '\t';
	if (len == 2 && c == 0xc2)
		c = (unsigned char)text[1];
	return len < 3 && c < 0xa0;
}

/* Lines end as files' lines do; on a terminal nothing steers it. */
static void
add_char(struct show *s, const char *text, size_t len)
{
	if (text[0] == '\r')
		return;
	if (s->terminal && steers(text, len))
		buf_addc(&s->out, '?');
	else
		buf_add(&s->out, text, len);
}

/* Returns how much of it was taken: at its end there may be the beginning of a
 * character, which goes before the next piece. */
static size_t
add_text(struct show *s, const char *data, size_t n, bool last)
{
	size_t i = 0, len;

	while (i < n) {
		len = utf8_len(data + i, n - i);
		if (len == 0 && !last && n - i < UTF8_MAX &&
		    (unsigned char)data[i] >= 0xc0)
			break;
		len = len > 0 ? len : 1;
		add_char(s, data + i, len);
		i += len;
	}
	output_write(&s->out);
	return i;
}

static int
add_message(struct show *s, const struct entry *entry, struct err *err)
{
	uint64_t at = 0, size = entry->env.size;
	size_t left = 0, room, used;
	char piece[8192];
	ssize_t n;

	buf_addc(&s->out, '\n');
	while (at < size) {
		room = sizeof(piece) - left;
		n = pread_all(entry->fd, piece + left, size - at < room ?
		    (size_t)(size - at) : room,
		    (off_t)(entry->message_at + at));
		if (n <= 0)
			return err_set(err, ERR_TEMP, NULL,
			    "%s: the message cannot be read", entry->id);
		at += (uint64_t)n;
		left += (size_t)n;
		used = add_text(s, piece, left, at == size);
		left -= used;
		memmove(piece, piece + used, left);
	}
	buf_addc(&s->out, '\n');
	return 0;
}

static int
show_text(struct show *s, const struct queue_row *row, struct entry *entry,
    const char *trouble, struct err *err)
{
	const struct envelope *env = &entry->env;

	buf_printf(&s->out, "%s\n", row->id);
	add_state(s, row, trouble);
	add_envelope(s);
	for (size_t i = 0; i < env->nrcpt; i++)
		add_rcpt(s, &env->rcpts[i]);
	if (entry_history(s->spool, entry, add_event, s, err) < 0)
		return -1;
	return add_message(s, entry, err);
}

/* Not even its envelope can be read. */
static void
show_damaged(struct show *s, const struct queue_row *row,
    const struct err *why)
{
	if (s->options->json) {
		show_json_damaged(row, result_reason(row->id, why->text),
		    &s->out);
		return;
	}
	buf_printf(&s->out, "%s\n", row->id);
	add(s, "state", "%s: %s", why->kind == ERR_DATA ? "damaged" :
	    "cannot be read now", result_reason(row->id, why->text));
	buf_addc(&s->out, '\n');
}

static void
show_row(void *arg, const struct queue_row *row, struct entry *entry,
    const struct err *why)
{
	struct show *s = arg;
	const char *trouble = NULL;
	struct err err, bad;
	int rc;

	s->shown++;
	s->entry = entry;
	if (entry == NULL) {
		show_damaged(s, row, why);
		output_write(&s->out);
		return;
	}
	if (entry_verify(s->spool, entry, &bad) < 0)
		trouble = result_reason(row->id, bad.text);
	rc = s->options->json ?
	    show_json(s->spool, row, entry, trouble, &s->out, &err) :
	    show_text(s, row, entry, trouble, &err);
	output_write(&s->out);
	if (rc < 0) {
		result_complain(s->options->name, "%s", err.text);
		s->code = exitcode_of_err(&err);
	}
}

static int
run(struct show *s)
{
	const char *name = s->options->name, *id;
	size_t i = 0, missing = 0;
	struct err err;

	if (queue_walk(s->spool, &s->select, show_row, s, &err) < 0) {
		result_complain(name, "%s", err.text);
		s->code = exitcode_of_err(&err);
	}
	for (; (id = select_missing(&s->select, &i)) != NULL; missing++)
		result_complain(name, "%s: there is no such message", id);
	if (s->code != 0)
		return s->code;
	if (s->shown == 0 && missing == 0)
		result_complain(name, "no message in the queue matches");
	return s->shown > 0 ? EX_OK : EX_UNAVAILABLE;
}

int
show_run(const struct options *options, struct spool *spool)
{
	struct show s = { .options = options, .spool = spool,
		.terminal = isatty(STDOUT_FILENO) };
	struct err err;
	int code;

	if (select_init(&s.select, options, &err) == 0)
		code = run(&s);
	else {
		result_complain(options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	}
	select_release(&s.select);
	buf_release(&s.out);
	return code;
}
