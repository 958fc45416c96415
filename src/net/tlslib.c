#include "config.h"

#include "net/tlslib.h"

#include <stdbool.h>

#include "base/library.h"

#define TLSLIB_NAME(name) "gnutls_" #name,

static const char *const names[] = { TLSLIB_CALLS(TLSLIB_NAME) };

#define NCALL (sizeof(names) / sizeof(names[0]))

static union {
	void *table[NCALL];
	struct tlslib call;
} library;

_Static_assert(sizeof(library.table) == sizeof(library.call),
    "a name for each function");

static bool ready;

const struct tlslib *
tlslib_get(struct err *err)
{
	if (!ready && library_load(GNUTLS_SONAME, names, NCALL,
	    library.table, err) < 0) {
		err_prefix(err, "TLS cannot be used");
		return NULL;
	}
	if (!ready && library.call.global_init() < 0) {
		err_set(err, ERR_TEMP, "4.7.5", "GnuTLS does not start");
		return NULL;
	}
	ready = true;
	return &library.call;
}
