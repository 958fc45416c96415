/*
 * One question to the DNS by TCP (RFC 7766), with a deadline.
 */
#ifndef NET_QUERY_TCP_H
#define NET_QUERY_TCP_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <resolv.h>

/*
 * Ask the servers of res in turn until one has answered.
 *
 * answer    of size bytes; gets the message without its length. Only its id
 *           has been compared with the question.
 * deadline  clock_ms() value for all of it.
 *
 * Returns the length of the message, or -1 when there is none.
 */
int	query_tcp(struct __res_state *res, const char *name, int type,
	    unsigned char *answer, size_t size, int64_t deadline);

#endif
