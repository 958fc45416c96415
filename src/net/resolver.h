/*
 * Questions to the DNS, many at a time, by libresolv.
 *
 * resolver_run() is the body of a resolver child: it reads the network, holds
 * nothing worth stealing, and answers with bounded records on a pipe. libresolv
 * blocks, so there is a pool of threads, each with its own res_state: MX of
 * all domains first, A and AAAA of their hosts at the same time as soon as
 * they are known; a host that serves many domains is asked for once.
 *
 * EDNS0 is used, and TCP when an answer is truncated. How one question is put
 * is told in query.h, what one message means in dns.h.
 *
 * What the answers mean (RFC 5321 5.1, RFC 7505):
 *   MX records          hosts, the MX_HOSTS_MAX best of them
 *   one MX "."          ERR_PERM 5.1.10 null MX
 *   no MX, name exists  implicit MX: its own A and AAAA
 *   NXDOMAIN            ERR_PERM 5.1.2
 *   SERVFAIL, REFUSED, timeout, malformed, no server
 *                       ERR_TEMP 4.4.3; A is never used instead
 *   no address at all   ERR_PERM 5.4.4 when every host said so (5.1.2 for an
 *                       implicit MX); ERR_TEMP 4.4.3 when any was temporary
 *   CNAME               followed by the server, by us up to 10 times; a loop
 *                       or more: ERR_TEMP 4.4.3
 *   MX target an IP text or localhost, or a name that is no host name: skipped
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stddef.h>

#include "base/err.h"
#include "net/mx.h"

struct resolver_options {
	const char *nameserver;	/* "192.0.2.53", "192.0.2.53:5353",
				 * "[2001:db8::53]:5353"; several with blanks
				 * between; NULL: /etc/resolv.conf */
	unsigned    timeout_s;	/* for all the queries of one domain */
	unsigned    threads;	/* at most; 0: as many as make sense */
};

/*
 * Answer for n domains (canonical, no literals): writes one mx_answer a domain
 * (mx_answer_size() bytes behind a uint32_t length) to out_fd, in the
 * order in which they become known. Sorted, addresses of a host in the order
 * to try: families alternate, IPv6 first only when the machine has a global
 * IPv6 route. Ourselves are not dropped here (mx_drop_self).
 *
 * Returns when all are answered; every domain gets an answer.
 */
void	resolver_run(const struct resolver_options *, char *const *domains,
	    size_t n, int out_fd);

/* Check the text of a nameserver setting. Returns 0, or -1 with *err. */
int	resolver_check(const char *nameserver, struct err *);

#endif
