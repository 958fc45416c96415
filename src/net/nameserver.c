#include "config.h"

#include "net/nameserver.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

#define WORD_MAX 64

/*
 * Cut the port off, and the brackets: text becomes the bare address. One
 * colon alone is a port; an IPv6 address with a port stands in brackets.
 */
static int
cut_port(char **text, uint16_t *port)
{
	uint64_t number = NAMESERVER_PORT;
	char *rest = strchr(*text, ':');

	if (**text == '[') {
		(*text)++;
		rest = strchr(*text, ']');
		if (rest == NULL)
			return -1;
		*rest++ = '\0';
		if (strchr(*text, ':') == NULL)
			return -1;
		if (*rest != '\0' && *rest != ':')
			return -1;
	} else if (rest != NULL && strchr(rest + 1, ':') != NULL)
		rest = NULL;	/* a bare IPv6 address */
	if (rest != NULL && *rest == ':') {
		*rest++ = '\0';
		if (str_number(rest, 65535, &number) < 0 || number == 0)
			return -1;
	}
	*port = (uint16_t)number;
	return 0;
}

static int
parse_one(char *text, union nameserver *server)
{
	uint16_t port;

	memset(server, 0, sizeof(*server));
	if (cut_port(&text, &port) < 0)
		return -1;
	if (inet_pton(AF_INET, text, &server->in.sin_addr) == 1) {
		server->in.sin_family = AF_INET;
		server->in.sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &server->in6.sin6_addr) == 1) {
		server->in6.sin6_family = AF_INET6;
		server->in6.sin6_port = htons(port);
		return 0;
	}
	return -1;
}

int
nameserver_parse(const char *text, union nameserver server[MAXNS],
    struct err *err)
{
	char word[WORD_MAX];
	const char *p = text;
	size_t len;
	int n = 0;

	for (p += strspn(p, " \t"); *p != '\0'; p += strspn(p, " \t")) {
		len = strcspn(p, " \t");
		if (n == MAXNS)
			return err_set(err, ERR_CONFIG, NULL,
			    "more than %d of them", MAXNS);
		if (len < sizeof(word)) {
			memcpy(word, p, len);
			word[len] = '\0';
		}
		if (len >= sizeof(word) || parse_one(word, &server[n]) < 0)
			return err_set(err, ERR_CONFIG, NULL,
			    "not an address, or address:port: "
			    "%.*s", (int)(len < 100 ? len : 100), p);
		n++;
		p += len;
	}
	if (n == 0)
		return err_set(err, ERR_CONFIG, NULL, "empty");
	return n;
}

/*
 * libresolv takes IPv4 servers from nsaddr_list. For another family the
 * address is in the extension and the place in the list has family 0. Without
 * a question ever sent, res_nclose() closes what nssocks says.
 */
void
nameserver_set(struct __res_state *res, const union nameserver *server, int n)
{
	struct sockaddr_in6 **ext;
	int i;

	for (i = 0; i < n; i++) {
		memset(&res->nsaddr_list[i], 0, sizeof(res->nsaddr_list[i]));
		res->_u._ext.nssocks[i] = -1;
		ext = &res->_u._ext.nsaddrs[i];
		if (server[i].any.sa_family == AF_INET)
			res->nsaddr_list[i] = server[i].in;
		else {
			if (*ext == NULL)
				*ext = xmalloc(sizeof(**ext));
			**ext = server[i].in6;
		}
	}
	res->nscount = n;
	res->_u._ext.nscount = 0;
}

const struct sockaddr *
nameserver_at(const struct __res_state *res, int i, socklen_t *size)
{
	const struct sockaddr_in *four = &res->nsaddr_list[i];

	if (four->sin_family == AF_INET) {
		*size = sizeof(*four);
		return (const struct sockaddr *)four;
	}
	*size = sizeof(struct sockaddr_in6);
	return (const struct sockaddr *)res->_u._ext.nsaddrs[i];
}

bool
nameserver_is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *four = (const void *)sa;
	const struct sockaddr_in6 *six = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}
