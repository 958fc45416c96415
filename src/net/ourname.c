#include "config.h"

#include "net/ourname.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/xalloc.h"

static char *
literal(int fd, const char *hostname)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char text[INET6_ADDRSTRLEN];
	struct buf out = { 0 };
	const struct in6_addr *ip6 = NULL;
	const void *ip4 = NULL;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		ss.ss_family = AF_UNSPEC;
	if (ss.ss_family == AF_INET)
		ip4 = &((struct sockaddr_in *)&ss)->sin_addr;
	if (ss.ss_family == AF_INET6)
		ip6 = &((struct sockaddr_in6 *)&ss)->sin6_addr;
	if (ip6 != NULL && IN6_IS_ADDR_V4MAPPED(ip6))
		ip4 = ip6->s6_addr + 12;
	if (ip4 != NULL && inet_ntop(AF_INET, ip4, text, sizeof(text)) != NULL)
		buf_printf(&out, "[%s]", text);
	else if (ip6 != NULL &&
	    inet_ntop(AF_INET6, ip6, text, sizeof(text)) != NULL)
		buf_printf(&out, "[IPv6:%s]", text);
	else
		buf_adds(&out, *hostname != '\0' ? hostname : "localhost");
	return buf_detach(&out);
}

bool
ourname_is_public(const char *hostname)
{
	return strchr(hostname, '.') != NULL &&
	    !str_istarts(hostname, "localhost.");
}

char *
ourname(int fd, const char *hostname)
{
	return ourname_is_public(hostname) ? xstrdup(hostname) :
	    literal(fd, hostname);
}
