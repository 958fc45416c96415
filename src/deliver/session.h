/*
 * What a worker does: the hosts of a site, one after the other, until every
 * forward-path of its load is decided.
 */
#ifndef DELIVER_SESSION_H
#define DELIVER_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "deliver/delivery.h"
#include "deliver/site.h"

/*
 * The body of a worker process. Drops privilege and descriptors first. Sends
 * one report for each task; does not return before all are sent, unless the
 * dispatcher is gone.
 */
void	session_run(const struct delivery *, const struct site *,
	    const struct task *load, size_t n, int report_fd);

/*
 * The longest that a load may take, in milliseconds: delivery.ceiling_s, and
 * a second for each 4 KiB that must go out.
 */
int64_t	session_ceiling_ms(const struct delivery *, const struct task *load,
	    size_t n);

#endif
