/*
 * Shared libraries that most runs of the program do not need, loaded when one
 * does. To be linked with them would cost each start more time than all the
 * rest of a small message.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>

#include "base/err.h"

/*
 * Load a library and look up its functions; it stays for good.
 *
 * soname  as "libidn2.so.0".
 * names   of the functions; n of them.
 * table   n function pointers, filled in the same order.
 *
 * Returns 0, or -1 with *err (ERR_TEMP): not installed, too old.
 */
int	library_load(const char *soname, const char *const *names, size_t n,
	    void **table, struct err *err);

#endif
