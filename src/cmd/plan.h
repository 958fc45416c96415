/*
 * What would happen to mail for some addresses: the way of each, and what the
 * DNS says about where that leads. Nothing is sent; -bv and --explain tell it.
 */
#ifndef CMD_PLAN_H
#define CMD_PLAN_H

#include <stddef.h>

#include "base/strlist.h"
#include "base/strmap.h"
#include "deliver/delivery.h"
#include "deliver/target.h"

/* What is known of a target. */
struct plan_target {
	char	*domain;		/* owned; of the first address */
	struct way way;
	struct mx_answer answer;
};

struct plan_row {
	const char *address;		/* canonical */
	struct way way;
	const struct plan_target *target;	/* NULL: it goes nowhere */
};

struct plan {
	struct plan_row *rows;		/* owned */
	size_t	 n;
	struct strmap targets;		/* name -> struct plan_target */
};

/*
 * Find it all out; *plan is all zero. Waits for the DNS as long as how->dns_s.
 *
 * account       as --account, or NULL.
 * reverse_path  canonical.
 * addresses     canonical; kept by reference.
 */
void	plan_make(struct plan *, const struct delivery *how,
	    const char *account, const char *reverse_path,
	    const struct strlist *addresses);
void	plan_release(struct plan *);

/* The exit status that mail to this address would end with: 0 it would be
 * sent, 75 it would wait, else that of its refusal. */
int	plan_exit_code(const struct plan_row *);

#endif
