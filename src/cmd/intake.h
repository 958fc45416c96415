/*
 * One message from a source into the spool: read, mended, with its envelope,
 * committed.
 */
#ifndef CMD_INTAKE_H
#define CMD_INTAKE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strlist.h"
#include "cmd/options.h"
#include "cmd/sender.h"
#include "cmd/settings.h"
#include "cmd/source.h"
#include "spool/spool.h"

/* What is the same for all messages of one run. */
struct intake {
	const struct options *options;
	const struct settings *settings;
	struct spool *spool;
	struct sender who;
	char	*sender;	/* canonical reverse-path, where the header has
				 * no say in it; "" is null; owned */
	char	*login;		/* owned */
	char	*full_name;	/* or NULL; owned */
	struct strlist recipients;	/* canonical, from the command line */
	struct strlist bad;	/* refused ones, "TEXT: reason" */
	bool	 headers_too;	/* recipients from headers as well */
	enum spool_place place;	/* where a message goes at its commit */
	bool	 sync;
};

/*
 * Look at the command line: sender and recipients. Returns 0, or -1 with *err:
 * ERR_DATA a sender that is none, ERR_USAGE no recipients at all and none
 * to come from headers, or an account that there is not.
 */
int	intake_init(struct intake *, const struct options *,
	    const struct settings *, struct spool *, struct err *);
void	intake_release(struct intake *);

/*
 * Read the source's message at hand to its end and commit it. Recipients that
 * are no addresses become rows that have failed (5.1.3), so that they cost
 * only themselves and the sender hears of them.
 *
 * out  the entry (PLACE_RUN), or only its id and envelope (PLACE_QUEUE).
 *
 * Returns 0; or -1 with *err, and nothing is kept: ERR_USAGE nobody to send
 * to; ERR_DATA (5.5.3: more than recipients-max); ERR_PERM 5.4.6;
 * ERR_NOINPUT; ERR_TEMP.
 */
int	intake_message(struct intake *, struct source *, struct entry *out,
	    struct err *);

#endif
