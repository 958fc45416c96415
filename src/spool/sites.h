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
#include "spool/spool.h"

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

/* Remove files of sites that were last written more than age_s ago. */
void	sites_sweep(struct spool *, time_t now, unsigned age_s);

#endif
