#include "config.h"

#include "cmd/lost.h"

#include <string.h>

#include "deliver/bounce.h"
#include "deliver/settle.h"

/* Has all that is not done with failed, and wanted somebody to hear of it? */
static bool
has_failed(const struct envelope *env)
{
	bool wanted = false;

	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *rcpt = &env->rcpts[i];

		if (!rcpt_is_open(rcpt))
			continue;
		if (rcpt->state != OUTCOME_FAILED)
			return false;
		wanted |= settle_wants_failure(rcpt);
	}
	return wanted;
}

/* The sender; or who is set for that, but not of his own mail. */
static bool
has_reader(const struct envelope *env, const char *double_bounce)
{
	if (env->reverse_path[0] != '\0')
		return true;
	if (double_bounce == NULL)
		return false;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (rcpt_is_open(&env->rcpts[i]) &&
		    strcmp(env->rcpts[i].path, double_bounce) == 0)
			return false;
	return true;
}

bool
lost_entry(struct spool *spool, struct entry *entry,
    const char *double_bounce)
{
	struct err err;

	return has_failed(&entry->env) &&
	    (!has_reader(&entry->env, double_bounce) ||
	    bounce_allowed(spool, entry, &err) == 0);
}
