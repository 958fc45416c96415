#include "config.h"

#include "cmd/result.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/json.h"
#include "base/str.h"
#include "cmd/output.h"

void
result_complain(const char *name, const char *fmt, ...)
{
	struct buf line = { 0 };
	va_list ap;

	buf_printf(&line, "%s: ", name);
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	buf_str(&line);
	line.len = strlen(str_sanitise(line.data));
	buf_addc(&line, '\n');
	/* a caller that does not listen must not cost the mail */
	(void)!write_all(STDERR_FILENO, line.data, line.len);
	buf_release(&line);
}

const char *
result_reason(const char *id, const char *reason)
{
	if (str_starts(reason, id) && str_starts(reason + strlen(id), ": "))
		return reason + strlen(id) + 2;
	return reason;
}

void
result_json(const struct entry *entry, size_t rcpt, const struct outcome *o)
{
	struct buf line = { 0 };

	json_open(&line, NULL);
	json_number(&line, "version", RESULT_VERSION);
	json_string(&line, "id", entry->id);
	json_string(&line, "recipient", entry->env.rcpts[rcpt].path);
	json_string(&line, "state", outcome_name(o->kind));
	json_string(&line, "stage", outcome_stage_name(o->stage));
	json_number(&line, "code", o->code);
	json_string(&line, "status", o->status);
	json_string(&line, "text", o->text);
	json_string(&line, "host", o->host);
	json_string(&line, "address", o->address);
	json_number(&line, "port", o->port);
	json_string(&line, "tls", o->tls);
	json_bool(&line, "possible_duplicate", o->in_doubt);
	json_milli(&line, "connect_s", o->connect_ms);
	json_milli(&line, "transfer_s", o->transfer_ms);
	json_close(&line);
	buf_addc(&line, '\n');
	output_write(&line);
	buf_release(&line);
}

void
result_refused(const char *name, const struct rcpt *rcpt)
{
	const char *text = rcpt->text != NULL ? rcpt->text : "refused";
	const char *status = "", *gap = "";

	/* a reply brings its own codes; our own words do not */
	if (!rcpt_has_reply(rcpt) && rcpt->status != NULL) {
		status = rcpt->status;
		gap = " ";
	}
	if (rcpt->host != NULL && rcpt->host[0] != '\0')
		result_complain(name, "%s: %s%s%s (%s %s)", rcpt->path,
		    status, gap, text, rcpt_host_word(rcpt), rcpt->host);
	else
		result_complain(name, "%s: %s%s%s", rcpt->path, status, gap,
		    text);
}
