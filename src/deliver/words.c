#include "config.h"

#include "deliver/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

void
words_queued(const struct entry *entry)
{
	const struct envelope *env = &entry->env;

	log_line(LOG_LEVEL_INFO, "qmgr",
	    "%s: from=<%s>, size=%" PRIu64 ", nrcpt=%zu (queue active)",
	    entry->id, env->reverse_path, env->size, env->nrcpt);
}

/* status= as Postfix writes it. */
static const char *
status_word(uint8_t kind)
{
	return kind == OUTCOME_DELIVERED ? "sent" :
	    kind == OUTCOME_FAILED ? "bounced" : "deferred";
}

static void
relay(const struct outcome *o, char *out, size_t size)
{
	if (o->host[0] == '\0' || o->address[0] == '\0')
		snprintf(out, size, "none");
	else
		snprintf(out, size, "%s[%s]:%u", o->host, o->address,
		    (unsigned)o->port);
}

/* Seconds with two digits that count, as Postfix writes them, and never with
 * an exponent. */
static const char *
seconds(double s, char *out, size_t size)
{
	int digits = s >= 10 ? 0 : s >= 1 ? 1 : s >= 0.1 ? 2 : s >= 0.01 ? 3 : 4;
	size_t n;

	if (s < 0.0001)
		return "0";
	snprintf(out, size, "%.*f", digits, s);
	/* 0.10 is 0.1 */
	n = strlen(out);
	while (digits > 0 && out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
	return out;
}

void
words_attempt(const struct entry *entry, size_t rcpt,
    const struct outcome *o, double age_s)
{
	char where[OUTCOME_HOST_MAX + OUTCOME_ADDR_MAX + 16];
	char text[4][32];
	double connect = o->connect_ms / 1000.0;
	double transfer = o->transfer_ms / 1000.0;
	double before = age_s - connect - transfer;

	if (before < 0)
		before = 0;
	relay(o, where, sizeof(where));
	log_line(LOG_LEVEL_INFO, "smtp",
	    "%s: to=<%s>, relay=%s, delay=%s, delays=%s/0/%s/%s, "
	    "dsn=%s, status=%s (%s)%s%s",
	    entry->id, entry->env.rcpts[rcpt].path, where,
	    seconds(age_s, text[0], sizeof(text[0])),
	    seconds(before, text[1], sizeof(text[1])),
	    seconds(connect, text[2], sizeof(text[2])),
	    seconds(transfer, text[3], sizeof(text[3])), o->status, status_word(o->kind), o->text,
	    o->tls[0] != '\0' ? ", tls=" : "", o->tls);
}

/* In hours, or in less where that would not be whole. */
void
words_expired(const struct entry *entry, size_t rcpt)
{
	const struct envelope *env = &entry->env;
	intmax_t life_s = (intmax_t)(env->expires_s - env->arrived_s);
	intmax_t unit_s = life_s % 3600 == 0 ? 3600 : life_s % 60 == 0 ? 60 :
	    1;

	log_line(LOG_LEVEL_INFO, "qmgr",
	    "%s: to=<%s>, status=expired (%s within %jd %s)",
	    entry->id, env->rcpts[rcpt].path, env->rcpts[rcpt].cut_off ?
	    "its servers were not reached" : "not delivered", life_s / unit_s,
	    unit_s == 3600 ? "hours" : unit_s == 60 ? "minutes" : "seconds");
}

void
words_removed(const struct entry *entry)
{
	log_line(LOG_LEVEL_INFO, "qmgr", "%s: removed", entry->id);
}

void
words_deed(const struct entry *entry, const char *deed, uid_t uid)
{
	const struct envelope *env = &entry->env;

	log_line(LOG_LEVEL_INFO, "queue",
	    "%s: %s by uid=%lu, from=<%s>, size=%" PRIu64 ", nrcpt=%zu",
	    entry->id, deed, (unsigned long)uid, env->reverse_path != NULL ?
	    env->reverse_path : "", env->size, env->nrcpt);
}

void
words_bounced(const struct entry *entry, const char *bounce_id)
{
	log_line(LOG_LEVEL_INFO, "bounce",
	    "%s: sender non-delivery notification: %s", entry->id, bounce_id);
}

void
words_warned(const struct entry *entry, const char *dsn_id)
{
	log_line(LOG_LEVEL_INFO, "bounce",
	    "%s: sender delay notification: %s", entry->id, dsn_id);
}

void
words_loop(const struct entry *entry)
{
	log_line(LOG_LEVEL_WARNING, "bounce", "%s: a report about a report, "
	    "and so on: a loop, it is not reported", entry->id);
}
