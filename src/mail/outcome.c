#include "config.h"

#include "mail/outcome.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"

const char *
outcome_name(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_NONE:
		break;
	case OUTCOME_DELIVERED:
		return "delivered";
	case OUTCOME_DEFERRED:
		return "deferred";
	case OUTCOME_FAILED:
		return "failed";
	}
	return "pending";
}

const char *
outcome_stage_name(enum outcome_stage stage)
{
	static const char *const names[] = {
		[STAGE_NONE] = "preparation",
		[STAGE_DNS] = "name lookup",
		[STAGE_CONNECT] = "connect",
		[STAGE_GREETING] = "greeting",
		[STAGE_HELLO] = "EHLO",
		[STAGE_TLS] = "STARTTLS",
		[STAGE_AUTH] = "AUTH",
		[STAGE_MAIL] = "MAIL FROM",
		[STAGE_RCPT] = "RCPT TO",
		[STAGE_DATA] = "DATA",
		[STAGE_DOT] = "end of DATA",
	};

	if ((size_t)stage >= sizeof(names) / sizeof(names[0]))
		return names[STAGE_NONE];
	return names[stage];
}

void
outcome_from_err(struct outcome *o, enum outcome_stage stage,
    const struct err *err)
{
	bool failed = err->kind == ERR_PERM || err->kind == ERR_DATA;

	o->kind = failed ? OUTCOME_FAILED : OUTCOME_DEFERRED;
	o->stage = (uint8_t)stage;
	o->code = 0;
	str_copy(o->status, sizeof(o->status), err->status);
	status_agree(o->status, failed ? 500 : 400);
	str_copy(o->text, sizeof(o->text), err->text);
}

/*
 * A bool that is neither 0 nor 1 may not even be looked at as a bool; the
 * bytes came from somebody else.
 */
static bool
is_bool(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, 1);
	return byte <= 1;
}

static bool
is_sound_text(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL && !str_has_control(s);
}

static bool
is_sound_status(const struct outcome *o)
{
	char status[STATUS_MAX];

	if (!is_sound_text(o->status, sizeof(o->status)))
		return false;
	return o->status[0] == '\0' ||
	    (status_parse(o->status, status) > 0 &&
		strcmp(o->status, status) == 0);
}

bool
outcome_valid(const struct outcome *o)
{
	return o->kind <= OUTCOME_FAILED && o->stage <= STAGE_DOT &&
	    is_bool(&o->whole_site) && is_bool(&o->offline) &&
	    is_bool(&o->in_doubt) && is_bool(&o->relayed_no_dsn) &&
	    is_sound_status(o) &&
	    is_sound_text(o->text, sizeof(o->text)) &&
	    is_sound_text(o->host, sizeof(o->host)) &&
	    is_sound_text(o->address, sizeof(o->address)) &&
	    is_sound_text(o->tls, sizeof(o->tls));
}
