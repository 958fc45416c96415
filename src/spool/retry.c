#include "config.h"

#include "spool/retry.h"

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define DAY_S 86400

/* By the usual rule they take most of a day. */
#define CUT_OFF_FAILURES 10

/*
 * Greylisting wants to see that we come again, often after five minutes and
 * not much later than that.
 */
static const unsigned greylist_s[] = { 6 * 60, 12 * 60, 25 * 60 };

#define NGREYLIST (sizeof(greylist_s) / sizeof(greylist_s[0]))

/* first_s, doubled with each failure after the first, up to max_s. */
static unsigned
doubled(const struct retry_rule *rule, unsigned failures)
{
	uint64_t wait_s = rule->first_s;

	for (; failures > 1 && wait_s < rule->max_s && wait_s > 0; failures--)
		wait_s *= 2;
	return wait_s < rule->max_s ? (unsigned)wait_s : rule->max_s;
}

/* from and to in hundredths of wait_s; random is 0..9999. */
static unsigned
spread(unsigned wait_s, unsigned from, unsigned to, unsigned random)
{
	uint64_t parts = (uint64_t)from * 9999 +
	    (uint64_t)(to - from) * (random % 10000);
	uint64_t spread_s = wait_s * parts / (100 * 9999);

	if (spread_s > UINT32_MAX)
		return UINT32_MAX;
	return spread_s > 0 ? (unsigned)spread_s : 1;
}

unsigned
retry_delay(const struct retry_rule *rule, unsigned failures, bool greylisted,
    unsigned random)
{
	if (failures == 0)
		failures = 1;
	/* Never earlier than said: five minutes are five minutes. */
	if (greylisted && failures <= NGREYLIST)
		return spread(greylist_s[failures - 1], 100, 120, random);
	return spread(doubled(rule, failures), 80, 120, random);
}

time_t
retry_longest(time_t arrived, time_t expires)
{
	return expires - arrived >= 12 ? (expires - arrived) / 6 : 1;
}

time_t
retry_in_life(time_t due, time_t now, time_t arrived, time_t expires,
    unsigned random)
{
	time_t longest = retry_longest(arrived, expires), latest;

	/* past its end it is only here because it could not be given up */
	if (now >= expires)
		return due;
	latest = now + longest - longest / 5 * (time_t)(random % 10000) / 10000;
	if (latest > expires)
		latest = expires;
	return due < latest ? due : latest;
}

time_t
retry_sane(const struct retry_rule *rule, time_t due, time_t now)
{
	time_t longest = (time_t)rule->max_s * 6 / 5;

	if (longest < DAY_S)
		longest = DAY_S;
	return due > now + longest ? now : due;
}

bool
retry_cut_off(unsigned failures, time_t first, time_t now, time_t life_s)
{
	return failures >= CUT_OFF_FAILURES && life_s > 0 && first <= now &&
	    now - first >= life_s;
}

static bool
has_word(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (str_icasestr(text, *words) != NULL)
			return true;
	}
	return false;
}

/*
 * Most say the word. Some (rspamd, Plesk) only ask to come again, with a
 * status of security or policy: a busy server has another one.
 */
bool
retry_is_greylisting(int code, const char *status, const char *text)
{
	static const char *const names[] = { "greylist", "graylist",
		"grey-list", "gray-list", "grey list", "gray list",
		"greylst", NULL };
	static const char *const asks[] = { "try again", "try later",
		"come back", "retry", NULL };

	if (code != 450 && code != 451 && code != 421)
		return false;
	if (has_word(text, names))
		return true;
	return code != 421 && str_ieq(status, "4.7.1") && has_word(text, asks);
}
