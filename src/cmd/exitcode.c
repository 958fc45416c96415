#include "config.h"

#include "cmd/exitcode.h"

#include <string.h>
#include <sysexits.h>

int
exitcode_of_err(const struct err *err)
{
	switch (err->kind) {
	case ERR_USAGE:
		return EX_USAGE;
	case ERR_DATA:
		return EX_DATAERR;
	case ERR_NOINPUT:
		return EX_NOINPUT;
	case ERR_CONFIG:
		return EX_CONFIG;
	case ERR_PERM:
		return exitcode_of_status(err->status);
	case ERR_NONE:
	case ERR_TEMP:
		break;
	}
	return EX_TEMPFAIL;
}

int
exitcode_of_status(const char *status)
{
	static const struct {
		const char *status;
		int code;
	} rows[] = {
		{ "5.1.1", EX_NOUSER },		/* no such mailbox */
		{ "5.1.6", EX_NOUSER },		/* mailbox has moved */
		{ "5.2.1", EX_NOUSER },		/* mailbox disabled */
		{ "5.1.2", EX_NOHOST },		/* no such domain */
		{ "5.1.10", EX_NOHOST },	/* null MX */
		{ "5.4.4", EX_NOHOST },		/* no route */
		{ "5.1.3", EX_DATAERR },	/* address syntax */
		{ "5.3.4", EX_DATAERR },	/* message too large */
		{ "5.6.0", EX_DATAERR },
		{ "5.6.7", EX_DATAERR },	/* needs SMTPUTF8 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(status, rows[i].status) == 0)
			return rows[i].code;
	return EX_UNAVAILABLE;
}

int
exitcode_join(int first, int second)
{
	return first == 0 || first == second ? second : EX_UNAVAILABLE;
}
