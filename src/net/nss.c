#include "config.h"

#include "net/nss.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/xalloc.h"

/* Returns false when the address is of no use. */
static bool
read_addr(const struct sockaddr *sa, struct mx_addr *out)
{
	const struct sockaddr_in *four = (const void *)sa;
	const struct sockaddr_in6 *six = (const void *)sa;

	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		out->family = 4;
		memcpy(out->ip, &four->sin_addr, 4);
		return true;
	}
	if (sa->sa_family != AF_INET6 ||
	    IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
		return false;
	out->family = 6;
	memcpy(out->ip, &six->sin6_addr, 16);
	return true;
}

static bool
is_there(const struct dns_answer *answer, const struct mx_addr *addr)
{
	size_t i;

	for (i = 0; i < answer->n; i++) {
		if (memcmp(&answer->rr[i].addr, addr, sizeof(*addr)) == 0)
			return true;
	}
	return false;
}

static void
read_list(const struct addrinfo *list, struct dns_answer *answer)
{
	const struct addrinfo *i;
	struct mx_addr addr;
	size_t cap = 0;

	for (i = list; i != NULL; i = i->ai_next) {
		if (!read_addr(i->ai_addr, &addr) || is_there(answer, &addr))
			continue;
		answer->rr = xgrow(answer->rr, answer->n, &cap,
		    sizeof(*answer->rr));
		memset(&answer->rr[answer->n], 0, sizeof(*answer->rr));
		answer->rr[answer->n++].addr = addr;
	}
}

int
nss_ask(const char *name, struct dns_answer *answer, struct err *err)
{
	const struct addrinfo want = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(name, NULL, &want, &list);

	if (rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_ADDRFAMILY)
		return err_set(err, ERR_PERM, "5.1.2",
		    "%s: there is no such host", name);
	if (rc != 0)
		return err_set(err, ERR_TEMP, "4.4.3", "%s: %s", name,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	read_list(list, answer);
	freeaddrinfo(list);
	return 0;
}
