/*
 * What is remembered of each site across runs: when it failed as a whole,
 * how often, and when it may be tried again. One small file each below
 * SPOOL/sites, written whole and renamed, not synced: losing one costs an
 * early attempt. A file that cannot be read is as none.
 */
#ifndef SPOOL_SITES_H
#define SPOOL_SITES_H

#include <time.h>

#include "base/err.h"
#include "spool/retry.h"
#include "spool/spool.h"

/* So many files at most are kept; the oldest go. */
#define SITES_MAX 10000

struct site_memory {
	unsigned failures;	/* in a row; 0: nothing is held against it */
	time_t	 first_s;	/* of the first of them */
	time_t	 next_s;	/* not to be tried before */
	char	 reason[256];	/* of the last, sanitised */
};

/*
 * Read or write what is remembered of the site called key: any text, e.g.
 * its sorted MX hosts; it is stored and compared, so keys cannot collide.
 * sites_set() with failures 0 forgets the site.
 */
void	sites_get(struct spool *, const char *key, struct site_memory *);
int	sites_set(struct spool *, const char *key, const struct site_memory *,
	    struct err *);

/*
 * Note a failure of the site as a whole. Once for each wait: one that comes
 * before the site was to be tried again (by a new message, or because somebody
 * asked for it) belongs to the same trouble, and changes nothing but the
 * reason. Else a burst of messages within a second would make all of them wait
 * for hours.
 *
 * random  0..9999, for the jitter.
 */
void	sites_strike(struct site_memory *, const struct retry_rule *,
	    time_t now, unsigned random, const char *reason);

/* Remove files of sites that were last written more than age_s ago, and the
 * oldest of those that are too many. */
void	sites_sweep(struct spool *, time_t now, unsigned age_s);

#endif
