/*
 * Commands of the settings: run by the shell, for what they print.
 */
#ifndef BASE_COMMAND_H
#define BASE_COMMAND_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Run "/bin/sh -c command" as the caller's own user, without the program's
 * group, standard input from /dev/null, no other descriptors, and wait.
 *
 * name       for errors: "password-command".
 * timeout_s  then it is killed, with all that it started.
 * max        octets of output; more is an error.
 * out        what it printed is appended; wipe it if it is a secret.
 *
 * Returns 0; or -1 with *err (ERR_TEMP 4.3.0): could not be run, exit status
 * other than 0 (with the first line of its standard error), killed, too slow.
 */
int	command_output(const char *name, const char *command,
	    unsigned timeout_s, size_t max, struct buf *out, struct err *);

#endif
