/*
 * What a way leads to, and how it is asked for: the mail exchangers of a
 * domain, the endpoints of a smarthost, one host (pure). Forward-paths with
 * the same target are looked up once.
 */
#ifndef DELIVER_TARGET_H
#define DELIVER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "deliver/route.h"
#include "net/mx.h"
#include "net/resolver.h"

/*
 * Append what names the target: "example.org", "smarthost", "smarthost work",
 * "host relay.example:25"; with " from work" behind it where the account makes
 * a difference to a server that is not its smarthost (its own host name or
 * source address). way->kind is one of those three.
 */
void	target_name(const struct way *, const char *domain, struct buf *out);

/*
 * Put the question. places has room for MX_HOSTS_MAX; strings are those of the
 * way and the domain.
 */
void	target_question(const struct way *, const char *domain,
	    struct resolver_place *places, struct resolver_question *);

/*
 * Answer it without asking anybody, when that can be done: an address literal;
 * hosts that a proxy looks up. Returns false when the resolver has to.
 */
bool	target_answer(const struct way *, const char *domain,
	    struct mx_answer *);

/*
 * What is left of an answer: ourselves are dropped from mail exchangers (to a
 * host that somebody has set, mail goes, whoever it is); a failure of a host
 * that was set is never for good.
 */
void	target_finish(const struct way *, const char *domain,
	    const struct mx_self *, struct mx_answer *);

/* Has the account a host name or a source address of its own, so that a server
 * meets somebody else? */
bool	target_is_own(const struct way *);

#endif
