/*
 * A host looked up as this machine does: getaddrinfo(3), which follows
 * nsswitch.conf, so /etc/hosts, the search list of resolv.conf and the rest
 * count. It blocks for as long as it likes.
 */
#ifndef NET_NSS_H
#define NET_NSS_H

#include "base/err.h"
#include "net/dns.h"

/*
 * Look the name up.
 *
 * answer  all zero on entry; gets the addresses of both families, in the order
 *         that the machine prefers, each once. Those that are good on one
 *         interface only (fe80::/10) are left out, for that is lost here.
 *
 * Returns 0, or -1 with *err: ERR_PERM 5.1.2 the name does not exist, or has
 * no address; ERR_TEMP 4.4.3 anything else, in the words of gai_strerror(3).
 */
int	nss_ask(const char *name, struct dns_answer *answer, struct err *);

#endif
