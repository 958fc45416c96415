/*
 * How delivery is to be done: the values that cmd/ takes from the settings
 * and hands down. Strings are the caller's and outlive the run.
 */
#ifndef DELIVER_DELIVERY_H
#define DELIVER_DELIVERY_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "deliver/route.h"
#include "spool/retry.h"

enum tls_level {
	TLS_OFF,		/* never */
	TLS_OPPORTUNISTIC,	/* where it is offered and works */
	TLS_REQUIRED		/* or not at all */
};

struct delivery {
	const char *hostname;		/* for EHLO and reports */
	const char *nameserver;		/* NULL: /etc/resolv.conf */
	uint16_t port;			/* of the MX hosts */
	enum tls_level tls;
	const struct routing *routing;	/* which way what goes */

	unsigned jobs;			/* workers at the same time */
	unsigned site_connections;	/* of them at one site */
	unsigned connection_messages;	/* messages over one connection */
	unsigned transaction_recipients;

	bool	 guest;			/* for a user who could make up what is
					 * learned of sites: it is not kept */
	bool	 caller_waits;		/* shorter waits before MAIL */
	unsigned dns_s;			/* for all the lookups of a domain */
	unsigned connect_s;		/* for one address; 0: by profile */
	unsigned command_s;		/* upper bound of every wait but the
					 * final dot's; 0: by profile */
	unsigned dot_s;			/* for the reply to the message */
	unsigned ceiling_s;		/* for one destination altogether */

	struct retry_rule retry;
	unsigned bounce_lifetime_s;
	unsigned delay_warning_s;	/* 0: only who has asked is warned */
	uint64_t dsn_whole_max;		/* octets; a larger original is reported
					 * by its header only */
	const char *double_bounce;	/* canonical address, or NULL */

	bool	 force;			/* do not look at what is remembered of
					 * sites: attempt everything now */
	bool	 fresh;			/* the same for a new message; but what
					 * proves who we are, once refused, is
					 * not shown again before its time */
	int	 trace_fd;		/* the dialogue goes there; -1: nowhere */
	volatile sig_atomic_t *stop;	/* set by a signal: return soon; or NULL */
};

#endif
