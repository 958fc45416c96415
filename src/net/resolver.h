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
 * is told in query.h, what one message means in dns.h, what becomes of one of
 * our own in inquiry.h.
 *
 * What the answers mean (RFC 5321 5.1, RFC 7505):
 *   MX records          hosts, the MX_HOSTS_MAX best of them
 *   one MX "."          ERR_PERM 5.1.10 null MX
 *   no MX, name exists  implicit MX: its own A and AAAA
 *   NXDOMAIN            ERR_PERM 5.1.2
 *   SERVFAIL, REFUSED, timeout, malformed, no server
 *                       ERR_TEMP 4.4.3; A is never used instead
 *   no name server can be reached
 *                       ERR_TEMP 4.4.0
 *   no address at all   ERR_PERM 5.4.4 when every host said so (5.1.2 for an
 *                       implicit MX); ERR_TEMP 4.4.3 when any was temporary
 *   CNAME               followed by the server, by us up to 10 times; a loop
 *                       or more: ERR_TEMP 4.4.3
 *   MX target an IP text or localhost, or a name that is no host name: skipped
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * A host that somebody has named, or a domain whose SRV records name some. Its
 * rank becomes the preference of its hosts; in a question with srv, multiplied
 * by MX_HOSTS_MAX, so that the hosts of one place can follow each other.
 */
struct resolver_place {
	const char *name;	/* canonical name or IP address */
	uint16_t    rank;
	uint16_t    port;	/* handed on; 0 with srv */
	bool	    srv;	/* _submissions._tcp and _submission._tcp of
				 * name (RFC 6186, 8314) */
};

/*
 * What is asked: the mail exchangers of a domain, or with places the addresses
 * of hosts; a name is then looked up as the machine does (getaddrinfo(3):
 * /etc/hosts and all), but by the DNS alone where nameserver is set. Such a
 * question is never answered with ERR_PERM: somebody has set that host, and
 * may set it right. Hosts without an address are left out while others have
 * one; the error has the reason of each.
 *
 * SRV: of each priority in the order of RFC 2782, those with TLS from the
 * start before the others of the same priority; a target that is neither the
 * domain nor below it is an error that names it, for whoever can forge an
 * answer must not get the password (RFC 6186 6).
 *
 * Where nothing can be sent to any name server, all is answered at once: the
 * DNS fails with ERR_TEMP 4.4.0, "the network is down: ...", and so does what
 * the machine cannot tell without it. The same is said of what fails for now
 * where the name servers of resolv.conf are on this machine and it has no way
 * to the Internet.
 */
struct resolver_question {
	const char *domain;	/* canonical, no literal; with places only a
				 * name for people */
	const struct resolver_place *places;	/* NULL: mail exchangers */
	size_t	    nplace;	/* at most MX_HOSTS_MAX */
};

/*
 * Answer n questions: writes one mx_answer each
 * (mx_answer_size() bytes behind a uint32_t length) to out_fd, in the
 * order in which they become known. Sorted, addresses of a host in the order
 * to try: families alternate, IPv6 first only when the machine has a global
 * IPv6 route. Ourselves are not dropped here (mx_drop_self).
 *
 * Returns when all are answered; every domain gets an answer.
 */
void	resolver_run(const struct resolver_options *,
	    const struct resolver_question *, size_t n, int out_fd);

/* Check the text of a nameserver setting. Returns 0, or -1 with *err. */
int	resolver_check(const char *nameserver, struct err *);

#endif
