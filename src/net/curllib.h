/*
 * libcurl, loaded when the first connection wants it (a smarthost, a token by
 * HTTPS): starting it costs more than all the rest of a small message.
 */
#ifndef NET_CURLLIB_H
#define NET_CURLLIB_H

#include <curl/curl.h>

#include "base/err.h"

/* The functions that we call, without their "curl_". */
#define CURLLIB_CALLS(X) \
	X(easy_cleanup) X(easy_escape) X(easy_getinfo) X(easy_init) \
	X(easy_perform) X(easy_recv) X(easy_send) X(easy_setopt) \
	X(easy_strerror) X(free) X(global_init_mem) X(slist_append) \
	X(slist_free_all) X(version_info)

struct curllib {
#define CURLLIB_MEMBER(name) __typeof__(curl_##name) *name;
	CURLLIB_CALLS(CURLLIB_MEMBER)
#undef CURLLIB_MEMBER
};

/*
 * The library, initialised; the build with GnuTLS where there is one.
 * Processes forked later share it. Not for threads. What libcurl frees is
 * wiped before. Returns NULL with *err (ERR_TEMP 4.3.5) when it cannot be
 * loaded.
 *
 * What easy_setopt() takes is not checked by the compiler: numbers must be
 * long (0L).
 */
const struct curllib *curllib_get(struct err *);

/* Version of the library and what it does TLS with ("7.88.1 GnuTLS/3.7.9");
 * "not installed". */
const char *curllib_version(void);

#endif
