#include "config.h"

#include "mail/idn.h"

#include <idn2.h>

#include "base/library.h"

/* The library's functions, in the order of their names below. */
static union {
	void *table[4];
	struct {
		__typeof__(idn2_to_ascii_8z) *to_ascii_8z;
		__typeof__(idn2_strerror) *strerror;
		__typeof__(idn2_free) *free;
		__typeof__(idn2_check_version) *check_version;
	} call;
} idn2;

static int
load(struct err *err)
{
	static const char *const names[] = { "idn2_to_ascii_8z",
		"idn2_strerror", "idn2_free", "idn2_check_version" };

	if (idn2.table[0] != NULL)
		return 0;
	return library_load(IDN2_SONAME, names, 4, idn2.table, err);
}

int
idn_to_ascii(const char *domain, struct buf *out, struct err *err)
{
	char *ascii = NULL;
	int rc;

	if (load(err) < 0)
		return -1;
	rc = idn2.call.to_ascii_8z(domain, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return err_set(err, ERR_DATA, "5.1.2", "%s",
		    idn2.call.strerror(rc));
	buf_adds(out, ascii);
	idn2.call.free(ascii);
	return 0;
}

const char *
idn_library(void)
{
	struct err err;

	return load(&err) == 0 ? idn2.call.check_version(NULL) :
	    "not installed";
}
