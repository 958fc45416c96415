/*
 * What a process inherits from a caller who may be hostile, put in order; and
 * privilege given up for good.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * First thing in main(): descriptors 0-2 open (on /dev/null where they were
 * not), umask 077, signals at their defaults and none blocked (SIGPIPE and
 * SIGXFSZ ignored), timers off, no core dump, the soft limits of open files
 * and of the stack raised (the program ends with 75 where the hard one of the
 * stack is too low), file size limit raised where it may be, and the
 * environment reduced to a few harmless names (HOME, USER, LOGNAME, NAME,
 * TZ when it is no path, TERM, XDG_*_HOME, and with no privilege at stake
 * PATH, SSL_CERT_*, KRB5CCNAME and what commands that ask for passwords go by:
 * DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR, DISPLAY, WAYLAND_DISPLAY,
 * GNUPGHOME, GPG_TTY, SSH_AUTH_SOCK, PASSWORD_STORE_DIR; LC_*, LANG are
 * dropped).
 */
void	process_sanitise(void);

/* Is the program installed set-group-id, and still holds that group? */
bool	process_has_group(void);

/*
 * Does the program hold the spool's group for a caller who has no right to the
 * spool of his own: not root, not a member? He gets at his own mail only.
 */
bool	process_serves_guest(void);

/* Give the set-group-id group up for good. Ends the program if it cannot. */
void	process_drop_group(void);

/*
 * Open a file that the caller named (open(2)) with the caller's own rights,
 * whatever group the program holds; one that belongs to that group is refused
 * (EACCES), by whatever way it was reached.
 */
int	process_open_as_caller(const char *path, int flags);

/*
 * Become nobody for good, for a process that reads the network: when root,
 * user (its uid, gid, no supplementary groups; "nobody" when it does not
 * exist); else the caller's own ids, without the set-group-id group. Sets
 * no_new_privs and not dumpable. Ends the process with 75 if it cannot.
 *
 * Look the user up once in the dispatcher: process_find_user() stores it.
 */
void	process_find_user(const char *user);

/* Such a process must not be in that group: it is the spool's. */
void	process_avoid_group(gid_t);
void	process_drop_all(void);

/*
 * Close every descriptor above 2 except those in keep (n of them).
 */
void	process_close_all_but(const int *keep, size_t n);

/*
 * Put descriptors 0-2 on /dev/null, for a process that outlives its caller's
 * interest: one who reads our output to its end must not wait for it.
 */
void	process_detach_output(void);

/* Fill n unpredictable bytes (getrandom, else /dev/urandom). Ends the program
 * if it cannot. */
void	process_random(void *, size_t n);

/* A number below limit (> 0), each equally likely, for spreading load: where
 * the kernel gives no randomness it is some number. */
unsigned process_random_below(unsigned limit);

#endif
