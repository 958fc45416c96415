#include "config.h"

#include "deliver/words.h"

#include <inttypes.h>
#include <stdio.h>

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

void
words_attempt(const struct entry *entry, size_t rcpt,
    const struct outcome *o, double age_s)
{
	char where[OUTCOME_HOST_MAX + OUTCOME_ADDR_MAX + 16];
	double connect = o->connect_ms / 1000.0;
	double transfer = o->transfer_ms / 1000.0;
	double before = age_s - connect - transfer;

	if (before < 0)
		before = 0;
	relay(o, where, sizeof(where));
	log_line(LOG_LEVEL_INFO, "smtp",
	    "%s: to=<%s>, relay=%s, delay=%.2g, delays=%.2g/0/%.2g/%.2g, "
	    "dsn=%s, status=%s (%s)%s%s",
	    entry->id, entry->env.rcpts[rcpt].path, where, age_s, before,
	    connect, transfer, o->status, status_word(o->kind), o->text,
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
	    "%s: to=<%s>, status=expired (not delivered within %jd %s)",
	    entry->id, env->rcpts[rcpt].path, life_s / unit_s,
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
