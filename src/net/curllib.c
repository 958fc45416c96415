#include "config.h"

#include "net/curllib.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"

#define CURLLIB_NAME(name) "curl_" #name,

static const char *const names[] = { CURLLIB_CALLS(CURLLIB_NAME) };

#define NCALL (sizeof(names) / sizeof(names[0]))

static union {
	void *table[NCALL];
	struct curllib call;
} library;

_Static_assert(sizeof(library.table) == sizeof(library.call),
    "a name for each function");

static bool ready;

/*
 * Debian has one library for each TLS library. Ours is first: GnuTLS is in use
 * anyway, and its errors are those that conn_curl.c knows best.
 */
static int
load(struct err *err)
{
	static const char *const sonames[] = { "libcurl-gnutls.so.4",
		CURL_SONAME, "libcurl.so.4" };
	size_t i;

	for (i = 0; i < sizeof(sonames) / sizeof(sonames[0]); i++)
		if (library_load(sonames[i], names, NCALL, library.table,
		    err) == 0)
			return 0;
	return err_set(err, ERR_TEMP, "4.3.5", "libcurl, which a smarthost, "
	    "proxy or token needs, cannot be used: %s", err->text);
}

/*
 * Memory for libcurl. It copies passwords and puts them into commands; what it
 * gives back is wiped.
 */

static void
wipe_and_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *
move(void *p, size_t n)
{
	void *new = malloc(n > 0 ? n : 1);
	size_t had = p != NULL ? malloc_usable_size(p) : 0;

	if (new == NULL)
		return NULL;
	if (had > 0)
		memcpy(new, p, had < n ? had : n);
	wipe_and_free(p);
	return new;
}

static bool
start(void)
{
	return library.call.global_init_mem(CURL_GLOBAL_DEFAULT, malloc,
	    wipe_and_free, move, strdup, calloc) == CURLE_OK;
}

const struct curllib *
curllib_get(struct err *err)
{
	if (!ready && load(err) < 0)
		return NULL;
	if (!ready && !start()) {
		err_set(err, ERR_TEMP, "4.3.5", "libcurl does not start");
		return NULL;
	}
	ready = true;
	return &library.call;
}

const char *
curllib_version(void)
{
	static char version[80];
	const curl_version_info_data *info;
	struct err err;
	const struct curllib *lib = curllib_get(&err);

	if (lib == NULL)
		return "not installed";
	info = lib->version_info(CURLVERSION_NOW);
	(void)!snprintf(version, sizeof(version), "%s %s", info->version,
	    info->ssl_version != NULL ? info->ssl_version : "without TLS");
	return version;
}
